// Brings the schema up to date, under a lock that lets one instance do it while the others wait.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { packageRoot } from '../package.ts'
import { openPool, type Sql } from './pool.ts'

/** Any number, as long as nobody else takes it: the advisory lock of our migrations. */
const lockId = 7_255_979_162

/** The oldest server that is supported, as server_version_num. */
const oldestServer = 150_000

/** Thrown when the server cannot carry this version's schema; the message says what to do. */
export class DatabaseError extends Error {
  override name = 'DatabaseError'
}

const folder = join(packageRoot, 'drizzle', 'migrations')

/** The instant (milliseconds) of the newest migration that this version carries. */
function newest(): number {
  const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: { when: number }[]
  }
  return Math.max(0, ...journal.entries.map((entry) => entry.when))
}

/** Whether every migration of this version has been applied. In: a pool. Throws when the database is away. */
export async function isMigrated(sql: Sql): Promise<boolean> {
  const [found] = await sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`
  if (!found?.present) return false
  const [row] = await sql`select max(created_at) as last from drizzle.__drizzle_migrations`
  return Number(row?.last ?? 0) >= newest()
}

/**
 * Applies what is missing, on a connection of its own. Safe with any number of instances at once.
 * @throws DatabaseError for a server that is too old
 */
export async function migrateDatabase(url: string): Promise<void> {
  const sql = openPool(url, { connections: 1, name: 'sallyport-migrate', answerMs: null })
  try {
    const [server] = await sql`select current_setting('server_version_num')::int as version`
    if (Number(server?.version) < oldestServer)
      throw new DatabaseError('This PostgreSQL is too old: Sallyport needs version 15 or later.')
    if (await isMigrated(sql)) return
    await sql`set statement_timeout = 0`
    await sql`select pg_advisory_lock(${lockId}::bigint)`
    try {
      await migrate(drizzle(sql), { migrationsFolder: folder })
    } finally {
      await sql`select pg_advisory_unlock(${lockId}::bigint)`
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}
