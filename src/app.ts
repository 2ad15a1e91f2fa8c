// The composition root: starts every part once, from the database to the port, and closes them in the opposite order.
import cluster from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import {
  changeFeedFor,
  inboxFor,
  mailerFor,
  migratedPoolsFor,
  outgoingCallsFor,
  redisCounterFor,
  replicaFor,
  tracingFor,
} from './adapters.ts'
import { shareMetrics } from './cluster/metrics.ts'
import { primaryCounter } from './cluster/rate-limits.ts'
import type { Config } from './config/config.ts'
import { createHashScheduler } from './crypto/hash-scheduler.ts'
import { type Argon2Parameters, defaultParameters, loadArgon2 } from './crypto/passwords.ts'
import { refreshKey } from './crypto/refresh-secret.ts'
import { startClock } from './database/clock.ts'
import { startEmbedded } from './database/embedded/embedded.ts'
import { masterSecrets } from './database/secret-file.ts'
import { readDatabaseUrl } from './database-url/read.ts'
import type { Services } from './domain/context.ts'
import { createServices, keysFor, serviceKeys } from './domain/services.ts'
import type { CacheStats } from './domain/sessions/session-cache.ts'
import { openSigningKeys } from './domain/signing-keys/signing-keys.ts'
import { prepareInstallation, requireMailFolder } from './first-start.ts'
import { printEvent } from './http/admin/event-views.ts'
import { memoryCounter, uncounted } from './http/rate-limit-memory.ts'
import { createServer } from './http/server.ts'
import { createTokens } from './http/tokens.ts'
import { startCleanupJob } from './jobs/cleanup.ts'
import { type KeyRotationJob, type KeyRotationOptions, startKeyRotationJob } from './jobs/key-rotation.ts'
import { startMailJob } from './jobs/mail.ts'
import type { Job } from './jobs/schedule.ts'
import { startSealingJob } from './jobs/sealing.ts'
import { startWebhookJob } from './jobs/webhooks.ts'
import { createMetrics, type Metrics } from './observability/metrics.ts'
import { createObserver } from './observability/observer.ts'
import { version } from './package.ts'
import { readiness } from './readiness.ts'
import { isUnavailable } from './repositories/availability.ts'
import { countUnsentDeliveries } from './repositories/events/deliveries.ts'
import { countMails } from './repositories/mail/listed-mails.ts'
import { createStores } from './repositories/store.ts'
import { Started } from './started.ts'
import { lowerHashPriority } from './tuning.ts'

export interface RunningApp {
  readonly server: FastifyInstance
  /** Where it listens, as a URL for this machine. */
  readonly url: string
  /** For programs that call verbs beside the requests. */
  readonly services: Services
  /** Sets the clock by the database at once, instead of within half a minute. */
  checkClock(): Promise<void>
  /** Reads the signing keys at once, instead of within a minute. */
  checkKeys(): Promise<void>
  /** Sizes and hits of the caches of sessions and API keys. */
  cacheStats(): { readonly sessions: CacheStats; readonly apiKeys: CacheStats }
  /** Resolves when every change committed before the call is known here; false: without a change feed nothing is cached. */
  awaitChanges(): Promise<boolean>
  /**
   * Fails the readiness check, goes on for `delayMs` (default: SHUTDOWN_DELAY_MS), then answers the requests under way, refuses
   * new ones, and closes every part. May be called more than once.
   */
  close(delayMs?: number): Promise<void>
}

export interface AppOptions {
  /** What a password hash costs; default: as the service ships. Tests, which sign thousands in, choose less. */
  readonly passwordParameters?: Argon2Parameters
}

/** Milliseconds that requests under way may take when the service stops; less than a container's grace period. */
const drainMs = 8000

/**
 * Starts everything and listens.
 * @throws ConfigError, EmbeddedDatabaseError, DatabaseError, SealedKeyError: sentences for the operator; nothing runs then
 */
export async function startApp(
  config: Config,
  log: FastifyBaseLogger,
  options: AppOptions = {},
): Promise<RunningApp> {
  const started = new Started()
  try {
    return await start(config, log, started, options)
  } catch (error) {
    await started.close()
    throw error
  }
}

/** Starts the background jobs. @returns the key-rotation job, whose `check` the app offers to its caller */
function startJobs(
  config: Config,
  log: FastifyBaseLogger,
  started: Started,
  parts: Pick<KeyRotationOptions, 'keys' | 'tokens' | 'changeFeed'> & {
    readonly services: Services
    readonly metrics: Metrics
  },
): KeyRotationJob {
  const { publicUrl, keyRotationSeconds: rotationSeconds } = config
  const { services, keys, tokens, changeFeed } = parts
  const { mailed, delivered } = parts.metrics
  const start = <J extends Job>(job: J): J => started.add(job, (it) => it.stop())
  const keyRotation = start(startKeyRotationJob({ services, keys, tokens, rotationSeconds, log, changeFeed }))
  services.projects.beforeUse(keyRotation.prepare)
  start(startCleanupJob(services, log))
  start(startSealingJob(services, log))
  const mailer = mailerFor(config, log)
  start(startMailJob({ services, mailer, publicUrl, log, mailed }))
  start(startWebhookJob({ services, printEvent, log, delivered }))
  return keyRotation
}

/** Reason for its length: the parts in the order in which they start, each handed to those after it. */
async function start(
  config: Config,
  log: FastifyBaseLogger,
  started: Started,
  { passwordParameters = defaultParameters }: AppOptions,
): Promise<RunningApp> {
  // Loads while the database starts; a failure is reported where it is awaited.
  const argon2 = loadArgon2()
  argon2.catch(() => {})
  requireMailFolder(config)
  const { publicUrl, dataDir } = config
  const startOwn = () => startEmbedded({ dataDir, say: (line) => log.info(line) })
  const url = config.databaseUrl ?? started.add(await startOwn(), (it) => it.stop()).url
  const secrets = await masterSecrets(config)

  const metrics = createMetrics(version)
  const shared = started.add(cluster.isWorker ? shareMetrics(metrics.registry) : null, (it) => it.leave())
  const tracing = started.add(await tracingFor(config, log), (it) => it.stop())
  const opened = await migratedPoolsFor(url, config, secrets, { log, metrics, tracing })
  const pools = started.add(opened, (it) => it.end())
  const replica = started.add(await replicaFor(config, pools, log), (it) => it.close())
  const clock = started.add(await startClock(pools.unscoped), (it) => it.stop())
  const changeFeed = started.add(changeFeedFor(config, pools, log), (it) => it.close())

  const observer = createObserver(metrics, log)
  const stores = createStores(pools.service, {
    unscopedPool: pools.unscoped,
    awaitDelivery: changeFeed && (() => changeFeed.awaitDelivery()),
    recorded: observer.recorded,
    replica,
  })
  const scheduler = createHashScheduler({
    slots: config.hashSlots,
    onBegin: (waitedMs) => metrics.hashWaited(waitedMs / 1000),
  })
  const services = createServices({
    stores,
    publicUrl,
    keys: serviceKeys(secrets),
    ...outgoingCallsFor(config, log),
    argon2: () => argon2,
    parameters: passwordParameters,
    scheduler: tracing?.hashing(scheduler) ?? scheduler,
    changeFeed,
    observer,
    now: clock.now,
  })
  const [keys] = await Promise.all([openSigningKeys(services), services.passwords.decoy()])
  lowerHashPriority(config)
  const projects = await prepareInstallation(config, services, log)

  const [newestKey, ...olderKeys] = keysFor(secrets, 'refresh')
  const printingKey = refreshKey(newestKey)
  const tokens = await createTokens(keys, { publicUrl, refreshKey: printingKey, now: clock.now })
  const localCounter = cluster.isWorker ? primaryCounter() : memoryCounter()
  const [limitsKey] = keysFor(secrets, 'limits')
  const redis = started.add(await redisCounterFor(config, limitsKey, localCounter, log), (it) => it.close())
  const cacheStats = () => ({
    sessions: services.sessionCache.stats(),
    apiKeys: services.apiKeyCache.stats(),
  })
  metrics.read({
    hashes: scheduler.depth,
    connections: pools.service.depth,
    standby: () => replica && replica.state() === 'replica',
    redis: () => redis?.isConnected() ?? null,
    caches: { sessions: () => cacheStats().sessions, api_keys: () => cacheStats().apiKeys },
    mails: () => countMails(stores.unscoped),
    deliveries: () => countUnsentDeliveries(stores.unscoped),
  })

  const keyRotation = startJobs(config, log, started, { services, keys, tokens, changeFeed, metrics })

  let closing: Promise<void> | undefined
  const server = await createServer({
    services,
    tokens,
    refreshKeys: [printingKey, ...olderKeys.map(refreshKey)],
    publicUrl,
    version,
    cookieSecure: config.cookieSecure,
    nodeloomCookie: config.nodeloomCookie,
    credeblCryptoKey: config.credeblCryptoKey,
    playground: config.playground,
    inbox: inboxFor(config),
    trustedProxies: config.trustedProxies,
    ...projects,
    contracts: config.contracts,
    counter: config.limits ? (redis?.count ?? localCounter) : uncounted,
    isReady: readiness(pools, scheduler, {
      isStopping: () => closing !== undefined,
      schema: readDatabaseUrl(url).schema,
      tell: (reason) => log.error({ reason }, 'The database is not fit: npx . doctor says more'),
    }),
    isUnavailable,
    metrics,
    metricsRoute: {
      scrape: shared?.scrape ?? (() => metrics.registry.metrics()),
      mediaType: metrics.registry.contentType,
      token: config.metricsToken,
    },
    maxEventLoopDelayMs: config.maxEventLoopDelayMs,
    tracing,
    logger: log,
  })
  started.add(server, drain)
  return {
    server,
    url: await server.listen({ host: config.host, port: config.port }),
    services,
    checkClock: clock.set,
    checkKeys: keyRotation.check,
    cacheStats,
    awaitChanges: async () => (await changeFeed?.flush()) ?? false,
    close(delayMs = config.shutdownDelayMs) {
      closing ??= sleep(delayMs).then(() => started.close())
      return closing
    },
  }
}

/** Closes the server: requests under way are answered; connections whose request has not arrived by then are cut. */
async function drain(server: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), drainMs)
  await server.close()
  clearTimeout(timer)
}
