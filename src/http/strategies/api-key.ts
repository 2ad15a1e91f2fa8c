// The API key strategy: a key in Authorization, like any bearer token, or in x-api-key. Never in a cookie or a query.
import type { FastifyRequest } from 'fastify'
import { apiKeyMark } from '../../crypto/api-key.ts'
import { readHeader } from '../request-headers.ts'
import { bearerToken } from './bearer.ts'

/**
 * The API key that a request presents, valid or not; undefined where it presents none. x-api-key is read only where
 * the scheme of Authorization is not Bearer.
 */
export function presentedKey(request: FastifyRequest): string | undefined {
  const bearer = bearerToken(request)
  if (bearer !== undefined) return bearer?.startsWith(apiKeyMark) ? bearer : undefined
  return readHeader(request, 'x-api-key')
}
