// Rate-limit counts that all instances share in Redis. While Redis is unavailable no request is delayed or refused.
import type { FastifyBaseLogger } from 'fastify'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { keyedHash } from '../crypto/secrets.ts'
import type { Counter } from './rate-limit-memory.ts'

export interface RedisCounter {
  /**
   * Counts in Redis and by the local counter. While Redis is unavailable it returns the local count, which has every
   * request of this instance; rate-limiter-flexible's insurance limiter would begin at zero.
   */
  readonly count: Counter
  /** Whether Redis counts now. */
  isConnected(): boolean
  close(): void
}

interface RedisCounterOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string
  /** 32 bytes, the same for every instance. */
  readonly key: Buffer
  /** Counts for this instance alone. */
  readonly local: Counter
  readonly log: FastifyBaseLogger
}

/** Milliseconds in which Redis has to answer before it counts as unavailable. */
const answerMs = 200

/** Milliseconds between two probes. No request waits for a probe. */
const probeMs = 1000

/** Connects and probes Redis once; the service starts with or without it. */
export async function openRedisCounter(options: RedisCounterOptions): Promise<RedisCounter> {
  const counter = new SharedCounter(options)
  await counter.open()
  return counter
}

function connect(url: string): Redis {
  return new Redis(url, {
    connectionName: 'sallyport',
    connectTimeout: 1000,
    // A connection that hangs is closed without a QUIT.
    disconnectTimeout: 50,
    retryStrategy: () => 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
  })
}

class SharedCounter implements RedisCounter {
  readonly #options: RedisCounterOptions
  readonly #redis: Redis
  readonly #limiter: RateLimiterRedis
  /** The key that probes write. */
  readonly #probeKey: string
  /** Null until the first probe has ended. */
  #connected: boolean | null = null
  /** Why Redis is unavailable. */
  #reason = 'it cannot be reached'
  #timer: NodeJS.Timeout | undefined
  #closed = false
  /** One function for each pending command: ends it without an answer. */
  readonly #waiting = new Set<() => void>()

  constructor(options: RedisCounterOptions) {
    this.#options = options
    this.#redis = connect(options.url)
    // Another prefix for each master secret, so that two installations can use one Redis.
    const keyPrefix = `sallyport:${keyedHash(options.key, 'installation').toString('hex', 0, 4)}`
    this.#probeKey = `${keyPrefix}:look`
    // Only its count is used: the maximum depends on the project.
    this.#limiter = new RateLimiterRedis({
      storeClient: this.#redis,
      keyPrefix,
      points: Number.MAX_SAFE_INTEGER,
      duration: 1,
    })
    // The message alone: an error of ioredis has the failed command with its arguments, and AUTH has the password.
    this.#redis.on('error', (error: Error & { code?: string }) => {
      this.#reason = error.message || error.code || this.#reason
    })
  }

  /** Waits for the connection, at most `probeMs`; then probes at that interval until `close`. */
  async open(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#redis.once('ready', resolve).once('close', resolve)
      setTimeout(resolve, probeMs).unref()
    })
    await this.#probe()
    this.#keepProbing()
  }

  readonly count: Counter = async (limit, client, windowMs, max) => {
    const counted = await this.#options.local(limit, client, windowMs, max)
    if (!this.#connected) return counted
    // A keyed hash: Redis holds no address and no project.
    const name = keyedHash(this.#options.key, limit, client).toString('base64url', 0, 16)
    const shared = await this.#ask(() => this.#limiter.consume(name, 1, { customDuration: windowMs / 1000 }))
    return shared ? { current: shared.consumedPoints, ttl: shared.msBeforeNext } : counted
  }

  isConnected(): boolean {
    return this.#connected === true
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#lost('closed')
    this.#redis.disconnect()
  }

  #lost(reason: string): void {
    if (this.#connected !== false && !this.#closed)
      this.#options.log.warn(
        { reason },
        'Redis is away: until it is back, each instance counts limits in its own memory',
      )
    this.#connected = false
    for (const giveUp of this.#waiting) giveUp()
  }

  #found(): void {
    if (this.#connected !== true && !this.#closed)
      this.#options.log.info('Limits are counted in Redis, for all instances together')
    this.#connected = true
  }

  /** Runs a command. @returns null when it fails or takes too long; every other pending command then ends as well */
  #ask<T>(command: () => Promise<T>): Promise<T | null> {
    return new Promise((resolve) => {
      const settle = (answer: T | null) => {
        this.#waiting.delete(giveUp)
        clearTimeout(deadline)
        resolve(answer)
      }
      const giveUp = () => settle(null)
      // After the poll phase: an answer that arrived while this process was busy is read first.
      const judge = () =>
        setImmediate(() => this.#waiting.has(giveUp) && this.#lost(`no answer in ${answerMs} ms`))
      const deadline = setTimeout(judge, answerMs)
      this.#waiting.add(giveUp)
      command().then(settle, (error: Error) => {
        this.#lost(error.message)
        giveUp()
      })
    })
  }

  /** Writes a key, as counting does, so that a Redis that is full, read-only or refuses the password counts as unavailable. */
  async #probe(): Promise<void> {
    const redis = this.#redis
    const isReady = redis.status === 'ready'
    if (isReady && (await this.#ask(() => redis.set(this.#probeKey, '1', 'PX', probeMs))))
      return this.#found()
    this.#lost(this.#reason)
    // Connected without an answer: tries another connection.
    if (!this.#closed && ['ready', 'connect'].includes(redis.status)) redis.disconnect(true)
  }

  #keepProbing(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#probe().then(() => this.#keepProbing()), probeMs)
    this.#timer.unref()
  }
}
