// What the operator may do, by the roles that GET /api/admin/me tells and the same table that the service decides by.
import {
  allowsAt,
  allowsEverywhere,
  allowsSomewhere,
  type Permission,
} from '../../../domain/operators/roles.ts'
import { operatorsProjectId } from '../../../domain/projects/operators-project.ts'
import type { Me } from './types.ts'

export { operatorsProjectId }

let me: Me | null = null

/** Remembers who is signed in; null: nobody is. */
export function setCurrentOperator(who: Me | null): void {
  me = who
}

/** Who is signed in. */
export function currentOperator(): Me {
  if (!me) throw new Error('Nobody is signed in.')
  return me
}

/** Whether the operator may do what a permission names, at a project. */
export const can = (permission: Permission, project: string): boolean =>
  me !== null && allowsAt(me.roles, permission, project)

/** Whether the operator may do it for every project. */
export const canEverywhere = (permission: Permission): boolean =>
  me !== null && allowsEverywhere(me.roles, permission)

/** Whether the operator may do it for at least one project. */
export const canSomewhere = (permission: Permission): boolean =>
  me !== null && allowsSomewhere(me.roles, permission)
