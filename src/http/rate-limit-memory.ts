// Rate-limit counts in the memory of one process: fixed windows by the monotonic clock, for a bounded number of clients.
//
// Not rate-limiter-flexible's memory limiter: it uses Date.now (a clock that is set back refuses clients for longer, one
// that is set forward forgets them), keeps every client and starts a timer for each.

/** The count of one client's window. */
export interface Count {
  /** Requests in the window, this one included. */
  readonly current: number
  /** Milliseconds until the window ends. */
  readonly ttl: number
}

/**
 * Counts one request.
 * @param limit the name of the limit
 * @param client the client that the request counts for
 * @param windowMs length of the window in milliseconds; it begins with the client's first request
 * @param max requests that the window allows
 */
export type Counter = (limit: string, client: string, windowMs: number, max: number) => Count | Promise<Count>

/** Counts nothing, so that no request is ever too many: for development. */
export const uncounted: Counter = (_limit, _client, windowMs) => ({ current: 0, ttl: windowMs })

interface Window {
  requests: number
  /** By `performance.now()`. */
  startMs: number
}

/** The maximum of clients that a limit keeps. The half of them that was seen last is never dropped. */
export const maxClients = 20_000

/** The counts of one limit. */
export class LimitCounts {
  // Two generations: when the recent one is full it becomes the older one, and the clients of the former older one that were
  // not seen since are dropped. Deleting the oldest entry of one Map for each new client takes 150 times as long, because
  // the Map's iterator walks over deleted entries.
  #recent = new Map<string, Window>()
  #older = new Map<string, Window>()

  /** Entries that are kept; a client in both generations counts twice. */
  get size(): number {
    return this.#recent.size + this.#older.size
  }

  /** Counts one request of `client` in a window of `windowMs` milliseconds. */
  count(client: string, windowMs: number): Count {
    const nowMs = performance.now()
    const known = this.#recent.get(client) ?? this.#older.get(client)
    const window = known && nowMs - known.startMs < windowMs ? known : { requests: 0, startMs: nowMs }
    window.requests++
    if (this.#recent.size >= maxClients / 2 && !this.#recent.has(client)) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(client, window)
    return { current: window.requests, ttl: windowMs - (nowMs - window.startMs) }
  }
}

/** A counter in the memory of this process. */
export function memoryCounter(): (...request: Parameters<Counter>) => Count {
  const limits = new Map<string, LimitCounts>()
  return (limit, client, windowMs) => {
    let counts = limits.get(limit)
    if (!counts) {
      counts = new LimitCounts()
      limits.set(limit, counts)
    }
    return counts.count(client, windowMs)
  }
}
