// Limits for each client address and project, in the classes that routes declare; the policy says how many.
//
// `read` counts every request as it arrives; `credential` and `mail` count requests whose body is valid, so that a
// typing mistake costs nobody a try.
import rateLimit from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass } from '../../domain/policy.ts'
import { RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

export const rateLimits = plugin('rate-limits', async (api) => {
  await api.register(rateLimit, { global: false, cache: 20_000 })

  const checks = Object.fromEntries(
    (['credential', 'mail', 'read'] as const).map((limit) => [
      limit,
      api.createRateLimit({
        max: (request: FastifyRequest) => request.project.policy.limits[limit].max,
        timeWindow: (request: FastifyRequest) => request.project.policy.limits[limit].window_seconds * 1000,
        keyGenerator: (request: FastifyRequest) => `${request.project.id} ${request.address}`,
      }),
    ]),
  ) as Record<LimitClass, ReturnType<typeof api.createRateLimit>>

  /** Counts the request and says where its client stands (draft-ietf-httpapi-ratelimit-headers-10). */
  async function count(limit: LimitClass, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const state = await checks[limit](request)
    if (state.isAllowed) return
    const windowSeconds = Math.round(state.timeWindow / 1000)
    const leftSeconds = Math.max(1, state.ttlInSeconds)
    reply.header('ratelimit-policy', `"${limit}";q=${state.max};w=${windowSeconds}`)
    reply.header('ratelimit', `"${limit}";r=${state.remaining};t=${leftSeconds}`)
    if (state.isExceeded) throw new RequestProblem('rate_limited', { retryAfterSeconds: leftSeconds })
  }

  api.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.limit !== 'read') return done()
    count('read', request, reply).then(() => done(), done)
  })
  api.addHook('preHandler', (request, reply, done) => {
    const { limit } = request.routeOptions.config
    if (limit !== 'credential' && limit !== 'mail') return done()
    count(limit, request, reply).then(() => done(), done)
  })
})

/** Requests of one client address to the pages in a minute, whatever project their links name. */
const pagesPerMinute = 120

/** The limit of the pages, which belong to no project before they read their link. */
export const pageLimit = plugin('page-limit', async (api) => {
  await api.register(rateLimit, {
    max: pagesPerMinute,
    timeWindow: 60_000,
    cache: 20_000,
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
