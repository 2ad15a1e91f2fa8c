// A refresh of a row of `sessions`: one conditional UPDATE, and what tells why it found no row.
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import {
  alive,
  inSeconds,
  isLive,
  named,
  type SessionAndUser,
  type SessionState,
  sessionState,
  thisSession,
  verifiedEnough,
} from './sessions.ts'
import { userColumns } from './users.ts'

/** What is needed to tell why a rotation found no row. */
export interface SessionForensics extends SessionAndUser {
  alive: boolean
  withinGrace: boolean
  answerMayBeLost: boolean
}

export interface Rotation {
  id: string
  projectId: string
  generation: number
  refreshSeconds: number
  unverifiedAllowed: boolean
}

export function sessionRefreshesRepository(db: Database) {
  const rotate = db.prepared((query) =>
    query
      .update(sessions)
      .set({
        generation: sql`${sessions.generation} + 1`,
        rotatedAt: sql`now()`,
        recoveredAt: sql`null`,
        expiresAt: sql`least(${inSeconds('refreshSeconds')}, ${sessions.absoluteExpiresAt})`,
      })
      .from(users)
      .where(and(named, eq(sessions.generation, sql.placeholder('generation')), alive, verifiedEnough))
      .returning({ session: sessionState, user: userColumns })
      .prepare('session_rotate'),
  )

  const examine = db.prepared((query) =>
    query
      .select({
        session: sessionState,
        user: userColumns,
        alive: sql<boolean>`${alive}`,
        withinGrace: sql<boolean>`now() <= greatest(${sessions.rotatedAt}, coalesce(${sessions.recoveredAt}, ${sessions.rotatedAt}))
          + make_interval(secs => ${sql.placeholder('graceSeconds')}::int)`,
        answerMayBeLost: sql<boolean>`${sessions.seenGeneration} < ${sessions.generation} and ${sessions.recoveredAt} is null
          and now() <= ${sessions.rotatedAt} + make_interval(secs => ${sql.placeholder('lostAnswerSeconds')}::int)`,
      })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(named)
      .prepare('session_examine'),
  )

  return {
    /** The one statement of a refresh: moves the presented generation on, or finds no row. */
    async rotate(rotation: Rotation): Promise<SessionAndUser | null> {
      return first(await rotate({ ...rotation }))
    },

    /** The session whatever its state, with the facts that tell a replay from a lost answer from reuse. */
    async examine(
      projectId: string,
      id: string,
      spans: { graceSeconds: number; lostAnswerSeconds: number },
    ): Promise<SessionForensics | null> {
      return first(await examine({ projectId, id, ...spans }))
    },

    /** Claims the one repetition of a lost answer; null when another request claimed it or the token moved on. */
    async recover(projectId: string, id: string, generation: number): Promise<SessionState | null> {
      return first(
        await db
          .of(projectId)
          .update(sessions)
          .set({ recoveredAt: sql`now()` })
          .where(
            and(
              thisSession(projectId, id),
              eq(sessions.generation, generation),
              lt(sessions.seenGeneration, generation),
              isNull(sessions.recoveredAt),
              isLive,
            ),
          )
          .returning(sessionState),
      )
    },
  }
}
