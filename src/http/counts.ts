// What each client has asked for in its window, in the memory of this process: so many clients and no more, and by the
// monotonic clock, so that a machine whose clock is set back refuses nobody for the hour that it lives twice.

interface Count {
  requests: number
  /** By `performance.now()`. */
  begunMs: number
}

/** Clients that each limit remembers; who was seen longest ago is forgotten first. */
export const rememberedClients = 20_000

/** A store of @fastify/rate-limit; each limit has a child of its own. */
export class Counts {
  readonly #byClient = new Map<string, Count>()

  /** Clients that are remembered. */
  get size(): number {
    return this.#byClient.size
  }

  /** Counts one request of `client`, and tells how many there were in its window and how long that still is. */
  incr(
    client: string,
    tell: (error: null, standing: { current: number; ttl: number }) => void,
    windowMs: number,
  ): void {
    const nowMs = performance.now()
    const known = this.#byClient.get(client)
    const count = known && nowMs - known.begunMs < windowMs ? known : { requests: 0, begunMs: nowMs }
    count.requests++
    // A Map keeps the order in which its keys came: the first is the one that was seen longest ago.
    if (known) this.#byClient.delete(client)
    else if (this.#byClient.size >= rememberedClients)
      this.#byClient.delete(this.#byClient.keys().next().value ?? '')
    this.#byClient.set(client, count)
    tell(null, { current: count.requests, ttl: windowMs - (nowMs - count.begunMs) })
  }

  child(): Counts {
    return new Counts()
  }
}
