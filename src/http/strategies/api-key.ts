// The API key strategy: a key in Authorization, like any bearer token, or in x-api-key. Never in a cookie or a query.
import type { FastifyRequest } from 'fastify'
import { apiKeyMark } from '../../crypto/api-key.ts'
import { bearerToken } from './bearer.ts'

/**
 * What a request presents as an API key, right or wrong; undefined where it presents none. Authorization goes before
 * x-api-key, whatever it holds.
 */
export function presentedKey(request: FastifyRequest): string | undefined {
  const bearer = bearerToken(request)
  if (bearer !== undefined) return bearer?.startsWith(apiKeyMark) ? bearer : undefined
  const header = request.headers['x-api-key']
  return header === undefined ? undefined : String(header)
}
