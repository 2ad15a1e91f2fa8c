// Rows of `sessions`: looked at, used, kept alive. How one is refreshed, listed and ended is in files of their own.
import { and, eq, gt, isNotNull, isNull, or, sql } from 'drizzle-orm'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first } from './database.ts'
import { type UserRow, userColumns } from './users.ts'

/** A session as the database sees it now; `now` is the database's clock in the same statement. */
export interface SessionState {
  id: string
  generation: number
  expiresAt: Date
  now: Date
}

export interface SessionAndUser {
  session: SessionState & { seenGeneration: number; seenLately: boolean }
  user: UserRow
}

export interface Extension {
  id: string
  projectId: string
  seconds: number
  unverifiedAllowed: boolean
}

export const inSeconds = (name: string) => sql`now() + make_interval(secs => ${sql.placeholder(name)}::int)`
export const now = sql<Date>`now()`.mapWith(sessions.createdAt)

/** The columns of a session's state. */
export const sessionState = {
  id: sessions.id,
  generation: sessions.generation,
  seenGeneration: sessions.seenGeneration,
  expiresAt: sessions.expiresAt,
  seenLately: sql<boolean>`${sessions.lastSeenAt} > now() - interval '5 minutes'`,
  now,
}

/** Joins a session to its user, as long as neither an epoch nor the operator ended it. */
export const usersOwn = and(
  eq(users.id, sessions.userId),
  eq(users.epoch, sessions.epoch),
  isNull(users.disabledAt),
)

/** As far as the session itself says; its user has the last word. */
export const isLive = and(isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`))
/** For a session and its user, joined. */
export const alive = and(isLive, usersOwn)

/** The session that `id` and `projectId` name, in a prepared statement. */
export const named = and(
  eq(sessions.id, sql.placeholder('id')),
  eq(sessions.projectId, sql.placeholder('projectId')),
)

/** The session of this project with this id. */
export const thisSession = (projectId: string, id: string) =>
  and(eq(sessions.id, id), eq(sessions.projectId, projectId))

/** What the project asks of a session's user, in a prepared statement. */
export const verifiedEnough = or(
  sql`${sql.placeholder('unverifiedAllowed')}::boolean`,
  isNotNull(users.emailVerifiedAt),
)

export function sessionsRepository(db: Database) {
  const extend = db.prepared((query) =>
    query
      .update(sessions)
      .set({
        expiresAt: sql`greatest(${sessions.expiresAt}, least(${inSeconds('seconds')}, ${sessions.absoluteExpiresAt}))`,
        lastSeenAt: sql`now()`,
      })
      .from(users)
      .where(and(named, alive, verifiedEnough))
      .returning({ session: sessionState, user: userColumns })
      .prepare('session_extend'),
  )

  const look = db.prepared((query) =>
    query
      .select({ session: sessionState, user: userColumns })
      .from(sessions)
      .innerJoin(users, usersOwn)
      .where(and(named, isLive))
      .prepare('session_look'),
  )

  return {
    /** The living session and its user; the one statement of an authenticated request. */
    async look(projectId: string, id: string): Promise<SessionAndUser | null> {
      return first(await look({ projectId, id }))
    },

    /** Remembers that the session was used now, by an access token of this generation. */
    async touch(projectId: string, id: string, generation: number): Promise<void> {
      await db
        .of(projectId)
        .update(sessions)
        .set({
          lastSeenAt: sql`now()`,
          seenGeneration: sql`case when ${sessions.generation} = ${generation}
            then greatest(${sessions.seenGeneration}, ${generation}) else ${sessions.seenGeneration} end`,
        })
        .where(and(thisSession(projectId, id), isNull(sessions.revokedAt)))
    },

    /** Whether the session began less than `seconds` ago. */
    async isYounger(projectId: string, id: string, seconds: number): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .select({ id: sessions.id })
        .from(sessions)
        .where(
          and(
            thisSession(projectId, id),
            gt(sessions.createdAt, sql`now() - make_interval(secs => ${seconds}::int)`),
          ),
        )
      return rows.length > 0
    },

    /** Holds every session of the user until the transaction ends, so that what ends one of them waits outside. */
    async hold(projectId: string, userId: number): Promise<void> {
      await db
        .of(projectId)
        .select({ id: sessions.id })
        .from(sessions)
        .where(and(eq(sessions.projectId, projectId), eq(sessions.userId, userId)))
        .orderBy(sessions.id)
        .for('update')
    },

    /** The user of a session, alive or not; null for one that this project never had or no longer keeps. */
    async findOwner(projectId: string, id: string): Promise<number | null> {
      const row = first(
        await db
          .of(projectId)
          .select({ userId: sessions.userId })
          .from(sessions)
          .where(thisSession(projectId, id)),
      )
      return row?.userId ?? null
    },

    /**
     * Lets a living session end `seconds` from now, though never after its absolute end and never earlier than it
     * would have; one statement. Null where it is not alive.
     */
    async extend(extension: Extension): Promise<SessionAndUser | null> {
      return first(await extend({ ...extension }))
    },

    /** Carries one session over from the epoch that just ended into `epoch`, so that it alone survives. */
    async keep(projectId: string, id: string, epoch: number): Promise<void> {
      await db
        .of(projectId)
        .update(sessions)
        .set({ epoch })
        .where(and(thisSession(projectId, id), eq(sessions.epoch, epoch - 1), isNull(sessions.revokedAt)))
    },
  }
}
