// Changing the address of an account: the new one proves itself first, the old one can take it back for a week.
import { randomUUID } from 'node:crypto'
import type { Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { voidIdentities } from './admission.ts'
import { revokeApiKeys } from './api-keys.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { MailTokens, Proof, Purpose } from './mail-tokens.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import type { Reauthentication } from './reauthentication.ts'
import { checkRedirect } from './redirects.ts'
import { normalizeEmail } from './users.ts'
import { normalizeProof, refusal } from './verification.ts'

export interface EmailChange {
  readonly newEmail: string
  readonly currentPassword: string | undefined
  readonly redirectTo: string | null
}

interface Means {
  readonly store: Store
  readonly mailTokens: MailTokens
  readonly reauthentication: Reauthentication
}

export function createEmailChange({ store, mailTokens, reauthentication }: Means) {
  /** Redeems in one transaction, moves the account from its address to the redeemed one, and does what follows. */
  async function move(
    project: Project,
    purpose: Extract<Purpose, 'change_email' | 'undo_email_change'>,
    given: Proof,
    caller: Caller,
  ): Promise<UserRow> {
    const proof = normalizeProof(given)
    const attempt = await mailTokens.pay(project, proof)
    const work = store.transaction(project.id, async (tx) => {
      const redeemed = await mailTokens.redeem(tx, project, purpose, proof)
      const before = redeemed && (await tx.users.find(project.id, redeemed.userId))
      if (!before || before.disabledAt) return null
      await tx.leavers.releaseDue(project.id, redeemed.email)
      const after = await tx.users.changeEmail(project.id, before.id, before.email, redeemed.email)
      if (!after) return 'impossible'
      await tx.verificationTokens.voidAll(project.id, before.id, 'undo_email_change')
      const owed = { id: randomUUID(), projectId: project.id, userId: before.id }
      const byMail = project.policy.verification.delivery === 'email'
      if (purpose === 'change_email') {
        await record(tx, project, { userId: before.id, event: 'email_changed', caller })
        if (byMail) await tx.outbox.owe({ ...owed, kind: 'email_changed', recipient: before.email })
      } else {
        // Whoever changed the address knew the password, may have linked a provider, and was not the owner.
        await tx.passwords.expel(project.id, before.id)
        await revokeApiKeys(tx, project, before.id, caller)
        await voidIdentities(tx, project, before)
        await record(tx, project, { userId: before.id, event: 'email_change_undone', caller })
        if (byMail) await tx.outbox.owe({ ...owed, kind: 'reset_password' })
      }
      return after
    })
    // Two accounts that take one address in the same moment: the second is told as if it had been later.
    const outcome = await work.catch((error: unknown) => {
      if (store.isConflict(error)) return 'impossible' as const
      throw error
    })
    if (outcome === 'impossible') throw new AuthError('email_change_impossible')
    if (!outcome) throw refusal(proof)
    await attempt?.redeem()
    return outcome
  }

  return {
    /**
     * Asks for the change. A taken address gets the same answer and no mail. Out: the token, for an application that
     * delivers mail itself and proved to be it; null otherwise.
     * @throws AuthError redirect_not_allowed, email_unchanged, wrong_current_password, current_password_required,
     *   recent_sign_in_required, too_many_attempts, overloaded
     */
    async request(
      project: Project,
      principal: Principal,
      change: EmailChange,
      caller: Caller,
    ): Promise<string | null> {
      const { user } = principal
      const email = normalizeEmail(change.newEmail)
      const redirectTo = checkRedirect(project, change.redirectTo)
      if (email === user.email) throw new AuthError('email_unchanged')
      await reauthentication.prove(project, principal, caller, change.currentPassword)
      return store.transaction(project.id, async (tx) => {
        const taken = await tx.users.findByEmail(project.id, email)
        await record(tx, project, { userId: user.id, event: 'email_change_requested', caller })
        if (project.policy.verification.delivery === 'app')
          return caller.provesProject && !taken
            ? (await mailTokens.mint(tx, project, user, { purpose: 'change_email', email })).token
            : null
        if (!taken)
          await tx.outbox.owe({
            id: randomUUID(),
            projectId: project.id,
            userId: user.id,
            kind: 'change_email',
            recipient: email,
            details: redirectTo ? { redirectTo } : {},
          })
        return null
      })
    },

    /**
     * Proves the new address and makes the change; the old one is told, with a way back.
     * @throws AuthError invalid_verification_token, invalid_verification_code, email_change_impossible, too_many_attempts
     */
    confirm: (project: Project, proof: Proof, caller: Caller): Promise<UserRow> =>
      move(project, 'change_email', proof, caller),

    /**
     * Brings the old address back for who still reads its mail. Ends every session and API key and takes the password away, for
     * somebody else knew it; a mail to choose a new one follows.
     * @throws AuthError invalid_verification_token, email_change_impossible
     */
    undo: (project: Project, token: string, caller: Caller): Promise<UserRow> =>
      move(project, 'undo_email_change', { token }, caller),
  }
}

export type EmailChanges = ReturnType<typeof createEmailChange>
