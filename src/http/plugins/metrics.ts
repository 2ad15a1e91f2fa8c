// GET /metrics, and every answered request counted by the template of its route, its method and its status.
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { metrics as schema } from '../../../schemas/operations.ts'
import { AuthError } from '../../domain/errors.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { RequestProblem } from '../refusal.ts'
import { bearerToken } from '../strategies/bearer.ts'
import type { Api } from '../typebox.ts'
import { plugin } from './plugin.ts'

/** Counts every request below the scope that registers it. */
export const countedRequests = plugin<{ metrics: Pick<Metrics, 'answered'> }>(
  'counted-requests',
  async (api, { metrics }) => {
    api.addHook('onResponse', (request, reply, done) => {
      const { url } = request.routeOptions
      metrics.answered(request.method, url, reply.statusCode, reply.elapsedTime / 1000)
      done()
    })
  },
)

export interface MetricsRoute {
  /** All metrics of this instance, in the text format of Prometheus. @throws when its workers do not answer */
  readonly scrape: () => Promise<string>
  readonly mediaType: string
  /** What a scraper must present; null: it must be a direct neighbour. */
  readonly token: string | null
  readonly publicUrl: string
}

const neighbours = new Set(['loopback', 'private', 'uniqueLocal'])
const forwarding = /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/

/**
 * Whether a request was sent by a program next to us, and not through a proxy: from a loopback or private address, with no
 * header that a proxy adds, not in the HTTP/1.0 that nginx speaks by itself, and not to the name that people know us by.
 */
export function isNeighbour({ raw }: FastifyRequest, publicHost: string): boolean {
  const { remoteAddress = '' } = raw.socket
  if (!ipaddr.isValid(remoteAddress) || !neighbours.has(ipaddr.process(remoteAddress).range())) return false
  if (raw.httpVersionMajor === 1 && raw.httpVersionMinor === 0) return false
  const origin = `http://${raw.headers.host}`
  if (!URL.canParse(origin) || (new URL(origin).hostname === publicHost && !isHere(publicHost))) return false
  return !Object.keys(raw.headers).some((name) => forwarding.test(name))
}

/** Whether a host is a plain address, or this machine: then no proxy gave it its name. */
function isHere(host: string): boolean {
  return host === 'localhost' || ipaddr.isValid(host.replace(/^\[|\]$/g, ''))
}

/** Registers GET /metrics. */
export async function metricsRoute(
  api: Api,
  { scrape, mediaType, token, publicUrl }: MetricsRoute,
): Promise<void> {
  const expected = token === null ? null : Buffer.from(token)
  const publicHost = new URL(publicUrl).hostname
  let hinted = false

  function admit(request: FastifyRequest): void {
    if (expected) {
      const given = Buffer.from(bearerToken(request) ?? '')
      if (given.length !== expected.length || !timingSafeEqual(given, expected))
        throw new AuthError('unauthenticated')
    } else if (!isNeighbour(request, publicHost)) {
      // Once: whoever set up a scraper looks here, and a stranger who asks again and again fills no disk.
      if (!hinted) request.log.warn('GET /metrics was refused: set METRICS_TOKEN to read it from elsewhere')
      hinted = true
      throw new RequestProblem('route_not_found')
    }
  }

  const config = { access: 'open', limit: 'none', shed: false } as const
  api.get('/metrics', { schema, config, logLevel: 'warn' }, async (request, reply) => {
    admit(request)
    const text = await scrape().catch((error) => {
      request.log.warn({ err: error }, 'The metrics could not be put together')
      throw new RequestProblem('service_unavailable', { retryAfterSeconds: 5 })
    })
    return reply.type(mediaType).send(text)
  })
}
