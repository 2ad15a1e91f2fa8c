// Brings the schema up to date, under a lock that lets one instance do it while the others wait.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { packageRoot } from '../package.ts'
import { openPool, type Sql } from './pool.ts'
import { raiseWalls, wallsStand } from './walls.ts'

/** Any number, as long as nobody else takes it: the advisory lock of our migrations. */
const lockId = 7_255_979_162

/** The oldest server that is supported, as server_version_num. */
export const oldestServer = 150_000

/** Thrown when the server cannot carry this version's schema; the message says what to do. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

const folder = join(packageRoot, 'drizzle', 'migrations')

/** The migrations that this version carries, each with its instant (milliseconds). */
function carried(): { tag: string; when: number }[] {
  return JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')).entries
}

/** The instant (milliseconds) of the newest migration that this version carries. */
const newest = () => Math.max(0, ...carried().map(({ when }) => when))

/** Whether every migration of this version has been applied. In: a pool. Throws when the database is away. */
export async function isMigrated(sql: Sql): Promise<boolean> {
  const [found] = await sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`
  if (!found?.present) return false
  const [row] = await sql`select max(created_at) as last from drizzle.__drizzle_migrations`
  return Number(row?.last ?? 0) >= newest()
}

/** Names of the migrations that the database lacks, and how many it has that this version does not know. In: a pool. */
export async function migrationState(sql: Sql): Promise<{ pending: string[]; foreign: number }> {
  const [found] = await sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`
  const rows = found?.present ? await sql`select created_at from drizzle.__drizzle_migrations` : []
  const applied = new Set(rows.map(({ created_at }) => Number(created_at)))
  const known = carried()
  const instants = new Set(known.map(({ when }) => when))
  return {
    pending: known.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag),
    foreign: [...applied].filter((when) => !instants.has(when)).length,
  }
}

/** A pool's transaction as the migrator wants it: what it begins is this transaction, so our lock holds around it. */
function migratorOn(tx: Sql, options: Sql['options']) {
  const begin = (work: (sql: Sql) => Promise<unknown>) => work(tx)
  return drizzle(Object.assign(tx, { begin, options }))
}

/**
 * Applies what is missing, on a connection of its own. Safe with any number of instances at once.
 * In: the service's URL; whether it leads to a pooler in transaction mode; the owner's where that is another role, without a
 * pooler; who is told what should be changed there.
 * @throws DatabaseError for a server that is too old, and for a pooler that we were not told of
 */
export async function migrateDatabase(
  url: string,
  {
    pooled = false,
    ownerUrl = null,
    warn = () => {},
  }: { pooled?: boolean; ownerUrl?: string | null; warn?: (line: string) => void } = {},
): Promise<void> {
  const serviceLogin = ownerUrl === null ? null : decodeURIComponent(new URL(url).username)
  const sql = openPool(ownerUrl ?? url, {
    connections: 1,
    name: 'sallyport-migrate',
    answerMs: null,
    pooled: pooled && ownerUrl === null,
  })
  try {
    const [server] = await sql`select current_setting('server_version_num')::int as version,
      current_setting('statement_timeout') as timeout`.catch(tellPooler)
    if (Number(server?.version) < oldestServer)
      throw new DatabaseError('This PostgreSQL is too old: Sallyport needs version 15 or later.')
    // We asked for five seconds when we connected. Somebody in between took that as his to keep, and did not.
    if ((!pooled || ownerUrl) && server?.timeout !== '5s') throw new DatabaseError(untoldPooler)
    if (server?.timeout === '0') warn(noTimeLimit)
    if ((await isMigrated(sql)) && (await wallsStand(sql, serviceLogin))) return
    // Locks and settings of one transaction, which a pooler keeps on one session.
    await sql.begin(async (tx) => {
      await tx`set local statement_timeout = 0`
      await tx`select pg_advisory_xact_lock(${lockId}::bigint)`
      await migrate(migratorOn(tx as unknown as Sql, sql.options), { migrationsFolder: folder })
      await raiseWalls(tx as unknown as Sql, serviceLogin)
    })
  } finally {
    await sql.end({ timeout: 5 })
  }
}

const untoldPooler =
  'Between Sallyport and PostgreSQL stands a pooler such as PgBouncer, which keeps no session for us: ' +
  'set DATABASE_POOLER=transaction, or let DATABASE_URL lead to PostgreSQL itself. SCALING.md says what that changes.'

const noTimeLimit =
  'Behind the pooler a statement may run for ever: set statement_timeout for the role, or in the pooler (SCALING.md).'

/** PgBouncer's refusal of settings at the start of a session. */
function tellPooler(error: Error & { code?: unknown }): never {
  if (/unsupported startup parameter/.test(error.message)) throw new DatabaseError(untoldPooler)
  throw error
}
