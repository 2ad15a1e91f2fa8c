// A database for one test, cloned from the migrated template; dropped when the test ends.
import { randomBytes } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import type { Pool } from '../../src/database/pool.ts'
import { createStores, type Stores } from '../../src/repositories/store.ts'

export const templateDatabase = 'sallyport_template'

/** URL of the server that `npm test` started. */
export function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL
  if (!url) throw new Error('Tests need the PostgreSQL that `npm test` starts: npm test -- <file>')
  return url
}

async function asAdmin(statement: string): Promise<void> {
  const admin = postgres(serverUrl(), { max: 1, onnotice: () => {} })
  try {
    await admin.unsafe(statement)
  } finally {
    await admin.end()
  }
}

/** Creates a database, with `template: false` an empty one. @returns its URL */
export async function createDatabase(
  t: { teardown(work: () => unknown): void },
  { template = true } = {},
): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const source = template ? `template ${templateDatabase} strategy file_copy` : ''
  await asAdmin(`create database ${name} ${source}`)
  t.teardown(() => asAdmin(`drop database if exists ${name} with (force)`))
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return url.href
}

/** The test's own connections as a pool. Their role bypasses row-level security. */
export function unwalled(sql: Sql): Pool {
  const bare = (tx: object) => Object.assign(tx, { options: sql.options, of: () => tx })
  const transaction = (mode: string, _projectId: string | null, work: (tx: never) => Promise<unknown>) =>
    sql.begin(mode, (tx) => work(bare(tx) as never))
  return Object.assign(bare(sql), { transaction }) as unknown as Pool
}

/** Stores on the test's own connections. */
export const storesOn = (sql: Sql): Stores => createStores(unwalled(sql))

/**
 * Stores on the test's own connections where some statements fail.
 * @param fails decides by the text of a statement whether it fails
 */
export function failingStores(sql: Sql, fails: (text: string) => boolean): Stores {
  const pool = unwalled(sql)
  const unsafe = (text: string, ...rest: never[]) => {
    if (!fails(text)) return pool.unsafe(text, ...rest)
    const failed = Promise.reject(new Error('away'))
    failed.catch(() => {})
    return Object.assign(failed, { values: () => failed })
  }
  const failing: Pool = new Proxy(pool, {
    get(target, name, receiver) {
      if (name === 'unsafe') return unsafe
      return name === 'of' ? () => failing : Reflect.get(target, name, receiver)
    },
  })
  return createStores(failing)
}
