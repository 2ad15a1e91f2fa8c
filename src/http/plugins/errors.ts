// Every failure leaves as a problem document: refusals by their face, Fastify's own by theirs, a missing part as 503.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { problemKinds, problemMediaType } from '../../../schemas/errors.ts'
import { faceOf, type ProblemFacts, problemDocument } from '../problems.ts'
import { plugin } from './plugin.ts'

export interface ErrorsOptions {
  readonly publicUrl: string
  /** Whether an error means that the database cannot be reached or cannot write. */
  readonly isUnavailable: (error: unknown) => boolean
}

/** Fastify's own errors, by code; what is not listed and below 500 is a malformed request. */
const fastifyFaces: Record<string, ProblemFacts> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'body_too_large' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported_media_type' },
  FST_ERR_CTP_EMPTY_TYPE: { code: 'unsupported_media_type' },
  FST_ERR_REQUEST_TIMEOUT: { code: 'request_timeout' },
}

/** Seconds after which a client may ask again when a part is down. */
const unavailableSeconds = 2

/** Answers with the problem document of `facts` and the headers that belong to it. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  facts: ProblemFacts,
  publicUrl: string,
): FastifyReply {
  const document = problemDocument(facts, publicUrl, request.id)
  if (document.retry_after !== undefined) reply.header('retry-after', document.retry_after)
  if (document.status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.code(document.status).type(problemMediaType).send(document)
}

export const errors = plugin<ErrorsOptions>('errors', async (api, { publicUrl, isUnavailable }) => {
  const send = (request: FastifyRequest, reply: FastifyReply, facts: ProblemFacts) =>
    sendProblem(request, reply, facts, publicUrl)

  api.setErrorHandler((error: FastifyError, request, reply) => {
    const face = faceOf(error)
    if (face) return send(request, reply, face)
    if (isUnavailable(error)) {
      request.log.warn({ err: error }, 'A part of the service is unavailable')
      return send(request, reply, { code: 'service_unavailable', retryAfterSeconds: unavailableSeconds })
    }
    const status = error.statusCode ?? 500
    if (status < 500) return send(request, reply, fastifyFaces[error.code] ?? { code: 'malformed_request' })
    request.log.error({ err: error }, 'Unexpected error')
    return send(request, reply, { code: 'internal_error' })
  })
})

/**
 * Answers what Node could not even parse, on the raw socket, in the same form. @see Fastify's clientErrorHandler
 * In: Node's error code. Out: a whole HTTP response.
 */
export function rawProblem(nodeCode: string | undefined, publicUrl: string, requestId: string): string {
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
  return `HTTP/1.1 ${status} ${title}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}
