// Reads of the security log: lists and pages from the newest row on, and the counts of the statistics.
import { and, asc, desc, eq, gte, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import { securityLog as table } from '../../../drizzle/tables/security-log.ts'
import { own } from '../conditions.ts'
import type { Database } from '../database.ts'
import type { LogRow } from './security-log.ts'

export interface LogSearch {
  /** Rows of one person: of any of these accounts, or with any of these address hashes. */
  readonly accounts?: readonly string[] | undefined
  readonly addressHashes?: readonly Buffer[] | undefined
  readonly event?: string | undefined
  readonly outcome?: 'success' | 'refused' | undefined
  readonly actor?: LogRow['actor'] | undefined
  /** UUID of an operator, a key or a user who acted. */
  readonly by?: string | undefined
  /** The network of the client. */
  readonly addressPrefix?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}

/** Rows that are read for one page. A page with fewer matches than its limit may therefore have a successor. */
const maxScanned = 20_000

function conditions(filter: LogSearch): SQL | undefined {
  const { event, outcome, actor, by, addressPrefix, since, until } = filter
  const is = (name: string, value: string | undefined) =>
    value === undefined ? undefined : sql`${table.details} ->> ${name}::text = ${value}`
  return and(
    event === undefined ? undefined : sql`${table.event} = ${event}`,
    outcome && eq(table.outcome, outcome),
    actor && eq(table.actor, actor),
    by === undefined ? undefined : or(is('by', by), is('operator_key_id', by)),
    addressPrefix === undefined ? undefined : eq(table.addressPrefix, addressPrefix),
    since && gte(table.at, since),
    until && lt(table.at, until),
  )
}

function person({ accounts, addressHashes }: LogSearch): SQL | undefined {
  if (!accounts && !addressHashes) return undefined
  return or(
    inArray(table.account, [...(accounts ?? [])]),
    inArray(table.addressHash, [...(addressHashes ?? [])]),
  )
}

export interface FoundLogRows {
  readonly rows: LogRow[]
  /** The id before which the next page begins; null: this is the last page. */
  readonly next: number | null
}

const rowsBefore = (db: Database, filter: LogSearch, before: number | null) =>
  and(own(table, db), person(filter), before === null ? undefined : lt(table.id, before))

/**
 * Lists rows of the project's log, the newest first, however many rows that takes to read.
 * @param before only rows with a smaller id; null: from the newest
 */
export async function listLogRows(
  db: Database,
  filter: LogSearch,
  before: number | null,
  limit: number,
): Promise<LogRow[]> {
  const where = and(rowsBefore(db, filter, before), conditions(filter))
  return db.queries.select().from(table).where(where).orderBy(desc(table.id)).limit(limit)
}

/**
 * Finds a page of the project's log, the newest first, reading at most `maxScanned` rows.
 * @param before only rows with a smaller id; null: from the newest
 */
export async function searchLogRows(
  db: Database,
  filter: LogSearch,
  before: number | null,
  limit: number,
): Promise<FoundLogRows> {
  const scanned = db.queries
    .select({ id: table.id, matches: sql<boolean>`${conditions(filter) ?? sql`true`}`.as('matches') })
    .from(table)
    .where(rowsBefore(db, filter, before))
    .orderBy(desc(table.id))
    .limit(maxScanned)
    .as('scanned')
  const ends = sql<string | null>`min(${scanned.id}) over ()`
  const total = sql<string>`count(*) over ()`
  const numbered = db.queries
    .select({ id: scanned.id, matches: scanned.matches, end: ends.as('end'), total: total.as('total') })
    .from(scanned)
    .as('numbered')
  const found = await db.queries
    .select()
    .from(numbered)
    .where(or(eq(numbered.matches, true), sql`${numbered.id} = ${numbered.end}`))
    .orderBy(desc(numbered.id))
    .limit(limit + 2)
  const matching = found.filter(({ matches }) => matches).map(({ id }) => Number(id))
  const shown = matching.slice(0, limit)
  const [any] = found
  const isCut = any !== undefined && Number(any.total) === maxScanned
  const next = matching.length > limit ? (shown.at(-1) ?? null) : isCut ? Number(any.end) : null
  return { rows: await rowsOf(db, shown), next }
}

async function rowsOf(db: Database, ids: readonly number[]): Promise<LogRow[]> {
  if (ids.length === 0) return []
  const where = and(own(table, db), inArray(table.id, [...ids]))
  return db.queries.select().from(table).where(where).orderBy(desc(table.id))
}

/** How often one event happened on one day. */
export interface DayCount {
  /** YYYY-MM-DD, in UTC. */
  readonly day: string
  readonly event: string
  /** The methods of a sign-in (RFC 8176), separated by spaces; empty for other events. */
  readonly method: string
  readonly count: number
}

// Grouped by the date, which is printed once for each group.
const date = sql`(${table.at} at time zone 'UTC')::date`
const day = sql<string>`to_char(${date}, 'YYYY-MM-DD')`
const method = sql<string>`coalesce(case when ${table.event} = 'signed_in' then ${table.details} ->> 'method' end, '')`

/** Counts the events of the project by day, from `since` on. */
export async function countByDay(
  db: Database,
  events: readonly LogRow['event'][],
  since: Date,
): Promise<DayCount[]> {
  const where = and(own(table, db), gte(table.at, since), inArray(table.event, [...events]))
  return db.queries
    .select({ day, event: table.event, method, count: sql<number>`count(*)::int` })
    .from(table)
    .where(where)
    .groupBy(date, table.event, sql`3`)
    .orderBy(sql`1`, asc(table.event))
}

const isUse = inArray(table.event, ['signed_in', 'signed_up'])
const accounts = sql<number>`count(distinct ${table.account})`

/** Counts the accounts that signed in or up, by day. */
export async function countActiveByDay(db: Database, since: Date): Promise<{ day: string; count: number }[]> {
  return db.queries
    .select({ day, count: sql<number>`${accounts}::int` })
    .from(table)
    .where(and(own(table, db), gte(table.at, since), isUse))
    .groupBy(date)
    .orderBy(sql`1`)
}

/** Counts the accounts that signed in or up, each once: from `since` on, and from `earlier` until then. */
export async function countActive(
  db: Database,
  earlier: Date,
  since: Date,
): Promise<{ readonly period: number; readonly before: number }> {
  const where = and(own(table, db), gte(table.at, earlier), isUse)
  const [row] = await db.queries
    .select({
      period: sql<number>`(${accounts} filter (where ${gte(table.at, since)}))::int`,
      before: sql<number>`(${accounts} filter (where ${lt(table.at, since)}))::int`,
    })
    .from(table)
    .where(where)
  return row ?? { period: 0, before: 0 }
}

export interface ReasonCount {
  readonly event: LogRow['event']
  /** Empty: the event has no reason. */
  readonly reason: string
  readonly count: number
}

/** Counts events by their reasons, the most frequent first. */
export async function countReasons(
  db: Database,
  events: readonly LogRow['event'][],
  since: Date,
  limit: number,
): Promise<ReasonCount[]> {
  const reason = sql<string>`coalesce(${table.details} ->> 'reason', '')`
  return db.queries
    .select({ event: table.event, reason, count: sql<number>`count(*)::int` })
    .from(table)
    .where(and(own(table, db), gte(table.at, since), inArray(table.event, [...events])))
    .groupBy(table.event, sql`2`)
    .orderBy(sql`3 desc`, asc(table.event), sql`2`)
    .limit(limit)
}
