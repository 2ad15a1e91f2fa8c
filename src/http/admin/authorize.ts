// Authenticates operators of the admin API, and refuses requests that their roles do not allow, before any other work.
import type { FastifyRequest } from 'fastify'
import { operatorKeyMark } from '../../crypto/api-key.ts'
import { type Acting, installationId, recordAct } from '../../domain/audit/operator-acts.ts'
import { type OperatorContext, operatorContext, type Services } from '../../domain/context.ts'
import { AuthError } from '../../domain/errors.ts'
import {
  mustBeRecent,
  operatorOfKey,
  operatorOfSecret,
  operatorOfSession,
} from '../../domain/operators/authentication.ts'
import { actOf, type Operator } from '../../domain/operators/operator.ts'
import {
  allowsAt,
  allowsEverywhere,
  allowsSomewhere,
  type Permission,
  reaches,
  reachOf,
} from '../../domain/operators/roles.ts'
import { operatorsProjectId } from '../../domain/projects/operators-project.ts'
import type { Project } from '../../domain/projects/projects.ts'
import type { PresentedRefresh } from '../../domain/sessions/grants.ts'
import { isUuid } from '../../formats.ts'
import { callerOf } from '../caller.ts'
import { basicCredentials } from '../plugins/client-authentication.ts'
import { plugin } from '../plugins/plugin.ts'
import { RequestProblem } from '../refusal.ts'
import { readAccessFor, sessionOf, type Tokens } from '../tokens.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route of the admin API. */
    operator: Operator | null
    /** The project in the path of a route of the admin API; null: it has none. */
    target: Project | null
  }
}

interface AuthorizeOptions {
  readonly services: Services
  readonly tokens: Tokens
  /** The access token that a request presents; null: an unusable one, undefined: none. */
  readonly presented: (request: FastifyRequest) => string | null | undefined
}

/** Declares a route for operators whose roles have a permission. */
export const may = <P extends Permission>(permission: P) =>
  ({ access: 'operator', limit: 'project', permission }) as const

/** The same for a POST that takes an Idempotency-Key. */
export const mayOnce = <P extends Permission>(permission: P) =>
  ({ ...may(permission), idempotent: true }) as const

/** The operator of a request. */
export function operatorOf({ operator }: FastifyRequest): Operator {
  if (!operator) throw new AuthError('unauthenticated')
  return operator
}

/** The operator and the client of a request, as the security log records them. */
export const actingOf = (request: FastifyRequest): Acting => ({
  operator: actOf(operatorOf(request)),
  caller: callerOf(request, 'canonical', { provesProject: () => false }),
})

/** The context in which the verbs of a request act on the project in its path. */
export function onProject(request: FastifyRequest, services: Services): OperatorContext {
  if (!request.target) throw new Error('The route has no project in its path.')
  const isBackEnd = operatorOf(request).kind === 'project_secret'
  const caller = callerOf(request, 'canonical', { provesProject: () => isBackEnd })
  return operatorContext(services, request.target, actOf(operatorOf(request)), caller)
}

/** Records the refusal in the project's security log. @throws RequestProblem insufficient_role */
async function refuse(request: FastifyRequest, services: Services, projectId: string): Promise<never> {
  const details = { reason: String(request.declared.permission) }
  const acting = actingOf(request)
  await recordAct(services.stores.unscoped, acting, projectId, 'operator_refused', { details })
  throw new RequestProblem('insufficient_role')
}

/**
 * The context of the project in a query, for a permission whose reach is `any`.
 * @param named UUID of a project; `installation` for rows of the log that belong to no project
 * @throws AuthError project_unknown where the operator has no role for it; RequestProblem insufficient_role
 */
export async function namedProject(
  request: FastifyRequest,
  services: Services,
  named: string,
  permission: Permission,
): Promise<OperatorContext> {
  const { held } = operatorOf(request)
  const isInstallation = named === 'installation'
  if (isInstallation && !allowsEverywhere(held, permission)) await refuse(request, services, installationId)
  const id = named.toLowerCase()
  if (!isInstallation && (!isUuid(id) || !reaches(held, id))) throw new AuthError('project_unknown')
  if (!isInstallation && !allowsAt(held, permission, id)) await refuse(request, services, id)
  // Rows that belong to no project are stored under an id of their own, as if it were a project.
  request.target = isInstallation
    ? { ...(await services.projects.getAny(operatorsProjectId)), id: installationId }
    : await services.projects.getAny(id)
  return onProject(request, services)
}

/** The project's id in a path; undefined where the route has none. */
function targetId({ routeOptions, params }: FastifyRequest): string | undefined {
  if (!routeOptions.url?.includes('/projects/:id')) return undefined
  return String((params as { id?: unknown }).id).toLowerCase()
}

export const authorize = plugin<AuthorizeOptions>(
  'authorize',
  async (api, { services, tokens, presented }) => {
    api.decorateRequest('operator', null)
    api.decorateRequest('target', null)

    async function authenticate(request: FastifyRequest): Promise<Operator> {
      const basic = basicCredentials(request)
      if (basic) return operatorOfSecret(request.context, basic.projectId, basic.secret)
      const token = presented(request)
      if (token?.startsWith(operatorKeyMark)) return operatorOfKey(request.context, token)
      return operatorOfSession(request.context, presentedSession(request))
    }

    /** The session of the access token. @throws AuthError unauthenticated */
    function presentedSession(request: FastifyRequest): PresentedRefresh {
      const claims = readAccessFor(tokens, request.project, presented(request))
      if (!claims) throw new AuthError('unauthenticated')
      return sessionOf(claims)
    }

    /** @throws AuthError project_unknown where the operator has no role for it; RequestProblem insufficient_role */
    async function authorizeAt(request: FastifyRequest, permission: Permission, id: string): Promise<void> {
      const { held } = operatorOf(request)
      if (!isUuid(id) || !reaches(held, id)) throw new AuthError('project_unknown')
      request.target = await services.projects.getAny(id)
      const isAllowed =
        reachOf(permission) === 'installation'
          ? allowsEverywhere(held, permission)
          : allowsAt(held, permission, id)
      if (!isAllowed) await refuse(request, services, id)
    }

    api.addHook('onRequest', async (request) => {
      const { permission } = request.declared
      if (permission === undefined) return
      request.operator = await authenticate(request)
      const id = targetId(request)
      if (id !== undefined) return authorizeAt(request, permission, id)
      const { held, kind } = request.operator
      if (!allowsSomewhere(held, permission)) await refuse(request, services, request.project.id)
      // A change of operators outlasts the session, so the operator must have been authenticated recently.
      if (permission === 'operators.write' && kind === 'session')
        await mustBeRecent(request.context, presentedSession(request))
    })

    // After the roles are checked: a caller without the permission must not learn which ids exist.
    api.addHook('preValidation', async ({ params }) => {
      for (const [name, value] of Object.entries(params as Record<string, string>)) {
        // The domain also finds users by address; in a path only UUIDs are accepted.
        if (name === 'user' ? !isUuid(value) : value.includes('\0')) throw new AuthError('account_unknown')
      }
    })
  },
)
