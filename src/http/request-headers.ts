// Every request header that the service reads. All code reads them here, so that the list that CORS allows is complete.
import type { FastifyRequest } from 'fastify'

/** Headers that a page of a listed origin may send (CORS). OpenTelemetry reads the last three. */
export const pageHeaders = [
  'accept',
  'accept-language',
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'project-id',
  'session-transport',
  'x-api-key',
  'x-correlation-id',
  'x-request-id',
  'traceparent',
  'tracestate',
  'baggage',
] as const

/** Headers that browsers set themselves, and the project's secret, which only back ends send. */
const otherHeaders = [
  'access-control-request-headers',
  'host',
  'origin',
  'project-secret',
  'sec-fetch-dest',
  'sec-fetch-site',
  'user-agent',
] as const

type ReadHeader = (typeof pageHeaders)[number] | (typeof otherHeaders)[number]

/** The value of a header; several of one name are joined by a comma. Undefined: it was not sent. */
export function readHeader(
  { headers }: Pick<FastifyRequest, 'headers'>,
  name: ReadHeader,
): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}
