// The database that a command works on: the given one, the embedded one that a service is running, or the embedded one
// started for the length of the command.
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../config.ts'
import { EmbeddedDatabaseError, findRunningEmbedded, startEmbedded } from '../database/embedded.ts'
import { migrateDatabase } from '../database/migrations.ts'
import { openPools } from '../database/pools.ts'
import { createStore, type Store } from '../repositories/store.ts'

/** Milliseconds for which a service that is starting or restarting its database is waited for. */
const patienceMs = 15_000

/** The database of a live service, or one started here; a service between the two is given time to finish. */
async function findOrStart(dataDir: string): Promise<{ url: string; stop(): Promise<void> }> {
  const until = performance.now() + patienceMs
  for (;;) {
    const url = await findRunningEmbedded(dataDir)
    if (url) return { url, stop: async () => {} }
    try {
      return await startEmbedded({ dataDir, say: (line) => console.error(line) })
    } catch (error) {
      if (!(error instanceof EmbeddedDatabaseError) || performance.now() > until) throw error
      await sleep(200)
    }
  }
}

/** Runs `work` with the URL of the database and whether it leads to a pooler, and stops what was started for it. */
export async function withDatabaseUrl<T>(
  work: (url: string, access: { pooled: boolean; ownerUrl: string | null }) => Promise<T>,
): Promise<T> {
  const config = readConfig()
  if (config.databaseUrl)
    return work(config.databaseUrl, { pooled: config.databasePooled, ownerUrl: config.databaseOwnerUrl })
  const database = await findOrStart(config.dataDir)
  try {
    return await work(database.url, { pooled: false, ownerUrl: null })
  } finally {
    await database.stop()
  }
}

/** Runs `work` with a store over the migrated database. */
export function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  return withDatabaseUrl(async (url, access) => {
    await migrateDatabase(url, access)
    const warn = (line: string) => console.error(line)
    const { service, housekeeping, end } = await openPools(url, {
      connections: 2,
      name: 'sallyport-cli',
      pooled: access.pooled,
      warn,
    })
    try {
      return await work(createStore(service, housekeeping))
    } finally {
      await end()
    }
  })
}
