// Rows of `sessions`: read, marked as used, extended and locked. Sign-in, refresh, lists and revocation have their own files.
import { and, eq, gt, isNotNull, isNull, lte, or, sql } from 'drizzle-orm'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userColumns } from '../accounts/users.ts'
import {
  type Given,
  now,
  nowAsStored,
  ofUser,
  own,
  parameter,
  parameters,
  pick,
  type Scope,
  secondsFromNow,
} from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'

/** The state of a session, and the database's clock in the same statement. */
export type SessionState = Pick<
  typeof sessions.$inferSelect,
  'id' | 'generation' | 'expiresAt' | 'client' | 'amr' | 'acr' | 'authTime' | 'impersonator'
> & { readonly now: Date }

/** The API that opened a session. */
export type SessionClient = SessionState['client']

export type SessionAndUser = Awaited<ReturnType<typeof find>>[number]

/**
 * The columns of a session's state. `seenGeneration` is the newest generation whose access token was presented, `validGeneration`
 * the oldest one whose tokens are accepted.
 */
export const sessionState = {
  ...pick(sessions, 'id', 'generation', 'seenGeneration', 'validGeneration', 'expiresAt'),
  ...pick(sessions, 'client', 'amr', 'acr', 'authTime', 'impersonator'),
  /** Whether the session was marked as used within the last five minutes. */
  seenLately: sql<boolean>`${sessions.lastSeenAt} > now() - interval '5 minutes'`,
  now: nowAsStored,
}

/** Joins a session to its user, unless a new epoch or a disabled account has ended it. */
export const sessionUser = and(
  eq(users.id, sessions.userId),
  eq(users.epoch, sessions.epoch),
  isNull(users.disabledAt),
)

/** The condition on the row of an active session; `sessionUser` must hold as well. */
export const isLive = and(isNull(sessions.revokedAt), gt(sessions.expiresAt, now))
/** The condition for an active session, on the session joined with its user. */
export const alive = and(isLive, sessionUser)

/** The condition for one session of the project. */
export const thisSession = (scope: Scope, id: Given<string>) => and(eq(sessions.id, id), own(sessions, scope))

/** The condition for the session of the parameters `id` and `projectId`. */
export const namedSession = thisSession(parameters, parameter('id'))

/** The condition that the user has proven the address, unless the parameter `unverifiedAllowed` is true. */
export const verifiedEnough = or(
  sql`${parameter('unverifiedAllowed')}::boolean`,
  isNotNull(users.emailVerifiedAt),
)

const extend = prepared((query) =>
  query
    .update(sessions)
    .set({
      expiresAt: sql`greatest(${sessions.expiresAt}, least(${secondsFromNow(parameter('seconds'))}, ${sessions.absoluteExpiresAt}))`,
      lastSeenAt: now,
    })
    .from(users)
    .where(
      and(
        namedSession,
        alive,
        verifiedEnough,
        eq(sessions.client, parameter('client')),
        lte(sessions.validGeneration, parameter('generation')),
      ),
    )
    .returning({ session: sessionState, user: userColumns })
    .prepare('session_extend'),
)

const find = prepared((query) =>
  query
    .select({ session: sessionState, user: userColumns })
    .from(sessions)
    .innerJoin(users, sessionUser)
    .where(and(namedSession, isLive))
    .prepare('session_look'),
)

/** Finds an active session and its user: the one statement of an authenticated request. */
export function findSession(db: Database, id: string): Promise<SessionAndUser | null> {
  return first(find(db, { id }))
}

/** Marks a session as used now by an access token of a generation. */
export async function touchSession(db: Database, id: string, generation: number): Promise<void> {
  const seenGeneration = sql`case when ${sessions.generation} = ${generation}
    then greatest(${sessions.seenGeneration}, ${generation}) else ${sessions.seenGeneration} end`
  const unrevoked = and(thisSession(db, id), isNull(sessions.revokedAt))
  await db.queries.update(sessions).set({ lastSeenAt: now, seenGeneration }).where(unrevoked)
}

/** Locks all sessions of a user until the transaction ends, in the order of their ids. */
export async function lockSessions(db: Database, userId: number): Promise<void> {
  await db.queries
    .select({ id: sessions.id })
    .from(sessions)
    .where(ofUser(sessions, db, userId))
    .orderBy(sessions.id)
    .for('update')
}

/** Finds the user of a session, active or not. */
export async function findSessionOwner(db: Database, id: string): Promise<number | null> {
  const { userId } = sessions
  const row = await first(db.queries.select({ userId }).from(sessions).where(thisSession(db, id)))
  return row?.userId ?? null
}

/**
 * Extends an active session to `seconds` from now, in one statement: not beyond its absolute end, and never to an earlier time.
 * @returns null: the session is not active, belongs to another client or does not accept the generation any more, or its user has not
 *   proven the address although `unverifiedAllowed` is false
 */
export function extendSession(
  db: Database,
  extension: {
    readonly id: string
    readonly generation: number
    readonly client: SessionClient
    readonly seconds: number
    readonly unverifiedAllowed: boolean
  },
): Promise<SessionAndUser | null> {
  return first(extend(db, extension))
}

/** Moves a session from the epoch that has just ended to `epoch`, so that it stays active while the others end. */
export async function keepSession(db: Database, id: string, epoch: number): Promise<void> {
  const former = and(thisSession(db, id), eq(sessions.epoch, epoch - 1), isNull(sessions.revokedAt))
  await db.queries.update(sessions).set({ epoch }).where(former)
}
