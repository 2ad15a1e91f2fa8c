// Turns a presented access token into a principal, where the route asks for one.
import type { FastifyRequest } from 'fastify'
import { AuthError } from '../../domain/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Sessions } from '../../domain/sessions.ts'
import type { AccessClaims, Tokens } from '../tokens.ts'
import { plugin } from './plugin.ts'

export interface AuthenticateOptions {
  readonly tokens: Tokens
  readonly sessions: Sessions
  /** The access token that a request presents in this scope; null or undefined: none that could be one. */
  readonly presented: (request: FastifyRequest) => string | null | undefined
  /** Whether a route that somebody leaves by does without one: its handler ends the session by other means. */
  readonly mayLeave?: ((request: FastifyRequest) => boolean) | undefined
  /** Asked where a token of ours has no living session, in scopes that tell why; throws the better refusal. */
  readonly ended?: ((request: FastifyRequest, claims: AccessClaims) => Promise<void>) | undefined
}

/** The principal of a request whose route demands one. @throws AuthError unauthenticated */
export function signedIn(request: FastifyRequest): Principal {
  if (!request.principal) throw new AuthError('unauthenticated')
  return request.principal
}

export const authenticate = plugin<AuthenticateOptions>(
  'authenticate',
  async (api, { tokens, sessions, presented, mayLeave, ended }) => {
    api.decorateRequest('principal', null)

    api.addHook('onRequest', async (request) => {
      const { access } = request.routeOptions.config
      if (access !== 'user' && access !== 'leaving') return
      const token = presented(request)
      const claims = token ? tokens.readAccess(token) : null
      if (!claims && access === 'leaving' && mayLeave?.(request)) return
      if (!claims || claims.aud !== request.project.id) throw new AuthError('unauthenticated')
      const session = { sessionId: claims.sid, generation: claims.gen }
      try {
        request.principal = await sessions.authenticate(request.project, session)
      } catch (error) {
        if (error instanceof AuthError) await ended?.(request, claims)
        throw error
      }
    })
  },
)
