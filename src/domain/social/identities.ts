// The identities of an account, as its owner lists, links and removes them. The last way to sign in cannot be removed.
import { lockUser, setUserProvider } from '../../repositories/accounts/users.ts'
import * as rows from '../../repositories/social/identities.ts'
import { record } from '../audit/audit.ts'
import { inTransaction, type SignedInContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { hasOtherWayIn } from '../credentials/ways-in.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { labelOf } from '../projects/providers.ts'
import { acceptOnce, linkProfile, retryOnConflict } from './admission.ts'
import { loggingRefusal, type ProvenProof, proveSocial, type SocialProof } from './sign-in.ts'

const maxIdentities = 20

/** Lists the identities of the signed-in user, the oldest first. */
export function listIdentities(ctx: SignedInContext): Promise<rows.IdentityRow[]> {
  return rows.listIdentities(ctx.store, ctx.actor.user.id)
}

/**
 * Links the identity that a provider's token proves to the signed-in user, and notifies the owner of the account. The user must have
 * authenticated recently, or give the current password. An identity that is linked already is returned unchanged.
 * @throws AuthError identity_taken, too_many_identities, unauthenticated; and as `proveSocial`, `reauthenticate`
 */
export async function linkIdentity(
  ctx: SignedInContext,
  { currentPassword, ...proof }: SocialProof & { currentPassword?: string | undefined },
): Promise<rows.IdentityRow> {
  await reauthenticate(ctx, currentPassword)
  return linkProven(ctx, proof.provider, proveSocial(ctx, proof))
}

/**
 * As `linkIdentity`, after the recent authentication was checked.
 * @param proving resolves to the profile that the provider proves
 * @throws AuthError identity_taken, too_many_identities, unauthenticated; and what `proving` throws
 */
export async function linkProven(
  ctx: SignedInContext,
  provider: string,
  proving: Promise<ProvenProof>,
): Promise<rows.IdentityRow> {
  const { id: userId, epoch } = ctx.actor.user
  const { singleUse, ...proven } = await loggingRefusal(ctx, provider, proving)
  const { issuer, subject } = proven.profile
  return retryOnConflict(ctx, async (tx) => {
    if (!(await acceptOnce(tx, singleUse)))
      throw new AuthError('invalid_social_login', {}, 'The proof was used before.')
    const user = await lockUser(tx.store, userId)
    // The session may have ended since the request was authenticated, and the account may now belong to another person.
    if (!user || user.disabledAt || user.epoch !== epoch) throw new AuthError('unauthenticated')
    const known = await rows.findIdentity(tx.store, issuer, subject)
    if (known?.user.id === userId) return known.identity
    if (known) throw new AuthError('identity_taken')
    await rows.deleteDueIdentity(tx.store, issuer, subject)
    if ((await rows.listIdentities(tx.store, userId)).length >= maxIdentities)
      throw new AuthError('too_many_identities')
    return linkProfile(tx, user, proven)
  })
}

/**
 * Removes an identity and notifies the owner of the account. A password, a passkey or another identity of an enabled provider must
 * remain.
 * @throws AuthError identity_unknown, last_way_in, unauthenticated (the account was deleted concurrently); and as
 *   `reauthenticate`
 */
export async function unlinkIdentity(ctx: SignedInContext, identityId: string): Promise<void> {
  const userId = ctx.actor.user.id
  await reauthenticate(ctx)
  await inTransaction(ctx, async (tx) => {
    // Locked, so that of two requests that each remove an identity, the second sees the result of the first.
    const user = await lockUser(tx.store, userId)
    if (!user) throw new AuthError('unauthenticated')
    const all = await rows.listIdentities(tx.store, userId)
    const removed = all.find(({ id }) => id === identityId)
    if (!removed) throw new AuthError('identity_unknown')
    const others = all.filter((row) => row !== removed)
    if (!(await hasOtherWayIn(tx, userId, identityId))) throw new AuthError('last_way_in')
    await rows.deleteIdentity(tx.store, userId, identityId)
    if (user.provider === removed.provider && !others.some(({ provider }) => provider === user.provider))
      await setUserProvider(tx.store, userId, null)
    await record(tx, 'identity_unlinked', { userId })
    await notify(tx, 'identity_unlinked', { user, details: { provider: labelOf(removed.provider) } })
  })
}
