// The cookie strategy: the tokens in the project's HttpOnly cookies, which are read only where no bearer token is presented.
import type { FastifyRequest } from 'fastify'
import type { Principal } from '../../domain/actor.ts'
import type { Context } from '../../domain/context.ts'
import { AuthError } from '../../domain/errors.ts'
import { authenticateSession } from '../../domain/sessions/sessions.ts'
import { type SessionCookies, sessionCookies, type TokenCookie } from '../cookies.ts'
import { readHeader } from '../request-headers.ts'
import type { ServerOptions } from '../server-options.ts'
import { readAccessFor, sessionOf } from '../tokens.ts'
import type { Transport } from '../views.ts'
import { bearerToken } from './bearer.ts'

/** How a request presents its credentials. */
export const presentedTransport = (request: FastifyRequest): Transport =>
  bearerToken(request) === undefined ? 'cookie' : 'bearer'

/** The cookie of a request that presents no bearer token. */
export const presentedCookie = (
  cookies: SessionCookies,
  request: FastifyRequest,
  kind: TokenCookie,
): string | undefined => (presentedTransport(request) === 'cookie' ? cookies.read(request, kind) : undefined)

/** How requests of the canonical API present their access token: in Authorization, else in the cookie. */
export function cookieOrBearer(cookies: SessionCookies) {
  return {
    presented(request: FastifyRequest): string | null | undefined {
      const header = bearerToken(request)
      return header === undefined ? cookies.read(request, 'access') : header
    },
    /** The refresh cookie alone is enough to sign out. */
    allowsEndedSession: (request: FastifyRequest): boolean =>
      presentedCookie(cookies, request, 'refresh') !== undefined,
  }
}

/** Whether a request of the canonical API uses session cookies, or asks for them. */
export const concernsSessionCookies =
  (cookies: SessionCookies) =>
  (request: FastifyRequest): boolean =>
    presentedCookie(cookies, request, 'access') !== undefined ||
    presentedCookie(cookies, request, 'refresh') !== undefined ||
    readHeader(request, 'session-transport') === 'cookie'

/** Builds the function that finds the signed-in user of a page, by the access token in the project's cookie. */
export function visitorFinder({ tokens, cookieSecure }: Pick<ServerOptions, 'tokens' | 'cookieSecure'>) {
  const cookies = sessionCookies(cookieSecure)
  return async (request: FastifyRequest, ctx: Context): Promise<Principal | null> => {
    request.project = ctx.project
    const claims = readAccessFor(tokens, ctx.project, cookies.read(request, 'access'))
    // An operator who acts as a user is not the holder of the account.
    if (!claims || claims.act) return null
    return authenticateSession(ctx, sessionOf(claims)).catch((error: unknown) => {
      if (error instanceof AuthError) return null
      throw error
    })
  }
}
