// What a route must declare about itself, and the refusal to boot with one that did not.
import type { FastifyRequest } from 'fastify'
import type { KeyScope } from '../../domain/api-keys.ts'
import type { PresentedRefresh } from '../../domain/grants.ts'
import type { LimitClass } from '../../domain/policy.ts'
import type { KeyHolder, Principal } from '../../domain/principal.ts'
import type { Project } from '../../domain/projects.ts'
import type { SessionRow } from '../../repositories/session-lists.ts'
import { plugin } from './plugin.ts'

/**
 * Who may call a route: anybody without a project (open), anybody in a project (public), anybody, though a token that is
 * presented must be good (optional), a back end with the project's secret (project), a signed-in user (user), or a user
 * whose access token may have expired while the refresh cookie lives (leaving).
 */
export type Access = 'open' | 'public' | 'optional' | 'project' | 'user' | 'leaving'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** On a user's route: an API key with this scope may call it too; without it, none may. */
    key?: KeyScope
    limit?: LimitClass | 'none'
    /** Whether session cookies may come along, and so other sites are kept out; by default wherever it is not open. */
    csrf?: boolean
    /** Whether the handler's own statement finds out if the session lives; before it, the token alone is verified. */
    unlooked?: boolean
    /** Whether the user's sessions are read in the statement that recognises the user. */
    lists?: boolean
    /** Where a route reads its project from before the header; for links, which send none. */
    projectOf?: (request: FastifyRequest) => string | undefined
  }
  interface FastifyRequest {
    /** Set on every route that is not open. */
    project: Project
    /** Set on routes with access user, unless by API key; on leaving and optional ones where a token was presented. */
    principal: Principal | null
    /** The session of a verified token, where the route looks at it by itself. */
    presented: PresentedRefresh | null
    /** The user's sessions, where the route lists them and a session asks. */
    listed: readonly SessionRow[] | null
    /** Set where an API key was presented, on routes that take one. */
    keyHolder: KeyHolder | null
    /** Whether the request carries the project's secret. */
    provesProject(): boolean
    /** The client's address as limits count it. */
    address: string
    /** The same, once somebody has asked for it. */
    foundAddress: string | null
    /** What the route declares: of `routeOptions`, which are put together anew for each who asks. */
    declared: FastifyContextConfig
    /** The same, once somebody has asked for it. */
    foundDeclared: FastifyContextConfig | null
  }
}

/** Whether a request needs no project: an open route, a preflight, a path that does not exist. */
export function isOpen(request: FastifyRequest): boolean {
  const { access } = request.declared
  return access === undefined || access === 'open'
}

/** Refuses, at boot, every route registered below that does not say who may call it and what limits it. */
export const declaredAccess = plugin('declared-access', async (api) => {
  api.addHook('onRoute', (route) => {
    if (!route.config?.access || !route.config.limit)
      throw new Error(`${route.method} ${route.url} does not declare config.access and config.limit.`)
    if (route.config.key && route.config.access !== 'user')
      throw new Error(`${route.method} ${route.url} takes API keys and is not for users.`)
  })
})
