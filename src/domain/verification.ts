// Verification: proof that a person reads the mail of the address they gave.
import { randomUUID } from 'node:crypto'
import { hashSecret, keyedHash, mintCode, mintSecret } from '../crypto/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { AuthError } from './errors.ts'
import type { Lockout } from './lockout.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { normalizeEmail } from './users.ts'

/** Wrong tries that one short code bears. */
const codeAttempts = 5

/** What proves an address: the token of a link, or the short code with the address it was sent to. */
export type VerificationProof = { readonly token: string } | { readonly email: string; readonly code: string }

export type ResendResult =
  | { readonly kind: 'accepted'; readonly verificationToken: string | null }
  | { readonly kind: 'cooling'; readonly retryAfterSeconds: number }

/** What a mail carries: both prove the same, for a person who clicks and for one who types. */
export interface MintedVerification {
  readonly token: string
  readonly code: string
}

interface Means {
  readonly store: Store
  readonly lockout: Lockout
  readonly lookupKey: Buffer
}

export function createVerification({ store, lockout, lookupKey }: Means) {
  const codeHash = (project: Project, email: string, code: string) =>
    keyedHash(lookupKey, 'code', project.id, email, code)

  async function mintBoth(tx: Repositories, project: Project, user: UserRow): Promise<MintedVerification> {
    const secret = mintSecret('verification')
    const code = mintCode()
    await tx.verificationTokens.add({
      id: randomUUID(),
      projectId: project.id,
      userId: user.id,
      purpose: 'verify_email',
      email: user.email,
      tokenHash: secret.hash,
      codeHash: codeHash(project, user.email, code),
      lifetimeSeconds: project.policy.verification.lifetime_seconds,
    })
    return { token: secret.plain, code }
  }

  return {
    /** Whether this user is kept out until the address is proven. */
    isDemanded: (project: Project, user: UserRow): boolean =>
      project.policy.verification.mode === 'strict' && user.emailVerifiedAt === null,

    /** Mints link token and code, superseding older ones. The courier calls this when it sends. */
    mintBoth: (project: Project, user: UserRow): Promise<MintedVerification> =>
      store.transaction((tx) => mintBoth(tx, project, user)),

    /** Mints a link token for an application that delivers it itself. */
    mint: async (tx: Repositories, project: Project, user: UserRow): Promise<string> =>
      (await mintBoth(tx, project, user)).token,

    /** The token for a caller that proved itself with the project's secret, where applications deliver; null otherwise. */
    async tokenForApp(project: Project, user: UserRow, caller: Caller): Promise<string | null> {
      if (project.policy.verification.delivery !== 'app' || !caller.provesProject) return null
      return store.transaction((tx) => this.mint(tx, project, user))
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
      return store.transaction(async (tx): Promise<ResendResult> => {
        const wait = await tx.cooldowns.take(project.id, 'resend', key, resend_cooldown_seconds)
        if (wait > 0) return { kind: 'cooling', retryAfterSeconds: wait }
        if (mode === 'off') return { kind: 'accepted', verificationToken: null }
        if (delivery === 'email') {
          // One statement whether or not there is an account to write to.
          await tx.outbox.oweVerification({ id: randomUUID(), projectId: project.id, email })
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
    async confirm(project: Project, proof: VerificationProof): Promise<UserRow> {
      if ('token' in proof) {
        const hash = hashSecret(proof.token)
        const user = await store.transaction(async (tx) => {
          const redeemed = await tx.verificationTokens.redeem(project.id, 'verify_email', hash)
          return redeemed && tx.users.markEmailVerified(project.id, redeemed.userId, redeemed.email)
        })
        if (!user) throw new AuthError('invalid_verification_token')
        return user
      }
      const email = normalizeEmail(proof.email)
      const attempt = lockout.codeAttempt(project, email)
      await attempt.reserve()
      const hash = codeHash(project, email, proof.code)
      const user = await store.transaction(async (tx) => {
        const redeemed = await tx.verificationTokens.redeemCode(
          project.id,
          'verify_email',
          email,
          hash,
          codeAttempts,
        )
        return redeemed && tx.users.markEmailVerified(project.id, redeemed.userId, redeemed.email)
      })
      if (!user) throw new AuthError('invalid_verification_code')
      await attempt.redeem()
      return user
    },
  }
}

export type Verification = ReturnType<typeof createVerification>
