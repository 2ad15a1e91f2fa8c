// Verification: proof that a user has access to the mailbox of their address.
import { hashSecret } from '../../crypto/secrets.ts'
import { normalizeEmail } from '../../formats.ts'
import { findClaimedAddress } from '../../repositories/accounts/claims.ts'
import {
  findUser,
  findUserByEmail,
  isHolderProven,
  lockUser,
  markEmailVerified,
  type UserRow,
} from '../../repositories/accounts/users.ts'
import { findTokenUser, isOfProvenAddress } from '../../repositories/credentials/verification-tokens.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction, type SignedInContext } from '../context.ts'
import { isByHolder } from '../credentials/holder.ts'
import {
  mintForApplication,
  type Proof,
  redeemProof,
  requestProof,
  withProof,
} from '../credentials/mailed-tokens.ts'
import { notify } from '../mail/notify.ts'
import { takeMailCooldown } from '../throttling/mail-cooldown.ts'
import { hashTypedPassword, proveClaim, requestClaimProof, voidClaim } from './claims.ts'
import { applyLifecycle } from './lifecycle.ts'
import { evictForMailbox } from './recovery.ts'

export type ResendResult =
  | { readonly kind: 'accepted'; readonly verificationToken: string | null }
  | { readonly kind: 'cooling'; readonly retryAfterSeconds: number }

/**
 * Queues or mints another verification. Known, unknown and verified addresses get the same answer and cooldown. In a session
 * of the account it also works for an address that was proven by its mailbox alone, so that the holder can prove it.
 */
export function resendVerification(ctx: Context, address: string): Promise<ResendResult> {
  const email = normalizeEmail(address)
  const { mode } = ctx.project.policy.verification
  return inTransaction(ctx, async (tx): Promise<ResendResult> => {
    const retryAfterSeconds = await takeMailCooldown(tx, 'resend', email)
    if (retryAfterSeconds > 0) return { kind: 'cooling', retryAfterSeconds }
    if (isOwnUnproven(ctx, email)) return { kind: 'accepted', verificationToken: await requestOwnProof(tx) }
    const ofAccount = mode === 'off' ? null : await requestProof(tx, { purpose: 'verify_email', email })
    const isReserved = ofAccount?.isReserved ?? false
    const ofClaim = mode === 'strict' ? await requestClaimProof(tx, email, isReserved) : null
    return { kind: 'accepted', verificationToken: ofAccount?.token ?? ofClaim }
  })
}

/** Whether the request is made in a session of this address, which was proven by its mailbox but not by the account's holder. */
const isOwnUnproven = ({ actor }: Context, email: string) =>
  actor?.sessionId && actor.user.email === email && actor.user.emailVerifiedAt && !isHolderProven(actor.user)

/** Whether the holder of the actor's account has proven its address, as second factors and passkeys require. */
export const isAddressProven = ({ actor }: SignedInContext): boolean => isHolderProven(actor.user)

async function requestOwnProof(tx: Context): Promise<string | null> {
  const user = tx.actor && (await findUser(tx.store, tx.actor.user.id))
  if (!user) return null
  await notify(tx, 'verify_email', { user, details: { forHolder: true } })
  return mintForApplication(tx, user)
}

/**
 * Redeems a token or code, once: marks the address of an account as proven, or creates the account of a claim. A proof in a
 * session of the account or with its password is the holder's; any other is the mailbox's alone.
 * @param currentPassword the account's password, for a request outside of its sessions; null: none
 * @throws AuthError invalid_verification_token, invalid_verification_code, too_many_attempts, wrong_current_password, overloaded
 */
export function confirmEmail(
  ctx: Context,
  given: Proof,
  currentPassword: string | null = null,
): Promise<UserRow> {
  return withProof(ctx, given, async (proof) => {
    const userId = await findProvenUser(ctx, proof)
    const byHolder = await isByHolder(ctx, userId, currentPassword)
    const isForClaim = userId === null && currentPassword !== null
    const typedHash = isForClaim ? await hashTypedPassword(ctx, proof, currentPassword) : null
    return inTransaction(ctx, async (tx) => {
      const redeemed = await redeemProof(tx, 'verify_email', proof)
      if (!redeemed) return proveClaim(tx, proof, typedHash)
      const { userId, email } = redeemed
      const verified = await markEmailVerified(tx.store, userId, email, byHolder ? 'holder' : 'mailbox')
      if (!verified) return null
      await applyLifecycle(tx, byHolder ? 'proven_by_holder' : 'proven_by_mailbox', verified)
      await record(tx, 'email_verified', { userId })
      return verified
    })
  })
}

/** The account whose address the proof would prove; null: none. */
async function findProvenUser(ctx: Context, proof: Proof): Promise<number | null> {
  if ('token' in proof) return findTokenUser(ctx.store, 'verify_email', hashSecret(proof.token))
  const user = await findUserByEmail(ctx.store, proof.email)
  return user?.id ?? null
}

/**
 * Handles the report of the mailbox's owner that they did not sign up. Voids a claim. Ends every way to sign in to an
 * account, and queues a mail to choose a password, because the account is now theirs.
 * @throws AuthError invalid_verification_token
 */
export async function disownSignUp(ctx: Context, token: string): Promise<void> {
  await withProof(ctx, { token }, (proof) =>
    inTransaction(ctx, async (tx) => {
      if (await voidClaim(tx, token)) return true
      const redeemed = await redeemProof(tx, 'verify_email', proof)
      const user = redeemed && (await lockUser(tx.store, redeemed.userId))
      if (!user || user.email !== redeemed.email || user.disabledAt) return false
      await evictForMailbox(tx, user)
      await notify(tx, 'reset_password', { user })
      return true
    }),
  )
}

/** Whether the address of a token that no longer works is proven, by the token or otherwise; for the page of its link. */
export function isProvenAlready(
  ctx: Context,
  purpose: 'verify_email' | 'change_email',
  token: string,
): Promise<boolean> {
  return isOfProvenAddress(ctx.store, purpose, hashSecret(token))
}

/** Finds whether a verification token would prove an account or a claim now, without redeeming it; null: it does not work. */
export async function findOpenVerification(
  ctx: Context,
  token: string,
): Promise<{ readonly kind: 'account' | 'claim'; readonly userId: number | null } | null> {
  const hash = hashSecret(token)
  const userId = await findTokenUser(ctx.store, 'verify_email', hash)
  if (userId !== null) return { kind: 'account', userId }
  return (await findClaimedAddress(ctx.store, hash)) === null ? null : { kind: 'claim', userId: null }
}
