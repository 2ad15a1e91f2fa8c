// Counts rate limits once for all workers: the primary process counts, so a limit holds however many workers a client
// reaches.
//
// What arrives in one turn of a worker's event loop is sent in one message. rate-limiter-flexible's cluster limiter
// sends one for each request, and counts by its memory limiter, which src/http/rate-limit-memory.ts replaces.
import { type Count, type Counter, maxClients, memoryCounter } from '../http/rate-limit-memory.ts'
import { onMessage, onWorkerMessage, toPrimary, toWorker } from './messages.ts'

/** In the primary process: counts for every worker. */
export function countForWorkers(): void {
  const count = memoryCounter()
  onWorkerMessage('count', ({ id, requests }, worker) =>
    toWorker(worker, { kind: 'counted', id, counts: requests.map((request) => count(...request)) }),
  )
}

/** In a worker: a counter that asks the primary process. */
export function primaryCounter(): Counter {
  type Resolve = (count: Count) => void
  const pending = new Map<number, readonly Resolve[]>()
  /** Clients over a limit, until their window ends (by `performance.now()`): refusing a flood sends no message. */
  const exceeded = new Map<string, { max: number; endMs: number }>()
  let requests: Parameters<Counter>[] = []
  let resolves: Resolve[] = []
  let lastId = 0

  function send(): void {
    const id = ++lastId
    pending.set(id, resolves)
    toPrimary({ kind: 'count', id, requests })
    requests = []
    resolves = []
  }

  onMessage(process, 'counted', ({ id, counts }) => {
    const waiting = pending.get(id) ?? []
    pending.delete(id)
    for (const [place, count] of counts.entries()) waiting[place]?.(count)
  })

  return (limit, client, windowMs, max) => {
    const name = `${limit} ${client}`
    const over = exceeded.get(name)
    const now = performance.now()
    if (over && over.endMs > now && over.max >= max) return { current: max + 1, ttl: over.endMs - now }
    if (over) exceeded.delete(name)
    if (requests.length === 0) setImmediate(send)
    requests.push([limit, client, windowMs, max])
    return new Promise((resolve) =>
      resolves.push((count) => {
        if (count.current > max) {
          // A client that is dropped here is asked about again.
          if (exceeded.size >= maxClients) exceeded.clear()
          exceeded.set(name, { max, endMs: performance.now() + count.ttl })
        }
        resolve(count)
      }),
    )
  }
}
