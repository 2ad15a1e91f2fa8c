// Limits for each client address and project, in the classes that routes declare; the policy says how many.
//
// `read` and `project` (what back ends ask) count every request as it arrives; `credential` and `mail` count requests
// whose body is valid, so that a typing mistake costs nobody a try.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass } from '../../domain/policy.ts'
import { RequestProblem } from '../refusal.ts'
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

/** Addresses that each limit remembers; who was seen longest ago is forgotten first. */
const cache = 20_000

/** A limit with counts of its own; `measure` says how many. */
export function createLimit(
  app: FastifyInstance,
  limit: LimitClass,
  measure: (request: FastifyRequest) => Measure,
): Count {
  const options = {
    cache,
    max: (request: FastifyRequest) => measure(request).max,
    timeWindow: (request: FastifyRequest) => measure(request).window_seconds * 1000,
    keyGenerator: (request: FastifyRequest) => `${request.project.id} ${request.address}`,
  }
  const check = app.createRateLimit(options)
  return async (request) => {
    const state = await check(request)
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
}

/** The limits of the policy, counted once for the whole service: a client has one count, whatever contract it speaks. */
export async function createLimits(app: FastifyInstance): Promise<Limits> {
  await app.register(rateLimit, { global: false })
  const byPolicy = (limit: LimitClass) =>
    createLimit(app, limit, (request) => request.project.policy.limits[limit])
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
    async function count(limit: LimitClass, request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const standing = await limits[limit](request)
      show(reply, standing)
      if (standing.isExceeded)
        throw new RequestProblem('rate_limited', { retryAfterSeconds: standing.leftSeconds })
    }
    const limitOf = (request: FastifyRequest): LimitClass | 'none' =>
      request.routeOptions.config.limit ?? elsewhere

    api.addHook('onRequest', (request, reply, done) => {
      const limit = limitOf(request)
      if (limit === 'none' || !atOnce.includes(limit)) return done()
      count(limit, request, reply).then(() => done(), done)
    })
    api.addHook('preHandler', (request, reply, done) => {
      const limit = limitOf(request)
      if (limit === 'none' || atOnce.includes(limit)) return done()
      count(limit, request, reply).then(() => done(), done)
    })
  },
)

/** Requests of one client address to the pages in a minute, whatever project their links name. */
const pagesPerMinute = 120

/** The limit of the pages, which belong to no project before they read their link. */
export const pageLimit = plugin('page-limit', async (api) => {
  await api.register(rateLimit, {
    max: pagesPerMinute,
    timeWindow: 60_000,
    cache,
    keyGenerator: (request: FastifyRequest) => request.address,
    addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    errorResponseBuilder: (_request, { ttl }) =>
      new RequestProblem('rate_limited', { retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1000)) }),
  })
})
