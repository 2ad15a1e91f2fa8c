// Counts that all instances share, in Redis: no request waits for a Redis that is away, and none is refused because of it.

import type { FastifyBaseLogger } from 'fastify'
import { Redis } from 'ioredis'
import { keyedHash } from '../crypto/secrets.ts'

/** Where limits are counted: shared by all instances, or for now by each for itself. */
export type SharedCountsState = 'redis' | 'memory (fallback)'

export interface SharedCounts {
  /** For the store of @fastify/rate-limit. */
  readonly redis: Redis
  /** What every key begins with: another one for each master secret, so that two installations can use one Redis. */
  readonly nameSpace: string
  /** The name of a count: a keyed hash, because a client's address is nobody else's business. */
  key(...parts: readonly string[]): string
  /** What `count` learns from Redis; null where Redis is away or takes too long, and then at once for whoever else waits. */
  ask<T>(count: () => Promise<T>): Promise<T | null>
  state(): SharedCountsState
  close(): void
}

export interface SharedCountsOptions {
  /** `redis://` or `rediss://`. */
  readonly url: string
  /** 32 bytes, the same for every instance. */
  readonly key: Buffer
  readonly log: FastifyBaseLogger
}

/** Milliseconds in which Redis has to answer before it counts as away. */
const answerMs = 200

/** Milliseconds between two looks whether Redis is there. Nothing that a client asked waits for them. */
const lookMs = 1000

/** Connects, and looks once whether Redis is there; where it is not, the service starts all the same. */
export async function openSharedCounts({ url, key, log }: SharedCountsOptions): Promise<SharedCounts> {
  const nameSpace = `sallyport:${keyedHash(key, 'installation').toString('hex', 0, 4)}:`
  const redis = new Redis(url, {
    connectionName: 'sallyport',
    connectTimeout: 1000,
    // What hangs is cut off, not taken leave of.
    disconnectTimeout: 50,
    retryStrategy: () => 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
  })
  let away: 'unknown' | boolean = 'unknown'
  let reason = 'it cannot be reached'
  let looking: NodeJS.Timeout | undefined
  let closed = false
  const waiting = new Set<() => void>()

  // The message alone: an error of ioredis carries the command that failed, and one of them is AUTH.
  redis.on('error', (error: Error & { code?: string }) => {
    reason = error.message || error.code || reason
  })

  function lose(why: string): void {
    if (away !== true && !closed)
      log.warn(
        { reason: why },
        'Redis is away: until it is back, each instance counts limits in its own memory',
      )
    away = true
    for (const giveUp of waiting) giveUp()
  }

  function find(): void {
    if (away !== false && !closed) log.info('Limits are counted in Redis, for all instances together')
    away = false
  }

  /** Runs `work`; what it has not learnt in time, or at all, it does not learn: then `lost` says why. */
  function inTime<T>(work: () => Promise<T>, lost: (why: string) => void): Promise<T | null> {
    return new Promise((resolve) => {
      const settle = (answer: T | null) => {
        waiting.delete(giveUp)
        clearTimeout(timer)
        resolve(answer)
      }
      const giveUp = () => settle(null)
      // An answer that arrived while this process was busy is read before the verdict.
      const verdict = () => setImmediate(() => waiting.has(giveUp) && lost(`no answer in ${answerMs} ms`))
      const timer = setTimeout(verdict, answerMs)
      waiting.add(giveUp)
      work().then(settle, (error: Error) => {
        lost(error.message)
        giveUp()
      })
    })
  }

  /** A write, as limits are: a Redis that is full, read-only or wants another password does not count as there. */
  async function look(): Promise<void> {
    const { status } = redis
    const found =
      status === 'ready' &&
      (await inTime(
        () => redis.set(`${nameSpace}look`, '1', 'PX', lookMs),
        (why) => {
          reason = why
          lose(why)
        },
      ))
    if (found) return find()
    lose(reason)
    // Connected, but not answering: another connection may do better.
    if (!closed && (status === 'ready' || status === 'connect')) redis.disconnect(true)
  }

  function keepLooking(): void {
    if (closed) return
    looking = setTimeout(() => void look().then(keepLooking), lookMs)
    looking.unref()
  }

  await new Promise<void>((resolve) => {
    redis.once('ready', resolve).once('close', resolve)
    setTimeout(resolve, lookMs).unref()
  })
  await look()
  keepLooking()

  return {
    redis,
    nameSpace,
    key: (...parts) => keyedHash(key, ...parts).toString('base64url', 0, 16),
    ask: (count) => (away === false ? inTime(count, lose) : Promise.resolve(null)),
    state: () => (away === false ? 'redis' : 'memory (fallback)'),
    close() {
      closed = true
      clearTimeout(looking)
      lose('closed')
      redis.disconnect()
    },
  }
}
