// Projects of an operator in the admin API: the list that their roles allow, and changes of a policy with a check for conflicts.
import { isObject } from '../../formats.ts'
import type { OperatorContext, Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { checkPolicy, mergePolicy, mergeStored, type Policy, resetKeys } from '../projects/policy.ts'
import { changePolicy, listProjects, type Project, readPolicy } from '../projects/projects.ts'
import type { Operator } from './operator.ts'
import { reaches } from './roles.ts'

/** Lists the projects for which an operator has a role, the oldest first. @param archived include archived ones */
export async function listReachable(
  services: Services,
  { held }: Operator,
  archived: boolean,
): Promise<Project[]> {
  const all = await listProjects(services)
  return all.filter(({ id, archivedAt }) => reaches(held, id) && (archived || archivedAt === null))
}

/** A policy key that an edit changes. */
export interface KeyChange {
  readonly key: string
  readonly before: unknown
  readonly after: unknown
  /** Whether the edit removes a stored value, so that the default applies. */
  readonly reset: boolean
}

export interface PolicyOutcome {
  readonly stored: Record<string, unknown>
  readonly effective: Policy
  readonly changes: readonly KeyChange[]
}

/** Lists the keys with different values. Lists are compared as a whole. */
function differences(
  before: unknown,
  after: unknown,
  path: readonly string[] = [],
): Omit<KeyChange, 'reset'>[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((key) => differences(before[key], after[key], [...path, key]))
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  return [{ key: path.join('.'), before: before ?? null, after: after ?? null }]
}

export interface PolicyEdit {
  /** True: keys that are left out keep their values. False: they are reset to their defaults. */
  readonly merges: boolean
  readonly written: unknown
  /** Whether the stored policy is the one that the operator has read; null: no check. */
  readonly matches: ((stored: unknown) => boolean) | null
  /** Whether the operator may also change keys that affect the whole installation. */
  readonly reachesInstallation: boolean
}

/**
 * Keys that affect the whole installation: requests into the service's network or with passwords, names of environment variables
 * with secrets, the amount of mail, rate limits and lockout, the cost of a refused sign-in, and the retention of the security log.
 */
const installationKeys =
  /^(?:webhooks|passwords\.breached_range_url|import\.password_kinds|import\.verify_[a-z_]+|audit|limits|mail|lockout|impersonation)(?:\.|$)/

/** Whether a provider's policy names a secret of the service or reaches into its network. */
const isPrivileged = (provider: unknown): boolean =>
  isObject(provider) && (Boolean(provider.client_secret_env) || provider.allow_private_network === true)

/** @throws AuthError policy_key_reserved */
function checkReach(before: unknown, after: unknown, { reachesInstallation }: PolicyEdit): void {
  if (reachesInstallation) return
  const [was, is] = [mergePolicy(before), mergePolicy(after)]
  const providers = (policy: Policy) => policy.providers as Readonly<Record<string, unknown>>
  const names = Object.keys({ ...providers(was), ...providers(is) })
  const isReserved =
    differences(was, is).some(({ key }) => installationKeys.test(key)) ||
    names.some((name) => {
      const sides = [providers(was)[name], providers(is)[name]]
      return JSON.stringify(sides[0]) !== JSON.stringify(sides[1]) && sides.some(isPrivileged)
    })
  if (isReserved) throw new AuthError('policy_key_reserved')
}

/** The stored policy of a project. @throws AuthError project_unknown */
export const storedPolicy = (ctx: OperatorContext): Promise<Record<string, unknown>> =>
  readPolicy(ctx.services, ctx.project.id)

function outcome(before: unknown, after: Record<string, unknown>, reset: readonly string[]): PolicyOutcome {
  const effective = mergePolicy(after)
  const changes = differences(mergePolicy(before), effective)
  return {
    stored: after,
    effective,
    changes: changes.map((change) => ({ ...change, reset: reset.includes(change.key) })),
  }
}

/**
 * Changes a policy. Of two operators who edit the same state, the second is refused.
 * @throws PolicyError; AuthError project_unknown, changed_meanwhile, policy_key_reserved
 */
export async function editPolicy(ctx: OperatorContext, edit: PolicyEdit): Promise<PolicyOutcome> {
  let before: Record<string, unknown> = {}
  const next = (stored: Record<string, unknown>) => {
    if (edit.matches && !edit.matches(stored)) throw new AuthError('changed_meanwhile')
    before = stored
    const written = edit.merges ? mergeStored(stored, edit.written) : edit.written
    checkReach(stored, checkPolicy(written), edit)
    return written
  }
  const { stored, reset } = await changePolicy(ctx.services, ctx.project.id, next, ctx)
  return outcome(before, stored, reset)
}

/** Computes the outcome of an edit without storing it. @throws PolicyError; AuthError project_unknown, policy_key_reserved */
export async function previewPolicy(ctx: OperatorContext, edit: PolicyEdit): Promise<PolicyOutcome> {
  const before = await storedPolicy(ctx)
  const written = edit.merges ? mergeStored(before, edit.written) : edit.written
  const after = checkPolicy(written)
  checkReach(before, after, edit)
  return outcome(before, after, resetKeys(before, after))
}
