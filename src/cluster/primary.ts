// The primary process: does what must be done once, keeps so many workers alive, and restarts them without a gap.
//
// It serves nothing itself. A worker is the whole service as one instance among others, which are safe with each other
// (they migrate, sweep, send mail and rotate keys in turns), so nothing but the embedded database needs one owner.
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.ts'
import { type EmbeddedDatabase, startEmbedded } from '../database/embedded/embedded.ts'
import { migrateDatabase } from '../database/migrations.ts'
import { ensureSecretKey } from '../database/secret-file.ts'
import { onMessage, toWorker } from './messages.ts'
import { collectForWorkers } from './metrics.ts'
import { countForWorkers } from './rate-limits.ts'

/** Thrown when no worker could be started. The worker has said why on standard error; `code` is what it ended with. */
export class WorkerError extends Error {
  override name = 'WorkerError'
  readonly code: number
  constructor(code: number) {
    super('The service ends, because its workers do not start.')
    this.code = code
  }
}

/** A worker that ends sooner than this after its start has failed: it is replaced after a pause that doubles. */
const stableMs = 10_000
const [pauseMs, longestPauseMs] = [100, 10_000]
/** Failures in a row, while no worker serves, after which the service ends. */
const maxFailures = 5
/** Milliseconds after which a worker that was told to stop, or to retire, is killed. A retiring one serves its open connections. */
const [stopMs, retireMs] = [15_000, 90_000]

/** Resolves when a worker has ended, to its exit code and signal. */
async function ended(worker: Worker): Promise<{ exit: number; signal: NodeJS.Signals | null }> {
  if (!worker.isDead()) await once(worker, 'exit')
  const { exitCode, signalCode } = worker.process
  return { exit: exitCode ?? 1, signal: signalCode }
}

/** Resolves when a worker has ended; kills it after `ms` milliseconds. */
async function endWithin(worker: Worker, ms: number): Promise<void> {
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), ms)
  await ended(worker)
  clearTimeout(timer)
}

/** The worker processes of a service, and the embedded database if it has one. */
export class Workers {
  readonly #config: Config
  readonly #log: FastifyBaseLogger
  /** Variables of the workers, over those of this process. */
  readonly #environment: Record<string, string>
  readonly #serving = new Set<Worker>()
  readonly #retiring = new Set<Worker>()
  /** Rejects with a WorkerError when no worker is left and none can be started. */
  readonly failed: Promise<never>
  #fail: (error: WorkerError) => void = () => {}
  #failures = 0
  #url = ''
  #embedded: EmbeddedDatabase | undefined
  #closing: Promise<void> | undefined
  #isRestarting = false
  /** Whether SIGHUP has come since the last restart began. */
  #isRestartDue = false

  private constructor(config: Config, log: FastifyBaseLogger) {
    this.#config = config
    this.#log = log
    this.#environment = { WORKERS: String(config.workers) }
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
  }

  /**
   * Starts the workers of a configuration with more than one.
   * @throws EmbeddedDatabaseError, DatabaseError: sentences for the operator; WorkerError, whose worker has said its own
   */
  static async start(config: Config, log: FastifyBaseLogger): Promise<Workers> {
    const workers = new Workers(config, log)
    process.on('SIGHUP', () => workers.#restart())
    try {
      await workers.#prepareDatabase()
      collectForWorkers()
      countForWorkers()
      // The first one alone, so that a cause that stops every worker is reported once.
      const first = await workers.#startOne()
      if ('exit' in first) throw new WorkerError(first.exit || 1)
      workers.#url = first.url
      await Promise.all(Array.from({ length: config.workers - 1 }, () => workers.#replace()))
      return workers
    } catch (error) {
      await workers.close()
      throw error
    }
  }

  /** Where they listen, as a URL for this machine. */
  get url(): string {
    return this.#url
  }

  /** Lets every worker finish what is under way, then stops the database that was started. May be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#takeDown()
    return this.#closing
  }

  /** Starts the embedded database if there is one, migrates, and tells the workers where the database is. */
  async #prepareDatabase(): Promise<void> {
    const { databaseUrl, databaseOwnerUrl: ownerUrl, databasePooled: pooled, dataDir } = this.#config
    if (!databaseUrl) this.#embedded = await startEmbedded({ dataDir, say: (line) => this.#log.info(line) })
    const url = databaseUrl ?? this.#embedded?.url ?? ''
    await migrateDatabase(url, { pooled, ownerUrl, warn: (line) => this.#log.warn(line) })
    this.#environment.DATABASE_URL = url
    this.#environment.DATABASE_POOLER = pooled ? 'transaction' : ''
    this.#environment.SECRET_KEY = this.#config.secretKey ?? (await ensureSecretKey(dataDir))
  }

  /** Starts one worker and waits until it serves. @returns its URL, or how it ended instead */
  async #startOne() {
    const worker = cluster.fork(this.#environment)
    const ready = new Promise<{ url: string }>((resolve) => onMessage(worker, 'ready', resolve))
    const started = await Promise.race([ready, ended(worker)])
    if ('exit' in started) return started
    this.#serving.add(worker)
    void this.#watch(worker, performance.now())
    return started
  }

  /** Replaces a worker when it ends by itself. */
  async #watch(worker: Worker, since: number): Promise<void> {
    const end = await ended(worker)
    this.#serving.delete(worker)
    if (this.#retiring.delete(worker) || this.#closing) return
    this.#log.error({ ended: worker.process.pid, ...end }, 'A worker ended and is replaced')
    this.#failures = performance.now() - since < stableMs ? this.#failures + 1 : 0
    await this.#replace()
  }

  /** Starts a worker, again and again until one serves. */
  async #replace(): Promise<void> {
    for (;;) {
      if (this.#failures > 0) await sleep(Math.min(pauseMs * 2 ** (this.#failures - 1), longestPauseMs))
      if (this.#closing) return
      const started = await this.#startOne()
      if ('url' in started) return
      this.#failures++
      this.#log.error(started, 'A worker did not start')
      if (this.#serving.size === 0 && this.#failures >= maxFailures) {
        void this.close().finally(() => this.#fail(new WorkerError(started.exit || 1)))
        return
      }
    }
  }

  /** SIGHUP. A second one during a restart means that something has changed since, so all workers are restarted again. */
  async #restart(): Promise<void> {
    this.#isRestartDue = true
    if (this.#isRestarting) return
    this.#isRestarting = true
    while (this.#isRestartDue && !this.#closing) {
      this.#isRestartDue = false
      await this.#restartAll()
    }
    this.#isRestarting = false
  }

  /** Replaces every worker, one after another, each by one that serves already. */
  async #restartAll(): Promise<void> {
    this.#log.info({ workers: this.#serving.size }, 'Restarting the workers, one after another')
    for (const worker of [...this.#serving]) {
      if (this.#closing) return
      const started = await this.#startOne()
      if ('exit' in started) return this.#log.error(started, 'A new worker did not start; the old ones stay')
      if (!this.#serving.has(worker)) continue
      this.#retiring.add(worker)
      toWorker(worker, { kind: 'retire' })
      await endWithin(worker, retireMs)
    }
    this.#log.info('Every worker was restarted')
  }

  async #takeDown(): Promise<void> {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
    await Promise.all(
      workers.map((worker) => {
        worker.process.kill('SIGTERM')
        return endWithin(worker, this.#config.shutdownDelayMs + stopMs)
      }),
    )
    await this.#embedded?.stop()
  }
}
