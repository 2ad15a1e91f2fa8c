// Writes acts of operators on projects, the installation and other operators to the security log.
import {
  insertOperatorAct,
  type LogDetails,
  type SecurityEventName,
} from '../../repositories/audit/security-log.ts'
import type { UnscopedDatabase } from '../../repositories/database.ts'
import { type Caller, commandLine, type OperatorAct, operatorCaller } from '../actor.ts'
import { operatorDetails } from './audit.ts'

/** The nil UUID, which in the log stands for the whole installation. */
export const installationId = '00000000-0000-0000-0000-000000000000'

/** An operator who acts, and their client; an `OperatorContext` has both. */
export interface Acting {
  readonly operator: OperatorAct
  readonly caller: Pick<Caller, 'addressPrefix' | 'userAgent'>
}

export const byCommandLine: Acting = { operator: commandLine, caller: operatorCaller }

export interface ActFacts {
  /** UUID of the account that the act concerns. */
  readonly account?: string
  readonly details?: LogDetails
}

/** Writes an operator's act, in the transaction of the act. @param projectId the project, or `installationId` */
export function recordAct(
  tx: UnscopedDatabase,
  { operator, caller }: Acting,
  projectId: string,
  event: SecurityEventName,
  { account, details = {} }: ActFacts = {},
): Promise<void> {
  return insertOperatorAct(tx, {
    projectId,
    event,
    ...(account && { account }),
    sessionId: operator.sessionId,
    addressPrefix: caller.addressPrefix,
    userAgent: caller.userAgent,
    details: { ...details, ...operatorDetails(operator) },
  })
}
