// The bearer strategy (RFC 6750 §2.1): an access token in the Authorization header.
import type { FastifyRequest } from 'fastify'
import { readHeader } from '../request-headers.ts'

const scheme = /^bearer(?: |$)/i
const shape = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i

/** The header that was parsed last, because it is read several times for each request. */
let last: { readonly header: string; readonly token: string | null | undefined } = {
  header: '',
  token: undefined,
}

/**
 * The token of the Authorization header; null where the scheme is Bearer without a valid token; undefined without the header, or
 * with another scheme, which may be for a proxy in front.
 */
export function bearerToken(request: FastifyRequest): string | null | undefined {
  const header = readHeader(request, 'authorization')
  if (header === undefined) return undefined
  // Usually the same string object, which compares at once.
  if (header !== last.header)
    last = { header, token: scheme.test(header) ? (shape.exec(header)?.[1] ?? null) : undefined }
  return last.token
}
