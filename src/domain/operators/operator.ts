// An operator who acts: by a session of the project `operators`, by an operator key, or a back end by its project's secret.
import type { OperatorAct } from '../actor.ts'
import type { HeldRole } from './roles.ts'

export interface Operator {
  /** How they prove themselves. */
  readonly kind: 'session' | 'key' | 'project_secret'
  /** UUID of the account, the key or the project. */
  readonly id: string
  /** The address of the account, the name of the key or project. */
  readonly name: string
  readonly held: readonly HeldRole[]
  /** Null: not by a session. */
  readonly userId: number | null
  readonly sessionId: string | null
}

/** What the security log says of whoever acts. */
export function actOf({ kind, id, sessionId }: Operator): OperatorAct {
  if (kind === 'project_secret') return { via: 'project_secret', sessionId: null }
  if (kind === 'key') return { via: 'admin_api', keyId: id, sessionId: null }
  return { via: 'admin_api', by: id, sessionId }
}
