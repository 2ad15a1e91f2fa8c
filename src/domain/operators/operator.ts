// The operator of a request: by a session of the project `operators`, an operator key, or the secret of a project.
import type { OperatorAct } from '../actor.ts'
import type { HeldRole } from './roles.ts'

export interface Operator {
  /** The kind of credential. */
  readonly kind: 'session' | 'key' | 'project_secret'
  /** UUID of the account, key or project. */
  readonly id: string
  /** Address of the account, or name of the key or project. */
  readonly name: string
  readonly held: readonly HeldRole[]
  /** Null, as `sessionId`, unless the kind is `session`. */
  readonly userId: number | null
  readonly sessionId: string | null
}

/** How the security log names the operator. */
export function actOf({ kind, id, sessionId }: Operator): OperatorAct {
  if (kind === 'project_secret') return { via: 'project_secret', sessionId: null }
  if (kind === 'key') return { via: 'admin_api', keyId: id, sessionId: null }
  return { via: 'admin_api', by: id, sessionId }
}
