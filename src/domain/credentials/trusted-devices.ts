// Trusted devices: browsers in which the second factor of an account was proven, and is not asked for again for a while.
import { randomUUID } from 'node:crypto'
import { hashSecret, mintSecret } from '../../crypto/secrets.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import { insertTrustedDevice, useTrustedDevice } from '../../repositories/credentials/trusted-devices.ts'
import { record } from '../audit/audit.ts'
import type { Context } from '../context.ts'

const daySeconds = 86_400

/** Whether an account trusts the browser of a request, by what the browser keeps and what it calls itself. */
export async function isTrustedDevice({ store, caller, project }: Context, user: UserRow): Promise<boolean> {
  const { deviceToken, device } = caller
  if (!deviceToken || project.policy.factors.trusted_device_days === 0) return false
  return useTrustedDevice(store, user.id, hashSecret(deviceToken), device)
}

/** Trusts the browser of a request. @returns what it keeps; null where the policy trusts none */
export async function trustDevice(
  tx: Context,
  user: UserRow,
): Promise<{ readonly token: string; readonly lifetimeSeconds: number } | null> {
  const lifetimeSeconds = tx.project.policy.factors.trusted_device_days * daySeconds
  if (lifetimeSeconds === 0) return null
  const { plain: token, hash: tokenHash } = mintSecret('device')
  const { device, addressPrefix } = tx.caller
  await insertTrustedDevice(tx.store, {
    ...{ id: randomUUID(), userId: user.id, tokenHash, device, addressPrefix, lifetimeSeconds },
  })
  await record(tx, 'device_trusted', { userId: user.id })
  return { token, lifetimeSeconds }
}
