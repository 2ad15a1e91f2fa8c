// Brings the schema up to date, under a lock: one instance migrates while the others wait.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { readDatabaseUrl } from '../database-url/read.ts'
import { packageRoot } from '../package.ts'
import { Connection } from './connection.ts'
import { applyLogins, type Logins, loginState } from './logins.ts'
import { openPool, type Sql } from './pool.ts'
import { applyPolicies, arePoliciesApplied } from './row-level-security.ts'
import { checkSession, defaultSchema, journalSchema } from './session.ts'

/** The advisory lock of our migrations: an arbitrary number. */
const lockId = 7_255_979_162

/** The oldest server that is supported, as server_version_num. */
export const oldestServer = 150_000

/** Thrown when this version cannot work on the database; the message says what to do. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

const folder = join(packageRoot, 'drizzle', 'migrations')

/** The migrations of this version; `when` in milliseconds since 1970. */
export function ownMigrations(): { tag: string; when: number }[] {
  return JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')).entries
}

/** The table of applied migrations; null where there is none. @throws where the database is away */
async function journalOf(sql: Sql): Promise<string | null> {
  const [found] = await sql.unsafe(
    `select to_regclass(quote_ident(${journalSchema}) || '.__drizzle_migrations')::text as journal,
      quote_ident(${journalSchema}) as schema`,
  )
  return found?.journal ? `${found.schema}.__drizzle_migrations` : null
}

/** Whether every migration of this version has been applied. @throws where the database is away */
export async function isMigrated(sql: Sql): Promise<boolean> {
  const journal = await journalOf(sql)
  if (journal === null) return false
  const [row] = await sql.unsafe(`select max(created_at) as last from ${journal}`)
  return ownMigrations().every(({ when }) => when <= Number(row?.last ?? 0))
}

/** Names of the migrations that the database lacks, and the number of those that this version does not know. */
export async function migrationState(sql: Sql): Promise<{ pending: string[]; foreign: number }> {
  const journal = await journalOf(sql)
  const rows = journal === null ? [] : await sql.unsafe(`select created_at from ${journal}`)
  const applied = new Set(rows.map(({ created_at }) => Number(created_at)))
  const known = ownMigrations()
  const instants = new Set(known.map(({ when }) => when))
  return {
    pending: known.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag),
    foreign: [...applied].filter((when) => !instants.has(when)).length,
  }
}

/**
 * Applies the migrations that are missing, as Drizzle's migrator does. Its files name the schema `public`, and it keeps its
 * journal in `drizzle`; in another schema the tables and the journal are both there.
 * @param tx a transaction
 * @param until the last migration that is applied, in milliseconds since 1970
 */
export async function applyMissing(tx: Sql, schema: string, until = Number.POSITIVE_INFINITY): Promise<void> {
  const journalIn = schema === defaultSchema ? 'drizzle' : schema
  for (const name of new Set([schema, journalIn])) {
    const [found] = await tx`select to_regnamespace(${name}) is not null as present`
    if (!found?.present) await tx.unsafe(`create schema if not exists "${name}"`)
  }
  const journal = `"${journalIn}".__drizzle_migrations`
  await tx.unsafe(
    `create table if not exists ${journal} (id serial primary key, hash text not null, created_at bigint)`,
  )
  const [last] = await tx.unsafe(`select max(created_at) as instant from ${journal}`)
  for (const { sql: statements, hash, folderMillis } of readMigrationFiles({ migrationsFolder: folder })) {
    if (folderMillis <= Number(last?.instant ?? 0) || folderMillis > until) continue
    for (const statement of statements) await tx.unsafe(statement.replaceAll('"public".', `"${schema}".`))
    await tx.unsafe(`insert into ${journal} (hash, created_at) values ($1, $2)`, [hash, folderMillis])
  }
}

/** Whether a statement of a client that sets no limit itself, as ours do in each transaction, may run for ever. */
async function isUnlimited(url: string): Promise<boolean> {
  const connection = new Connection(url, { name: 'sallyport-migrate', answerMs: null, pooled: true })
  try {
    const [row] = await connection.run((sql) => sql`select current_setting('statement_timeout') as timeout`)
    return row?.timeout === '0'
  } finally {
    await connection.close()
  }
}

/** @throws DatabaseError for a server on which this version cannot work, and for one that keeps no settings for us */
async function refuseUnfit(
  sql: Sql,
  { schema, pooled }: { schema: string | null; pooled: boolean },
): Promise<void> {
  const [server] = await sql`select current_setting('server_version_num')::int as version,
    current_setting('statement_timeout') as timeout`.catch(explainPooler)
  if (Number(server?.version) < oldestServer)
    throw new DatabaseError('This PostgreSQL is too old: Sallyport needs version 15 or later.')
  // We asked for five seconds when we connected: a pooler in between has ignored that.
  if (!pooled && server?.timeout !== '5s') throw new DatabaseError(unannouncedPooler)
  const { encoding, standby, dropped } = await checkSession(sql, schema)
  const [problem] = [encoding, standby].filter((sentence) => sentence !== null)
  if (problem) throw new DatabaseError(problem)
  if (dropped.length > 0) throw new DatabaseError(pooled ? droppedByPooler(dropped) : unannouncedPooler)
}

/** Settings that the pooler does not keep, though PgBouncer would. */
const droppedByPooler = (settings: readonly string[]): string =>
  `The pooler in front of PostgreSQL does not pass on ${settings.join(', ')}: set them for the role of DATABASE_URL (alter role … set … = …), as docs/scaling.md lists them.`

/** Runs a transaction again, at most four times, after a deadlock with an instance that serves already. */
async function retryingDeadlocks(transaction: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      return await transaction()
    } catch (error) {
      if (attempt === 5 || (error as { code?: unknown }).code !== '40P01') throw error
    }
}

/**
 * Applies missing migrations and policies on a connection of its own. Safe with any number of instances at once.
 * @param url DATABASE_URL
 * @param options.pooled whether it leads to a pooler in transaction mode
 * @param options.ownerUrl the URL of the tables' owner, without a pooler, where that is another role
 * @param options.logins the roles that the service is to log in as; they are made where the role of the URL may
 * @param options.warn called with a sentence about a setting that should be changed
 * @returns whether the service can log in as those roles
 * @throws DatabaseError for a server that is too old, and for an unannounced pooler
 */
export async function migrateDatabase(
  url: string,
  {
    pooled = false,
    ownerUrl = null,
    warn = () => {},
    logins = null,
  }: {
    pooled?: boolean
    ownerUrl?: string | null
    warn?: (line: string) => void
    logins?: Logins | null
  } = {},
): Promise<boolean> {
  const serviceLogin = ownerUrl === null ? null : readDatabaseUrl(url).user
  const { schema } = readDatabaseUrl(ownerUrl ?? url)
  const sql = openPool(ownerUrl ?? url, {
    connections: 1,
    name: 'sallyport-migrate',
    answerMs: null,
    pooled: pooled && ownerUrl === null,
  })
  try {
    await refuseUnfit(sql, { schema, pooled: pooled && ownerUrl === null })
    if (pooled && (await isUnlimited(url))) warn(noTimeLimit)
    const state = async () => (logins ? loginState(sql, logins) : 'impossible')
    if ((await isMigrated(sql)) && (await arePoliciesApplied(sql, serviceLogin))) {
      const found = await state()
      if (found !== 'missing') return found === 'ready'
    }
    // A pooler keeps one transaction on one session, with its lock and settings.
    const migrate = () =>
      sql.transaction('', null, async (tx) => {
        await tx`set local statement_timeout = 0`
        await tx`select pg_advisory_xact_lock(${lockId}::bigint)`
        await applyMissing(tx, schema ?? defaultSchema)
        await applyPolicies(tx, serviceLogin)
        if (logins) await applyLogins(tx, logins)
      })
    await retryingDeadlocks(migrate)
    return (await state()) === 'ready'
  } finally {
    await sql.end({ timeout: 5 })
  }
}

const unannouncedPooler =
  'Between Sallyport and PostgreSQL stands a pooler such as PgBouncer, which keeps no session for us: ' +
  'set DATABASE_POOLER=transaction, or let DATABASE_URL lead to PostgreSQL itself. docs/scaling.md says what that changes.'

const noTimeLimit =
  'Behind the pooler a statement that sets no limit itself may run for ever: set statement_timeout for the role, or in the pooler (docs/scaling.md).'

/** PgBouncer's refusal of settings at the start of a session. */
function explainPooler(error: Error & { code?: unknown }): never {
  if (/unsupported startup parameter/.test(error.message)) throw new DatabaseError(unannouncedPooler)
  throw error
}
