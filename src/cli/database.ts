// The database that a command works on: the given one, the embedded one that a service is running, or the embedded one
// started for the length of the command.
import { readConfig } from '../config.ts'
import { findRunningEmbedded, startEmbedded } from '../database/embedded.ts'
import { isMigrated, migrateDatabase } from '../database/migrations.ts'
import { openPool } from '../database/pool.ts'
import { createStore, type Store } from '../repositories/store.ts'

/** Runs `work` with the URL of the database, and stops what was started for it. */
export async function withDatabaseUrl<T>(work: (url: string) => Promise<T>): Promise<T> {
  const config = readConfig()
  const running = config.databaseUrl ?? (await findRunningEmbedded(config.dataDir))
  if (running) return work(running)
  const embedded = await startEmbedded({ dataDir: config.dataDir, say: (line) => console.error(line) })
  try {
    return await work(embedded.url)
  } finally {
    await embedded.stop()
  }
}

/** Runs `work` with a store over the migrated database. */
export function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  return withDatabaseUrl(async (url) => {
    const sql = openPool(url, { connections: 2, name: 'sallyport-cli' })
    try {
      if (!(await isMigrated(sql))) await migrateDatabase(url)
      return await work(createStore(sql))
    } finally {
      await sql.end({ timeout: 5 })
    }
  })
}
