// GET /metrics.
import type { FastifyRequest } from 'fastify'
import { metrics as schema } from '../../../schemas/operations.ts'
import { hashSecret, matchesSecret } from '../../crypto/secrets.ts'
import { AuthError } from '../../domain/errors.ts'
import { isLoopback } from '../../formats.ts'
import { isNeighbour } from '../neighbour.ts'
import { RequestProblem } from '../refusal.ts'
import { bearerToken } from '../strategies/bearer.ts'
import type { Api } from '../typebox.ts'

export interface MetricsRoute {
  /** All metrics of this instance, in the text format of Prometheus. @throws when its workers do not answer */
  readonly scrape: () => Promise<string>
  readonly mediaType: string
  /** The token that a scraper must present; null: only this machine may read, and only with a loopback PUBLIC_URL. */
  readonly token: string | null
  readonly publicUrl: string
}

export async function metricsRoute(
  api: Api,
  { scrape, mediaType, token, publicUrl }: MetricsRoute,
): Promise<void> {
  const expected = token === null ? null : hashSecret(token)
  const isLocal = isLoopback(new URL(publicUrl).hostname)
  let hinted = false

  function admit(request: FastifyRequest): void {
    if (expected) {
      if (!matchesSecret(bearerToken(request) ?? '', expected)) throw new AuthError('unauthenticated')
    } else if (!isLocal || !isNeighbour(request)) {
      // Logged once: repeated requests must not fill the disk.
      if (!hinted)
        request.log.warn(
          'GET /metrics was refused: without METRICS_TOKEN it answers only this machine, and only where PUBLIC_URL is a loopback address',
        )
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
