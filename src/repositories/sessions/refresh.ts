// The refresh of a session: one conditional UPDATE, and the facts that explain why it found no row.
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userColumns } from '../accounts/users.ts'
import { now, parameter, secondsFromNow } from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'
import {
  alive,
  isLive,
  named,
  type SessionAndUser,
  type SessionClient,
  type SessionState,
  sessionState,
  thisSession,
  verifiedEnough,
} from './sessions.ts'

/** A session in any state, with the facts that tell a replay from a lost answer from reuse. */
export type ExaminedSession = Awaited<ReturnType<typeof examine>>[number]

/** The API that may refresh a session, by its tokens. */
export interface RefreshingClient {
  readonly client: SessionClient
  /** Whether it may adopt sessions of version 0.1, which are `canonical` whichever API opened them. */
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
        named,
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
      /** Whether the generation before the current one may still be replayed. */
      withinGrace: sql<boolean>`now() <= greatest(${sessions.rotatedAt}, coalesce(${sessions.recoveredAt}, ${sessions.rotatedAt}))
        + make_interval(secs => ${parameter('graceSeconds')}::int)`,
      /** Whether the current generation was never used, so that its answer may have been lost; repeated once. */
      answerMayBeLost: sql<boolean>`${sessions.seenGeneration} < ${sessions.generation} and ${sessions.recoveredAt} is null
        and now() <= ${sessions.rotatedAt} + make_interval(secs => ${parameter('lostAnswerSeconds')}::int)`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(named, ofClient))
    .prepare('session_examine'),
)

/** Moves a living session on from the presented generation, in one UPDATE; null where no row fits. */
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
 * @param by the API that asks; null for a session of another one
 * @param spans seconds for which the former generation may be replayed, and for which an answer counts as lost
 */
export function examineSession(
  db: Database,
  id: string,
  by: RefreshingClient,
  spans: { graceSeconds: number; lostAnswerSeconds: number },
): Promise<ExaminedSession | null> {
  return first(examine(db, { id, ...by, ...spans }))
}

/** Claims the one repetition of a lost answer; null where another request claimed it or the token moved on. */
export function recoverSession(db: Database, id: string, generation: number): Promise<SessionState | null> {
  const isCurrent = and(eq(sessions.generation, generation), lt(sessions.seenGeneration, generation))
  const where = and(thisSession(db, id), isCurrent, isNull(sessions.recoveredAt), isLive)
  return first(db.queries.update(sessions).set({ recoveredAt: now }).where(where).returning(sessionState))
}
