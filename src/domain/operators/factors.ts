// The factors of an account, as operators read and remove them.
import { type SecondFactor, secondFactorsOf } from '../../repositories/accounts/second-factors.ts'
import { listPasskeys, type PasskeyRow } from '../../repositories/credentials/passkeys.ts'
import { countRecoveryCodes } from '../../repositories/credentials/recovery-codes.ts'
import { listTrustedDevices, type TrustedDeviceRow } from '../../repositories/credentials/trusted-devices.ts'
import { cancelReset, requestFactorsReset } from '../accounts/factors-reset.ts'
import type { Context } from '../context.ts'
import { findAccount } from './users.ts'

export interface ShownFactors {
  readonly enrolled: readonly SecondFactor[]
  readonly passkeys: readonly PasskeyRow[]
  readonly recoveryCodesLeft: number
  readonly trustedDevices: readonly TrustedDeviceRow[]
  /** When the factors will be removed on an operator's request; null: there is no request. */
  readonly resetDueAt: Date | null
}

/** @throws AuthError account_unknown */
export async function showFactors(ctx: Context, address: string): Promise<ShownFactors> {
  const user = await findAccount(ctx, address)
  const recoveryCodesLeft = await countRecoveryCodes(ctx.store, user.id)
  const trustedDevices = await listTrustedDevices(ctx.store, user.id)
  const passkeys = await listPasskeys(ctx.store, user.id)
  const { factorsResetDueAt: resetDueAt } = user
  return { enrolled: secondFactorsOf(user), passkeys, recoveryCodesLeft, trustedDevices, resetDueAt }
}

/**
 * Schedules the removal of an account's factors after the waiting time of the policy, for an owner who lost them.
 * @returns when they will be removed
 * @throws AuthError account_unknown, factor_needed
 */
export async function resetFactors(ctx: Context, address: string): Promise<Date> {
  const { id } = await findAccount(ctx, address)
  return requestFactorsReset(ctx, id)
}

/** Cancels the scheduled removal. @returns whether there was one @throws AuthError account_unknown */
export async function cancelFactorsReset(ctx: Context, address: string): Promise<boolean> {
  const { id } = await findAccount(ctx, address)
  return cancelReset(ctx, id)
}
