// Lists of a user's active sessions.
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { sessions } from '../../../drizzle/tables/sessions.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { userColumns } from '../accounts/users.ts'
import { ofUser, own, parameter, parameters } from '../conditions.ts'
import { type Database, first, prepared } from '../database.ts'
import { isLive, namedSession, type SessionAndUser, sessionState, sessionUser } from './sessions.ts'

/** A session as its owner sees it. Times are in the form of `Date.toISOString`. */
export type SessionRow = Readonly<
  Record<'id' | 'createdAt' | 'lastSeenAt' | 'expiresAt' | 'authTime' | 'acr' | 'amr', string> &
    Record<'userAgent' | 'addressPrefix', string | null>
>

/** Completes a UTC time, which PostgreSQL prints in JSON without trailing zeros. */
const isoInstant = (text = '') => `${(text.length === 19 ? `${text}.` : text).padEnd(23, '0')}Z`

/** A list of sessions as one array for each column. */
type SessionColumns = { readonly [Name in keyof SessionRow]: readonly SessionRow[Name][] }

const toRows = ({ id, createdAt, lastSeenAt, expiresAt, authTime, ...rest }: SessionColumns) =>
  id.map((id, i) => ({
    id,
    createdAt: isoInstant(createdAt[i]),
    lastSeenAt: isoInstant(lastSeenAt[i]),
    expiresAt: isoInstant(expiresAt[i]),
    authTime: isoInstant(authTime[i]),
    acr: rest.acr[i] ?? '',
    amr: rest.amr[i] ?? '',
    userAgent: rest.userAgent[i] ?? null,
    addressPrefix: rest.addressPrefix[i] ?? null,
  }))

// One array for each column instead of one row for each session: a user may have a hundred sessions, and parsing their rows and
// dates would cost more than reading them.
function listOf(whose: SQL | undefined): SQL<SessionColumns> {
  const shown = sql`select ${sessions.id}, ${sessions.createdAt} at time zone 'UTC' as created,
      ${sessions.lastSeenAt} at time zone 'UTC' as last_seen, ${sessions.expiresAt} at time zone 'UTC' as expires,
      ${sessions.authTime} at time zone 'UTC' as authenticated, ${sessions.acr}, ${sessions.amr},
      ${sessions.userAgent}, ${sessions.addressPrefix}
    from ${sessions} join ${users} on ${sessionUser} where ${and(whose, isLive)}
    order by ${sessions.lastSeenAt} desc, ${sessions.createdAt} desc`
  return sql<SessionColumns>`(select json_build_object('id', coalesce(json_agg(id), '[]'),
      'createdAt', coalesce(json_agg(created), '[]'), 'lastSeenAt', coalesce(json_agg(last_seen), '[]'),
      'expiresAt', coalesce(json_agg(expires), '[]'), 'authTime', coalesce(json_agg(authenticated), '[]'),
      'acr', coalesce(json_agg(acr), '[]'), 'amr', coalesce(json_agg(amr), '[]'), 'userAgent', coalesce(json_agg(user_agent), '[]'),
      'addressPrefix', coalesce(json_agg(address_prefix), '[]'))
    from (${shown}) as shown)`
}

const selectList = prepared((query) =>
  query
    .select({ listed: listOf(ofUser(sessions, parameters, parameter('userId'))) })
    .from(sql`(select 1) as one`)
    .prepare('session_list'),
)

const selectSessionAndList = prepared((query) => {
  const itsUser = sql`(select own.user_id from ${sessions} as own
    where own.id = ${parameter('id')} and own.project_id = ${parameter('projectId')})`
  const ofItsUser = and(own(sessions, parameters), eq(sessions.userId, itsUser))
  return query
    .select({ session: sessionState, user: userColumns, listed: listOf(ofItsUser) })
    .from(sessions)
    .innerJoin(users, sessionUser)
    .where(and(namedSession, isLive))
    .prepare('session_look_and_list')
})

/** Lists the active sessions of a user, the last used first. */
export async function listSessions(db: Database, userId: number): Promise<SessionRow[]> {
  const row = await first(selectList(db, { userId }))
  return row ? toRows(row.listed) : []
}

/** Finds an active session with its user, and lists all active sessions of that user, in one statement. */
export async function findSessionAndList(
  db: Database,
  id: string,
): Promise<(SessionAndUser & { list: SessionRow[] }) | null> {
  const row = await first(selectSessionAndList(db, { id }))
  return row && { session: row.session, user: row.user, list: toRows(row.listed) }
}
