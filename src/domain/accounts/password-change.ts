// Changes the password of an account, in a session or by address and old password, or sets its first one.
import { normalizeEmail } from '../../formats.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import {
  findPasswordHash,
  replacePassword,
  setFirstPassword,
} from '../../repositories/credentials/passwords.ts'
import { renewSession } from '../../repositories/sessions/authentication.ts'
import { keepSession } from '../../repositories/sessions/sessions.ts'
import type { Actor, Principal } from '../actor.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction, type SignedInContext } from '../context.ts'
import { checkNewPassword } from '../credentials/password-rules.ts'
import { hashPassword, verifyPassword } from '../credentials/passwords.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { isSecondFactorDue } from '../credentials/second-factor.ts'
import { proveAccount } from '../credentials/sign-in.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { demandsVerification } from '../projects/projects.ts'
import { type Grant, toGrant } from '../sessions/grants.ts'
import { applyLifecycle } from './lifecycle.ts'

/** Whether the calling API can issue new tokens, so that the current session is renewed. */
export interface RenewalOptions {
  /** Default: no; the current session keeps its tokens. */
  readonly renewsSession?: boolean
}

/** Whether the actor's account has a password. */
export async function hasPassword({ store, actor }: SignedInContext): Promise<boolean> {
  return (await findPasswordHash(store, actor.user.id)) !== null
}

/**
 * Replaces the password, ends every session but the current one, and notifies the owner by mail.
 * @param options.mayStay whether the new password may equal the current one; the other sessions end in any case
 * @returns the grant of the renewed current session, whose former tokens are void; null if it keeps its tokens
 * @throws AuthError password_refused (before the current one is checked), no_password, password_unchanged; and as
 *   `reauthenticate`
 */
export async function changePassword(
  ctx: SignedInContext,
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
  { mayStay = false, ...options }: RenewalOptions & { readonly mayStay?: boolean } = {},
): Promise<Grant | null> {
  await checkNewPassword(ctx, newPassword, ctx.actor.user)
  if ((await findPasswordHash(ctx.store, ctx.actor.user.id)) === null) throw new AuthError('no_password')
  const checkedHash = await reauthenticate(ctx, currentPassword)
  if (checkedHash && !mayStay) await mustDiffer(ctx, checkedHash, newPassword)
  const changed = checkedHash && (await replace(ctx, ctx.actor.user, checkedHash, newPassword, options))
  if (!changed) throw new AuthError('wrong_current_password')
  return changed.grant
}

/**
 * Replaces the password by address and old password, as an attempt to sign in. Ends every session but the current one.
 * @throws AuthError not_own_account (before any look-up), invalid_credentials, too_many_attempts, overloaded; and after a correct
 *   old password account_disabled, email_verification_required, second_factor_required, password_refused, password_unchanged
 */
export async function changePasswordByAddress(
  ctx: Context,
  asked: { email: string; oldPassword: string; newPassword: string },
): Promise<UserRow> {
  const email = normalizeEmail(asked.email)
  if (ctx.actor && ctx.actor.user.email !== email) throw new AuthError('not_own_account')
  const credentials = { email, password: asked.oldPassword }
  const { checkedHash, user } = await proveAccount(ctx, credentials, { addressKnown: ctx.actor !== null })
  if (user.disabledAt) throw new AuthError('account_disabled')
  if (demandsVerification(ctx.project, user)) throw new AuthError('email_verification_required')
  if (user.secondFactors !== '' && isSecondFactorDue(ctx, user)) throw new AuthError('second_factor_required')
  await checkNewPassword(ctx, asked.newPassword, user)
  await mustDiffer(ctx, checkedHash, asked.newPassword)
  if (!(await replace(ctx, user, checkedHash, asked.newPassword, {})))
    throw new AuthError('invalid_credentials')
  return user
}

/** @throws AuthError password_unchanged, overloaded */
async function mustDiffer(ctx: Context, checkedHash: string, newPassword: string): Promise<void> {
  if (await verifyPassword(ctx, checkedHash, newPassword)) throw new AuthError('password_unchanged')
}

/** Replaces a checked password; null if it has changed since the check. @throws AuthError overloaded */
async function replace(
  ctx: Context,
  user: UserRow,
  checkedHash: string,
  newPassword: string,
  options: RenewalOptions,
): Promise<{ readonly grant: Grant | null } | null> {
  const newHash = await hashPassword(ctx, newPassword)
  return inTransaction(ctx, async (tx) => {
    const epoch = await replacePassword(tx.store, user.id, checkedHash, newHash)
    if (epoch === null) return null
    return { grant: await finish(tx, user, epoch, 'password_changed', options) }
  })
}

/**
 * Sets the password of an account that has none, ends every session but the current one, and notifies the owner by mail.
 * @returns the grant of the renewed current session, whose former tokens are void; null if it keeps its tokens
 * @throws AuthError password_already_set, step_up_required, unauthenticated, password_refused, overloaded
 */
export async function setPassword(
  ctx: SignedInContext,
  password: string,
  options: RenewalOptions = {},
): Promise<Grant | null> {
  const { user } = ctx.actor
  if ((await findPasswordHash(ctx.store, user.id)) !== null) throw new AuthError('password_already_set')
  await reauthenticate(ctx)
  await checkNewPassword(ctx, password, user)
  const hash = await hashPassword(ctx, password)
  const set = await inTransaction(ctx, async (tx) => {
    const epoch = await setFirstPassword(tx.store, user.id, user.epoch, hash)
    if (epoch === null) return null
    return { grant: await finish(tx, user, epoch, 'password_set', options) }
  })
  // A concurrent request set one, or the session has ended since.
  if (!set) throw new AuthError('password_already_set')
  return set.grant
}

/** Keeps the current session under the account's new epoch, applies the life cycle and notifies the owner by mail. */
async function finish(
  tx: Context,
  user: UserRow,
  epoch: number,
  event: 'password_changed' | 'password_set',
  options: RenewalOptions,
): Promise<Grant | null> {
  const { id: userId } = user
  const grant = await keepOrRenew(tx, epoch, event === 'password_changed', options)
  await applyLifecycle(tx, event, user)
  await record(tx, event, { userId })
  await notify(tx, 'password_changed', { user })
  return grant
}

/**
 * Renews the current session if its API issues new tokens; otherwise keeps it as it is.
 * @param isProven whether the current password was proven with the request
 */
async function keepOrRenew(
  { actor, caller, project, store }: Context,
  epoch: number,
  isProven: boolean,
  { renewsSession = false }: RenewalOptions,
): Promise<Grant | null> {
  if (!actor || !isInSession(actor)) return null
  const { sessionId: id, client } = actor
  if (!renewsSession || client !== caller.client) {
    await keepSession(store, id, epoch)
    return null
  }
  const { refresh_seconds: refreshSeconds } = project.policy.tokens
  // A session that proved a second factor keeps that proof, because the password does not replace it.
  const proof = isProven && actor.user.secondFactors === '' ? { amr: 'pwd' } : null
  const renewed = await renewSession(store, { id, client, epoch: epoch - 1, refreshSeconds, proof })
  return renewed && toGrant(project, renewed.user, renewed.session)
}

const isInSession = (actor: Actor): actor is Principal => actor.sessionId !== null
