// The database that a command works on: the one of DATABASE_URL, the embedded one of a running service, or the embedded one,
// started for as long as the command runs.
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../config/config.ts'
import { createHashScheduler } from '../crypto/hash-scheduler.ts'
import { defaultParameters, loadArgon2 } from '../crypto/passwords.ts'
import { EmbeddedDatabaseError, findRunningEmbedded, startEmbedded } from '../database/embedded/embedded.ts'
import { migrateDatabase } from '../database/migrations.ts'
import { openPools } from '../database/pools.ts'
import { masterSecrets } from '../database/secret-file.ts'
import { type OperatorContext, operatorContext, type Services } from '../domain/context.ts'
import { createServices, serviceKeys } from '../domain/services.ts'
import { webhookSender } from '../outgoing/webhook-sender.ts'
import { createStores } from '../repositories/store.ts'
import { interrupted, stopWhenInterrupted } from './interruption.ts'

/** Milliseconds to wait for a service that is starting or stopping the embedded database. */
const patienceMs = 15_000

const say = (line: string) => console.error(line)

/** The embedded database of a running service, or one that is started here; a service in between is waited for. */
async function findOrStart(dataDir: string): Promise<{ url: string; stop(): Promise<void> }> {
  const until = performance.now() + patienceMs
  for (;;) {
    const url = await findRunningEmbedded(dataDir)
    if (url) return { url, stop: async () => {} }
    try {
      return await startEmbedded({ dataDir, say })
    } catch (error) {
      if (!(error instanceof EmbeddedDatabaseError) || error.isConfiguration) throw error
      if (performance.now() > until || interrupted.aborted) throw error
      await sleep(200, undefined, { signal: interrupted })
    }
  }
}

/** Runs `work` with the URL of the database as it is. Stops the database if it was started for that, also on a signal. */
export async function withUnmigrated<T>(work: (url: string, pooled: boolean) => Promise<T>): Promise<T> {
  const { databaseUrl, databasePooled: pooled, dataDir } = readConfig()
  if (databaseUrl) return await work(databaseUrl, pooled)
  const starting = findOrStart(dataDir)
  const forget = stopWhenInterrupted(async () => (await starting).stop())
  try {
    const { url, stop } = await starting
    return await work(url, pooled).finally(stop)
  } finally {
    forget()
  }
}

/**
 * Applies the migrations that the database is missing and runs `work` with its URL. Stops the database if it was started
 * for that.
 * @param work.pooled whether the URL leads to a pooler in transaction mode
 */
export function withDatabase<T>(work: (url: string, pooled: boolean) => Promise<T>): Promise<T> {
  const { databaseOwnerUrl: ownerUrl } = readConfig()
  return withUnmigrated(async (url, pooled) => {
    await migrateDatabase(url, { pooled, ownerUrl })
    return await work(url, pooled)
  })
}

/** Takes the place of a part that no command uses: a verb that reads it fails. */
function absent<T extends object>(part: string): T {
  return new Proxy({} as T, {
    get() {
      throw new Error(`A command has no ${part}.`)
    },
  })
}

/** Runs `work` with services on the migrated database. Argon2 is loaded where a password is hashed. */
export function withServices<T>(work: (services: Services) => Promise<T>): Promise<T> {
  return withDatabase(async (url, pooled) => {
    const config = readConfig()
    const secrets = await masterSecrets(config)
    const options = { connections: 2, name: 'sallyport-cli', pooled, warn: say }
    const { service, unscoped, end } = await openPools(url, options)
    const services = createServices({
      stores: createStores(service, { unscopedPool: unscoped }),
      publicUrl: config.publicUrl,
      keys: serviceKeys(secrets),
      providers: absent('providers'),
      webhookSender,
      argon2: loadArgon2,
      parameters: defaultParameters,
      scheduler: createHashScheduler(),
    })
    try {
      return await work(services)
    } finally {
      await end()
    }
  })
}

/**
 * Runs `work` in the context of an operator of a project.
 * @throws AuthError project_unknown
 */
export function withProject<T>(projectId: string, work: (ctx: OperatorContext) => Promise<T>): Promise<T> {
  return withServices(async (services) =>
    work(operatorContext(services, await services.projects.getAny(projectId))),
  )
}
