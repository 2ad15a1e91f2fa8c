// The identities of an account, as its owner sees and changes them: never another's, never the last way in.
import type { IdentityRow } from '../repositories/identities.ts'
import type { Store } from '../repositories/store.ts'
import { identityOf, settling, spend, tellLinked } from './admission.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import { providerOf } from './providers.ts'
import type { Reauthentication } from './reauthentication.ts'
import type { Proofs, SocialProof } from './social.ts'

/** Identities that one account may have. */
const mostIdentities = 20

interface Means {
  readonly store: Store
  readonly reauthentication: Reauthentication
  readonly prove: Proofs
}

export function createIdentities({ store, reauthentication, prove }: Means) {
  return {
    /** The identities of the principal's user, the oldest first. */
    list: (project: Project, { user }: Principal): Promise<IdentityRow[]> =>
      store.identities.list(project.id, user.id),

    /**
     * Links what a provider's token proves to the principal's user, after a recent sign-in or by the password, and says
     * so by mail. One that is linked already is returned as it is.
     * @throws AuthError provider_unknown, invalid_social_login, provider_unavailable, identity_taken,
     *   too_many_identities, unauthenticated (the account went meanwhile), and what `reauthentication.proveLately` does
     */
    async link(
      project: Project,
      principal: Principal,
      caller: Caller,
      { currentPassword, ...proof }: SocialProof & { currentPassword?: string | undefined },
    ): Promise<IdentityRow> {
      const userId = principal.user.id
      await reauthentication.proveLately(project, principal, caller, currentPassword)
      const { provider, profile, singleUse } = await prove(project, proof)
      return settling(store, project, async (tx) => {
        if (!(await spend(tx, project, singleUse))) throw new AuthError('invalid_social_login')
        const user = await tx.users.lock(project.id, userId)
        // The session may have ended meanwhile, and the account be another's.
        if (!user || user.disabledAt || user.epoch !== principal.user.epoch)
          throw new AuthError('unauthenticated')
        const known = await tx.identities.look(project.id, profile.issuer, profile.subject)
        if (known?.user.id === userId) return known.identity
        if (known) throw new AuthError('identity_taken')
        await tx.identities.releaseDue(project.id, profile.issuer, profile.subject)
        if ((await tx.identities.list(project.id, userId)).length >= mostIdentities)
          throw new AuthError('too_many_identities')
        const identity = await tx.identities.add(identityOf(project, userId, { provider, profile }))
        const { sessionId } = principal
        await record(tx, project, { userId, event: 'identity_linked', sessionId, caller })
        await tellLinked(tx, project, user, provider)
        return identity
      })
    },

    /**
     * Removes an identity, while a password or another identity of a provider that is in use still opens the account.
     * @throws AuthError identity_unknown, last_way_in, unauthenticated (the account went meanwhile)
     */
    async unlink(project: Project, principal: Principal, identityId: string, caller: Caller): Promise<void> {
      const userId = principal.user.id
      await store.transaction(project.id, async (tx) => {
        // Held: of two that remove one each, the second sees what the first has left.
        const user = await tx.users.lock(project.id, userId)
        if (!user) throw new AuthError('unauthenticated')
        const all = await tx.identities.list(project.id, userId)
        const removed = all.find(({ id }) => id === identityId)
        if (!removed) throw new AuthError('identity_unknown')
        const others = all.filter((row) => row !== removed)
        const opens = others.some(({ provider }) => providerOf(project.policy.providers, provider) !== null)
        if (!opens && (await tx.passwords.find(project.id, userId)) === null)
          throw new AuthError('last_way_in')
        await tx.identities.remove(project.id, userId, identityId)
        if (user.provider === removed.provider && !others.some(({ provider }) => provider === user.provider))
          await tx.users.setProvider(project.id, userId, null)
        const { sessionId } = principal
        await record(tx, project, { userId, event: 'identity_unlinked', sessionId, caller })
      })
    },
  }
}

export type Identities = ReturnType<typeof createIdentities>
