// Projects as operators create and change them, and what a project decides about its users.
import { randomUUID } from 'node:crypto'
import { matchesSecret, mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { insertOperatorAct } from '../../repositories/audit/security-log.ts'
import * as rows from '../../repositories/projects/projects.ts'
import type { Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { checkPolicy, mergePolicy, type Policy, resetKeys } from './policy.ts'

export interface Project {
  readonly id: string
  readonly name: string
  /** Complete: the stored policy over the defaults. */
  readonly policy: Policy
  /** SHA-256 of the project's secret; null: it has none. */
  readonly secretHash: Buffer | null
}

type HasStores = Pick<Services, 'stores'>

export function toProject(row: rows.ProjectRow): Project {
  return { id: row.id, name: row.name, policy: mergePolicy(row.policy), secretHash: row.secretHash }
}

/** Whether the project demands that this user proves their address before they sign in. */
export function demandsVerification(project: Project, user: Pick<UserRow, 'emailVerifiedAt'>): boolean {
  return project.policy.verification.mode === 'strict' && user.emailVerifiedAt === null
}

export function provesProject(project: Project, secret: string): boolean {
  return project.secretHash !== null && matchesSecret(secret, project.secretHash)
}

/** The default project, created now if this is the first start. */
export async function ensureDefaultProject({ stores: { unscoped } }: HasStores): Promise<Project> {
  const row =
    (await rows.findDefaultProject(unscoped)) ??
    (await rows.insertProject(unscoped, { id: randomUUID(), name: 'Sallyport', isDefault: true })) ??
    (await rows.findDefaultProject(unscoped))
  if (!row) throw new Error('The default project could not be made.')
  return toProject(row)
}

/** Creates a project. @returns it and its secret, which is shown once @throws PolicyError */
export async function createProject(
  { stores }: HasStores,
  name: string,
  policy: unknown,
): Promise<{ project: Project; secret: string }> {
  const secret = mintSecret('project')
  const fresh = { id: randomUUID(), name, policy: checkPolicy(policy), secretHash: secret.hash }
  const row = await stores.unscoped.transaction(async (tx) => {
    const inserted = await rows.insertProject(tx, fresh)
    if (inserted) await insertOperatorAct(tx, inserted.id, 'project_created')
    return inserted
  })
  if (!row) throw new Error('The project could not be made.')
  return { project: toProject(row), secret: secret.plain }
}

export async function listProjects({ stores }: HasStores): Promise<Project[]> {
  return (await rows.listProjects(stores.unscoped)).map(toProject)
}

/** Replaces a policy; what is left out has its default again. @throws PolicyError; AuthError project_unknown */
export async function setPolicy(services: HasStores, id: string, policy: unknown): Promise<Project> {
  return (await changePolicy(services, id, () => policy)).project
}

/**
 * Changes a policy from what is stored now; two changes at once follow one another.
 * @param next from the stored policy, which holds only what was set, to the new one
 * @returns the project, and the keys that were set before and have their defaults again
 * @throws PolicyError; AuthError project_unknown
 */
export async function changePolicy(
  { stores }: HasStores,
  id: string,
  next: (stored: Record<string, unknown>) => unknown,
): Promise<{ project: Project; reset: string[] }> {
  return stores.unscoped.transaction(async (tx) => {
    const before = await rows.lockProject(tx, id)
    const stored = (before?.policy ?? {}) as Record<string, unknown>
    const policy = checkPolicy(next(stored))
    const row = before && (await rows.updateProject(tx, id, { policy }))
    if (!row) throw new AuthError('project_unknown')
    await insertOperatorAct(tx, id, 'policy_changed')
    return { project: toProject(row), reset: resetKeys(stored, policy) }
  })
}

/** Replaces the secret. @returns the new secret too, which is shown once @throws AuthError project_unknown */
export async function rotateProjectSecret(
  services: HasStores,
  id: string,
): Promise<{ project: Project; secret: string }> {
  const secret = mintSecret('project')
  return {
    project: await update(services, id, 'project_secret_rotated', { secretHash: secret.hash }),
    secret: secret.plain,
  }
}

async function update(
  { stores }: HasStores,
  id: string,
  event: 'project_secret_rotated',
  change: Parameters<typeof rows.updateProject>[2],
): Promise<Project> {
  const row = await stores.unscoped.transaction(async (tx) => {
    const updated = await rows.updateProject(tx, id, change)
    if (updated) await insertOperatorAct(tx, id, event)
    return updated
  })
  if (!row) throw new AuthError('project_unknown')
  return toProject(row)
}
