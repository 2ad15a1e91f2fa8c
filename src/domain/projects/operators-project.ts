// The built-in project `operators`, whose accounts administer the installation.
import { AuthError } from '../errors.ts'

/** The same in every installation. */
export const operatorsProjectId = '5a11b09e-0000-4000-8000-000000000001'

export const operatorsProjectName = 'operators'

/** The initial policy: sign-up is closed, and a second factor is required. Operators can change it later. */
export const operatorsPolicy = { sign_up: 'closed', factors: { required: 'always' } } as const

export const isOperatorsProject = ({ id }: { readonly id: string }): boolean => id === operatorsProjectId

/** @throws AuthError project_reserved */
export function mustNotBeOperators(id: string): void {
  if (id === operatorsProjectId) throw new AuthError('project_reserved')
}
