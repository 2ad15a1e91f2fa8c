// Projects: created, changed and archived by operators, and the rules of their policies for users.
import { randomUUID } from 'node:crypto'
import { matchesSecret, mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { SecurityEventName } from '../../repositories/audit/security-log.ts'
import * as rows from '../../repositories/projects/projects.ts'
import { endImpersonationsBy } from '../../repositories/sessions/impersonation.ts'
import { type Acting, byCommandLine, recordAct } from '../audit/operator-acts.ts'
import type { Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import {
  mustNotBeOperators,
  operatorsPolicy,
  operatorsProjectId,
  operatorsProjectName,
} from './operators-project.ts'
import { checkPolicy, mergePolicy, type Policy, resetKeys } from './policy.ts'

export interface Project {
  readonly id: string
  readonly name: string
  /** The stored policy merged over the defaults. */
  readonly policy: Policy
  /** SHA-256 of the project's secret; null: the project has none. */
  readonly secretHash: Buffer | null
  readonly createdAt: Date
  /** Null: the project is not archived. */
  readonly archivedAt: Date | null
}

type HasStores = Pick<Services, 'stores'>

/** Makes a project of its row. */
export function toProject(row: rows.ProjectRow): Project {
  const { id, name, secretHash, createdAt, archivedAt } = row
  return { id, name, policy: mergePolicy(row.policy), secretHash, createdAt, archivedAt }
}

/** Whether the user must prove their address before they can sign in. */
export function demandsVerification(project: Project, user: Pick<UserRow, 'emailVerifiedAt'>): boolean {
  return project.policy.verification.mode === 'strict' && user.emailVerifiedAt === null
}

/** @throws AuthError sign_up_closed if only operators create accounts */
export function mustAllowSignUp({ policy }: Project): void {
  if (policy.sign_up === 'closed') throw new AuthError('sign_up_closed')
}

/** Whether a text is the secret of the project. */
export function isProjectSecret(project: Project, secret: string): boolean {
  return project.secretHash !== null && matchesSecret(secret, project.secretHash)
}

/** Finds the default project, or creates it at the first start. */
export async function ensureDefaultProject({ stores: { unscoped } }: HasStores): Promise<Project> {
  const row =
    (await rows.findDefaultProject(unscoped)) ??
    (await rows.insertProject(unscoped, { id: randomUUID(), name: 'Sallyport', isDefault: true })) ??
    (await rows.findDefaultProject(unscoped))
  if (!row) throw new Error('The default project could not be made.')
  return toProject(row)
}

/** Finds the project of the operators, or creates it. */
export async function ensureOperatorsProject({ stores: { unscoped } }: HasStores): Promise<Project> {
  const fresh = { id: operatorsProjectId, name: operatorsProjectName, policy: checkPolicy(operatorsPolicy) }
  const row =
    (await rows.findProject(unscoped, operatorsProjectId)) ??
    (await rows.insertProject(unscoped, fresh)) ??
    (await rows.findProject(unscoped, operatorsProjectId))
  if (!row) throw new Error('The project of the operators could not be made.')
  return toProject(row)
}

/** Creates a project. @returns the project, and its secret, which is shown once @throws PolicyError */
export async function createProject(
  { stores }: HasStores,
  name: string,
  policy: unknown,
  acting: Acting = byCommandLine,
): Promise<{ project: Project; secret: string }> {
  const secret = mintSecret('project')
  const fresh = { id: randomUUID(), name, policy: checkPolicy(policy), secretHash: secret.hash }
  const row = await stores.unscoped.transaction(async (tx) => {
    const inserted = await rows.insertProject(tx, fresh)
    if (inserted) await recordAct(tx, acting, inserted.id, 'project_created')
    return inserted
  })
  if (!row) throw new Error('The project could not be made.')
  return { project: toProject(row), secret: secret.plain }
}

/** Lists all projects, the oldest first. */
export async function listProjects({ stores }: HasStores): Promise<Project[]> {
  return (await rows.listProjects(stores.unscoped)).map(toProject)
}

/** Reads the stored policy, without defaults. @throws AuthError project_unknown */
export async function readPolicy({ stores }: HasStores, id: string): Promise<Record<string, unknown>> {
  const row = await rows.findProject(stores.unscoped, id)
  if (!row) throw new AuthError('project_unknown')
  return row.policy as Record<string, unknown>
}

/** Replaces a policy; keys that are left out are reset to their defaults. @throws PolicyError; AuthError project_unknown */
export async function setPolicy(services: HasStores, id: string, policy: unknown): Promise<Project> {
  return (await changePolicy(services, id, () => policy)).project
}

/**
 * Changes a policy, under a lock of the project.
 * @param next computes the new policy from the stored one, which is without defaults
 * @returns the project, and the keys that were set before and are reset to their defaults
 * @throws PolicyError; AuthError project_unknown
 */
export async function changePolicy(
  { stores }: HasStores,
  id: string,
  next: (stored: Record<string, unknown>) => unknown,
  acting: Acting = byCommandLine,
): Promise<{ project: Project; stored: Record<string, unknown>; reset: string[] }> {
  return stores.unscoped.transaction(async (tx) => {
    const before = await rows.lockProject(tx, id)
    const stored = (before?.policy ?? {}) as Record<string, unknown>
    if (!before) throw new AuthError('project_unknown')
    const policy = checkPolicy(next(stored))
    const row = await rows.updateProject(tx, id, { policy })
    if (!row) throw new AuthError('project_unknown')
    await recordAct(tx, acting, id, 'policy_changed')
    return {
      project: toProject(row),
      stored: row.policy as Record<string, unknown>,
      reset: resetKeys(stored, policy),
    }
  })
}

/**
 * Replaces the secret of a project, and ends the impersonations by the former one.
 * @returns the project, and the new secret, which is shown once
 * @throws AuthError project_unknown, project_reserved
 */
export async function rotateProjectSecret(
  services: HasStores,
  id: string,
  acting: Acting = byCommandLine,
): Promise<{ project: Project; secret: string }> {
  mustNotBeOperators(id)
  const { plain, hash } = mintSecret('project')
  const project = await update(services, id, 'project_secret_rotated', { secretHash: hash }, acting)
  await endImpersonationsBy(services.stores.unscoped, id)
  return { project, secret: plain }
}

/** @throws AuthError project_unknown, project_reserved */
export async function renameProject(
  services: HasStores,
  id: string,
  name: string,
  acting: Acting,
): Promise<Project> {
  mustNotBeOperators(id)
  return update(services, id, 'project_renamed', { name }, acting)
}

/**
 * Archives a project, or reopens it. Requests to an archived project are answered as if it did not exist, except those of
 * operators; its data stays.
 * @throws AuthError project_unknown, project_reserved; project_in_use for the default project
 */
export async function setProjectArchived(
  { stores }: HasStores,
  id: string,
  archived: boolean,
  acting: Acting,
): Promise<Project> {
  mustNotBeOperators(id)
  return stores.unscoped.transaction(async (tx) => {
    const before = await rows.lockProject(tx, id)
    if (!before) throw new AuthError('project_unknown')
    if (archived && before.isDefault) throw new AuthError('project_in_use')
    const changed = await rows.setProjectArchived(tx, id, archived)
    if (changed) await recordAct(tx, acting, id, archived ? 'project_archived' : 'project_opened')
    return toProject(changed ?? before)
  })
}

async function update(
  { stores }: HasStores,
  id: string,
  event: SecurityEventName,
  change: rows.ProjectChange,
  acting: Acting,
): Promise<Project> {
  const row = await stores.unscoped.transaction(async (tx) => {
    const updated = await rows.updateProject(tx, id, change)
    if (updated) await recordAct(tx, acting, id, event)
    return updated
  })
  if (!row) throw new AuthError('project_unknown')
  return toProject(row)
}
