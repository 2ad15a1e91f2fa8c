// What a mail hands to a person: a link token and a short code that prove the same, live for a while and work once.
import { randomUUID } from 'node:crypto'
import { deriveSecret, hashSecret, keyedHash } from '../crypto/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import type { Purpose, Redeemed } from '../repositories/verification-tokens.ts'
import type { Attempt, Lockout } from './lockout.ts'
import type { Project } from './projects.ts'

export type { Purpose, Redeemed }

/** Wrong tries that one short code bears; the account bears more, over all its codes. */
const codeAttempts = 5

const hour = 3600

/**
 * What proves: the token of a link, or the short code with the address it was sent to. A token may come with its address
 * too, and then proves nothing for another.
 */
export type Proof =
  | { readonly token: string; readonly email?: string }
  | { readonly email: string; readonly code: string }

/** What a mail carries, for a person who clicks and for one who types. */
export interface MailSecrets {
  readonly token: string
  readonly code: string
  readonly lifetimeSeconds: number
}

export interface MintOptions {
  readonly purpose: Purpose
  /** The address that the token proves, sets or brings back. */
  readonly email: string
}

/** A mail that is about to be sent. */
export interface MailToMint {
  /** The row of the outbox. */
  readonly id: string
  readonly owedAt: Date
  readonly project: Project
  readonly user: UserRow
  readonly purpose: Purpose
  readonly email: string
}

interface Means {
  readonly store: Store
  readonly lockout: Lockout
  /** Hashes short codes: a bare hash of six digits hides nothing. */
  readonly lookupKey: Buffer
  /** Derives tokens and codes from their seed. */
  readonly mailKey: Buffer
}

export function createMailTokens({ store, lockout, lookupKey, mailKey }: Means) {
  const codeHash = (project: Project, purpose: Purpose, email: string, code: string) =>
    keyedHash(lookupKey, 'code', project.id, purpose, email, code)

  /** Whole seconds for which a token of this purpose works. */
  function lifetimeOf(project: Project, purpose: Purpose): number {
    if (purpose === 'verify_email') return project.policy.verification.lifetime_seconds
    return purpose === 'undo_email_change' ? 7 * 24 * hour : hour
  }

  /** What is handed out and what rests of it; both follow from `seed`, a UUID, which becomes the row's id. */
  function derive(project: Project, user: UserRow, { purpose, email }: MintOptions, seed: string) {
    const { plain, hash, code } = deriveSecret('verification', mailKey, project.id, purpose, seed)
    const lifetimeSeconds = lifetimeOf(project, purpose)
    const token = {
      id: seed,
      projectId: project.id,
      userId: user.id,
      purpose,
      email,
      tokenHash: hash,
      codeHash: codeHash(project, purpose, email, code),
      lifetimeSeconds,
    }
    return { token, secrets: { token: plain, code, lifetimeSeconds } }
  }

  async function mint(
    tx: Repositories,
    project: Project,
    user: UserRow,
    options: MintOptions,
  ): Promise<MailSecrets> {
    const { token, secrets } = derive(project, user, options, randomUUID())
    await tx.verificationTokens.add({
      ...token,
      // Every address that an account had can be brought back, also when it was changed twice.
      supersedes: options.purpose !== 'undo_email_change',
    })
    return secrets
  }

  return {
    /** Mints token and code and supersedes the older ones of this purpose. */
    mint,

    /**
     * Mints for a batch of mails, in one transaction; the courier calls it when it sends. The same mail gets the same
     * again, and the newest request for a purpose wins, in whatever order mails are sent. A mail without an entry is
     * no longer owed: it was withdrawn, its token was used, or a newer mail carries the one that works.
     */
    async mintForMails(mails: readonly MailToMint[]): Promise<Map<string, MailSecrets>> {
      if (mails.length === 0) return new Map()
      const minted = mails.map(({ id, owedAt, project, user, purpose, email }) => {
        const { token, secrets } = derive(project, user, { purpose, email }, id)
        return { token: { ...token, createdAt: owedAt }, secrets }
      })
      const working = await store.everywhere.transaction((tx) =>
        tx.mailTokens.add(minted.map(({ token }) => token)),
      )
      return new Map(
        minted.flatMap(({ token, secrets }) => (working.has(token.id) ? [[token.id, secrets] as const] : [])),
      )
    },

    /** Whether a token, sent to `email` if that is said, would be redeemed now; costs one look and changes nothing. */
    isOpen: (project: Project, purpose: Purpose, token: string, email?: string): Promise<boolean> =>
      store.verificationTokens.isOpen(project.id, purpose, hashSecret(token), email),

    /**
     * Pays for a proof before it is looked at: a short code counts against its account over all codes, a token of 256
     * bits needs no counting. @throws AuthError too_many_attempts
     */
    async pay(project: Project, proof: Proof): Promise<Attempt | null> {
      if ('token' in proof) return null
      const attempt = lockout.codeAttempt(project, proof.email)
      await attempt.reserve()
      return attempt
    },

    /**
     * Redeems in `tx`, once. Null when the token is unknown, used, superseded, expired, of another purpose or project,
     * or the code does not fit; a code's try is counted all the same, so the transaction must be committed.
     */
    redeem(tx: Repositories, project: Project, purpose: Purpose, proof: Proof): Promise<Redeemed | null> {
      if ('token' in proof)
        return tx.verificationTokens.redeem(project.id, purpose, hashSecret(proof.token), proof.email)
      const hash = codeHash(project, purpose, proof.email, proof.code)
      return tx.verificationTokens.redeemCode(project.id, purpose, proof.email, hash, codeAttempts)
    },
  }
}

export type MailTokens = ReturnType<typeof createMailTokens>
