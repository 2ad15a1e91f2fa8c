// Signing out everywhere: every session of the account ends, and what was under way in them.
import { record } from '../audit/audit.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { applyLifecycle } from './lifecycle.ts'

/** Ends every session of the user in this project, and a change of address that was asked for in one. */
export async function signOutEverywhere(ctx: SignedInContext): Promise<void> {
  const { user } = ctx.actor
  await inTransaction(ctx, async (tx) => {
    await applyLifecycle(tx, 'signed_out_everywhere', user)
    await record(tx, 'signed_out_everywhere', { userId: user.id })
  })
}
