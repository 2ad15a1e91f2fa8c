// Recovery: the owner of the mailbox sets a new password, or reports a sign-in that was not theirs.
import { hashSecret, keyedUuid } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import {
  isHolderProven,
  lockUser,
  markEmailVerified,
  type UserRow,
} from '../../repositories/accounts/users.ts'
import { resetPassword as replaceByReset } from '../../repositories/credentials/passwords.ts'
import { isTokenOpen } from '../../repositories/credentials/verification-tokens.ts'
import type { MailDetails } from '../../repositories/mail/mail-queue.ts'
import { record, recordByEmail } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { type Proof, redeemProof, requestProof, withProof } from '../credentials/mailed-tokens.ts'
import { checkNewPassword, checkPasswordOwner } from '../credentials/password-rules.ts'
import { hashPassword } from '../credentials/passwords.ts'
import { notify } from '../mail/notify.ts'
import { type Client, checkClient } from '../projects/clients.ts'
import { checkRedirect } from '../projects/redirects.ts'
import { clearPasswordFailures } from '../throttling/lockout.ts'
import { takeMailCooldown } from '../throttling/mail-cooldown.ts'
import { applyLifecycle, type Outcome } from './lifecycle.ts'

function request(ctx: Context, email: string, details: MailDetails): Promise<string | null> {
  return inTransaction(ctx, async (tx) => {
    if ((await takeMailCooldown(tx, 'reset', email)) > 0) return null
    await recordByEmail(tx, 'password_reset_requested', email)
    return (await requestProof(tx, { purpose: 'reset_password', email }, details)).token
  })
}

/**
 * Requests a password reset. Known and unknown addresses get the same answer at the same cost.
 * @returns the token, for an application that delivers mail itself and presented the project's secret; null otherwise
 * @throws AuthError redirect_not_allowed
 */
export async function requestReset(
  ctx: Context,
  asked: { readonly email: string; readonly redirectTo: string | null },
): Promise<string | null> {
  const redirectTo = checkRedirect(ctx.project, asked.redirectTo)
  return request(ctx, normalizeEmail(asked.email), redirectTo ? { redirectTo } : {})
}

/**
 * Requests a password reset for a client whose name, logo and link are in the mail.
 * @returns the normalized address; a UUID derived from it, which is the same each time for known and unknown addresses and is no
 *   account's id, so that it discloses nothing; and `token` as in `requestReset`
 * @throws AuthError redirect_not_allowed, logo_not_allowed
 */
export async function requestResetForClient(
  ctx: Context,
  asked: { readonly email: string; readonly client: Client },
): Promise<{ id: string; email: string; token: string | null }> {
  const email = normalizeEmail(asked.email)
  const frontEnd = checkClient(ctx.project, asked.client)
  const token = await request(ctx, email, { frontEnd })
  return { id: keyedUuid(ctx.services.keys.lookup, ctx.project.id, email), email, token }
}

/** Whether a reset token would work now; changes nothing. */
export function isResetOpen(ctx: Context, token: string): Promise<boolean> {
  return isTokenOpen(ctx.store, 'reset_password', hashSecret(token))
}

/**
 * Handles the report of the mailbox's owner that a sign-in was not theirs: ends every session, the password, and the other
 * holdings of `lifecycle.sign_in_disowned`, including factors and passkeys added since. Queues a mail to choose another password.
 * @throws AuthError invalid_verification_token
 */
export async function disownSignIn(ctx: Context, token: string): Promise<void> {
  await withProof(ctx, { token }, (proof) =>
    inTransaction(ctx, async (tx) => {
      const redeemed = await redeemProof(tx, 'disown_sign_in', proof)
      const user = redeemed && (await lockUser(tx.store, redeemed.userId))
      if (!user || user.email !== redeemed.email || user.disabledAt) return false
      await record(tx, 'sign_in_disowned', { userId: user.id })
      if (isHolderProven(user)) await applyLifecycle(tx, 'sign_in_disowned', user, redeemed.createdAt)
      else await evictForMailbox(tx, user)
      await notify(tx, 'reset_password', { user })
      return true
    }),
  )
}

/**
 * Ends every way to sign in to an account whose holder never proved the address, and hands it over to the owner of the mailbox.
 */
export async function evictForMailbox(tx: Context, user: UserRow): Promise<Outcome> {
  const outcome = await applyLifecycle(tx, 'sign_up_disowned', user)
  await markEmailVerified(tx.store, user.id, user.email, 'holder')
  await record(tx, 'email_verified', { userId: user.id })
  return outcome
}

/** Whether a token would disown a sign-in now; changes nothing. */
export function isDisowningOpen(ctx: Context, token: string): Promise<boolean> {
  return isTokenOpen(ctx.store, 'disown_sign_in', hashSecret(token))
}

/**
 * Sets a new password by token or code, once. Ends the holdings that `lifecycle.password_reset` lists, or those of
 * `mailbox_entered` if the holder never proved the address; the mail lists them. Lifts the lockout for the caller.
 * @throws AuthError invalid_verification_token, invalid_verification_code, password_refused (the proof stays),
 *   too_many_attempts, overloaded
 */
export async function resetPassword(ctx: Context, given: Proof, password: string): Promise<UserRow> {
  const user = await withProof(ctx, given, async (proof) => {
    // No hash is computed for a token that cannot work.
    if ('token' in proof) {
      const isOpen = await isTokenOpen(ctx.store, 'reset_password', hashSecret(proof.token), proof.email)
      if (!isOpen) return null
    }
    await checkNewPassword(ctx, password, { email: 'token' in proof ? null : proof.email })
    const passwordHash = await hashPassword(ctx, password)
    return inTransaction(ctx, async (tx) => {
      const redeemed = await redeemProof(tx, 'reset_password', proof)
      if (!redeemed) return null
      const { userId, email } = redeemed
      const before = await lockUser(tx.store, userId)
      // A refusal rolls back, so the proof stays valid for another attempt.
      checkPasswordOwner(tx.project, password, before ?? { email })
      const changed = before && (await replaceByReset(tx.store, userId, email, passwordHash))
      if (!changed) return null
      await record(tx, 'password_reset', { userId })
      const details = await applyLifecycle(
        tx,
        isHolderProven(before) ? 'password_reset' : 'mailbox_entered',
        changed,
      )
      await notify(tx, 'password_changed', { user: changed, details })
      return changed
    })
  })
  await clearPasswordFailures(ctx, user.email)
  return user
}
