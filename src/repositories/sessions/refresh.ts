// The refresh of a session: one conditional UPDATE, and a read that explains why it found no row.
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userColumns } from '../accounts/users.ts'
import { now, parameter, secondsFromNow } from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'
import {
  alive,
  isLive,
  namedSession,
  type SessionAndUser,
  type SessionClient,
  type SessionState,
  sessionState,
  thisSession,
  verifiedEnough,
} from './sessions.ts'

/** A session in any state, with the facts that distinguish a replay, a lost response and reuse. */
export type ExaminedSession = Awaited<ReturnType<typeof examine>>[number]

/** The API that asks for a refresh. */
export interface RefreshingClient {
  readonly client: SessionClient
  /** Whether it may also refresh sessions of version 0.1, which are `canonical` whichever API opened them. */
  readonly adoptsFormer: boolean
}

const ofClient = sql`(${sessions.client} = ${parameter('client')}::text
  or (${parameter('adoptsFormer')}::boolean and ${sessions.client} = 'canonical'))`

const rotate = prepared((query) =>
  query
    .update(sessions)
    .set({
      client: sql`${parameter('client')}::text`,
      generation: sql`${sessions.generation} + 1`,
      rotatedAt: now,
      recoveredAt: sql`null`,
      expiresAt: sql`least(${secondsFromNow(parameter('refreshSeconds'))}, ${sessions.absoluteExpiresAt})`,
    })
    .from(users)
    .where(
      and(
        namedSession,
        ofClient,
        eq(sessions.generation, parameter('generation')),
        alive,
        verifiedEnough,
        isNull(sessions.impersonator),
      ),
    )
    .returning({ session: sessionState, user: userColumns })
    .prepare('session_rotate'),
)

const examine = prepared((query) =>
  query
    .select({
      session: sessionState,
      user: userColumns,
      alive: sql<boolean>`${alive}`,
      /** Whether the token of the previous generation is still accepted. */
      withinGrace: sql<boolean>`now() <= greatest(${sessions.rotatedAt}, coalesce(${sessions.recoveredAt}, ${sessions.rotatedAt}))
        + make_interval(secs => ${parameter('graceSeconds')}::int)`,
      /** Whether the current generation was never used, so that its response may have been lost. It is repeated once. */
      answerMayBeLost: sql<boolean>`${sessions.seenGeneration} < ${sessions.generation} and ${sessions.recoveredAt} is null
        and now() <= ${sessions.rotatedAt} + make_interval(secs => ${parameter('lostAnswerSeconds')}::int)`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(namedSession, ofClient))
    .prepare('session_examine'),
)

/** Moves an active session on from the presented generation, in one UPDATE; null: no row matches. */
export function rotateSession(
  db: Database,
  rotation: {
    readonly id: string
    readonly generation: number
    readonly by: RefreshingClient
    readonly refreshSeconds: number
    readonly unverifiedAllowed: boolean
  },
): Promise<SessionAndUser | null> {
  const { by, ...values } = rotation
  return first(rotate(db, { ...values, ...by }))
}

/**
 * Reads a session whatever its state, to explain why a rotation found no row.
 * @param spans seconds for which the previous generation is accepted, and for which a response may count as lost
 * @returns null: the session is unknown, or belongs to another API than `by`
 */
export function examineSession(
  db: Database,
  id: string,
  by: RefreshingClient,
  spans: { graceSeconds: number; lostAnswerSeconds: number },
): Promise<ExaminedSession | null> {
  return first(examine(db, { id, ...by, ...spans }))
}

/** Claims the single repetition of a lost response; null: another request has claimed it, or the session has moved on. */
export function recoverSession(db: Database, id: string, generation: number): Promise<SessionState | null> {
  const isCurrent = and(eq(sessions.generation, generation), lt(sessions.seenGeneration, generation))
  const where = and(thisSession(db, id), isCurrent, isNull(sessions.recoveredAt), isLive)
  return first(db.queries.update(sessions).set({ recoveredAt: now }).where(where).returning(sessionState))
}
