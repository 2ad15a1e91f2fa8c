// The messages between the primary process and its workers.
import cluster, { type Worker } from 'node:cluster'
import type { Count, Counter } from '../http/rate-limit-memory.ts'

/** A metric with its values, as prom-client's `registry.getMetricsAsJSON()` returns it. */
export interface Metric {
  readonly name: string
  readonly type: unknown
}

type ToPrimary =
  /** The worker listens and serves. */
  | { readonly kind: 'ready'; readonly url: string }
  /** The worker wants the metrics of all workers; answered by `text`. */
  | { readonly kind: 'scrape'; readonly id: number }
  /** The metrics of the worker. */
  | { readonly kind: 'collected'; readonly id: number; readonly data: readonly Metric[] }
  /** Requests to count; answered by `counted`. */
  | { readonly kind: 'count'; readonly id: number; readonly requests: readonly Parameters<Counter>[] }

type ToWorker =
  /** Take no new connections, serve those that are open to their end, and leave. */
  | { readonly kind: 'retire' }
  /** Answered by `collected`. */
  | { readonly kind: 'collect'; readonly id: number }
  | { readonly kind: 'text'; readonly id: number; readonly text: string }
  | { readonly kind: 'counted'; readonly id: number; readonly counts: readonly Count[] }

type Message = ToPrimary | ToWorker
type Kind = Message['kind']
type Of<K extends Kind> = Extract<Message, { readonly kind: K }>

const is = <K extends Kind>(message: unknown, kind: K): message is Of<K> =>
  (message as { kind?: unknown } | null)?.kind === kind

/** Takes the messages of one kind that arrive in this worker, or in the primary process from one worker. */
export function onMessage<K extends Kind>(
  from: { on(event: 'message', listener: (message: unknown) => void): unknown },
  kind: K,
  take: (message: Of<K>) => void,
): void {
  from.on('message', (message) => {
    if (is(message, kind)) take(message)
  })
}

/** Takes the messages of one kind from every worker. */
export function onWorkerMessage<K extends Kind>(
  kind: K,
  take: (message: Of<K>, worker: Worker) => void,
): void {
  cluster.on('message', (worker: Worker, message: unknown) => {
    if (is(message, kind)) take(message, worker)
  })
}

export function toPrimary(message: ToPrimary): void {
  if (process.connected) process.send?.(message)
}

/** Sends where the worker is still connected. `done`: also called for one that ends at this moment. */
export function toWorker(worker: Worker, message: ToWorker, done: (error: Error | null) => void = () => {}) {
  // Without a callback, a worker that ends at this moment would be an uncaught error.
  if (worker.isConnected()) worker.send(message, done)
}
