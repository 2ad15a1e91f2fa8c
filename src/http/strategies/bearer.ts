// The bearer strategy (RFC 6750 §2.1): an access token in the Authorization header.
import type { FastifyRequest } from 'fastify'

const shape = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i

/** The header that was read last: several ask for the token of one request. */
let last: { readonly header: string; readonly token: string | null } = { header: '', token: null }

/** The token of the Authorization header; null when the header is there and holds none; undefined when it is absent. */
export function bearerToken(request: FastifyRequest): string | null | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  // The same string, so nothing is compared.
  if (header !== last.header) last = { header, token: shape.exec(header)?.[1] ?? null }
  return last.token
}
