// Rows of `sessions`: rotated by one conditional UPDATE, looked at, ended.
import {
  type AnyColumn,
  and,
  desc,
  eq,
  gt,
  isNotNull,
  isNull,
  lt,
  ne,
  or,
  type SQL,
  type SQLWrapper,
  sql,
} from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first, parts } from './database.ts'
import { type UserRow, userColumns } from './users.ts'

/** What the owner of a session is shown of it. Instants are in the form of `Date.toISOString`. */
export interface SessionRow {
  readonly id: string
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly expiresAt: string
  readonly userAgent: string | null
  readonly addressPrefix: string | null
}

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

export interface Extension {
  id: string
  projectId: string
  seconds: number
  unverifiedAllowed: boolean
}

export const inSeconds = (name: string) => sql`now() + make_interval(secs => ${sql.placeholder(name)}::int)`
export const now = sql<Date>`now()`.mapWith(sessions.createdAt)

const state = {
  id: sessions.id,
  generation: sessions.generation,
  seenGeneration: sessions.seenGeneration,
  expiresAt: sessions.expiresAt,
  seenLately: sql<boolean>`${sessions.lastSeenAt} > now() - interval '5 minutes'`,
  now,
}

/** PostgreSQL writes an instant of UTC in JSON without the zeros at its end. */
const isoInstant = (text = '') => `${(text.length === 19 ? `${text}.` : text).padEnd(23, '0')}Z`

/** The columns of a list of sessions, each as a list. */
interface SessionColumns {
  readonly ids: readonly string[]
  readonly createdAt: readonly string[]
  readonly lastSeenAt: readonly string[]
  readonly expiresAt: readonly string[]
  readonly userAgents: readonly (string | null)[]
  readonly addressPrefixes: readonly (string | null)[]
}

const rowsOf = ({ ids, createdAt, lastSeenAt, expiresAt, userAgents, addressPrefixes }: SessionColumns) =>
  ids.map((id, i) => ({
    id,
    createdAt: isoInstant(createdAt[i]),
    lastSeenAt: isoInstant(lastSeenAt[i]),
    expiresAt: isoInstant(expiresAt[i]),
    userAgent: userAgents[i] ?? null,
    addressPrefix: addressPrefixes[i] ?? null,
  }))

const usersOwn = and(eq(users.id, sessions.userId), eq(users.epoch, sessions.epoch), isNull(users.disabledAt))

/** As far as the session itself says; its user has the last word. */
export const isLive = and(isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`))
/** For a session and its user, joined. */
export const alive = and(isLive, usersOwn)

export function sessionsRepository(db: Database) {
  const ofProject = and(
    eq(sessions.id, sql.placeholder('id')),
    eq(sessions.projectId, sql.placeholder('projectId')),
  )
  const ofUser = and(
    eq(sessions.projectId, sql.placeholder('projectId')),
    eq(sessions.userId, sql.placeholder('userId')),
  )

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
      .where(
        and(
          ofProject,
          eq(sessions.generation, sql.placeholder('generation')),
          alive,
          or(sql`${sql.placeholder('unverifiedAllowed')}::boolean`, isNotNull(users.emailVerifiedAt)),
        ),
      )
      .returning({ session: state, user: userColumns })
      .prepare('session_rotate'),
  )

  const extend = db.prepared((query) =>
    query
      .update(sessions)
      .set({
        expiresAt: sql`greatest(${sessions.expiresAt}, least(${inSeconds('seconds')}, ${sessions.absoluteExpiresAt}))`,
        lastSeenAt: sql`now()`,
      })
      .from(users)
      .where(
        and(
          ofProject,
          alive,
          or(sql`${sql.placeholder('unverifiedAllowed')}::boolean`, isNotNull(users.emailVerifiedAt)),
        ),
      )
      .returning({ session: state, user: userColumns })
      .prepare('session_extend'),
  )

  const look = db.prepared((query) =>
    query
      .select({ session: state, user: userColumns })
      .from(sessions)
      .innerJoin(users, usersOwn)
      .where(and(ofProject, isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`)))
      .prepare('session_look'),
  )

  const examine = db.prepared((query) =>
    query
      .select({
        session: state,
        user: userColumns,
        alive: sql<boolean>`${alive}`,
        withinGrace: sql<boolean>`now() <= greatest(${sessions.rotatedAt}, coalesce(${sessions.recoveredAt}, ${sessions.rotatedAt}))
          + make_interval(secs => ${sql.placeholder('graceSeconds')}::int)`,
        answerMayBeLost: sql<boolean>`${sessions.seenGeneration} < ${sessions.generation} and ${sessions.recoveredAt} is null
          and now() <= ${sessions.rotatedAt} + make_interval(secs => ${sql.placeholder('lostAnswerSeconds')}::int)`,
      })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(ofProject)
      .prepare('session_examine'),
  )

  // A list for each column instead of a row for each session: they may be a hundred, and each row and each Date would
  // cost more than what it says.
  function listOf(whose: SQL | undefined): SQL<SessionColumns> {
    const utc = (instant: AnyColumn, name: string) => sql`${instant} at time zone 'UTC'`.as(name)
    const shown = parts
      .select({
        id: sessions.id,
        createdAt: utc(sessions.createdAt, 'created'),
        lastSeenAt: utc(sessions.lastSeenAt, 'last_seen'),
        expiresAt: utc(sessions.expiresAt, 'expires'),
        userAgent: sessions.userAgent,
        addressPrefix: sessions.addressPrefix,
      })
      .from(sessions)
      .innerJoin(users, usersOwn)
      .where(and(whose, isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`)))
      .orderBy(desc(sessions.lastSeenAt), desc(sessions.createdAt))
      .as('shown')
    const listed = (column: SQLWrapper) => sql`coalesce(json_agg(${column}), '[]')`
    return sql<SessionColumns>`(select json_build_object('ids', ${listed(shown.id)}, 'createdAt', ${listed(shown.createdAt)},
      'lastSeenAt', ${listed(shown.lastSeenAt)}, 'expiresAt', ${listed(shown.expiresAt)},
      'userAgents', ${listed(shown.userAgent)}, 'addressPrefixes', ${listed(shown.addressPrefix)}) from ${shown})`
  }

  const list = db.prepared((query) =>
    query
      .select({ listed: listOf(ofUser) })
      .from(sql`(select 1) as one`)
      .prepare('session_list'),
  )

  const lookAndList = db.prepared((query) => {
    const own = alias(sessions, 'own')
    const itsUser = query
      .select({ userId: own.userId })
      .from(own)
      .where(and(eq(own.id, sql.placeholder('id')), eq(own.projectId, sql.placeholder('projectId'))))
    const ofItsUser = and(
      eq(sessions.projectId, sql.placeholder('projectId')),
      eq(sessions.userId, sql`(${itsUser})`),
    )
    return query
      .select({ session: state, user: userColumns, listed: listOf(ofItsUser) })
      .from(sessions)
      .innerJoin(users, usersOwn)
      .where(and(ofProject, isNull(sessions.revokedAt), gt(sessions.expiresAt, sql`now()`)))
      .prepare('session_look_and_list')
  })

  return {
    /** The one statement of a refresh: moves the presented generation on, or finds no row. */
    async rotate(rotation: Rotation): Promise<SessionAndUser | null> {
      return first(await rotate({ ...rotation }))
    },

    /** The living session and its user; the one statement of an authenticated request. */
    async look(projectId: string, id: string): Promise<SessionAndUser | null> {
      return first(await look({ projectId, id }))
    },

    /** The session whatever its state, with the facts that tell a replay from a lost answer from reuse. */
    async examine(
      projectId: string,
      id: string,
      spans: { graceSeconds: number; lostAnswerSeconds: number },
    ): Promise<SessionForensics | null> {
      return first(await examine({ projectId, id, ...spans }))
    },

    /** The user's living sessions, the newest first. */
    async list(projectId: string, userId: number): Promise<SessionRow[]> {
      const row = first(await list({ projectId, userId }))
      return row ? rowsOf(row.listed) : []
    },

    /** The living session and its user, and all of the user's living sessions, in one statement. */
    async lookAndList(
      projectId: string,
      id: string,
    ): Promise<(SessionAndUser & { list: SessionRow[] }) | null> {
      const row = first(await lookAndList({ projectId, id }))
      return row && { session: row.session, user: row.user, list: rowsOf(row.listed) }
    },

    /** Ends a session of this user; true if it was alive. */
    async revokeOwn(projectId: string, userId: number, id: string): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(sessions)
        .set({ revokedAt: sql`now()`, revokedReason: 'owner' })
        .from(users)
        .where(
          and(eq(sessions.id, id), eq(sessions.projectId, projectId), eq(sessions.userId, userId), alive),
        )
        .returning({ id: sessions.id })
      return rows.length > 0
    },

    /** Ends every living session of the user but one; returns how many. */
    async revokeOthers(projectId: string, userId: number, keptId: string): Promise<number> {
      const rows = await db
        .of(projectId)
        .update(sessions)
        .set({ revokedAt: sql`now()`, revokedReason: 'owner' })
        .from(users)
        .where(
          and(eq(sessions.projectId, projectId), eq(sessions.userId, userId), ne(sessions.id, keptId), alive),
        )
        .returning({ id: sessions.id })
      return rows.length
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
        .where(and(eq(sessions.id, id), eq(sessions.projectId, projectId), isNull(sessions.revokedAt)))
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
              eq(sessions.id, id),
              eq(sessions.projectId, projectId),
              eq(sessions.generation, generation),
              lt(sessions.seenGeneration, generation),
              isNull(sessions.recoveredAt),
              isNull(sessions.revokedAt),
              gt(sessions.expiresAt, sql`now()`),
            ),
          )
          .returning(state),
      )
    },

    /** Whether the session began less than `seconds` ago. */
    async isYounger(projectId: string, id: string, seconds: number): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .select({ id: sessions.id })
        .from(sessions)
        .where(
          and(
            eq(sessions.id, id),
            eq(sessions.projectId, projectId),
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

    /** Ends one session for good; true if it was alive. */
    async revoke(projectId: string, id: string, reason: 'logout' | 'reuse'): Promise<boolean> {
      const rows = await db
        .of(projectId)
        .update(sessions)
        .set({ revokedAt: sql`now()`, revokedReason: reason })
        .where(and(eq(sessions.id, id), eq(sessions.projectId, projectId), isNull(sessions.revokedAt)))
        .returning({ id: sessions.id })
      return rows.length > 0
    },

    /** Ends those of the listed sessions that are this user's and alive, in one statement; returns which. */
    async revokeAmong(projectId: string, userId: number, ids: readonly string[]): Promise<string[]> {
      const listed = sql`(select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))`
      const rows = await db
        .of(projectId)
        .update(sessions)
        .set({ revokedAt: sql`now()`, revokedReason: 'owner' })
        .from(users)
        .where(
          and(
            eq(sessions.projectId, projectId),
            eq(sessions.userId, userId),
            sql`${sessions.id} in ${listed}`,
            alive,
          ),
        )
        .returning({ id: sessions.id })
      return rows.map(({ id }) => id)
    },

    /** The user of a session, alive or not; null for one that this project never had or no longer keeps. */
    async findOwner(projectId: string, id: string): Promise<number | null> {
      const row = first(
        await db
          .of(projectId)
          .select({ userId: sessions.userId })
          .from(sessions)
          .where(and(eq(sessions.id, id), eq(sessions.projectId, projectId))),
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
        .where(
          and(
            eq(sessions.id, id),
            eq(sessions.projectId, projectId),
            eq(sessions.epoch, epoch - 1),
            isNull(sessions.revokedAt),
          ),
        )
    },
  }
}
