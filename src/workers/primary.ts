// The primary process: does what must be done once, keeps so many workers alive, and restarts them without a gap.
//
// It serves nothing itself. A worker is the whole service as one instance among others, which are safe with each other
// (they migrate, sweep, send mail and rotate keys in turns), so nothing but the embedded database needs one owner.
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config.ts'
import { type EmbeddedDatabase, startEmbedded } from '../database/embedded.ts'
import { migrateDatabase } from '../database/migrations.ts'
import { keptSecretKey } from '../database/secret-file.ts'
import { collectForWorkers } from '../metrics/workers.ts'
import { countForWorkers } from './counts.ts'
import { isReady, type RetireMessage } from './messages.ts'

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

interface Ended {
  readonly code: number
  readonly signal: NodeJS.Signals | null
}

const ended = async (worker: Worker): Promise<Ended> => {
  if (!worker.isDead()) await once(worker, 'exit')
  const { exitCode, signalCode } = worker.process
  return { code: exitCode ?? 1, signal: signalCode }
}

/** Ends a worker that takes longer than it may. */
async function endWithin(worker: Worker, ms: number): Promise<void> {
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), ms)
  await ended(worker)
  clearTimeout(timer)
}

/**
 * Starts the workers. In: a configuration with more than one.
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
  const giveUp = (code: number) => void close().finally(() => fail(new WorkerError(code || 1)))

  /** Starts one and waits until it serves. Out: where; null when it ended instead. */
  async function start(): Promise<{ worker: Worker; url: string } | Ended> {
    const worker = cluster.fork(environment)
    const ready = new Promise<{ worker: Worker; url: string }>((resolve) =>
      worker.on('message', (message: unknown) => isReady(message) && resolve({ worker, url: message.url })),
    )
    const started = await Promise.race([ready, ended(worker)])
    if ('code' in started) return started
    serving.add(worker)
    void watch(worker, performance.now())
    return started
  }

  /** Replaces a worker when it ends by itself. */
  async function watch(worker: Worker, since: number): Promise<void> {
    const { code, signal } = await ended(worker)
    serving.delete(worker)
    if (leaving.delete(worker) || closing) return
    log.error({ ended: worker.process.pid, exit: code, signal }, 'A worker ended and is replaced')
    failures = performance.now() - since < wellMs ? failures + 1 : 0
    await replace()
  }

  async function replace(): Promise<void> {
    for (;;) {
      if (failures > 0) await sleep(Math.min(pauseMs * 2 ** (failures - 1), longestPauseMs))
      if (closing) return
      const started = await start()
      if ('worker' in started) return
      failures++
      log.error({ exit: started.code, signal: started.signal }, 'A worker did not start')
      if (serving.size === 0 && failures >= maxFailures) return giveUp(started.code)
    }
  }

  /** Replaces every worker, one after another, each by one that serves already. */
  async function restartAll(): Promise<void> {
    log.info({ workers: serving.size }, 'Restarting the workers, one after another')
    for (const worker of [...serving]) {
      if (closing) return
      const started = await start()
      if (!('worker' in started)) {
        log.error(
          { exit: started.code, signal: started.signal },
          'A new worker did not start; the old ones stay',
        )
        return
      }
      if (!serving.has(worker)) continue
      leaving.add(worker)
      worker.send({ workers: 'retire' } satisfies RetireMessage)
      await endWithin(worker, retireMs)
    }
    log.info('Every worker was restarted')
  }

  async function takeDown(): Promise<void> {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
    await Promise.all(
      workers.map((worker) => {
        worker.process.kill('SIGTERM')
        return endWithin(worker, stopMs)
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
    // Whoever asks again while it goes on has changed something since.
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
    environment.SECRET_KEY = config.secretKey ?? (await keptSecretKey(config.dataDir))
    collectForWorkers()
    countForWorkers()
    // The first one alone: what is wrong is said once.
    const first = await start()
    if (!('worker' in first)) throw new WorkerError(first.code || 1)
    await Promise.all(Array.from({ length: config.workers - 1 }, replace))
    return {
      url: first.url,
      failed,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
