// Search of accounts by operators. A page is read in the order of one index, so its cost does not depend on the number of accounts.
//
// Comparisons that should use an index must be leakproof (`=`, `<`, `~<~`): under row-level security, PostgreSQL does not use an
// index for others.
import { and, eq, gte, inArray, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import { auditEvents } from '../../../drizzle/tables/audit-events.ts'
import { identities } from '../../../drizzle/tables/identities.ts'
import { passkeys } from '../../../drizzle/tables/passkeys.ts'
import { userWords } from '../../../drizzle/tables/user-words.ts'
import { users } from '../../../drizzle/tables/users.ts'
import { type UserRow, userColumns } from '../accounts/users.ts'
import { own } from '../conditions.ts'
import { type Database, first } from '../database.ts'

export type UserState = 'active' | 'disabled' | 'unverified' | 'deleting'

export interface UserFilter {
  /** In lower case, ASCII. */
  readonly emailPrefix?: string | undefined
  /** Prefixes from `foldWords`; each must be a prefix of a word of the account's names. */
  readonly words?: readonly string[] | undefined
  readonly state?: UserState | undefined
  readonly createdSince?: Date | undefined
}

/** An account as operators see it. */
export interface AdminUserRow extends UserRow {
  readonly hasPassword: boolean
  /** Number of passkeys. */
  readonly passkeys: number
  /** Names of linked sign-in providers. */
  readonly providers: readonly string[]
  /** Time of the newest sign-in or sign-up among the account's last `maxEvents` events; null: there is none. */
  readonly lastSignInAt: Date | null
}

/** The end of a page: its key in the order (address, word or time of creation), and the id of the account. */
export type SearchPosition = readonly [key: string, id: number]

export interface FoundPage {
  readonly rows: readonly AdminUserRow[]
  /** Null: this is the last page. */
  readonly next: SearchPosition | null
}

/** Rows that are read for one page, if a condition is not part of the index. The page may then have fewer rows than its limit. */
const maxScanned = 5000

/** Newest events of an account that are searched for its last sign-in. */
const maxEvents = 500

// Drizzle omits the table of a column in statements with one table, so these subqueries spell out the columns of `users`.
const linked = sql<string[]>`(select coalesce(json_agg(distinct own.provider order by own.provider), '[]')
  from ${identities} as own where own.project_id = users.project_id and own.user_id = users.id)`

const passkeyCount = sql<number>`(select count(*)::int from ${passkeys} as own
  where own.project_id = users.project_id and own.user_id = users.id)`

const lastSignIn = sql`(select newest.created_at from (select own.id, own.event, own.created_at from ${auditEvents} as own
    where own.project_id = users.project_id and own.user_id = users.id order by own.id desc limit ${maxEvents}) as newest
  where newest.event in ('signed_in', 'signed_up') order by newest.id desc limit 1)`

const columns = {
  ...userColumns,
  hasPassword: sql<boolean>`${users.passwordHash} is not null`,
  passkeys: passkeyCount,
  providers: linked,
  lastSignInAt: lastSignIn.mapWith(users.createdAt) as SQL<Date | null>,
}

/** Characters after all others, as upper bounds of prefix searches. */
const pastAscii = '\x7f'
const pastUnicode = '\u{10ffff}'

const states: Readonly<Record<UserState, SQL | undefined>> = {
  active: and(isNull(users.disabledAt), isNull(users.deletionDueAt)),
  disabled: isNotNull(users.disabledAt),
  unverified: isNull(users.emailVerifiedAt),
  deleting: isNotNull(users.deletionDueAt),
}

const stateIs = (state: UserState | undefined): SQL | undefined => (state ? states[state] : undefined)
const createdSince = (since: Date | undefined): SQL | undefined =>
  since ? gte(users.createdAt, since) : undefined

/** The condition that a word of the account's names has a prefix. */
const hasWord = (
  word: string,
) => sql`exists (select from ${userWords} as own where own.project_id = ${users.projectId}
  and own.user_id = ${users.id} and own.word >= ${word} and own.word < ${word + pastUnicode})`

/** A scan of one index from a position on. The position of a row is `key` and its id. */
interface Scan {
  readonly from: SQL
  readonly key: SQL
  readonly where: SQL | undefined
  readonly order: SQL
  /** Conditions that are not part of the index. */
  readonly rest: SQL | undefined
}

function byEmail(db: Database, filter: UserFilter, after: SearchPosition | null): Scan {
  const { emailPrefix = '', words = [], state } = filter
  return {
    from: sql`${users}`,
    key: sql`${users.email}`,
    where: and(
      own(users, db),
      sql`${users.email} ~>=~ ${emailPrefix}`,
      sql`${users.email} ~<~ ${emailPrefix + pastAscii}`,
      after ? sql`${users.email} ~>~ ${after[0]}` : undefined,
    ),
    order: sql`${users.email} using ~<~`,
    rest: and(...words.map(hasWord), stateIs(state), createdSince(filter.createdSince)),
  }
}

function byWord(db: Database, filter: UserFilter, after: SearchPosition | null): Scan {
  const [word = '', ...others] = filter.words ?? []
  const past = word + pastUnicode
  // An account with several matching words is found only by the first of them.
  const isFirst = sql`not exists (select from ${userWords} as before where before.project_id = ${userWords.projectId}
    and before.user_id = ${userWords.userId} and before.word >= ${word} and before.word < ${userWords.word})`
  return {
    from: sql`${userWords} join ${users} on ${users.projectId} = ${userWords.projectId} and ${users.id} = ${userWords.userId}`,
    key: sql`${userWords.word}`,
    where: and(
      own(userWords, db),
      sql`${userWords.word} >= ${word}`,
      sql`${userWords.word} < ${past}`,
      after ? sql`(${userWords.word}, ${userWords.userId}) > (${after[0]}, ${after[1]}::bigint)` : undefined,
    ),
    order: sql`${userWords.word}, ${userWords.userId}`,
    rest: and(isFirst, ...others.map(hasWord), stateIs(filter.state), createdSince(filter.createdSince)),
  }
}

function byCreation(
  db: Database,
  { state, createdSince: since }: UserFilter,
  after: SearchPosition | null,
): Scan {
  // Every other state has an index of its own.
  const isIndexed = state !== 'active'
  const position =
    after && sql`(${users.createdAt}, ${users.id}) < (${after[0]}::timestamptz, ${after[1]}::bigint)`
  return {
    from: sql`${users}`,
    key: sql`${users.createdAt}`,
    where: and(
      own(users, db),
      createdSince(since),
      position ?? undefined,
      isIndexed ? stateIs(state) : undefined,
    ),
    order: sql`${users.createdAt} desc, ${users.id} desc`,
    rest: isIndexed ? undefined : stateIs(state),
  }
}

const scanOf = (filter: UserFilter) =>
  filter.emailPrefix !== undefined ? byEmail : (filter.words ?? []).length > 0 ? byWord : byCreation

interface Scanned {
  readonly id: string
  readonly key: string | Date
  readonly matches: boolean
  readonly is_last: boolean
  readonly is_cut: boolean
}

/** The statement of a page. It returns up to `limit` + 1 matching rows, and the last row that was read. */
function pageStatement({ from, key, where, order, rest }: Scan, limit: number): SQL {
  const scanned = rest ? maxScanned : limit + 1
  return sql`select id, key, matches, at = total as is_last, total = ${scanned} as is_cut from (
      select id, key, matches, at, count(*) over () as total, count(*) filter (where matches) over (order by at) as matched from (
        select ${users.id} as id, ${key} as key, ${rest ?? sql`true`} as matches, row_number() over (order by ${order}) as at
        from ${from} where ${where} order by ${order} limit ${scanned}) as looked) as counted
    where (matches and matched <= ${limit + 1}) or at = total order by at`
}

/**
 * Finds a page of accounts: by a prefix of the address in the order of addresses, else by a prefix of a word in the order of words,
 * else the newest first.
 * @param after end of the previous page; null: this is the first page
 */
export async function searchUsers(
  db: Database,
  filter: UserFilter,
  after: SearchPosition | null,
  limit: number,
): Promise<FoundPage> {
  const scan = scanOf(filter)(db, filter, after)
  const found = (await db.queries.execute(pageStatement(scan, limit))) as unknown as Scanned[]
  const matching = found.filter(({ matches }) => matches)
  const shown = matching.slice(0, limit)
  const last = found.find(({ is_last }) => is_last)
  const end = matching.length > limit ? shown.at(-1) : last?.is_cut && scan.rest ? last : undefined
  return { rows: await rowsOf(db, shown), next: end ? positionOf(end) : null }
}

function positionOf({ key, id }: Scanned): SearchPosition {
  return [key instanceof Date ? key.toISOString() : key, Number(id)]
}

/** Reads the accounts of a page, in its order. */
async function rowsOf(db: Database, page: readonly Scanned[]): Promise<AdminUserRow[]> {
  if (page.length === 0) return []
  const ids = page.map(({ id }) => Number(id))
  const rows = await db.queries
    .select(columns)
    .from(users)
    .where(and(own(users, db), inArray(users.id, ids)))
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

/** Finds accounts by UUIDs, in no particular order. */
export function findAdminUsers(db: Database, uuids: readonly string[]): Promise<AdminUserRow[]> {
  return db.queries
    .select(columns)
    .from(users)
    .where(and(own(users, db), inArray(users.uuid, [...uuids])))
}

/** Finds an account by its UUID, even if its deletion is due. */
export function findAdminUser(db: Database, uuid: string): Promise<AdminUserRow | null> {
  return first(
    db.queries
      .select(columns)
      .from(users)
      .where(and(own(users, db), eq(users.uuid, uuid))),
  )
}

/** Splits a text into words and normalizes them as the index does. */
export async function foldWords(db: Database, text: string): Promise<string[]> {
  const rows = await db.queries.execute<{ word: string }>(
    sql`select distinct word from words_of_name(${text}) as word`,
  )
  return rows.map(({ word }) => word)
}

/** Counts the accounts of the project, up to a limit. */
export async function countUsers(db: Database, limit: number): Promise<number> {
  const some = db.queries.select({ id: users.id }).from(users).where(own(users, db)).limit(limit)
  return db.queries.$count(some.as('some'))
}
