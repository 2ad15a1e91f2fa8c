// Authenticates requests as their routes declare: by an API key where the route takes one, else by an access token.
import type { FastifyRequest } from 'fastify'
import type { Actor, KeyHolder } from '../../domain/actor.ts'
import { authenticateApiKey, hasScope, type KeyScope } from '../../domain/api-keys/api-keys.ts'
import { recordRefusal } from '../../domain/audit/audit.ts'
import type { ActorContext, Context, Services, SignedInContext } from '../../domain/context.ts'
import { AuthError } from '../../domain/errors.ts'
import {
  authenticateAndList,
  authenticateSession,
  findCachedPrincipal,
} from '../../domain/sessions/sessions.ts'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import { presentedKey } from '../strategies/api-key.ts'
import { type AccessClaims, readAccessFor, sessionOf, type Tokens } from '../tokens.ts'
import { authenticated } from './access.ts'
import { plugin } from './plugin.ts'

export interface AuthenticateOptions {
  readonly tokens: Tokens
  readonly services: Services
  /** The access token that a request presents in this scope; null: an unusable one, undefined: none. */
  readonly presented: (request: FastifyRequest) => string | null | undefined
  /** True for sign-out routes: they succeed without a valid session. */
  readonly allowsEndedSession?: ((request: FastifyRequest) => boolean) | undefined
  /** Called when the session of a valid token has ended; may throw a more specific refusal. */
  readonly ended?: ((request: FastifyRequest, claims: AccessClaims) => Promise<void>) | undefined
}

/** The context of a request whose route demands a session. @throws AuthError unauthenticated */
export function signedIn({ context }: FastifyRequest): SignedInContext {
  if (!isSignedIn(context)) throw new AuthError('unauthenticated')
  return context
}

/** The context of a request by a user, in a session or by an API key. @throws AuthError unauthenticated */
export function onBehalfOf({ context }: FastifyRequest): ActorContext {
  if (!hasActor(context)) throw new AuthError('unauthenticated')
  return context
}

/** The user of a request, in a session or by an API key; for routes that call no verb. @throws AuthError unauthenticated */
export function actorOf({ keyHolder, principal }: FastifyRequest): Actor {
  const actor = keyHolder ?? principal
  if (!actor) throw new AuthError('unauthenticated')
  return actor
}

const hasActor = (context: Context): context is ActorContext => context.actor !== null
const isSignedIn = (context: Context): context is SignedInContext =>
  context.actor !== null && context.actor.sessionId !== null

export const authenticate = plugin<AuthenticateOptions>(
  'authenticate',
  async (api, { tokens, services, presented, allowsEndedSession, ended }) => {
    api.decorateRequest('principal', null)
    api.decorateRequest('keyHolder', null)
    api.decorateRequest('listed', null)
    api.decorateRequest('presented', null)

    /** Sets the principal from the cache; true if it was there. Synchronous, so that most requests await nothing. */
    function authenticateFromCache(request: FastifyRequest): boolean {
      const { key: scope, listsSessions, tokenOnly } = request.declared
      if (listsSessions || tokenOnly || (scope && presentedKey(request) !== undefined)) return false
      const claims = readAccessFor(tokens, request.project, presented(request))
      const owned = claims && !claims.act ? sessionOf(claims) : null
      request.principal = owned && findCachedPrincipal(services, request.project, owned)
      return request.principal !== null
    }

    async function authenticateFromDatabase(request: FastifyRequest): Promise<void> {
      const { access, key: scope, listsSessions, tokenOnly } = request.declared
      const key = scope && presentedKey(request)
      if (scope && key !== undefined) {
        request.keyHolder = await findKeyHolder(request, key, scope)
        return
      }
      const token = presented(request)
      if (token === undefined && (access === 'optional' || access === 'recognized')) return
      const mayHaveEnded = access === 'leaving' && allowsEndedSession?.(request)
      const claims = refuseImpersonator(request, readAccessFor(tokens, request.project, token))
      if (!claims && (mayHaveEnded || access === 'recognized')) return
      if (!claims) throw new AuthError('unauthenticated')
      if (tokenOnly) {
        request.presented = sessionOf(claims)
        return
      }
      try {
        if (listsSessions) {
          const { principal, list } = await authenticateAndList(request.context, sessionOf(claims))
          Object.assign(request, { principal, listed: list })
        } else request.principal = await authenticateSession(request.context, sessionOf(claims))
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (mayHaveEnded || access === 'recognized') return
        await ended?.(request, claims)
        throw error
      }
    }

    api.addHook('onRequest', (request, _reply, done) => {
      const { access } = request.declared
      if (access === 'project' && !request.provesProject()) return void refuseSecret(request).then(done, done)
      if (access === undefined || !authenticated.has(access)) return done()
      if (authenticateFromCache(request)) return done()
      authenticateFromDatabase(request).then(() => done(), done)
    })
  },
)

/** @throws AuthError impersonation_refused, on every route that does not declare that an impersonator may call it */
function refuseImpersonator({ declared }: FastifyRequest, claims: AccessClaims | null): AccessClaims | null {
  if (!claims?.act || declared.impersonated) return claims
  // Sign-out succeeds without a session; the operator's session is left as it is.
  if (declared.access === 'leaving') return null
  throw new AuthError('impersonation_refused')
}

/** Records a wrong secret in the security log, but not a missing one. */
async function refuseSecret(request: FastifyRequest): Promise<RequestProblem> {
  const problem = new RequestProblem('invalid_project_secret')
  if (readHeader(request, 'project-secret') !== undefined || request.clientCredentials)
    await recordRefusal(request.context, 'project_secret_refused', problem.code)
  return problem
}

/** @throws AuthError unauthenticated; RequestProblem insufficient_scope */
async function findKeyHolder(request: FastifyRequest, key: string, scope: KeyScope): Promise<KeyHolder> {
  const holder = await authenticateApiKey(request.context, key)
  if (!holder) throw new AuthError('unauthenticated')
  if (!hasScope(holder.key.scopes, scope)) throw new RequestProblem('insufficient_scope')
  return holder
}
