// One scrape for all workers: the worker that is asked gets the sum from the primary process, which collects from each.
//
// prom-client's own cluster support answers in the primary process alone, fails if one worker does not answer, and
// forgets the counters of workers that have ended. Its aggregation is used over messages of our own.
import cluster, { type Worker } from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import { AggregatorRegistry, type Registry } from 'prom-client'
import { type Metric, onMessage, onWorkerMessage, toPrimary, toWorker } from './messages.ts'

/** Milliseconds that a worker has to send its metrics; after that, those it sent last are used. */
const collectMs = 1000
/** Milliseconds that the primary process has to answer a scrape. */
const scrapeMs = 3000

/** Questions to another process that wait for their answer, up to `timeoutMs`. */
function questions<T>(timeoutMs: number) {
  const waiting = new Map<number, (answer: T | null) => void>()
  let asked = 0
  return {
    /** @returns the answer; null if there was none in time */
    async ask(send: (id: number) => void): Promise<T | null> {
      const id = ++asked
      const answered = new Promise<T | null>((resolve) => waiting.set(id, resolve))
      send(id)
      const answer = await Promise.race([answered, sleep(timeoutMs, null, { ref: false })])
      waiting.delete(id)
      return answer
    },
    answer: (id: number, answer: T | null) => waiting.get(id)?.(answer),
  }
}

const sum = (parts: readonly (readonly Metric[])[]) => AggregatorRegistry.aggregate([...parts])

/** In the primary process: answers every worker that wants the metrics of all. */
export function collectForWorkers(): void {
  /** What each living worker sent last, by its id. */
  const last = new Map<number, readonly Metric[]>()
  /** Counters and histograms of the workers that have ended: no sum ever decreases. */
  let ended: readonly Metric[] = []
  const { ask, answer } = questions<readonly Metric[]>(collectMs)

  async function text(): Promise<string> {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected()) as Worker[]
    await Promise.all(
      workers.map((worker) =>
        ask((id) => toWorker(worker, { kind: 'collect', id }, (error) => error && answer(id, null))),
      ),
    )
    return sum([...last.values(), ended]).metrics()
  }

  cluster.on('exit', ({ id }: Worker) => {
    const kept = (last.get(id) ?? []).filter(({ type }) => type === 'counter' || type === 'histogram')
    ended = sum([ended, kept]).getMetricsAsArray()
    last.delete(id)
  })
  onWorkerMessage('collected', ({ id, data }, worker) => {
    // The counters of a worker that has ended meanwhile are kept already.
    if (!worker.isDead()) last.set(worker.id, data)
    answer(id, data)
  })
  onWorkerMessage('scrape', ({ id }, worker) =>
    text().then((all) => toWorker(worker, { kind: 'text', id, text: all })),
  )
}

/** In a worker: sends the metrics of `registry` whenever the primary process asks. */
export function shareMetrics(registry: Pick<Registry, 'getMetricsAsJSON'>) {
  const { ask, answer } = questions<string>(scrapeMs)

  async function sendMetrics(id: number): Promise<void> {
    toPrimary({ kind: 'collected', id, data: await registry.getMetricsAsJSON() })
  }
  onMessage(process, 'text', ({ id, text }) => answer(id, text))
  onMessage(process, 'collect', ({ id }) => sendMetrics(id))
  return {
    /** Sends the metrics of this worker one last time, before it ends, under an id that no question has. */
    leave: () => sendMetrics(0),
    /** @returns the metrics of all workers, as text. @throws Error if the primary process does not answer in time */
    async scrape(): Promise<string> {
      const text = await ask((id) => toPrimary({ kind: 'scrape', id }))
      if (text === null) throw new Error('The primary process did not answer.')
      return text
    },
  }
}
