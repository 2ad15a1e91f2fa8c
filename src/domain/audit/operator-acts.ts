// What operators do to projects, to the installation and to other operators, as rows of the security log.
import {
  insertOperatorAct,
  type LogDetails,
  type SecurityEventName,
} from '../../repositories/audit/security-log.ts'
import type { UnscopedDatabase } from '../../repositories/database.ts'
import { type Caller, commandLine, type OperatorAct, operatorCaller } from '../actor.ts'
import { operatorDetails } from './audit.ts'

/** The nil UUID stands for the whole installation, which is no project. */
export const installationId = '00000000-0000-0000-0000-000000000000'

/** An operator and their client; a context of an operator is one. */
export interface Acting {
  readonly operator: OperatorAct
  readonly caller: Pick<Caller, 'addressPrefix' | 'userAgent'>
}

export const byCommandLine: Acting = { operator: commandLine, caller: operatorCaller }

export interface ActFacts {
  /** UUID of the account that it concerns. */
  readonly account?: string
  readonly details?: LogDetails
}

/** Writes an operator's act, in the transaction that does it. @param projectId the project, or `installationId` */
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
