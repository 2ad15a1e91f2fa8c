// What each client has asked for in its window, in the memory of this process: so many clients and no more, and by the
// monotonic clock, so that a machine whose clock is set back refuses nobody for the hour that it lives twice.

interface Count {
  requests: number
  /** By `performance.now()`. */
  begunMs: number
}

/** Clients that each limit remembers at most; of those seen lately at least half as many are never forgotten. */
export const rememberedClients = 20_000

/** A store of @fastify/rate-limit; each limit has a child of its own. */
export class Counts {
  // In two halves: who was not seen while one filled up goes with the other. To drop the oldest of one Map for each
  // stranger would cost a walk over those that were dropped before it.
  #lately = new Map<string, Count>()
  #before = new Map<string, Count>()

  /** Clients that are remembered; one that was seen in both halves counts twice. */
  get size(): number {
    return this.#lately.size + this.#before.size
  }

  /** Counts one request of `client`, and tells how many there were in its window and how long that still is. */
  incr(
    client: string,
    tell: (error: null, standing: { current: number; ttl: number }) => void,
    windowMs: number,
  ): void {
    const nowMs = performance.now()
    const known = this.#lately.get(client) ?? this.#before.get(client)
    const count = known && nowMs - known.begunMs < windowMs ? known : { requests: 0, begunMs: nowMs }
    count.requests++
    if (this.#lately.size >= rememberedClients / 2 && !this.#lately.has(client)) {
      this.#before = this.#lately
      this.#lately = new Map()
    }
    this.#lately.set(client, count)
    tell(null, { current: count.requests, ttl: windowMs - (nowMs - count.begunMs) })
  }

  child(): Counts {
    return new Counts()
  }
}
