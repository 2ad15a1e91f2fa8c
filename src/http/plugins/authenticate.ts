// Turns what a request presents into the one who makes it, where the route asks: an API key where it takes one, else an
// access token.
import type { FastifyRequest } from 'fastify'
import { type ApiKeys, grants, type KeyScope } from '../../domain/api-keys.ts'
import { AuthError } from '../../domain/errors.ts'
import type { Actor, KeyHolder, Principal } from '../../domain/principal.ts'
import type { Sessions } from '../../domain/sessions.ts'
import { RequestProblem } from '../refusal.ts'
import { presentedKey } from '../strategies/api-key.ts'
import type { AccessClaims, Tokens } from '../tokens.ts'
import { plugin } from './plugin.ts'

export interface AuthenticateOptions {
  readonly tokens: Tokens
  readonly sessions: Sessions
  /** Where routes take API keys. */
  readonly apiKeys?: ApiKeys
  /** The access token that a request presents in this scope; null or undefined: none that could be one. */
  readonly presented: (request: FastifyRequest) => string | null | undefined
  /**
   * Whether a route that somebody leaves by does without one that is alive: its handler ends the session by other means,
   * or has none to end.
   */
  readonly mayLeave?: ((request: FastifyRequest) => boolean) | undefined
  /** Asked where a token of ours has no living session, in scopes that tell why; throws the better refusal. */
  readonly ended?: ((request: FastifyRequest, claims: AccessClaims) => Promise<void>) | undefined
}

/** The principal of a request whose route demands a session. @throws AuthError unauthenticated */
export function signedIn(request: FastifyRequest): Principal {
  if (!request.principal) throw new AuthError('unauthenticated')
  return request.principal
}

/** The user of a request whose route takes API keys as well, however it came in. @throws AuthError unauthenticated */
export function onBehalfOf(request: FastifyRequest): Actor {
  return request.keyHolder ?? signedIn(request)
}

export const authenticate = plugin<AuthenticateOptions>(
  'authenticate',
  async (api, { tokens, sessions, apiKeys, presented, mayLeave, ended }) => {
    api.decorateRequest('principal', null)
    api.decorateRequest('keyHolder', null)
    api.decorateRequest('listed', null)
    api.decorateRequest('presented', null)

    async function holderOf(request: FastifyRequest, key: string, scope: KeyScope): Promise<KeyHolder> {
      const holder = await apiKeys?.recognize(request.project, key)
      if (!holder) throw new AuthError('unauthenticated')
      if (!grants(holder.key.scopes, scope)) throw new RequestProblem('insufficient_scope')
      return holder
    }

    /** Sets who makes the request, if that is known without asking anybody; most requests wait for nothing here. */
    function isRecalled(request: FastifyRequest): boolean {
      const { key: scope, lists, unlooked } = request.declared
      if (lists || unlooked || (scope && presentedKey(request) !== undefined)) return false
      const token = presented(request)
      const claims = token ? tokens.readAccess(token) : null
      if (!claims || claims.aud !== request.project.id) return false
      request.principal = sessions.recall(request.project, {
        sessionId: claims.sid,
        generation: claims.gen,
      })
      return request.principal !== null
    }

    async function identify(request: FastifyRequest): Promise<void> {
      const { access, key: scope, lists, unlooked } = request.declared
      const key = scope && presentedKey(request)
      if (scope && key !== undefined) {
        request.keyHolder = await holderOf(request, key, scope)
        return
      }
      const token = presented(request)
      if (token === undefined && access === 'optional') return
      const claims = token ? tokens.readAccess(token) : null
      if (!claims || claims.aud !== request.project.id) {
        if (access === 'leaving' && mayLeave?.(request)) return
        throw new AuthError('unauthenticated')
      }
      const session = { sessionId: claims.sid, generation: claims.gen }
      if (unlooked) {
        request.presented = session
        return
      }
      try {
        if (lists) {
          const both = await sessions.authenticateAndList(request.project, session)
          request.principal = both.principal
          request.listed = both.list
        } else request.principal = await sessions.authenticate(request.project, session)
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (access === 'leaving' && mayLeave?.(request)) return
        await ended?.(request, claims)
        throw error
      }
    }

    api.addHook('onRequest', (request, _reply, done) => {
      const { access } = request.declared
      if (access === 'project' && !request.provesProject())
        return done(new RequestProblem('invalid_project_secret'))
      if (access !== 'user' && access !== 'leaving' && access !== 'optional') return done()
      if (isRecalled(request)) return done()
      identify(request).then(() => done(), done)
    })
  },
)
