// Authentication of the admin API: by a session of an operator, an operator key, or the secret of a project.
import { timingSafeEqual } from 'node:crypto'
import { readOperatorKey } from '../../crypto/api-key.ts'
import { findActiveKey, markKeyUsed } from '../../repositories/operators/keys.ts'
import { listRolesOf } from '../../repositories/operators/roles.ts'
import type { Principal } from '../actor.ts'
import { recordRefusal } from '../audit/audit.ts'
import { type Context, createContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { AuthError } from '../errors.ts'
import { operatorsProjectId } from '../projects/operators-project.ts'
import { isProjectSecret } from '../projects/projects.ts'
import type { PresentedRefresh } from '../sessions/grants.ts'
import { authenticateSession, findCachedPrincipal } from '../sessions/sessions.ts'
import type { Operator } from './operator.ts'

/**
 * Authenticates the operator of a session. The roles are read each time, so that a removed role has no effect any more.
 * @param ctx a context of the project `operators`
 * @throws AuthError unauthenticated
 */
export async function operatorOfSession(ctx: Context, presented: PresentedRefresh): Promise<Operator> {
  const { user, sessionId } = await principalOf(ctx, presented)
  const held = await listRolesOf(ctx.store, user.id)
  return { kind: 'session', id: user.uuid, name: user.email, held, userId: user.id, sessionId }
}

const principalOf = async (ctx: Context, presented: PresentedRefresh): Promise<Principal> =>
  findCachedPrincipal(ctx.services, ctx.project, presented) ?? authenticateSession(ctx, presented)

/**
 * Requires that the operator of a session was authenticated recently, as the canonical API does before sensitive changes.
 * @throws AuthError step_up_required, unauthenticated
 */
export async function mustBeRecent(ctx: Context, presented: PresentedRefresh): Promise<void> {
  await reauthenticate({ ...ctx, actor: await principalOf(ctx, presented) })
}

/** Authenticates an active operator key. The security log of the operators records a refusal. @throws AuthError unauthenticated */
export async function operatorOfKey(ctx: Context, text: string): Promise<Operator> {
  const presented = readOperatorKey(text)
  const key = presented && (await findActiveKey(ctx.store, presented.prefix))
  if (!key || !timingSafeEqual(key.keyHash, presented.hash)) {
    await recordRefusal(ctx, 'operator_refused', 'invalid_operator_key')
    throw new AuthError('unauthenticated')
  }
  await markKeyUsed(ctx.store, key.id)
  const { id, name, role, scope } = key
  return { kind: 'key', id, name, held: [{ role, scope }], userId: null, sessionId: null }
}

/**
 * Authenticates a back end by the secret of its project. It acts as an admin of that project only; the project of the operators has
 * no secret. The security log of the project records a refusal.
 * @param ctx a context with the client of the request
 * @throws AuthError unauthenticated, also if the project does not exist
 */
export async function operatorOfSecret(
  { services, caller }: Context,
  projectId: string,
  secret: string,
): Promise<Operator> {
  const project = await services.projects.get(projectId).catch((error: unknown) => {
    if (error instanceof AuthError) return null
    throw error
  })
  if (!project) throw new AuthError('unauthenticated')
  if (project.id === operatorsProjectId || !isProjectSecret(project, secret)) {
    const projectContext = createContext(services, project, caller, null)
    await recordRefusal(projectContext, 'project_secret_refused', 'invalid_project_secret')
    throw new AuthError('unauthenticated')
  }
  const held = [{ role: 'admin' as const, scope: project.id }]
  const { id, name } = project
  return { kind: 'project_secret', id, name, held, userId: null, sessionId: null }
}
