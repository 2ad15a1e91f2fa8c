// Answers every error: refusals by the scope's own map, an unavailable part with 503, all else with 500.
import { problemKinds, problemMediaType } from '../../../schemas/errors.ts'
import type { Metrics } from '../../observability/metrics.ts'
import { problemDocument } from '../problems.ts'
import { type Answer, refusalOf } from '../refusal.ts'
import { plugin } from './plugin.ts'

interface ErrorsOptions {
  /** Answers a refusal in this scope. */
  readonly answer: Answer
  /** Whether an error means that the database cannot be reached or cannot write. */
  readonly isUnavailable: (error: unknown) => boolean
  readonly metrics: Pick<Metrics, 'limited' | 'lockedOut'>
}

/** Retry-After while a part is down, in seconds. */
const unavailableSeconds = 2

export const errors = plugin<ErrorsOptions>('errors', async (api, { answer, isUnavailable, metrics }) => {
  api.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal?.code === 'rate_limited') metrics.limited(request.declared.limit)
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

/** Codes of the answers to Node's errors; any other is malformed_request. */
const rawCodes: Readonly<Record<string, 'headers_too_large' | 'request_timeout'>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/**
 * Builds the answer to a request that Node could not parse, so that its path is unknown, in the canonical form.
 * @param nodeCode Node's error code
 * @returns its status, and a whole HTTP response for the raw socket
 * @see Fastify's clientErrorHandler
 */
export function rawProblem(
  nodeCode: string | undefined,
  publicUrl: string,
  requestId: string,
): { status: number; text: string } {
  const code = rawCodes[nodeCode ?? ''] ?? 'malformed_request'
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
