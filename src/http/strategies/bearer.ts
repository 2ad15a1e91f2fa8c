// The bearer strategy (RFC 6750 §2.1): an access token in the Authorization header.
import type { FastifyRequest } from 'fastify'
import { readHeader } from '../request-headers.ts'

const scheme = /^bearer(?: |$)/i
const shape = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i

/** The header that was read last: one request is asked several times. */
let last: { readonly header: string; readonly token: string | null | undefined } = {
  header: '',
  token: undefined,
}

/**
 * The token of the Authorization header; null where its scheme is Bearer and it holds no token; undefined where there is
 * none, or one of a foreign scheme, which is not for us (such as that of a proxy in front).
 */
export function bearerToken(request: FastifyRequest): string | null | undefined {
  const header = readHeader(request, 'authorization')
  if (header === undefined) return undefined
  // The same string, so nothing is compared.
  if (header !== last.header)
    last = { header, token: scheme.test(header) ? (shape.exec(header)?.[1] ?? null) : undefined }
  return last.token
}
