// Every failure leaves as a refusal with a face: the domain's, Fastify's own, a missing part as 503, all else as 500.
import { problemKinds, problemMediaType } from '../../../schemas/errors.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import { problemDocument } from '../problems.ts'
import { type Answer, refusalOf } from '../refusal.ts'
import { plugin } from './plugin.ts'

export interface ErrorsOptions {
  /** How this scope says a refusal. */
  readonly answer: Answer
  /** Whether an error means that the database cannot be reached or cannot write. */
  readonly isUnavailable: (error: unknown) => boolean
  readonly metrics: Pick<Metrics, 'limited' | 'lockedOut'>
}

/** Seconds after which a client may ask again when a part is down. */
const unavailableSeconds = 2

export const errors = plugin<ErrorsOptions>('errors', async (api, { answer, isUnavailable, metrics }) => {
  api.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal?.code === 'rate_limited') metrics.limited(request.routeOptions.config.limit)
    if (refusal?.code === 'too_many_attempts') metrics.lockedOut()
    if (refusal) return answer(request, reply, refusal)
    if (isUnavailable(error)) {
      request.log.warn({ err: error }, 'A part of the service is unavailable')
      return answer(request, reply, { code: 'service_unavailable', retryAfterSeconds: unavailableSeconds })
    }
    request.log.error({ err: error }, 'Unexpected error')
    return answer(request, reply, { code: 'internal_error' })
  })
})

/**
 * Answers what Node could not even parse, on the raw socket, in the canonical form: nobody knows which path it was for.
 * In: Node's error code. Out: its status, and a whole HTTP response. @see Fastify's clientErrorHandler
 */
export function rawProblem(
  nodeCode: string | undefined,
  publicUrl: string,
  requestId: string,
): { status: number; text: string } {
  const code =
    nodeCode === 'HPE_HEADER_OVERFLOW'
      ? 'headers_too_large'
      : nodeCode === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request_timeout'
        : 'malformed_request'
  const body = JSON.stringify(problemDocument({ code }, publicUrl, requestId))
  const { status, title } = problemKinds[code]
  const headers = [
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'Connection: close',
  ]
  return { status, text: `HTTP/1.1 ${status} ${title}\r\n${headers.join('\r\n')}\r\n\r\n${body}` }
}
