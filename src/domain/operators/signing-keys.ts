// Rotation and revocation of the keys that sign access tokens. All projects share them, so only operators of the installation do it.
import { recordInstallationAct } from '../audit/chain.ts'
import { type Acting, byCommandLine } from '../audit/operator-acts.ts'
import type { Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import * as keys from '../signing-keys/signing-keys.ts'

/**
 * Makes the next keys the signing keys.
 * @param force also if they were published too recently for every service that verifies tokens itself to know them
 * @throws AuthError signing_key_too_young
 */
export async function rotateKeys(
  services: Services,
  force: boolean,
  acting: Acting = byCommandLine,
): Promise<void> {
  await keys.openSigningKeys(services)
  const ages = { currentSeconds: 0, nextSeconds: force ? 0 : keys.publishedSeconds }
  if (!(await keys.rotateSigningKeys(services, ages))) throw new AuthError('signing_key_too_young')
  await keys.retireSigningKeys(services)
  await recordInstallationAct(services, 'signing_key_rotated', acting)
}

/** Revokes a key on every instance. @returns the state that it had @throws AuthError signing_key_unknown */
export async function revokeKey(
  services: Services,
  kid: string,
  acting: Acting = byCommandLine,
): Promise<keys.OpenedKey['state']> {
  const state = await keys.revokeSigningKey(services, kid)
  if (state === null) throw new AuthError('signing_key_unknown')
  await recordInstallationAct(services, 'signing_key_revoked', acting)
  return state
}
