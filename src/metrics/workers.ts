// One scrape for all workers: whichever of them is asked lets the primary process collect from each and adds them up.
// What a worker had counted when it ended stays in the sum, so that no counter ever goes back.
import cluster, { type Worker } from 'node:cluster'
import { AggregatorRegistry, type PrometheusContentType, type Registry } from 'prom-client'

interface Metric {
  readonly name: string
  readonly type: string
}

/** What processes say to each other; `metrics` names the kind of the message. */
type Message =
  | { readonly metrics: 'wanted'; readonly id: number }
  | { readonly metrics: 'collect'; readonly id: number }
  | { readonly metrics: 'collected'; readonly id: number; readonly data: Metric[] }
  | { readonly metrics: 'text'; readonly id: number; readonly text: string }

/** Milliseconds that a worker has to say what it counted; then what it said last is used. */
const collectMs = 1000
/** Milliseconds that the primary process has to answer a worker. */
const textMs = 3000

const isMessage = (message: unknown): message is Message =>
  typeof message === 'object' && message !== null && 'metrics' in message

const sum = (parts: readonly Metric[][]): Registry<PrometheusContentType> =>
  AggregatorRegistry.aggregate<PrometheusContentType>([...parts])

/** In the primary process: answers every worker that wants the metrics of all. */
export function collectForWorkers(): void {
  /** What each living worker said last. */
  const last = new Map<number, Metric[]>()
  /** Counters and histograms of the workers that have ended, put together now and then. */
  const past: Metric[][] = []
  const waiting = new Map<number, () => void>()
  let asked = 0

  /** Resolves when the worker has said what it counted, or is too late or gone. */
  async function ask(worker: Worker): Promise<void> {
    const id = ++asked
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, collectMs)
      waiting.set(id, () => {
        clearTimeout(timer)
        resolve()
      })
      worker.send({ metrics: 'collect', id } satisfies Message, (error) => error && resolve())
    })
    waiting.delete(id)
  }

  async function text(): Promise<string> {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected()) as Worker[]
    await Promise.all(workers.map(ask))
    const all = sum([...last.values(), ...past])
    const ended = past.length
    if (ended > 1) past.splice(0, ended, (await sum(past).getMetricsAsJSON()) as unknown as Metric[])
    return all.metrics()
  }

  cluster.on('exit', ({ id }: Worker) => {
    past.push((last.get(id) ?? []).filter(({ type }) => type === 'counter' || type === 'histogram'))
    last.delete(id)
  })
  cluster.on('message', (worker: Worker, message: unknown) => {
    if (!isMessage(message)) return
    if (message.metrics === 'collected') {
      // One that ended meanwhile is in the past already.
      if (!worker.isDead()) last.set(worker.id, message.data)
      waiting.get(message.id)?.()
    }
    if (message.metrics === 'wanted')
      void text().then(
        (all) => worker.isConnected() && worker.send({ metrics: 'text', id: message.id, text: all }),
      )
  })
}

export interface SharedMetrics {
  /** The metrics of all workers, asked from the primary process. @throws when that does not answer in time */
  scrape(): Promise<string>
  /** Says one last time what was counted, for a worker that ends. */
  leave(): Promise<void>
}

/** In a worker: says what it counted whenever it is asked. */
export function shareWithWorkers(data: () => Promise<object[]>): SharedMetrics {
  const waiting = new Map<number, (text: string) => void>()
  let asked = 0

  async function say(id: number): Promise<void> {
    const counted = await data()
    if (process.connected) process.send?.({ metrics: 'collected', id, data: counted })
  }
  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return
    if (message.metrics === 'text') waiting.get(message.id)?.(message.text)
    if (message.metrics === 'collect') void say(message.id)
  })
  return {
    // No question has this number.
    leave: () => say(0),
    scrape() {
      const id = ++asked
      return new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(id)
          reject(new Error('The primary process did not answer.'))
        }, textMs)
        waiting.set(id, (text) => {
          clearTimeout(timer)
          waiting.delete(id)
          resolve(text)
        })
        process.send?.({ metrics: 'wanted', id } satisfies Message)
      })
    },
  }
}
