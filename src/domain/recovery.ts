// Recovery: a new password for who reads the account's mail.
import { randomUUID } from 'node:crypto'
import { keyedHash, keyedUuid } from '../crypto/secrets.ts'
import type { MailDetails } from '../repositories/outbox.ts'
import type { Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { voidIdentities } from './admission.ts'
import { revokeApiKeys } from './api-keys.ts'
import { record } from './audit.ts'
import { checkFrontEnd, type FrontEnd } from './front-ends.ts'
import type { Lockout } from './lockout.ts'
import type { MailTokens, Proof } from './mail-tokens.ts'
import type { Passwords } from './passwords.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { checkRedirect } from './redirects.ts'
import { normalizeEmail } from './users.ts'
import { normalizeProof, refusal } from './verification.ts'

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly mailTokens: MailTokens
  readonly lookupKey: Buffer
}

export function createRecovery({ store, passwords, lockout, mailTokens, lookupKey }: Means) {
  /** Owes the mail, or mints for an application; the same statements whether or not there is an account. */
  async function ask(
    project: Project,
    email: string,
    details: MailDetails,
    caller: Caller,
  ): Promise<string | null> {
    const { delivery, resend_cooldown_seconds } = project.policy.verification
    return store.transaction(project.id, async (tx) => {
      const key = keyedHash(lookupKey, 'email', email)
      if ((await tx.cooldowns.take(project.id, 'reset', key, resend_cooldown_seconds)) > 0) return null
      await tx.audit.addByEmail(project.id, email, { event: 'password_reset_requested', ...caller })
      if (delivery === 'email') {
        const mail = { id: randomUUID(), projectId: project.id, email, details }
        await tx.outbox.oweByEmail({ ...mail, kind: 'reset_password' })
        return null
      }
      const user = caller.provesProject ? await tx.users.findByEmail(project.id, email) : null
      if (!user || user.disabledAt) return null
      return (await mailTokens.mint(tx, project, user, { purpose: 'reset_password', email })).token
    })
  }

  return {
    /**
     * Asks for a reset. Known and unknown addresses get the same answer at the same cost; within the cooldown nothing
     * more is sent. Out: the token, for an application that delivers mail itself and proved to be it; null otherwise.
     * @throws AuthError redirect_not_allowed
     */
    async request(
      project: Project,
      asked: { email: string; redirectTo: string | null },
      caller: Caller,
    ): Promise<string | null> {
      const redirectTo = checkRedirect(project, asked.redirectTo)
      return ask(project, normalizeEmail(asked.email), redirectTo ? { redirectTo } : {}, caller)
    },

    /**
     * The same for a front end that asks in its own name: the mail shows its name and logo, and the link leads to it.
     * Out: the address as accounts spell it and the account's UUID; for an unknown address one that is as good as random
     * and the same each time, so that asking twice tells nothing.
     * @throws AuthError redirect_not_allowed, logo_not_allowed
     */
    async requestForFrontEnd(
      project: Project,
      asked: { email: string; frontEnd: FrontEnd },
      caller: Caller,
    ): Promise<{ id: string; email: string; token: string | null }> {
      const email = normalizeEmail(asked.email)
      const frontEnd = checkFrontEnd(project, asked.frontEnd)
      const user = await store.users.findByEmail(project.id, email)
      const token = await ask(project, email, { frontEnd }, caller)
      return { id: user?.uuid ?? keyedUuid(lookupKey, project.id, email), email, token }
    },

    /** Whether a reset token would work now; changes nothing. */
    isOpen: (project: Project, token: string): Promise<boolean> =>
      mailTokens.isOpen(project, 'reset_password', token),

    /**
     * Sets a new password by token or code, once. Ends every session and API key, voids whatever else was sent to the user,
     * says so by mail, and lifts the lockout for the caller. The way back to a changed address stays open.
     * Out: whose it is.
     * @throws AuthError invalid_verification_token, invalid_verification_code, too_many_attempts, overloaded
     */
    async reset(project: Project, given: Proof, password: string, caller: Caller): Promise<UserRow> {
      const proof = normalizeProof(given)
      // No hash is computed for a token that cannot work; a code is only told after it was paid for.
      if ('token' in proof && !(await mailTokens.isOpen(project, 'reset_password', proof.token, proof.email)))
        throw refusal(proof)
      const attempt = await mailTokens.pay(project, proof)
      const passwordHash = await passwords.hash(project, caller, password)
      const user = await store.transaction(project.id, async (tx) => {
        const redeemed = await mailTokens.redeem(tx, project, 'reset_password', proof)
        const { userId = 0, email = '' } = redeemed ?? {}
        const before = redeemed && (await tx.users.lock(project.id, userId))
        const changed = redeemed && (await tx.passwords.reset(project.id, userId, email, passwordHash))
        if (!changed) return null
        // Nobody had proven the address: what opened the account was linked by whoever typed it.
        if (!before?.emailVerifiedAt) await voidIdentities(tx, project, changed)
        await tx.verificationTokens.voidAll(project.id, userId, 'undo_email_change')
        await record(tx, project, { userId, event: 'password_reset', caller })
        await revokeApiKeys(tx, project, userId, caller)
        if (project.policy.verification.delivery === 'email')
          await tx.outbox.owe({ id: randomUUID(), projectId: project.id, userId, kind: 'password_changed' })
        return changed
      })
      if (!user) throw refusal(proof)
      await attempt?.redeem()
      await lockout.attempt(project, user.email, caller.address, true).redeem()
      return user
    },
  }
}

export type Recovery = ReturnType<typeof createRecovery>
