// Rate limits for each client address and project, in the classes that routes declare; the project's policy sets them.
//
// `read` and `project` (for back ends) count every request when it arrives; `credential` and `mail` count only requests with a
// valid body, so that a malformed request does not use up an attempt.
import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass, Policy } from '../../domain/projects/policy.ts'
import type { Count, Counter } from '../rate-limit-memory.ts'
import { RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

/** A client's use of one limit, this request included. */
export interface RateLimitStatus {
  readonly limit: LimitClass
  readonly isExceeded: boolean
  readonly max: number
  readonly remaining: number
  readonly windowSeconds: number
  /** Until the window ends; at least 1. */
  readonly leftSeconds: number
}

/** Counts a request and returns its client's status. */
type Check = (request: FastifyRequest) => Promise<RateLimitStatus>
export type Limits = Readonly<Record<LimitClass, Check>>

type Quota = Policy['limits'][LimitClass]

/**
 * Makes a limit.
 * @param limit the class that its status names
 * @param quota the quota of a request
 * @param name the name of its counts; by default the class
 * @param client the client that a request counts for; by default its project and address
 */
export type Limiter = (
  limit: LimitClass,
  quota: (request: FastifyRequest) => Quota,
  name?: string,
  client?: (request: FastifyRequest) => readonly string[],
) => Check

/** A store of @fastify/rate-limit that counts by `counter`. It receives the name of each limit as `nameSpace`. */
function storeOf(counter: Counter): NonNullable<RateLimitPluginOptions['store']> {
  return class Store {
    readonly #limit: string

    constructor({ nameSpace = '' }: { nameSpace?: string }) {
      this.#limit = nameSpace
    }

    child(options: object): Store {
      return new Store(options)
    }

    incr(
      client: string,
      done: (error: Error | null, count?: Count) => void,
      windowMs: number,
      max: number,
    ): void {
      const counted = counter(this.#limit, client, windowMs, max)
      if ('current' in counted) done(null, counted)
      else counted.then((count) => done(null, count), done)
    }
  }
}

/** The outcome of a check by @fastify/rate-limit. */
type Checked = Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>

function statusOf(limit: LimitClass, state: Checked): RateLimitStatus {
  if (state.isAllowed) throw new Error('No address is exempt from limits.')
  const { isExceeded, max, remaining, timeWindow, ttlInSeconds } = state
  const windowSeconds = Math.round(timeWindow / 1000)
  return { limit, isExceeded, max, remaining, windowSeconds, leftSeconds: Math.max(1, ttlInSeconds) }
}

/** Loads @fastify/rate-limit and makes limits that are counted by `counter`. */
export async function createLimiter(app: FastifyInstance, counter: Counter): Promise<Limiter> {
  let create: FastifyInstance['createRateLimit'] | undefined
  await app.register(async (scope) => {
    await scope.register(rateLimit, { global: false, store: storeOf(counter) })
    create = scope.createRateLimit
  })
  if (!create) throw new Error('@fastify/rate-limit was not loaded.')
  const createRateLimit = create
  const projectAndAddress = ({ project, address }: FastifyRequest) => [project.id, address]
  return (limit, quota, name = limit, client = projectAndAddress) => {
    const keyGenerator = (request: FastifyRequest) => client(request).join(' ')
    /** One check for each quota: with `max` and `timeWindow` as functions, each request awaits two promises more. */
    const checks = new WeakMap<Quota, ReturnType<typeof createRateLimit>>()
    function newCheck({ max, window_seconds }: Quota) {
      const options = { nameSpace: name, max, timeWindow: window_seconds * 1000, keyGenerator }
      return createRateLimit(options)
    }
    return (request) => {
      const counted = quota(request)
      const check = checks.get(counted) ?? newCheck(counted)
      checks.set(counted, check)
      return check(request).then((state) => statusOf(limit, state))
    }
  }
}

/** The limits of the policy, counted once for the whole service: all contracts share a client's counts. */
export function createLimits(limiter: Limiter): Limits {
  const byPolicy = (limit: LimitClass) => limiter(limit, (request) => request.project.policy.limits[limit])
  return {
    credential: byPolicy('credential'),
    mail: byPolicy('mail'),
    read: byPolicy('read'),
    project: byPolicy('project'),
  }
}

/** Sets `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). */
export function setRateLimitHeaders(reply: FastifyReply, status: RateLimitStatus): void {
  const { limit, max, remaining, windowSeconds, leftSeconds } = status
  reply.header('ratelimit-policy', `"${limit}";q=${max};w=${windowSeconds}`)
  reply.header('ratelimit', `"${limit}";r=${remaining};t=${leftSeconds}`)
}

export interface RateLimitsOptions {
  readonly limits: Limits
  /** Sets the response headers that tell a client its status. */
  readonly show: (reply: FastifyReply, status: RateLimitStatus) => void
  /** Classes that count every request as it arrives. */
  readonly countedOnArrival?: readonly LimitClass[]
  /** The class of a path without a route; none by default. */
  readonly unmatched?: LimitClass | 'none'
}

export const rateLimits = plugin<RateLimitsOptions>(
  'rate-limits',
  async (api, { limits, show, countedOnArrival = ['read', 'project'], unmatched = 'none' }) => {
    const countIf =
      (isOnArrival: boolean) =>
      (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
        const limit = request.declared.limit ?? unmatched
        if (limit === 'none' || countedOnArrival.includes(limit) !== isOnArrival) return done()
        limits[limit](request).then((status) => {
          show(reply, status)
          if (!status.isExceeded) return done()
          done(new RequestProblem('rate_limited', { retryAfterSeconds: status.leftSeconds }))
        }, done)
      }
    api.addHook('onRequest', countIf(true))
    api.addHook('preHandler', countIf(false))
  },
)

/** Requests of one client address to the pages, over all projects. */
const pagesPerMinute = { max: 120, window_seconds: 60 }

/** The limit of the pages, which know their project only after they have read their link. */
export const pageLimit = plugin<{ limiter: Limiter }>('page-limit', async (api, { limiter }) => {
  const check = limiter(
    'read',
    () => pagesPerMinute,
    'page',
    ({ address }) => [address],
  )
  api.addHook('onRequest', async (request) => {
    const { isExceeded, leftSeconds } = await check(request)
    if (isExceeded) throw new RequestProblem('rate_limited', { retryAfterSeconds: leftSeconds })
  })
})
