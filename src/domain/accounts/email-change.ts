// Changes the address of an account: the new address is proven first, and the old one can undo the change for a week.
import { hashSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { releaseDueAddress } from '../../repositories/accounts/deletion.ts'
import {
  findUserByEmail,
  lockUser,
  type UserRow,
  updateUserEmail,
} from '../../repositories/accounts/users.ts'
import { isConflict } from '../../repositories/conflict.ts'
import { endEmailSignIns } from '../../repositories/credentials/email-sign-ins.ts'
import { findTokenUser, voidTokens } from '../../repositories/credentials/verification-tokens.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction, type SignedInContext } from '../context.ts'
import { isByHolder } from '../credentials/holder.ts'
import { mintForApplication, type Proof, redeemProof, withProof } from '../credentials/mailed-tokens.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { AuthError } from '../errors.ts'
import { notify, queueNotice } from '../mail/notify.ts'
import { checkRedirect } from '../projects/redirects.ts'
import { takeMailCap } from '../throttling/mail-cap.ts'
import { applyLifecycle } from './lifecycle.ts'

export interface EmailChange {
  readonly newEmail: string
  readonly currentPassword: string | undefined
  readonly redirectTo: string | null
}

/**
 * Asks for the change. A taken address gets the same answer and no mail; the user's own address gets the same mail.
 * @returns the token, for an application that delivers mail itself and presented the project's secret; null otherwise
 * @throws AuthError redirect_not_allowed, email_unchanged; and as `reauthenticate`
 */
export async function requestEmailChange(ctx: SignedInContext, change: EmailChange): Promise<string | null> {
  const { user } = ctx.actor
  const email = normalizeEmail(change.newEmail)
  const redirectTo = checkRedirect(ctx.project, change.redirectTo)
  if (email === user.email) throw new AuthError('email_unchanged')
  await reauthenticate(ctx, change.currentPassword)
  return inTransaction(ctx, async (tx) => {
    const waitSeconds = await takeMailCap(tx, 'change_email', { email })
    const isTaken = (await findUserByEmail(tx.store, email)) !== null
    await record(tx, 'email_change_requested', { userId: user.id })
    // Also for a taken address: the user must not learn from their own mailbox whether it is.
    await notify(tx, 'email_change_requested', { user, recipient: user.email })
    if (isTaken) return null
    const details = redirectTo ? { redirectTo } : {}
    if (waitSeconds === 0) await queueNotice(tx, 'change_email', { user, recipient: email, details })
    return mintForApplication(tx, user, { purpose: 'change_email', email })
  })
}

/** Cancels every change that waits for its proof. Links in mails already sent no longer work. */
export async function cancelEmailChange(ctx: SignedInContext): Promise<void> {
  await inTransaction(ctx, (tx) => voidTokens(tx.store, ctx.actor.user.id, ['change_email']))
}

/**
 * Makes the change with a proof of the new address, and mails a link to undo it to the old address. The proof works only in a
 * session of the account that asked, or with its password, so that the owner of the new address alone cannot move the account.
 * @param currentPassword the account's password, for a request outside of its sessions; a code always needs a session
 * @throws AuthError account_needed, wrong_current_password, invalid_verification_token, invalid_verification_code,
 *   email_change_impossible, too_many_attempts, overloaded
 */
export async function confirmEmailChange(
  ctx: Context,
  proof: Proof,
  currentPassword: string | null = null,
): Promise<UserRow> {
  const actorId = ctx.actor?.sessionId ? ctx.actor.user.id : null
  const askedBy =
    'token' in proof ? await findTokenUser(ctx.store, 'change_email', hashSecret(proof.token)) : actorId
  if (askedBy === null && 'token' in proof) throw new AuthError('invalid_verification_token')
  if (!(await isByHolder(ctx, askedBy, currentPassword))) throw new AuthError('account_needed')
  return move(ctx, 'change_email', { proof, userId: askedBy }, async (tx, before, after) => {
    await applyLifecycle(tx, 'address_changed', after)
    await record(tx, 'email_changed', { userId: before.id })
    await notify(tx, 'email_changed', { user: before, recipient: before.email })
  })
}

/**
 * Restores the old address for the owner of its mailbox. Ends the holdings that `lifecycle.change_undone` lists, including the
 * password, because another person had access to them. Queues a mail to choose a new password.
 * @throws AuthError invalid_verification_token, email_change_impossible
 */
export function undoEmailChange(ctx: Context, token: string): Promise<UserRow> {
  return move(
    ctx,
    'undo_email_change',
    { proof: { token }, userId: null },
    async (tx, before, after, since) => {
      await applyLifecycle(tx, 'change_undone', after, since)
      await record(tx, 'email_change_undone', { userId: before.id })
      await notify(tx, 'reset_password', { user: after })
    },
  )
}

/**
 * Redeems a proof and moves the account to the proven address.
 * @param follow gets the account before and after, and when the token was minted; a token that undoes a change is minted with it
 */
async function move(
  ctx: Context,
  purpose: 'change_email' | 'undo_email_change',
  { proof: given, userId }: { readonly proof: Proof; readonly userId: number | null },
  follow: (tx: Context, before: UserRow, after: UserRow, since: Date) => Promise<void>,
): Promise<UserRow> {
  return withProof(ctx, given, async (proof) => {
    const work = inTransaction(ctx, async (tx) => {
      const redeemed = await redeemProof(tx, purpose, proof, userId ?? undefined)
      const before = redeemed && (await lockUser(tx.store, redeemed.userId))
      if (!before || before.disabledAt) return null
      await releaseDueAddress(tx.store, redeemed.email)
      const after = await updateUserEmail(tx.store, before.id, before.email, redeemed.email)
      // Rolls back, so the proof stays valid in case the address becomes free again.
      if (!after) throw new AuthError('email_change_impossible')
      await endEmailSignIns(tx.store, before.email)
      await follow(tx, before, after, redeemed.createdAt)
      return after
    })
    // Of two accounts that take one address at the same time, the second is refused as if it had come later.
    return work.catch((error: unknown) => {
      throw isConflict(error) ? new AuthError('email_change_impossible') : error
    })
  })
}
