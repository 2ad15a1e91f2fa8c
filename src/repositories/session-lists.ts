// Rows of `sessions` as their owner is shown them.
import { type AnyColumn, and, desc, eq, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { sessions } from '../../drizzle/tables/sessions.ts'
import { users } from '../../drizzle/tables/users.ts'
import { type Database, first, parts } from './database.ts'
import { isLive, named, type SessionAndUser, sessionState, usersOwn } from './sessions.ts'
import { userColumns } from './users.ts'

/** What the owner of a session is shown of it. Instants are in the form of `Date.toISOString`. */
export interface SessionRow {
  readonly id: string
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly expiresAt: string
  readonly userAgent: string | null
  readonly addressPrefix: string | null
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
    .where(and(whose, isLive))
    .orderBy(desc(sessions.lastSeenAt), desc(sessions.createdAt))
    .as('shown')
  const listed = (column: SQLWrapper) => sql`coalesce(json_agg(${column}), '[]')`
  return sql<SessionColumns>`(select json_build_object('ids', ${listed(shown.id)}, 'createdAt', ${listed(shown.createdAt)},
    'lastSeenAt', ${listed(shown.lastSeenAt)}, 'expiresAt', ${listed(shown.expiresAt)},
    'userAgents', ${listed(shown.userAgent)}, 'addressPrefixes', ${listed(shown.addressPrefix)}) from ${shown})`
}

export function sessionListsRepository(db: Database) {
  const ofUser = and(
    eq(sessions.projectId, sql.placeholder('projectId')),
    eq(sessions.userId, sql.placeholder('userId')),
  )

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
      .select({ session: sessionState, user: userColumns, listed: listOf(ofItsUser) })
      .from(sessions)
      .innerJoin(users, usersOwn)
      .where(and(named, isLive))
      .prepare('session_look_and_list')
  })

  return {
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
  }
}
