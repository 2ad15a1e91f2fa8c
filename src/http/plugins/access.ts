// What every route declares: who may call it, and which limit counts it. A route that does not is refused at boot.
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
 * Who may call a route.
 * - `open`: every client; the request belongs to no project
 * - `public`: every client of a project
 * - `optional`: the same, but a token that is presented must be valid
 * - `recognized`: the same, and the user of a valid token is known; any other token is as none
 * - `project`: a back end with the project's secret
 * - `user`: a signed-in user
 * - `leaving`: a user who signs out, whose access token may have expired
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
     * Whether an operator who acts as a user may call it. Every other route where a user's token is looked at refuses them: what
     * proves or changes who the owner is, is not theirs.
     */
    impersonated?: true
    /** On a route for operators: what it needs of their roles. */
    permission?: Permission
    /** Whether a back end may also prove itself as an OAuth client: by HTTP Basic, or by client_id and client_secret. */
    oauthClient?: boolean
    /** Whether session cookies may authenticate it, so that cross-site requests are refused; default: unless it is open. */
    csrf?: boolean
    /** Whether the token alone is verified before the handler, whose own statement finds out if the session is alive. */
    tokenOnly?: boolean
    /** Whether the user's sessions are read in the statement that authenticates. */
    listsSessions?: boolean
    /** Reads the project's id where the route has it elsewhere than in the header; for links, which send no header. */
    projectOf?: (request: FastifyRequest) => string | undefined
    /** Fields of the body that are compared with a password and not set as one; for contracts that encrypt passwords. */
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
    /** The same, once it was read; undefined before. */
    foundClient: string | null | undefined
    /** The client's address as limits count it. */
    address: string
    /** The same, once it was read. */
    foundAddress: string | null
    /** What the route declares: `routeOptions.config`, whose getter builds an object each time. */
    declared: FastifyContextConfig
    /** The same, once it was read. */
    foundDeclared: FastifyContextConfig | null
  }
}

/** Whether a request needs no project: an open route, a preflight, a path that does not exist. */
export function isOpen(request: FastifyRequest): boolean {
  const { access } = request.declared
  return access === undefined || access === 'open'
}

/** Where a token that is presented is looked at. */
export const authenticated: ReadonlySet<Access> = new Set(['user', 'leaving', 'optional', 'recognized'])

/** Whether a route looks at tokens, and takes none of an operator who acts as a user. */
const refusesImpersonators = ({ access, impersonated }: FastifyContextConfig): boolean =>
  access !== undefined && authenticated.has(access) && !impersonated

/** Adds the refusal to the responses of a route whose errors are problems of ours. */
function documentRefusal(route: RouteOptions): void {
  const { response } = (route.schema ?? {}) as { response?: Record<number, { 'x-codes'?: unknown }> }
  if (!response?.[401]?.['x-codes'] && !response?.[500]?.['x-codes']) return
  route.schema = { ...route.schema, response: withCode(response as never, 'impersonation_refused') }
}

/** Refuses, at boot, every route registered below that does not declare its access and its limit. */
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
