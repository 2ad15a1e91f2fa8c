// The ways to sign in to an account, the last of which cannot be removed.
import { listPasskeys } from '../../repositories/credentials/passkeys.ts'
import { findPasswordHash } from '../../repositories/credentials/passwords.ts'
import { listIdentities } from '../../repositories/social/identities.ts'
import type { Context } from '../context.ts'
import { providerOf } from '../projects/providers.ts'

/**
 * Whether an account can be signed in to without one of its identities or passkeys: by its password, another passkey, or
 * another identity of an enabled provider. Call it under the lock of the account, so that of two concurrent removals the
 * second sees the first.
 * @param removedId UUID of the identity or passkey
 */
export async function hasOtherWayIn(tx: Context, userId: number, removedId: string): Promise<boolean> {
  if ((await findPasswordHash(tx.store, userId)) !== null) return true
  if ((await listPasskeys(tx.store, userId)).some(({ id }) => id !== removedId)) return true
  const { providers } = tx.project.policy
  const identities = await listIdentities(tx.store, userId)
  return identities.some(({ id, provider }) => id !== removedId && providerOf(providers, provider) !== null)
}
