// The second factors of an account, as an operator sees and removes them.
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
  /** When an operator's request removes them; null: there is none. */
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
 * Removes the factors of an account whose owner lost them, after the policy's waiting time.
 * @returns when
 * @throws AuthError account_unknown, factor_needed
 */
export async function resetFactors(ctx: Context, address: string): Promise<Date> {
  const { id } = await findAccount(ctx, address)
  return requestFactorsReset(ctx, id)
}

/** Takes such a request back. @throws AuthError account_unknown */
export async function cancelFactorsReset(ctx: Context, address: string): Promise<void> {
  const { id } = await findAccount(ctx, address)
  await cancelReset(ctx, id)
}
