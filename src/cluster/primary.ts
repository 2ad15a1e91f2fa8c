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

export interface Workers {
  /** Where they listen, as a URL for this machine. */
  readonly url: string
  /** Rejects with a WorkerError when no worker is left and none can be started. */
  readonly failed: Promise<never>
  /** Lets every worker finish what is under way, then stops the database that was started. May be called more than once. */
  close(): Promise<void>
}

/** A worker that served for so long was well; one that ended earlier is replaced after a pause that doubles. */
const wellMs = 10_000
const [pauseMs, longestPauseMs] = [100, 10_000]
/** Starts in a row that may fail while no worker serves. */
const maxFailures = 5
/** Milliseconds after which a worker that was asked to end is ended; a retiring one serves what is open meanwhile. */
const [stopMs, retireMs] = [15_000, 90_000]

/** Resolves when a worker has ended. @returns how, as it is logged */
async function ended(worker: Worker): Promise<{ exit: number; signal: NodeJS.Signals | null }> {
  if (!worker.isDead()) await once(worker, 'exit')
  const { exitCode, signalCode } = worker.process
  return { exit: exitCode ?? 1, signal: signalCode }
}

/** Ends a worker that takes longer than it may. */
async function endWithin(worker: Worker, ms: number): Promise<void> {
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), ms)
  await ended(worker)
  clearTimeout(timer)
}

/**
 * Starts the workers of a configuration with more than one.
 * @throws EmbeddedDatabaseError, DatabaseError: sentences for the operator; WorkerError, whose worker has said its own
 */
export async function startWorkers(config: Config, log: FastifyBaseLogger): Promise<Workers> {
  let embedded: EmbeddedDatabase | undefined
  let closing: Promise<void> | undefined
  let failures = 0
  const environment: Record<string, string> = { WORKERS: String(config.workers) }
  const serving = new Set<Worker>()
  const leaving = new Set<Worker>()
  let fail: (error: WorkerError) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  failed.catch(() => {})

  /** Starts one and waits until it serves. @returns where, or how it ended instead */
  async function start() {
    const worker = cluster.fork(environment)
    const ready = new Promise<{ url: string }>((resolve) => onMessage(worker, 'ready', resolve))
    const started = await Promise.race([ready, ended(worker)])
    if ('exit' in started) return started
    serving.add(worker)
    void watch(worker, performance.now())
    return started
  }

  /** Replaces a worker when it ends by itself. */
  async function watch(worker: Worker, since: number): Promise<void> {
    const end = await ended(worker)
    serving.delete(worker)
    if (leaving.delete(worker) || closing) return
    log.error({ ended: worker.process.pid, ...end }, 'A worker ended and is replaced')
    failures = performance.now() - since < wellMs ? failures + 1 : 0
    await replace()
  }

  async function replace(): Promise<void> {
    for (;;) {
      if (failures > 0) await sleep(Math.min(pauseMs * 2 ** (failures - 1), longestPauseMs))
      if (closing) return
      const started = await start()
      if ('url' in started) return
      failures++
      log.error(started, 'A worker did not start')
      if (serving.size === 0 && failures >= maxFailures)
        return void close().finally(() => fail(new WorkerError(started.exit || 1)))
    }
  }

  /** Replaces every worker, one after another, each by one that serves already. */
  async function restartAll(): Promise<void> {
    log.info({ workers: serving.size }, 'Restarting the workers, one after another')
    for (const worker of [...serving]) {
      if (closing) return
      const started = await start()
      if ('exit' in started) return log.error(started, 'A new worker did not start; the old ones stay')
      if (!serving.has(worker)) continue
      leaving.add(worker)
      toWorker(worker, { kind: 'retire' })
      await endWithin(worker, retireMs)
    }
    log.info('Every worker was restarted')
  }

  async function takeDown(): Promise<void> {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
    await Promise.all(
      workers.map((worker) => {
        worker.process.kill('SIGTERM')
        return endWithin(worker, config.shutdownDelayMs + stopMs)
      }),
    )
    await embedded?.stop()
  }
  const close = () => {
    closing ??= takeDown()
    return closing
  }

  let wanted = false
  let restarting = false
  process.on('SIGHUP', async () => {
    // A second signal during a restart means that something has changed since.
    wanted = true
    if (restarting) return
    for (restarting = true; wanted && !closing; ) {
      wanted = false
      await restartAll()
    }
    restarting = false
  })

  try {
    if (!config.databaseUrl)
      embedded = await startEmbedded({ dataDir: config.dataDir, say: (line) => log.info(line) })
    const url = config.databaseUrl ?? embedded?.url ?? ''
    const pooled = config.databasePooled
    await migrateDatabase(url, { pooled, ownerUrl: config.databaseOwnerUrl, warn: (line) => log.warn(line) })
    environment.DATABASE_URL = url
    environment.DATABASE_POOLER = pooled ? 'transaction' : ''
    environment.SECRET_KEY = config.secretKey ?? (await ensureSecretKey(config.dataDir))
    collectForWorkers()
    countForWorkers()
    // The first one alone, so that a cause that stops every worker is reported once.
    const first = await start()
    if ('exit' in first) throw new WorkerError(first.exit || 1)
    await Promise.all(Array.from({ length: config.workers - 1 }, replace))
    return { url: first.url, failed, close }
  } catch (error) {
    await close()
    throw error
  }
}
