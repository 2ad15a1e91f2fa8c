// Limits for each client address and project, in the classes that routes declare; the policy says how many.
//
// Counted in the memory of this process, or of the one that its workers share; where there is a Redis, in both, and what Redis says counts as long as it is
// there. So a Redis that goes away forgives nobody what this process has seen.
//
// `read` and `project` (what back ends ask) count every request as it arrives; `credential` and `mail` count requests
// whose body is valid, so that a typing mistake costs nobody a try.
import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass } from '../../domain/policy.ts'
import { Counts } from '../counts.ts'
import { RequestProblem } from '../refusal.ts'
import type { SharedCounts } from '../shared-counts.ts'
import { plugin } from './plugin.ts'

/** Where a client stands with one limit, this request included. */
export interface Standing {
  readonly limit: LimitClass
  readonly isExceeded: boolean
  readonly max: number
  readonly remaining: number
  readonly windowSeconds: number
  /** Until the window ends; at least 1. */
  readonly leftSeconds: number
}

/** Counts a request and says where its client stands. */
type Count = (request: FastifyRequest) => Promise<Standing>
export type Limits = Readonly<Record<LimitClass, Count>>

interface Measure {
  readonly max: number
  readonly window_seconds: number
}

/** A limit with counts of its own, by the name that they have in Redis; `measure` says how many, `whose` for whom. */
export type Limiter = (
  limit: LimitClass,
  measure: (request: FastifyRequest) => Measure,
  name?: string,
  whose?: (request: FastifyRequest) => readonly string[],
) => Count

/** Loads @fastify/rate-limit with a store of its own. */
async function counting(app: FastifyInstance, store: RateLimitPluginOptions) {
  let make: FastifyInstance['createRateLimit'] | undefined
  await app.register(async (scope) => {
    await scope.register(rateLimit, { global: false, ...store })
    make = scope.createRateLimit
  })
  if (!make) throw new Error('The limiter was not loaded.')
  return make
}

/** A store of @fastify/rate-limit; it is told the name of each limit as `nameSpace`. */
export type CountStore = NonNullable<RateLimitPluginOptions['store']>

/** Makes limits that are counted here (in `store` where one is given), and in `shared` where there is one. */
export async function createLimiter(
  app: FastifyInstance,
  shared: SharedCounts | null,
  store: CountStore | null,
): Promise<Limiter> {
  const countHere = await counting(app, { store: store ?? Counts })
  const countThere = shared && (await counting(app, { redis: shared.redis, nameSpace: shared.nameSpace }))
  const projectAndAddress = ({ project, address }: FastifyRequest) => [project.id, address]
  return (limit, measure, name = limit, whose = projectAndAddress) => {
    const options = {
      nameSpace: name,
      max: (request: FastifyRequest) => measure(request).max,
      timeWindow: (request: FastifyRequest) => measure(request).window_seconds * 1000,
    }
    const here = countHere({ ...options, keyGenerator: (request) => whose(request).join(' ') })
    // All limits of one Redis have their keys in one space, so the name is part of them.
    const there =
      shared && countThere?.({ ...options, keyGenerator: (request) => shared.key(name, ...whose(request)) })
    /** Counted by each that is there; what Redis says goes before what this process has seen. */
    const everywhere = async (request: FastifyRequest) => {
      const mine = await here(request)
      return (there && (await shared?.ask(() => there(request)))) || mine
    }
    const standing = (state: Awaited<ReturnType<typeof here>>): Standing => {
      if (state.isAllowed) throw new Error('No address is exempt from limits.')
      return {
        limit,
        isExceeded: state.isExceeded,
        max: state.max,
        remaining: state.remaining,
        windowSeconds: Math.round(state.timeWindow / 1000),
        leftSeconds: Math.max(1, state.ttlInSeconds),
      }
    }
    return (request) => (there ? everywhere(request) : here(request)).then(standing)
  }
}

/** The limits of the policy, counted once for the whole service: a client has one count, whatever contract it speaks. */
export function createLimits(limiter: Limiter): Limits {
  const byPolicy = (limit: LimitClass) => limiter(limit, (request) => request.project.policy.limits[limit])
  return {
    credential: byPolicy('credential'),
    mail: byPolicy('mail'),
    read: byPolicy('read'),
    project: byPolicy('project'),
  }
}

/** Says where a client stands as draft-ietf-httpapi-ratelimit-headers-10 spells it. */
export function showStanding(reply: FastifyReply, standing: Standing): void {
  const { limit, max, remaining, windowSeconds, leftSeconds } = standing
  reply.header('ratelimit-policy', `"${limit}";q=${max};w=${windowSeconds}`)
  reply.header('ratelimit', `"${limit}";r=${remaining};t=${leftSeconds}`)
}

export interface RateLimitsOptions {
  readonly limits: Limits
  readonly show: (reply: FastifyReply, standing: Standing) => void
  /** Classes that count every request as it arrives. */
  readonly atOnce?: readonly LimitClass[]
  /** The class of a path that is no route; none by default. */
  readonly elsewhere?: LimitClass | 'none'
}

export const rateLimits = plugin<RateLimitsOptions>(
  'rate-limits',
  async (api, { limits, show, atOnce = ['read', 'project'], elsewhere = 'none' }) => {
    function count(
      limit: LimitClass,
      request: FastifyRequest,
      reply: FastifyReply,
      done: (error?: Error) => void,
    ): void {
      limits[limit](request).then((standing) => {
        show(reply, standing)
        if (!standing.isExceeded) return done()
        done(new RequestProblem('rate_limited', { retryAfterSeconds: standing.leftSeconds }))
      }, done)
    }
    const limitOf = (request: FastifyRequest): LimitClass | 'none' => request.declared.limit ?? elsewhere

    api.addHook('onRequest', (request, reply, done) => {
      const limit = limitOf(request)
      if (limit === 'none' || !atOnce.includes(limit)) return done()
      count(limit, request, reply, done)
    })
    api.addHook('preHandler', (request, reply, done) => {
      const limit = limitOf(request)
      if (limit === 'none' || atOnce.includes(limit)) return done()
      count(limit, request, reply, done)
    })
  },
)

/** Requests of one client address to the pages, whatever project their links name. */
const pagesPerMinute = { max: 120, window_seconds: 60 }

/** The limit of the pages, which belong to no project before they read their link. */
export const pageLimit = plugin<{ limiter: Limiter }>('page-limit', async (api, { limiter }) => {
  const count = limiter(
    'read',
    () => pagesPerMinute,
    'page',
    ({ address }) => [address],
  )
  api.addHook('onRequest', async (request) => {
    const { isExceeded, leftSeconds } = await count(request)
    if (isExceeded) throw new RequestProblem('rate_limited', { retryAfterSeconds: leftSeconds })
  })
})
