// What an operator began that would outlive their account or their role: sessions in which they act as users, and keys that they made.
import { listKeysBy, type OperatorKeyRow, revokeKey } from '../../repositories/operators/keys.ts'
import { lockOperators } from '../../repositories/operators/roles.ts'
import { endImpersonationsBy } from '../../repositories/sessions/impersonation.ts'
import { recordInLog } from '../audit/audit.ts'
import type { Context } from '../context.ts'
import { isOperatorsProject } from '../projects/operators-project.ts'

/**
 * Ends the sessions in which an operator or a key acts as users. In a transaction that holds the lock of the operators, as its last
 * step: such a session is either seen here, or waits for the lock and is refused by what has been committed. Nothing in other projects.
 */
export async function endActsOf(tx: Context, uuid: string): Promise<void> {
  if (!isOperatorsProject(tx.project)) return
  await lockOperators(tx.store)
  // On a connection of its own: the one of the transaction sees no other project. Where the transaction fails, they ended for nothing.
  await endImpersonationsBy(tx.services.stores.unscoped, uuid)
}

/**
 * The same, and revokes the keys that the operator made.
 * @param stays whether a key may no more than the operator from now on; default: none stays, because the account is closed
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
