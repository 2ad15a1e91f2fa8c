// Deletion of an account: at once, or after a grace period in which signing in restores it.
import { deleteUser, scheduleDeletion } from '../../repositories/accounts/deletion.ts'
import { findUser } from '../../repositories/accounts/users.ts'
import { lockSessions } from '../../repositories/sessions/sessions.ts'
import { shownCaller } from '../actor.ts'
import { circumstances, record } from '../audit/audit.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { AuthError } from '../errors.ts'
import { notify, notifyFormer } from '../mail/notify.ts'
import { applyLifecycle, mustLeaveAnOwner, mustStrandNoTeam } from './lifecycle.ts'
import { endRightsOf } from './operator-end.ts'

/**
 * Deletes the account, at once or after the policy's `deletion.grace_seconds`. Its sessions and API keys end in the same
 * transaction, also if the account is restored later.
 * @throws AuthError unauthenticated, team_admin_needed, last_owner; and as `reauthenticate`
 */
export async function deleteAccount(ctx: SignedInContext, currentPassword?: string): Promise<void> {
  const { user } = ctx.actor
  const { id } = user
  const graceSeconds = ctx.project.policy.deletion.grace_seconds
  const checkedHash = await reauthenticate(ctx, currentPassword)
  const isDeleted = await inTransaction(ctx, async (tx) => {
    await mustLeaveAnOwner(tx, id)
    if (graceSeconds === 0) {
      // Sessions before their user: the order in which every transaction that ends a session locks them.
      await lockSessions(tx.store, id)
      await mustStrandNoTeam(tx, id)
      // The audit trail is deleted with the account.
      if (!(await deleteUser(tx.store, id, checkedHash, circumstances(tx, true)))) return false
      await notifyFormer(tx, user)
      await endRightsOf(tx, user.uuid)
      return true
    }
    await mustStrandNoTeam(tx, id)
    if (!(await scheduleDeletion(tx.store, id, checkedHash, graceSeconds))) return false
    await record(tx, 'deletion_requested', { userId: id })
    await applyLifecycle(tx, 'deletion_scheduled', user)
    await notify(tx, 'deletion_scheduled', { user, details: { ...shownCaller(tx.caller), graceSeconds } })
    await endRightsOf(tx, user.uuid)
    return true
  })
  if (isDeleted) return
  // A concurrent request deleted the account, or changed the password that was checked.
  const isGone = (await findUser(ctx.store, id)) === null
  throw new AuthError(isGone ? 'unauthenticated' : 'wrong_current_password')
}
