// The cookie strategy: the same access token, in the project's HttpOnly cookie, used where no Authorization is presented.
import type { FastifyRequest } from 'fastify'
import type { SessionCookies } from '../cookies.ts'

/** The access token of the session cookie, if the request carries one. */
export function cookieToken(request: FastifyRequest, cookies: SessionCookies): string | undefined {
  return cookies.read(request, 'access')
}
