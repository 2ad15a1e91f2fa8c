// Sessions: found, marked as used, extended, locked. Sign-in, refresh, lists and revocation have files of their own.
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

/** A session as the database sees it now; `now` is the database's clock in the same statement. */
export type SessionState = Pick<
  typeof sessions.$inferSelect,
  'id' | 'generation' | 'expiresAt' | 'client' | 'amr' | 'acr' | 'authTime' | 'impersonator'
> & { readonly now: Date }

/** The API that opened a session. */
export type SessionClient = SessionState['client']

export type SessionAndUser = Awaited<ReturnType<typeof find>>[number]

/**
 * The columns of a session's state. `seenGeneration`: the newest generation whose access token was presented;
 * `validGeneration`: the oldest one whose tokens are accepted.
 */
export const sessionState = {
  ...pick(sessions, 'id', 'generation', 'seenGeneration', 'validGeneration', 'expiresAt'),
  ...pick(sessions, 'client', 'amr', 'acr', 'authTime', 'impersonator'),
  /** Whether it was marked as used within the last five minutes. */
  seenLately: sql<boolean>`${sessions.lastSeenAt} > now() - interval '5 minutes'`,
  now: nowAsStored,
}

/** Joins a session to its user, as long as neither an epoch nor an operator ended it. */
export const usersOwn = and(
  eq(users.id, sessions.userId),
  eq(users.epoch, sessions.epoch),
  isNull(users.disabledAt),
)

/** Whether the session's own row is alive; `usersOwn` must hold as well. */
export const isLive = and(isNull(sessions.revokedAt), gt(sessions.expiresAt, now))
/** For a session and its user, joined. */
export const alive = and(isLive, usersOwn)

/** The session of the project with this id. */
export const thisSession = (scope: Scope, id: Given<string>) => and(eq(sessions.id, id), own(sessions, scope))

/** The session that the parameters `id` and `projectId` name. */
export const named = thisSession(parameters, parameter('id'))

/** Whether the session's user has proven the address, where the parameter `unverifiedAllowed` demands it. */
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
        named,
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
    .innerJoin(users, usersOwn)
    .where(and(named, isLive))
    .prepare('session_look'),
)

/** The living session and its user; the one statement of an authenticated request. */
export function findSession(db: Database, id: string): Promise<SessionAndUser | null> {
  return first(find(db, { id }))
}

/** Marks the session as used now, by an access token of this generation. */
export async function touchSession(db: Database, id: string, generation: number): Promise<void> {
  const seenGeneration = sql`case when ${sessions.generation} = ${generation}
    then greatest(${sessions.seenGeneration}, ${generation}) else ${sessions.seenGeneration} end`
  const unrevoked = and(thisSession(db, id), isNull(sessions.revokedAt))
  await db.queries.update(sessions).set({ lastSeenAt: now, seenGeneration }).where(unrevoked)
}

/** Locks every session of the user until the transaction ends, in the order of their ids. */
export async function lockSessions(db: Database, userId: number): Promise<void> {
  await db.queries
    .select({ id: sessions.id })
    .from(sessions)
    .where(ofUser(sessions, db, userId))
    .orderBy(sessions.id)
    .for('update')
}

/** The user of a session, alive or not; null where this project has no such session. */
export async function findSessionOwner(db: Database, id: string): Promise<number | null> {
  const { userId } = sessions
  const row = await first(db.queries.select({ userId }).from(sessions).where(thisSession(db, id)))
  return row?.userId ?? null
}

/**
 * Lets a living session of a client end `seconds` from now, never after its absolute end and never earlier than before;
 * one statement. Null where it is not alive, is another client's, does not accept the generation any more, or its user has
 * not proven the address where that is demanded.
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

/** Moves one session from the epoch that just ended to `epoch`, so that it alone survives. */
export async function keepSession(db: Database, id: string, epoch: number): Promise<void> {
  const former = and(thisSession(db, id), eq(sessions.epoch, epoch - 1), isNull(sessions.revokedAt))
  await db.queries.update(sessions).set({ epoch }).where(former)
}
