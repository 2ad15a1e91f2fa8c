// Verification: proof that a person reads the mail of the address they gave.
import { randomUUID } from 'node:crypto'
import { keyedHash } from '../crypto/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { MailTokens, Proof } from './mail-tokens.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { normalizeEmail } from './users.ts'

export type ResendResult =
  | { readonly kind: 'accepted'; readonly verificationToken: string | null }
  | { readonly kind: 'cooling'; readonly retryAfterSeconds: number }

interface Means {
  readonly store: Store
  readonly mailTokens: MailTokens
  readonly lookupKey: Buffer
}

export function createVerification({ store, mailTokens, lookupKey }: Means) {
  return {
    /** Whether this user is kept out until the address is proven. */
    isDemanded: (project: Project, user: UserRow): boolean =>
      project.policy.verification.mode === 'strict' && user.emailVerifiedAt === null,

    /** Mints a link token for an application that delivers it itself. */
    mint: async (tx: Repositories, project: Project, user: UserRow): Promise<string> =>
      (await mailTokens.mint(tx, project, user, { purpose: 'verify_email', email: user.email })).token,

    /** The token for a caller that proved itself with the project's secret, where applications deliver; null otherwise. */
    async tokenForApp(project: Project, user: UserRow, caller: Caller): Promise<string | null> {
      if (project.policy.verification.delivery !== 'app' || !caller.provesProject) return null
      return store.transaction(project.id, (tx) => this.mint(tx, project, user))
    },

    /** Owes the mail that fits: to prove the address, or to say that it already has an account. None where applications deliver. */
    async owe(tx: Repositories, project: Project, user: UserRow): Promise<void> {
      if (project.policy.verification.delivery === 'app') return
      const kind = user.emailVerifiedAt ? 'address_taken' : 'verify_email'
      await tx.outbox.owe({ id: randomUUID(), projectId: project.id, userId: user.id, kind })
    },

    /** Asks for another token. Known, unknown and verified addresses get the same answer and the same cooldown. */
    async resend(project: Project, address: string, caller: Caller): Promise<ResendResult> {
      const email = normalizeEmail(address)
      const { resend_cooldown_seconds, mode, delivery } = project.policy.verification
      const key = keyedHash(lookupKey, 'email', email)
      return store.transaction(project.id, async (tx): Promise<ResendResult> => {
        const wait = await tx.cooldowns.take(project.id, 'resend', key, resend_cooldown_seconds)
        if (wait > 0) return { kind: 'cooling', retryAfterSeconds: wait }
        if (mode === 'off') return { kind: 'accepted', verificationToken: null }
        if (delivery === 'email') {
          // One statement whether or not there is an account to write to.
          await tx.outbox.oweByEmail({ id: randomUUID(), projectId: project.id, email, kind: 'verify_email' })
          return { kind: 'accepted', verificationToken: null }
        }
        const user = caller.provesProject ? await tx.users.findByEmail(project.id, email) : null
        const open = user && !user.emailVerifiedAt && !user.disabledAt
        return { kind: 'accepted', verificationToken: open ? await this.mint(tx, project, user) : null }
      })
    },

    /**
     * Redeems a token or a code, once, and marks the address as proven.
     * @throws AuthError invalid_verification_token, invalid_verification_code, too_many_attempts
     */
    async confirm(project: Project, given: Proof, caller: Caller): Promise<UserRow> {
      const proof = normalizeProof(given)
      const attempt = await mailTokens.pay(project, proof)
      const user = await store.transaction(project.id, async (tx) => {
        const redeemed = await mailTokens.redeem(tx, project, 'verify_email', proof)
        const verified =
          redeemed && (await tx.users.markEmailVerified(project.id, redeemed.userId, redeemed.email))
        if (verified) await record(tx, project, { userId: verified.id, event: 'email_verified', caller })
        return verified
      })
      if (!user) throw refusal(proof)
      await attempt?.redeem()
      return user
    },
  }
}

/** The same proof with its address as accounts spell it. */
export function normalizeProof(proof: Proof): Proof {
  return proof.email === undefined ? proof : { ...proof, email: normalizeEmail(proof.email) }
}

/** The refusal that fits a proof which proved nothing. */
export function refusal(proof: Proof): AuthError {
  return new AuthError('token' in proof ? 'invalid_verification_token' : 'invalid_verification_code')
}

export type Verification = ReturnType<typeof createVerification>
