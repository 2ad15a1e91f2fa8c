// Trusted devices: browsers in which a second factor was proven, and is not demanded again for some days.
import { randomUUID } from 'node:crypto'
import { hashSecret, mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { insertTrustedDevice, useTrustedDevice } from '../../repositories/credentials/trusted-devices.ts'
import { record } from '../audit/audit.ts'
import type { Context } from '../context.ts'

const daySeconds = 86_400

/** Whether an account trusts the browser of the request, by the token in its cookie and its name. */
export async function isTrustedDevice({ store, caller, project }: Context, user: UserRow): Promise<boolean> {
  const { deviceToken, device } = caller
  if (!deviceToken || project.policy.factors.trusted_device_days === 0) return false
  return useTrustedDevice(store, user.id, hashSecret(deviceToken), device)
}

/** Trusts the browser of the request. @returns the token for its cookie; null if the policy allows no trusted devices */
export async function trustDevice(
  tx: Context,
  user: UserRow,
): Promise<{ readonly token: string; readonly lifetimeSeconds: number } | null> {
  const lifetimeSeconds = tx.project.policy.factors.trusted_device_days * daySeconds
  if (lifetimeSeconds === 0) return null
  const { plain: token, hash: tokenHash } = mintSecret('device')
  const { device, addressPrefix } = tx.caller
  const row = { id: randomUUID(), userId: user.id, tokenHash, device, addressPrefix, lifetimeSeconds }
  await insertTrustedDevice(tx.store, row)
  await record(tx, 'device_trusted', { userId: user.id })
  return { token, lifetimeSeconds }
}
