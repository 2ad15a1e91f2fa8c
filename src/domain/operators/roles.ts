// The permissions of each operator role, as one total table. openapi/roles.txt prints it for every route of the admin API.
import { operatorsProjectId } from '../projects/operators-project.ts'

/**
 * - `owner`: everything, including operators
 * - `admin`: the settings and the users of projects
 * - `support`: reads users, ends sessions, sends resets, verifies addresses
 * - `auditor`: reads the security log
 * - `viewer`: reads projects, users and statistics
 */
export const roles = ['owner', 'admin', 'support', 'auditor', 'viewer'] as const
export type Role = (typeof roles)[number]

/**
 * The scope that a role must have.
 * - `project`: the project of the request, or all projects
 * - `installation`: all projects, because the action affects all of them
 * - `any`: at least one project; the answer contains only the projects of the operator's roles
 */
export type Reach = 'project' | 'installation' | 'any'

interface Rule {
  readonly reach: Reach
  readonly roles: readonly Role[]
}

const everyRole: readonly Role[] = roles
const ownerOnly: readonly Role[] = ['owner']
const settings: readonly Role[] = ['owner', 'admin']
const help: readonly Role[] = ['owner', 'admin', 'support']
const reading: readonly Role[] = ['owner', 'admin', 'support', 'viewer']
const log: readonly Role[] = ['owner', 'admin', 'auditor']

const inProject = (allowed: readonly Role[]): Rule => ({ reach: 'project', roles: allowed })
const everywhere = (allowed: readonly Role[]): Rule => ({ reach: 'installation', roles: allowed })
const anywhere = (allowed: readonly Role[]): Rule => ({ reach: 'any', roles: allowed })

/** Every permission with the roles that have it. A route of the admin API declares exactly one permission. */
export const permissions = {
  'me.read': anywhere(everyRole),
  'projects.list': anywhere(everyRole),
  'projects.create': everywhere(settings),
  'projects.read': inProject(everyRole),
  'projects.rename': inProject(settings),
  'projects.archive': inProject(ownerOnly),
  'policy.read': inProject(['owner', 'admin', 'viewer']),
  'policy.write': inProject(settings),
  'secret.rotate': inProject(settings),
  'users.read': inProject(reading),
  'users.write': inProject(settings),
  'users.disable': inProject(settings),
  'users.delete': inProject(settings),
  'users.sessions.read': inProject(help),
  'users.sessions.end': inProject(help),
  'users.send-reset': inProject(help),
  'users.verify': inProject(help),
  'users.reset-factors': inProject(settings),
  'users.activity.read': inProject(['owner', 'admin', 'support', 'auditor']),
  'users.export': inProject(settings),
  'users.impersonate': inProject(settings),
  'impersonations.read': inProject(log),
  'impersonations.end': inProject(settings),
  'teams.read': inProject(reading),
  'teams.write': inProject(settings),
  'mails.read': inProject(help),
  'mails.retry': inProject(help),
  'events.read': inProject(settings),
  'webhooks.read': inProject(settings),
  'webhooks.write': inProject(settings),
  'keys.read': everywhere(settings),
  'keys.write': everywhere(settings),
  'audit.read': anywhere(log),
  'stats.read': anywhere(reading),
  'operators.read': everywhere(ownerOnly),
  'operators.write': everywhere(ownerOnly),
} as const satisfies Record<string, Rule>

export type Permission = keyof typeof permissions
const permissionNames = Object.keys(permissions) as Permission[]

/** A role that an operator holds. */
export interface HeldRole {
  readonly role: Role
  /** Id of the project that it applies to; null: every project. */
  readonly scope: string | null
}

const rule = (permission: Permission): Rule => permissions[permission]

/** Whether a role has a permission, whatever its scope. */
export const roleHas = (role: Role, permission: Permission): boolean => rule(permission).roles.includes(role)

/**
 * Whether roles grant a permission for a project. For the project of the operators, only owners of the installation have any:
 * an operator who can set the password of an owner could sign in as that owner.
 */
export function allowsAt(held: readonly HeldRole[], permission: Permission, projectId: string): boolean {
  if (projectId === operatorsProjectId)
    return held.some(({ role, scope }) => role === 'owner' && scope === null)
  return held.some(({ role, scope }) => (scope === null || scope === projectId) && roleHas(role, permission))
}

/** Whether roles grant every permission that another role grants. */
export const covers = (held: readonly HeldRole[], { role, scope }: HeldRole): boolean =>
  permissionNames
    .filter((permission) => roleHas(role, permission))
    .every((permission) =>
      held.some((mine) => (mine.scope === null || mine.scope === scope) && roleHas(mine.role, permission)),
    )

/** Whether roles grant a permission for every project. */
export const allowsEverywhere = (held: readonly HeldRole[], permission: Permission): boolean =>
  held.some(({ role, scope }) => scope === null && roleHas(role, permission))

/** Whether any role applies to a project. Without one, the project is answered like an unknown one. */
export const reaches = (held: readonly HeldRole[], projectId: string): boolean =>
  held.some(({ scope }) => scope === null || scope === projectId)

/** Whether roles grant a permission for some project, or for the installation if its reach is `installation`. */
export function allowsSomewhere(held: readonly HeldRole[], permission: Permission): boolean {
  if (rule(permission).reach === 'installation') return allowsEverywhere(held, permission)
  return held.some(({ role }) => roleHas(role, permission))
}

/** The permissions that an operator has at any project or for the installation. */
export const permissionsOf = (held: readonly HeldRole[]): Permission[] =>
  permissionNames.filter((permission) => allowsSomewhere(held, permission))

/** The scope that a role must have to grant a permission. */
export const reachOf = (permission: Permission): Reach => rule(permission).reach
