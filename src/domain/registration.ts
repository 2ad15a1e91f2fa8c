// Registration where the address is proven first: a mail, a click, and only then an account.
//
// Whoever has not proven an address learns nothing of it: not by the answer to the request, and not by the refusal of an
// account. Whoever has is its owner, and is told if there is an account already.
import { randomUUID } from 'node:crypto'
import { deriveSecret, hashSecret, keyedHash } from '../crypto/secrets.ts'
import type { Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import { checkFrontEnd, type FrontEnd } from './front-ends.ts'
import type { Lockout } from './lockout.ts'
import type { MailSecrets, Proof } from './mail-tokens.ts'
import type { Passwords } from './passwords.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { newUser, normalizeEmail, type SignUpFacts } from './users.ts'
import { normalizeProof, refusal } from './verification.ts'

/** How long after its proof an account may be made for an address: anybody who names it may make it. */
const provenSeconds = 3600

/** Wrong tries that one short code bears; the address bears more, over all its codes. */
const codeAttempts = 5

/** A registration's mail that is about to be sent. */
export interface RegistrationMail {
  readonly id: string
  readonly project: Project
}

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly lookupKey: Buffer
  readonly mailKey: Buffer
}

export function createRegistration({ store, passwords, lockout, lookupKey, mailKey }: Means) {
  const keyHash = (email: string) => keyedHash(lookupKey, 'email', email)
  const codeHash = (project: Project, email: string, code: string) =>
    keyedHash(lookupKey, 'code', project.id, 'register', email, code)
  /** What the mail carries follows from its id, so that a mail which is sent twice carries the same. */
  const derive = (project: Project, id: string) =>
    deriveSecret('verification', mailKey, project.id, 'register', id)

  return {
    /**
     * Asks for the mail that proves an address. Known and unknown addresses get the same answer at the same cost; the
     * owner of an account reads in the mail that there is one. Within the cooldown nothing more is sent. Out: the token,
     * for an application that delivers mail itself and proved to be it; null otherwise.
     * @throws AuthError redirect_not_allowed, logo_not_allowed
     */
    async request(
      project: Project,
      asked: { email: string; frontEnd: Omit<FrontEnd, 'linkBase'>; locale: string | null },
      caller: Caller,
    ): Promise<string | null> {
      const email = normalizeEmail(asked.email)
      const frontEnd = checkFrontEnd(project, asked.frontEnd)
      const { delivery, resend_cooldown_seconds, lifetime_seconds } = project.policy.verification
      return store.transaction(project.id, async (tx) => {
        const key = keyHash(email)
        if ((await tx.cooldowns.take(project.id, 'register', key, resend_cooldown_seconds)) > 0) return null
        const id = randomUUID()
        const { plain, hash, code } = derive(project, id)
        await tx.registrations.add({
          id,
          projectId: project.id,
          keyHash: key,
          tokenHash: hash,
          codeHash: codeHash(project, email, code),
          lifetimeSeconds: lifetime_seconds,
        })
        if (delivery === 'app') return caller.provesProject ? plain : null
        const details = { frontEnd, ...(asked.locale ? { locale: asked.locale } : {}) }
        await tx.outbox.oweToAddress({ id, projectId: project.id, email, kind: 'register', details })
        return null
      })
    },

    /**
     * Mints for mails that are about to be sent, and sets how long each works from then on. One without an entry is no
     * longer owed: it was proven or replaced.
     */
    async mintForMails(mails: readonly RegistrationMail[]): Promise<Map<string, MailSecrets>> {
      const minted = new Map<string, MailSecrets>()
      for (const { id, project } of mails) {
        const lifetimeSeconds = project.policy.verification.lifetime_seconds
        const { plain: token, code } = derive(project, id)
        if (await store.registrations.renew(project.id, id, lifetimeSeconds))
          minted.set(id, { token, code, lifetimeSeconds })
      }
      return minted
    },

    /** Whether a token would prove its address now; changes nothing. */
    isOpen: (project: Project, token: string): Promise<boolean> =>
      store.registrations.isOpen(project.id, hashSecret(token)),

    /**
     * Proves an address by token or code, once. For an hour from then an account can be made for it.
     * @throws AuthError invalid_verification_token, invalid_verification_code, too_many_attempts
     */
    async prove(project: Project, given: Proof): Promise<void> {
      const proof = normalizeProof(given)
      if ('token' in proof) {
        if (await store.registrations.prove(project.id, hashSecret(proof.token), provenSeconds)) return
        throw refusal(proof)
      }
      const { email, code } = proof
      const attempt = lockout.codeAttempt(project, email)
      await attempt.reserve()
      const hash = codeHash(project, email, code)
      const { proveByCode } = store.registrations
      if (!(await proveByCode(project.id, keyHash(email), hash, codeAttempts, provenSeconds)))
        throw refusal(proof)
      await attempt.redeem()
    },

    /**
     * Makes the account of a proven address, verified, and takes the proof; opens no session.
     * @throws AuthError address_unproven (nobody has proven it in the last hour, or the proof is taken), email_taken
     *   (its owner has proven it and has an account; the proof stays), overloaded
     */
    async complete(project: Project, facts: SignUpFacts, caller: Caller): Promise<UserRow> {
      const email = normalizeEmail(facts.email)
      // No hash is computed for somebody who proved nothing.
      if (!(await store.registrations.isProven(project.id, keyHash(email))))
        throw new AuthError('address_unproven')
      const passwordHash = await passwords.hash(project, caller, facts.password)
      return store.transaction(project.id, async (tx) => {
        if (!(await tx.registrations.consume(project.id, keyHash(email))))
          throw new AuthError('address_unproven')
        await tx.leavers.releaseDue(project.id, email)
        const proven = { ...newUser(project, facts, email, passwordHash), emailVerified: true }
        const user = await tx.users.add(proven)
        if (!user) throw new AuthError('email_taken')
        await record(tx, project, { userId: user.id, event: 'signed_up', caller })
        await record(tx, project, { userId: user.id, event: 'email_verified', caller })
        return user
      })
    },
  }
}

export type Registration = ReturnType<typeof createRegistration>
