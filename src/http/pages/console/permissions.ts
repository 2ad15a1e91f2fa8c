// The operator's permissions, computed from their roles by the service's own table.
import { allowsAt, allowsEverywhere, type Permission } from '../../../domain/operators/roles.ts'
import { operatorsProjectId } from '../../../domain/projects/operators-project.ts'
import type { Me } from './types.ts'

export { operatorsProjectId }

let me: Me | null = null

/** Sets the signed-in operator; null: signed out. */
export function setCurrentOperator(who: Me | null): void {
  me = who
}

/** The signed-in operator. @throws Error if there is none */
export function currentOperator(): Me {
  if (!me) throw new Error('Nobody is signed in.')
  return me
}

/** True if the operator has the permission for a project. */
export const can = (permission: Permission, project: string): boolean =>
  me !== null && allowsAt(me.roles, permission, project)

/** True if the operator has the permission for every project. */
export const canEverywhere = (permission: Permission): boolean =>
  me !== null && allowsEverywhere(me.roles, permission)
