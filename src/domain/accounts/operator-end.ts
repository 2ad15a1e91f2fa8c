// Ends what would outlive an operator's account or role: sessions in which they act as users, and operator keys that they made.
import { listKeysBy, type OperatorKeyRow, revokeKey } from '../../repositories/operators/keys.ts'
import { lockOperators } from '../../repositories/operators/roles.ts'
import { endImpersonationsBy } from '../../repositories/sessions/impersonation.ts'
import { recordInLog } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { isOperatorsProject } from '../projects/operators-project.ts'

/**
 * Ends the sessions in which an operator or operator key acts as users. Call it as the last step of a transaction that holds
 * the lock of the operators: a concurrent new session is either ended here, or waits for the lock and is then refused. Does
 * nothing outside of the operators' project.
 * @param uuid of the operator's account or of the operator key
 */
export async function endActsOf(tx: Context, uuid: string): Promise<void> {
  if (!isOperatorsProject(tx.project)) return
  await lockOperators(tx.store)
  // On another connection, because the transaction's sees no other project. If the transaction fails, the sessions have ended
  // anyway.
  await endImpersonationsBy(tx.services.stores.unscoped, uuid)
}

/**
 * As `endActsOf`, and revokes the keys that the operator made.
 * @param stays whether a key allows no more than the operator's new role, and is kept; default: no key is
 */
export async function endRightsOf(
  tx: Context,
  uuid: string,
  stays: (key: OperatorKeyRow) => boolean = () => false,
): Promise<void> {
  if (!isOperatorsProject(tx.project)) return
  await lockOperators(tx.store)
  for (const key of await listKeysBy(tx.store, uuid)) {
    if (stays(key)) continue
    const { id, role, scope } = key
    await revokeKey(tx.store, id)
    const details = { key_id: id, role, ...(scope && { scope }) }
    await recordInLog(tx, 'operator_key_revoked', { details })
    await endActsOf(tx, id)
  }
  await endActsOf(tx, uuid)
}
