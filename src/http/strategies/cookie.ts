// The cookie strategy: the same access token, in the project's HttpOnly cookie, used where no Authorization is presented.
import type { FastifyRequest } from 'fastify'
import type { SessionCookies } from '../cookies.ts'
import { bearerToken } from './bearer.ts'

/** How a request of the canonical API presents its access token: Authorization first, else the cookie. */
export function cookieOrBearer(cookies: SessionCookies) {
  return {
    presented(request: FastifyRequest): string | null | undefined {
      const header = bearerToken(request)
      return header === undefined ? cookies.read(request, 'access') : header
    },
    /** With the refresh cookie alone. */
    mayLeave: (request: FastifyRequest): boolean =>
      request.headers.authorization === undefined && cookies.read(request, 'refresh') !== undefined,
  }
}

/** When a request of the canonical API is made with session cookies, and when it asks for them. */
export function cookieUse(cookies: SessionCookies) {
  return {
    rides: (request: FastifyRequest): boolean =>
      request.headers.authorization === undefined &&
      (cookies.read(request, 'access') !== undefined || cookies.read(request, 'refresh') !== undefined),
    plants: (request: FastifyRequest): boolean => request.headers['session-transport'] === 'cookie',
  }
}
