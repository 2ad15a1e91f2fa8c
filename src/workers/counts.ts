// Requests of each client, counted once for all workers: the primary process counts, so that a limit of the policy is what
// it says however many workers a client reaches.
//
// What arrives in one turn of a worker's event loop is asked in one message: the busier a worker, the less each costs.
import cluster, { type Worker } from 'node:cluster'
import { Counts, rememberedClients } from '../http/counts.ts'

/** One request: the limit that counts it, whom it counts for, and how long the window is (milliseconds). */
type Ask = readonly [limit: string, key: string, windowMs: number]
/** Requests so far in the window, and milliseconds until it ends. */
interface Standing {
  readonly current: number
  readonly ttl: number
}

type Message =
  | { readonly counts: 'wanted'; readonly id: number; readonly asks: readonly Ask[] }
  | { readonly counts: 'told'; readonly id: number; readonly standings: readonly Standing[] }

const isMessage = (message: unknown): message is Message =>
  typeof message === 'object' && message !== null && 'counts' in message

/** In the primary process: counts for every worker. */
export function countForWorkers(): void {
  const limits = new Map<string, Counts>()

  function count([limit, key, windowMs]: Ask): Standing {
    const clients = limits.get(limit) ?? new Counts()
    limits.set(limit, clients)
    let standing: Standing = { current: 0, ttl: windowMs }
    clients.incr(
      key,
      (_error, told) => {
        standing = told
      },
      windowMs,
    )
    return standing
  }

  cluster.on('message', (worker: Worker, message: unknown) => {
    if (!isMessage(message) || message.counts !== 'wanted') return
    const standings = message.asks.map(count)
    if (worker.isConnected()) worker.send({ counts: 'told', id: message.id, standings } satisfies Message)
  })
}

/** In a worker: the store that @fastify/rate-limit makes for each of its limits; `nameSpace` is the limit's name. */
export function countStore() {
  type Told = (error: Error | null, standing?: Standing) => void
  const waiting = new Map<number, readonly Told[]>()
  /** Who is over a limit is so until the window ends: a flood that is refused asks nobody. */
  const exceeded = new Map<string, { max: number; until: number }>()
  let asks: Ask[] = []
  let told: Told[] = []
  let sent = 0

  function send(): void {
    const id = ++sent
    waiting.set(id, told)
    process.send?.({ counts: 'wanted', id, asks } satisfies Message)
    asks = []
    told = []
  }

  process.on('message', (message: unknown) => {
    if (!isMessage(message) || message.counts !== 'told') return
    const callbacks = waiting.get(message.id)
    waiting.delete(message.id)
    callbacks?.forEach((tell, place) => {
      tell(null, message.standings[place])
    })
  })

  return class CountStore {
    readonly #limit: string
    constructor({ nameSpace = '' }: { nameSpace?: string }) {
      this.#limit = nameSpace
    }

    child(options: object): CountStore {
      return new CountStore(options)
    }

    incr(key: string, callback: Told, windowMs: number, max: number): void {
      const name = `${this.#limit} ${key}`
      const over = exceeded.get(name)
      const now = performance.now()
      if (over && over.until > now && over.max >= max) {
        callback(null, { current: max + 1, ttl: over.until - now })
        return
      }
      if (over) exceeded.delete(name)
      if (asks.length === 0) setImmediate(send)
      asks.push([this.#limit, key, windowMs])
      told.push((error, standing) => {
        if (standing && standing.current > max) {
          // Whoever is forgotten here is asked about again.
          if (exceeded.size >= rememberedClients) exceeded.clear()
          exceeded.set(name, { max, until: performance.now() + standing.ttl })
        }
        callback(error, standing)
      })
    }
  }
}
