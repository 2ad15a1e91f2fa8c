// Signs a user out everywhere: ends every session of the account, and pending requests made in them.
import { lockOperators } from '../../repositories/operators/roles.ts'
import { record } from '../audit/audit.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { isOperatorsProject } from '../projects/operators-project.ts'
import { applyLifecycle } from './lifecycle.ts'
import { endActsOf } from './operator-end.ts'

/**
 * Ends every session of the user in this project and the other holdings of `lifecycle.signed_out_everywhere`. For an operator
 * it also ends the sessions in which they act as users.
 */
export async function signOutEverywhere(ctx: SignedInContext): Promise<void> {
  const { user } = ctx.actor
  await inTransaction(ctx, async (tx) => {
    if (isOperatorsProject(tx.project)) await lockOperators(tx.store)
    await applyLifecycle(tx, 'signed_out_everywhere', user)
    await record(tx, 'signed_out_everywhere', { userId: user.id })
    await endActsOf(tx, user.uuid)
  })
}
