// The declarations of every route: its access and its limit. The service does not start if a route lacks them.
import type { FastifyContextConfig, FastifyRequest, RouteOptions } from 'fastify'
import { withCode } from '../../../schemas/errors.ts'
import type { KeyHolder, Principal } from '../../domain/actor.ts'
import type { KeyScope } from '../../domain/api-keys/api-keys.ts'
import type { Permission } from '../../domain/operators/roles.ts'
import type { LimitClass } from '../../domain/projects/policy.ts'
import type { Project } from '../../domain/projects/projects.ts'
import type { PresentedRefresh } from '../../domain/sessions/grants.ts'
import type { SessionRow } from '../../repositories/sessions/lists.ts'
import { plugin } from './plugin.ts'

/**
 * The access of a route: the clients that may call it.
 * - `open`: every client; the request belongs to no project
 * - `public`: every client of a project
 * - `optional`: like `public`, but a token that is presented must be valid
 * - `recognized`: like `public`, with the user of a valid token; any other token is ignored, but an impersonator's is refused
 * - `project`: a back end with the project's secret
 * - `user`: a signed-in user
 * - `leaving`: a user who signs out; the access token may have expired
 * - `operator`: an operator whose roles have the route's permission; only in the admin API
 */
type Access = 'open' | 'public' | 'optional' | 'recognized' | 'project' | 'user' | 'leaving' | 'operator'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** On a route for users: the scope with which an API key may call it too; default: no key may. */
    key?: KeyScope
    limit?: LimitClass | 'none'
    /**
     * Whether an operator who acts as a user may call it. Every other route that authenticates users refuses them, because only
     * the owner may use and change the credentials of the account.
     */
    impersonated?: true
    /** On a route for operators: what it needs of their roles. */
    permission?: Permission
    /** Whether a back end may also prove itself as an OAuth client: by HTTP Basic, or by client_id and client_secret. */
    oauthClient?: boolean
    /** Whether session cookies may authenticate it, so that cross-site requests are refused; default: unless it is open. */
    csrf?: boolean
    /** Whether only the token is verified before the handler; the handler's own statement checks the session. */
    tokenOnly?: boolean
    /** Whether the user's sessions are read in the statement that authenticates. */
    listsSessions?: boolean
    /** Reads the project's id from the path or the query, for links, which cannot send the header. */
    projectOf?: (request: FastifyRequest) => string | undefined
    /** Fields of the body that are compared with a stored password; for contracts that encrypt passwords. */
    comparedPasswords?: readonly string[]
  }
  interface FastifyRequest {
    /** Set on every route that is not open. */
    project: Project
    /** Set on routes with access user, unless by API key; on leaving and optional ones where a token was presented. */
    principal: Principal | null
    /** The session of a verified token, on routes with `tokenOnly`. */
    presented: PresentedRefresh | null
    /** The user's sessions, on routes with `listsSessions`, unless by API key. */
    listed: readonly SessionRow[] | null
    /** Set where an API key was presented, on routes with `key`. */
    keyHolder: KeyHolder | null
    /** Whether the request carries the project's secret. */
    provesProject(): boolean
    /** The client's address in its canonical spelling; null where it cannot be read. */
    clientAddress: string | null
    /** The cache of `clientAddress`; undefined until it is read. */
    foundClient: string | null | undefined
    /** The client's address as limits count it. */
    address: string
    /** The cache of `address`. */
    foundAddress: string | null
    /**
     * The declarations of the route: `routeOptions.config`, cached because its getter builds an object each time. Fastify adds
     * the route's `url`; undefined where no route matched.
     */
    declared: FastifyContextConfig & { readonly url?: string }
    /** The cache of `declared`. */
    foundDeclared: FastifyRequest['declared'] | null
  }
}

/** Whether a request needs no project: an open route, a preflight, a path that does not exist. */
export function isOpen(request: FastifyRequest): boolean {
  const { access } = request.declared
  return access === undefined || access === 'open'
}

/** The accesses for which a presented token is read. */
export const authenticated: ReadonlySet<Access> = new Set(['user', 'leaving', 'optional', 'recognized'])

/** Whether a route reads tokens and refuses those of operators who act as a user. */
const refusesImpersonators = ({ access, impersonated }: FastifyContextConfig): boolean =>
  access !== undefined && authenticated.has(access) && !impersonated

/** Adds the refusal to the responses of a route whose errors are problem documents. */
function documentRefusal(route: RouteOptions): void {
  const { response } = (route.schema ?? {}) as { response?: Record<number, { 'x-codes'?: unknown }> }
  if (!response?.[401]?.['x-codes'] && !response?.[500]?.['x-codes']) return
  route.schema = { ...route.schema, response: withCode(response as never, 'impersonation_refused') }
}

/** Throws at start for every route in its scope that does not declare its access and its limit. */
export const declaredAccess = plugin('declared-access', async (api) => {
  api.addHook('onRoute', (route) => {
    if (refusesImpersonators(route.config ?? {})) documentRefusal(route)
    if (!route.config?.access || !route.config.limit)
      throw new Error(`${route.method} ${route.url} does not declare config.access and config.limit.`)
    if (route.config.key && route.config.access !== 'user')
      throw new Error(`${route.method} ${route.url} takes API keys and is not for users.`)
    if ((route.config.access === 'operator') !== (route.config.permission !== undefined))
      throw new Error(`${route.method} ${route.url} must declare config.permission, and is for operators.`)
  })
})
