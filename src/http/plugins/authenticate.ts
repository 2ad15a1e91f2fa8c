// Turns a presented access token into a principal, where the route asks for one: Authorization first, else the cookie.

import type { FastifyRequest } from 'fastify'
import { AuthError } from '../../domain/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Sessions } from '../../domain/sessions.ts'
import type { SessionCookies } from '../cookies.ts'
import { bearerToken } from '../strategies/bearer.ts'
import { cookieToken } from '../strategies/cookie.ts'
import type { Tokens } from '../tokens.ts'
import { plugin } from './plugin.ts'

export interface AuthenticateOptions {
  readonly tokens: Tokens
  readonly cookies: SessionCookies
  readonly sessions: Sessions
}

/** The principal of a request whose route demands one. @throws AuthError unauthenticated */
export function signedIn(request: FastifyRequest): Principal {
  if (!request.principal) throw new AuthError('unauthenticated')
  return request.principal
}

export const authenticate = plugin<AuthenticateOptions>(
  'authenticate',
  async (api, { tokens, cookies, sessions }) => {
    api.decorateRequest('principal', null)

    api.addHook('onRequest', async (request) => {
      const { access } = request.routeOptions.config
      if (access !== 'user' && access !== 'leaving') return
      const header = bearerToken(request)
      const token = header === undefined ? cookieToken(request, cookies) : header
      const claims = token ? tokens.readAccess(token) : null
      // Leaving with the refresh cookie alone: the handler ends that session.
      if (!claims && access === 'leaving' && header === undefined && cookies.read(request, 'refresh')) return
      if (!claims || claims.aud !== request.project.id) throw new AuthError('unauthenticated')
      const presented = { sessionId: claims.sid, generation: claims.gen }
      request.principal = await sessions.authenticate(request.project, presented)
    })
  },
)
