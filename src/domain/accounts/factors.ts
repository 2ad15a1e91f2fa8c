// The second factors of an account: proposed, enrolled, removed and listed by their owner.
import { hashRecoveryCode, mintRecoveryCode } from '../../crypto/recovery-codes.ts'
import { mintTotpSecret, otpauthUri, printTotpSecret } from '../../crypto/totp.ts'
import {
  addSecondFactor,
  cancelFactorsReset,
  hasSecondFactor,
  type SecondFactor,
  secondFactorsOf,
} from '../../repositories/accounts/second-factors.ts'
import { findUser, isHolderProven, lockUser, type UserRow } from '../../repositories/accounts/users.ts'
import { listPasskeys, type PasskeyRow } from '../../repositories/credentials/passkeys.ts'
import { countRecoveryCodes, replaceRecoveryCodes } from '../../repositories/credentials/recovery-codes.ts'
import {
  confirmTotp as confirmRow,
  proposeTotp as proposeRow,
} from '../../repositories/credentials/totp-factors.ts'
import {
  deleteTrustedDevices,
  listTrustedDevices,
  type TrustedDeviceRow,
} from '../../repositories/credentials/trusted-devices.ts'
import { findAuthentication, strengthenSession } from '../../repositories/sessions/authentication.ts'
import { shownCaller } from '../actor.ts'
import { record } from '../audit/audit.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { findStepOf, sealTotpSecret } from '../credentials/totp.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { joinMethods } from '../sessions/authenticated.ts'
import { readAmr } from '../sessions/grants.ts'
import { factorAttempt, withAttempt } from '../throttling/lockout.ts'
import { applyLifecycle } from './lifecycle.ts'

/** Recovery codes in a set. */
const recoveryCodeCount = 10

export interface Factors {
  readonly enrolled: readonly SecondFactor[]
  readonly passkeys: readonly PasskeyRow[]
  readonly recoveryCodesLeft: number
  readonly trustedDevices: readonly TrustedDeviceRow[]
}

/** The factors of the signed-in user. @throws AuthError unauthenticated (the account is gone) */
export async function listFactors({ store, actor }: SignedInContext): Promise<Factors> {
  const user = await findUser(store, actor.user.id)
  if (!user) throw new AuthError('unauthenticated')
  const recoveryCodesLeft = await countRecoveryCodes(store, user.id)
  const trustedDevices = await listTrustedDevices(store, user.id)
  const passkeys = await listPasskeys(store, user.id)
  return { enrolled: secondFactorsOf(user), passkeys, recoveryCodesLeft, trustedDevices }
}

/** A secret for an authenticator app, shown once. */
export interface ProposedTotp {
  /** Base32. */
  readonly secret: string
  readonly uri: string
}

/**
 * Proposes an authenticator, which is enrolled once its first code is confirmed. The holder must have proven the address, so
 * that a stranger cannot enrol a factor in an account made with another person's address.
 * @throws AuthError email_verification_required, totp_already_enrolled; as `reauthenticate`
 */
export async function proposeTotp(ctx: SignedInContext): Promise<ProposedTotp> {
  const { user } = ctx.actor
  mustBeHolder(user)
  await reauthenticate(ctx)
  const secret = mintTotpSecret()
  const sealed = sealTotpSecret(ctx, user.uuid, secret)
  if (!(await proposeRow(ctx.store, user.id, sealed))) throw new AuthError('totp_already_enrolled')
  const issuer = ctx.project.policy.branding.name ?? ctx.project.name
  return { secret: printTotpSecret(secret), uri: otpauthUri(secret, issuer, user.email) }
}

function mustBeHolder(user: UserRow): void {
  if (!isHolderProven(user)) throw new AuthError('email_verification_required')
}

/**
 * Enrols the proposed authenticator by a code of it. Ends the holdings that `lifecycle.factor_added` lists, including every other
 * session; the current session has proven the factor.
 * @param code six digits
 * @returns recovery codes, to be shown once
 * @throws AuthError wrong_factor_code, email_verification_required, too_many_attempts, unauthenticated
 */
export function confirmTotp(ctx: SignedInContext, code: string): Promise<string[]> {
  const { user } = ctx.actor
  const attempt = factorAttempt(ctx, user.email)
  return withAttempt(ctx, attempt, async () => {
    const found = await findStepOf(ctx, user, code, 'proposed')
    if (!found) throw new AuthError('wrong_factor_code', {}, 'wrong_totp')
    const codes = await inTransaction(ctx, async (tx) => {
      const owner = await mustLock(tx)
      mustBeHolder(owner)
      if (!(await confirmRow(tx.store, user.id, found.sealedSecret, found.step))) return null
      return enrolTotp(tx, owner)
    })
    if (!codes) throw new AuthError('wrong_factor_code', {}, 'proposal_replaced')
    await attempt.release('succeeded')
    return codes
  })
}

/** Locks the account. @throws AuthError unauthenticated if its sessions were ended or it is disabled */
async function mustLock(tx: SignedInContext): Promise<UserRow> {
  const { id, epoch } = tx.actor.user
  const owner = await lockUser(tx.store, id)
  if (owner?.epoch !== epoch || owner.disabledAt) throw new AuthError('unauthenticated')
  return owner
}

/**
 * Enrols the authenticator that was proven in this session, in the transaction of that proof and under the account's lock.
 * @returns new recovery codes
 */
async function enrolTotp(tx: SignedInContext, owner: UserRow): Promise<string[]> {
  const found = await findAuthentication(tx.store, tx.actor.sessionId, 1)
  if (!found) throw new AuthError('unauthenticated')
  // A scheduled reset concerned the former factors.
  if (owner.factorsResetDueAt) await cancelFactorsReset(tx.store, owner.id)
  await addSecondFactor(tx.store, owner.id, 'totp')
  const codes = await renewCodes(tx, owner)
  await applyLifecycle(tx, 'factor_added', owner)
  const amr = joinMethods(readAmr(found), ['otp'], ['mfa']).join(' ')
  await strengthenSession(tx.store, tx.actor.sessionId, { amr, acr: '2', epoch: owner.epoch + 1 })
  await record(tx, 'factor_added', { userId: owner.id })
  await notify(tx, 'factor_added', { user: owner, details: { ...shownCaller(tx.caller), factor: 'totp' } })
  return codes
}

async function renewCodes(tx: SignedInContext, { id, uuid }: UserRow): Promise<string[]> {
  const codes = Array.from({ length: recoveryCodeCount }, mintRecoveryCode)
  await replaceRecoveryCodes(
    tx.store,
    id,
    codes.map((code) => hashRecoveryCode(uuid, code)),
  )
  return codes
}

/** Removes the authenticator. @throws AuthError factor_unknown, unauthenticated; as `reauthenticate` */
export async function removeTotp(ctx: SignedInContext): Promise<void> {
  await reauthenticate(ctx)
  await inTransaction(ctx, async (tx) => {
    const owner = await mustLock(tx)
    if (!secondFactorsOf(owner).includes('totp')) throw new AuthError('factor_unknown')
    await applyLifecycle(tx, 'totp_removed', owner)
    await notify(tx, 'factor_removed', {
      user: owner,
      details: { ...shownCaller(tx.caller), factor: 'totp' },
    })
  })
}

/**
 * Replaces the recovery codes.
 * @returns the new codes, to be shown once
 * @throws AuthError factor_needed, unauthenticated; as `reauthenticate`
 */
export async function renewRecoveryCodes(ctx: SignedInContext): Promise<string[]> {
  await reauthenticate(ctx)
  return inTransaction(ctx, async (tx) => {
    const owner = await mustLock(tx)
    if (!(await hasSecondFactor(tx.store, owner.id))) throw new AuthError('factor_needed')
    const codes = await renewCodes(tx, owner)
    await record(tx, 'recovery_codes_renewed', { userId: owner.id })
    await notify(tx, 'recovery_codes_renewed', { user: owner, details: shownCaller(tx.caller) })
    return codes
  })
}

/** Ends the trust in every device. */
export async function endTrustedDevices(ctx: SignedInContext): Promise<void> {
  const { id: userId } = ctx.actor.user
  await inTransaction(ctx, async (tx) => {
    if (await deleteTrustedDevices(tx.store, userId)) await record(tx, 'trusted_devices_ended', { userId })
  })
}
