// Rate-limit counts that all instances share in Redis. A Redis that is away delays no request and refuses none.
import type { FastifyBaseLogger } from 'fastify'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { keyedHash } from '../crypto/secrets.ts'
import type { Counter } from './rate-limit-memory.ts'

export interface RedisCounter {
  /**
   * Counts in Redis and by the local counter. The local count is returned while Redis is away, so that its loss
   * forgets no request that this instance has seen; rate-limiter-flexible's insurance limiter would begin at zero.
   */
  readonly count: Counter
  /** Whether Redis counts now. */
  isConnected(): boolean
  close(): void
}

export interface RedisCounterOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string
  /** 32 bytes, the same for every instance. */
  readonly key: Buffer
  /** Counts for this instance alone. */
  readonly local: Counter
  readonly log: FastifyBaseLogger
}

/** Milliseconds in which Redis has to answer before it counts as away. */
const answerMs = 200

/** Milliseconds between two probes. No request waits for a probe. */
const probeMs = 1000

/** Connects and probes Redis once; the service starts with or without it. */
export async function openRedisCounter(options: RedisCounterOptions): Promise<RedisCounter> {
  const { url, key, local, log } = options
  // Another prefix for each master secret, so that two installations can use one Redis.
  const keyPrefix = `sallyport:${keyedHash(key, 'installation').toString('hex', 0, 4)}`
  const redis = new Redis(url, {
    connectionName: 'sallyport',
    connectTimeout: 1000,
    // A connection that hangs is closed without a QUIT.
    disconnectTimeout: 50,
    retryStrategy: () => 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
  })
  // Its own verdict is never used: the maximum depends on the project.
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix,
    points: Number.MAX_SAFE_INTEGER,
    duration: 1,
  })
  let connected: boolean | null = null
  let reason = 'it cannot be reached'
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const waiting = new Set<() => void>()

  // The message alone: an error of ioredis carries the command that failed, and one of them is AUTH.
  redis.on('error', (error: Error & { code?: string }) => {
    reason = error.message || error.code || reason
  })

  function lost(why: string): void {
    if (connected !== false && !closed)
      log.warn(
        { reason: why },
        'Redis is away: until it is back, each instance counts limits in its own memory',
      )
    connected = false
    for (const giveUp of waiting) giveUp()
  }

  function found(): void {
    if (connected !== true && !closed) log.info('Limits are counted in Redis, for all instances together')
    connected = true
  }

  /** Runs a command. Null when it fails or takes too long, and at once for every command that waits beside it. */
  function ask<T>(command: () => Promise<T>): Promise<T | null> {
    return new Promise((resolve) => {
      const settle = (answer: T | null) => {
        waiting.delete(giveUp)
        clearTimeout(deadline)
        resolve(answer)
      }
      const giveUp = () => settle(null)
      // An answer that arrived while this process was busy is read first.
      const judge = () => setImmediate(() => waiting.has(giveUp) && lost(`no answer in ${answerMs} ms`))
      const deadline = setTimeout(judge, answerMs)
      waiting.add(giveUp)
      command().then(settle, (error: Error) => {
        lost(error.message)
        giveUp()
      })
    })
  }

  /** Writes, as counting does: a Redis that is full, read-only or wants another password counts as away. */
  async function probe(): Promise<void> {
    const isReady = redis.status === 'ready'
    if (isReady && (await ask(() => redis.set(`${keyPrefix}:look`, '1', 'PX', probeMs)))) return found()
    lost(reason)
    // Connected, but not answering: another connection may do better.
    if (!closed && ['ready', 'connect'].includes(redis.status)) redis.disconnect(true)
  }

  function keepProbing(): void {
    if (closed) return
    timer = setTimeout(() => void probe().then(keepProbing), probeMs)
    timer.unref()
  }

  await new Promise<void>((resolve) => {
    redis.once('ready', resolve).once('close', resolve)
    setTimeout(resolve, probeMs).unref()
  })
  await probe()
  keepProbing()

  return {
    async count(limit, client, windowMs, max) {
      const counted = await local(limit, client, windowMs, max)
      if (!connected) return counted
      // A keyed hash: Redis holds no address and no project.
      const name = keyedHash(key, limit, client).toString('base64url', 0, 16)
      const shared = await ask(() => limiter.consume(name, 1, { customDuration: windowMs / 1000 }))
      return shared ? { current: shared.consumedPoints, ttl: shared.msBeforeNext } : counted
    },
    isConnected: () => connected === true,
    close() {
      closed = true
      clearTimeout(timer)
      lost('closed')
      redis.disconnect()
    },
  }
}
