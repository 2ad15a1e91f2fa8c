// The bearer strategy (RFC 6750 §2.1): an access token in the Authorization header.
import type { FastifyRequest } from 'fastify'

const shape = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i

/** The token of the Authorization header; null when the header is there and holds none; undefined when it is absent. */
export function bearerToken(request: FastifyRequest): string | null | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  return shape.exec(header)?.[1] ?? null
}
