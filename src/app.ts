// The composition root: builds each part once, and takes them down in the opposite order.
import cluster from 'node:cluster'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import { type Courier, startCourier } from './courier.ts'
import { createHashScheduler } from './crypto/hash-scheduler.ts'
import { defaultParameters, loadArgon2 } from './crypto/passwords.ts'
import { refreshKey } from './crypto/refresh-secret.ts'
import { deriveKey } from './crypto/secrets.ts'
import { type Clock, startClock } from './database/clock.ts'
import { type EmbeddedDatabase, startEmbedded } from './database/embedded.ts'
import { isMigrated, migrateDatabase } from './database/migrations.ts'
import { type Notices, openNotices } from './database/notices.ts'
import { openPools, type Pools } from './database/pools.ts'
import type { Replica } from './database/replica.ts'
import { keptSecretKey } from './database/secret-file.ts'
import { createDomain } from './domain/index.ts'
import type { RecallStats } from './domain/recall.ts'
import { createSigningKeys } from './domain/signing-keys.ts'
import { makeFirstAdmin, standingProjects } from './first-start.ts'
import { createServer } from './http/server.ts'
import type { SharedCounts } from './http/shared-counts.ts'
import { createTokens } from './http/tokens.ts'
import { type KeyKeeper, startKeyKeeper } from './key-keeper.ts'
import { countSignIns } from './metrics/counting.ts'
import { createMetrics, metricsMediaType } from './metrics/metrics.ts'
import { type SharedMetrics, shareWithWorkers } from './metrics/workers.ts'
import { version } from './package.ts'
import { isUnavailable } from './repositories/availability.ts'
import { statementName } from './repositories/database.ts'
import { noting } from './repositories/noting.ts'
import { replicated } from './repositories/replicated.ts'
import { createStore } from './repositories/store.ts'
import { letHashesGiveWay } from './resources.ts'
import { createProviders } from './social/providers.ts'
import { mailerFor, replicaFor, sharedCountsFor } from './surroundings.ts'
import { type Sweeper, startSweeper } from './sweeper.ts'
import { startTracing, type Tracing } from './tracing/tracing.ts'
import { countStore } from './workers/counts.ts'

export interface RunningApp {
  readonly server: FastifyInstance
  /** Where it listens, as a URL for this machine. */
  readonly url: string
  /** Takes up at once what was done to the signing keys, instead of within a minute. */
  lookAfterKeys(): Promise<void>
  /** What was remembered of sessions and keys, and how often that saved a statement. */
  remembered(): { readonly sessions: RecallStats; readonly apiKeys: RecallStats }
  /** Resolves when whatever was committed before the call is known here; false where nothing is remembered anyway. */
  catchUp(): Promise<boolean>
  /** Answers what is under way, refuses what is new, and stops every part. May be called more than once. */
  close(): Promise<void>
}

/** Milliseconds that requests under way may take when the service stops; less than a container's grace period. */
const drainMs = 8000

/** Master secrets, newest first, as 32-byte keys for one use. */
function keysFor(secrets: readonly [string, ...string[]], use: string): [Buffer, ...Buffer[]] {
  const derive = (secret: string) => deriveKey(Buffer.from(secret, 'utf8'), use)
  const [newest, ...older] = secrets
  return [derive(newest), ...older.map(derive)]
}

/** A check that is asked at most once a second, however often it is called; one that takes longer has failed. */
function oncePerSecond(check: () => Promise<boolean>): () => Promise<boolean> {
  let asked = 0
  let answer: Promise<boolean> = Promise.resolve(false)
  return () => {
    if (performance.now() - asked >= 1000 || asked === 0) {
      asked = performance.now()
      const tooLate = new Promise<boolean>((resolve) => setTimeout(resolve, 1000, false).unref())
      answer = Promise.race([check().catch(() => false), tooLate])
    }
    return answer
  }
}

/**
 * Starts everything and listens.
 * @throws ConfigError, EmbeddedDatabaseError, DatabaseError, SealedKeyError: sentences for the operator; nothing runs then
 */
export async function startApp(config: Config, log: FastifyBaseLogger): Promise<RunningApp> {
  let embedded: EmbeddedDatabase | undefined
  let pools: Pools | undefined
  let server: FastifyInstance | undefined
  let courier: Courier | undefined
  let sweeper: Sweeper | undefined
  let keyKeeper: KeyKeeper | undefined
  let sharedCounts: SharedCounts | null = null
  let tracing: Tracing | null = null
  let notices: Notices | undefined
  let replica: Replica | undefined
  let shared: SharedMetrics | undefined
  let clock: Clock | undefined
  let closing: Promise<void> | undefined

  async function takeDown(): Promise<void> {
    // Who has not finished sending a request by then never will; everybody else is answered.
    const patience = setTimeout(() => server?.server.closeAllConnections(), drainMs)
    await server?.close()
    clearTimeout(patience)
    await courier?.stop()
    await sweeper?.stop()
    await keyKeeper?.stop()
    sharedCounts?.close()
    await notices?.close()
    await replica?.close()
    clock?.stop()
    await pools?.end()
    await Promise.all([tracing?.stop(), shared?.leave()])
    await embedded?.stop()
  }

  try {
    const argon2 = loadArgon2()
    argon2.catch(() => {})
    if (!config.databaseUrl)
      embedded = await startEmbedded({ dataDir: config.dataDir, say: (line) => log.info(line) })
    const url = config.databaseUrl ?? embedded?.url ?? ''
    const secret = config.secretKey ?? (await keptSecretKey(config.dataDir))
    const secrets: [string, ...string[]] = [
      secret,
      ...(config.previousSecretKey ? [config.previousSecretKey] : []),
    ]
    const pooled = config.databasePooled
    const warn = (line: string) => log.warn(line)
    await migrateDatabase(url, { pooled, ownerUrl: config.databaseOwnerUrl, warn })

    const metrics = createMetrics(version)
    if (cluster.isWorker) shared = shareWithWorkers(metrics.data)
    tracing =
      config.tracing &&
      (await startTracing(config.tracing, {
        version,
        statementName,
        onTrouble: (reason) => log.warn({ reason }, 'Traces could not be sent'),
      }))
    pools = await openPools(url, {
      connections: config.databaseConnections,
      pooled,
      waited: metrics.connectionWaited,
      watch: tracing?.statement,
      warn,
    })
    const { service, housekeeping } = pools
    replica = await replicaFor(config, pools, log)
    clock = await startClock(housekeeping)
    const say = (heard: boolean, words: string, err?: unknown) =>
      heard ? log.info(words) : log.warn({ err }, words)
    if (config.sessionCache && !pooled) notices = openNotices({ url, pool: housekeeping, say })
    const store = noting(
      replicated(createStore(service, housekeeping, notices?.settle), replica),
      metrics.happened,
    )
    const scheduler = createHashScheduler({
      slots: config.hashSlots,
      onBegin: (waitedMs) => metrics.hashWaited(waitedMs / 1000),
    })
    const signingKeys = createSigningKeys(store, keysFor(secrets, 'seal'))
    const [domain, keys] = await Promise.all([
      argon2.then((binding) =>
        createDomain({
          store,
          argon2: binding,
          parameters: defaultParameters,
          scheduler: tracing?.hashing(scheduler) ?? scheduler,
          lookupKey: keysFor(secrets, 'lookup')[0],
          mailKey: keysFor(secrets, 'mail')[0],
          flowKeys: keysFor(secrets, 'social'),
          fingerprintKeys: keysFor(secrets, 'idempotency'),
          answerKeys: keysFor(secrets, 'idempotency-answers'),
          ...(notices && { notices }),
          providers: createProviders({
            secrets: config.providerSecrets,
            onTrouble: (provider, error) => log.warn({ provider, err: error }, 'A provider cannot be asked'),
          }),
          refreshed: metrics.refreshed,
        }),
      ),
      signingKeys.open(),
    ])
    letHashesGiveWay(config.threadPoolSize)
    metrics.read({
      hashes: scheduler.depth,
      connections: service.depth,
      standby: () => replica && replica.state() === 'replica',
      redis: () => sharedCounts && sharedCounts.state() === 'redis',
      caches: { sessions: domain.sessions.stats, api_keys: domain.apiKeys.stats },
      mails: store.everywhere.mailroom.standing,
    })
    const standing = await standingProjects(config, domain)
    if (await makeFirstAdmin(config, domain, standing.contractProjectId))
      log.info('The first admin was made; from now on the ADMIN_ variables change nothing')
    const [newest, ...older] = keysFor(secrets, 'refresh')
    const printing = refreshKey(newest)
    const { publicUrl } = config
    const tokens = await createTokens(keys, { publicUrl, refreshKey: printing, now: clock.now })
    sharedCounts = await sharedCountsFor(config, keysFor(secrets, 'limits')[0], log)
    server = await createServer({
      domain: countSignIns(domain, metrics),
      tokens,
      refreshKeys: [printing, ...older.map(refreshKey)],
      publicUrl: config.publicUrl,
      version,
      cookieSecure: config.cookieSecure,
      nodeloomCookie: config.nodeloomCookie,
      playground: config.playground,
      trustedProxies: config.trustedProxies,
      ...standing,
      contracts: config.contracts,
      sharedCounts,
      countStore: cluster.isWorker ? countStore() : null,
      isReady: oncePerSecond(async () => {
        const { waiting, capacity } = scheduler.depth()
        // Both pools: connections of the one may be lost while those of the other are not.
        const [migrated] = await Promise.all([isMigrated(housekeeping), service`select 1`])
        return migrated && waiting < capacity
      }),
      isUnavailable,
      metrics,
      metricsRoute: {
        scrape: shared?.scrape ?? metrics.text,
        mediaType: metricsMediaType,
        token: config.metricsToken,
      },
      maxEventLoopDelayMs: config.maxEventLoopDelayMs,
      tracing,
      logger: log,
    })
    courier = startCourier({
      store,
      projects: domain.projects,
      mailTokens: domain.mailTokens,
      teamInvitations: domain.teamInvitations,
      registration: domain.registration,
      mailer: mailerFor(config, log),
      publicUrl: config.publicUrl,
      log,
      mailed: metrics.mailed,
    })
    sweeper = startSweeper({ store, log })
    keyKeeper = startKeyKeeper({
      signingKeys,
      keys,
      use: tokens.use,
      rotationSeconds: config.keyRotationSeconds,
      log,
    })
    const listening = await server.listen({ host: config.host, port: config.port })
    return {
      server,
      url: listening,
      lookAfterKeys: keyKeeper.look,
      remembered: () => ({ sessions: domain.sessions.stats(), apiKeys: domain.apiKeys.stats() }),
      catchUp: async () => (await notices?.catchUp()) ?? false,
      close() {
        closing ??= takeDown()
        return closing
      },
    }
  } catch (error) {
    await takeDown()
    throw error
  }
}
