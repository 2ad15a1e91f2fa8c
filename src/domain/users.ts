// Users: how an address is compared, and how an account comes into being.
import { randomUUID } from 'node:crypto'
import { keyedHash } from '../crypto/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Passwords } from './passwords.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import type { Sessions } from './sessions.ts'
import type { Verification } from './verification.ts'

/** What a person says about themselves when they sign up. */
export interface SignUpFacts {
  readonly email: string
  readonly password: string
  readonly displayName?: string | null
  readonly firstName?: string | null
  readonly lastName?: string | null
  readonly metadata?: Record<string, unknown>
  /** The language of the mail they are sent; null for English. */
  readonly locale?: string | null
}

export type SignUpResult =
  | { readonly kind: 'signed_in'; readonly grant: Grant }
  | {
      readonly kind: 'verification_required'
      readonly user: UserRow
      readonly verificationToken: string | null
    }

/**
 * The one spelling of an address: trimmed, lower case. Addresses are ASCII (the wire refuses all others), so lower
 * case has one meaning and no two accounts look alike.
 */
export function normalizeEmail(email: string): string {
  return email.trim().toLowerCase()
}

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly sessions: Sessions
  readonly verification: Verification
  /** Hashes the addresses that strangers ask about. */
  readonly lookupKey: Buffer
}

export function createUsers({ store, passwords, sessions, verification, lookupKey }: Means) {
  /**
   * Where no verification is demanded: an account and what `begin` makes with it, or the word that the address is taken.
   */
  async function signUpOpenly<T>(
    project: Project,
    facts: SignUpFacts,
    email: string,
    caller: Caller,
    begin: (tx: Repositories, user: UserRow) => Promise<T | null>,
  ): Promise<T> {
    if (await store.users.findByEmail(project.id, email)) throw new AuthError('email_taken')
    const passwordHash = await passwords.hash(project, caller, facts.password)
    const begun = await store.transaction(project.id, async (tx) => {
      const fresh = newUser(project, facts, email, passwordHash)
      let user = await tx.users.add(fresh)
      if (!user) {
        // Taken, or held by an account whose owner left and whose time is over.
        await tx.leavers.releaseDue(project.id, email)
        user = await tx.users.add(fresh)
      }
      if (!user) return null
      if (project.policy.verification.mode === 'lenient') await verification.owe(tx, project, user)
      return begin(tx, user)
    })
    if (!begun) throw new AuthError('email_taken')
    return begun
  }

  /** Where verification is demanded: the same answer, statements and cost, whether or not the address is taken. */
  async function signUpStrictly(
    project: Project,
    facts: SignUpFacts,
    email: string,
    caller: Caller,
  ): Promise<Extract<SignUpResult, { kind: 'verification_required' }>> {
    const passwordHash = await passwords.hash(project, caller, facts.password)
    const fresh = newUser(project, facts, email, passwordHash)
    return store.transaction(project.id, async (tx) => {
      const quiet = project.policy.verification.resend_cooldown_seconds
      const wait = await tx.cooldowns.take(project.id, 'sign_up', keyedHash(lookupKey, 'email', email), quiet)
      await tx.leavers.releaseDue(project.id, email)
      const shown = await tx.users.takeId(project.id, fresh.metadata)
      const added = await tx.users.add(fresh, shown.id)
      const owner = await tx.users.findByEmail(project.id, email)
      if (!owner) throw new Error('An address was neither free nor taken.')
      const inApp = project.policy.verification.delivery === 'app'
      const verificationToken =
        inApp && caller.provesProject ? await verification.mint(tx, project, owner) : null
      // A taken address gets no second mail within the cooldown; a fresh one always gets its first.
      if (added || wait === 0) await verification.owe(tx, project, owner)
      return { kind: 'verification_required', user: added ?? decoyUser(shown, fresh), verificationToken }
    })
  }

  return {
    /**
     * Makes an account.
     * @throws AuthError email_taken (where the project does not demand verification), overloaded
     */
    async signUp(project: Project, facts: SignUpFacts, caller: Caller): Promise<SignUpResult> {
      const email = normalizeEmail(facts.email)
      if (project.policy.verification.mode === 'strict') return signUpStrictly(project, facts, email, caller)
      const grant = await signUpOpenly(project, facts, email, caller, (tx, user) =>
        sessions.open(tx, project, user, caller, 'signed_up'),
      )
      return { kind: 'signed_in', grant }
    },

    /**
     * Makes an account and opens no session: for people who sign in afterwards.
     * @throws AuthError as signUp
     */
    async register(project: Project, facts: SignUpFacts, caller: Caller): Promise<UserRow> {
      const email = normalizeEmail(facts.email)
      if (project.policy.verification.mode === 'strict')
        return (await signUpStrictly(project, facts, email, caller)).user
      return signUpOpenly(project, facts, email, caller, async (tx, user) => {
        await record(tx, project, { userId: user.id, event: 'signed_up', caller })
        return user
      })
    },

    /** Whether there is an account of this UUID, whatever its state. */
    exists: (project: Project, uuid: string): Promise<boolean> => store.users.exists(project.id, uuid),
  }
}

export type Users = ReturnType<typeof createUsers>

/** The row of an account as its owner describes themselves. */
export function newUser(project: Project, facts: SignUpFacts, email: string, passwordHash: string) {
  return {
    uuid: randomUUID(),
    projectId: project.id,
    email,
    passwordHash,
    displayName: facts.displayName ?? null,
    firstName: facts.firstName ?? null,
    lastName: facts.lastName ?? null,
    metadata: facts.metadata ?? {},
    locale: facts.locale ?? null,
  }
}

/** What a stranger is shown for a taken address: an account as it would have been, none of the owner's facts. */
function decoyUser(
  shown: Pick<UserRow, 'id' | 'createdAt' | 'metadata'>,
  fresh: ReturnType<typeof newUser>,
): UserRow {
  const { passwordHash: _, ...facts } = fresh
  return {
    ...facts,
    ...shown,
    emailVerifiedAt: null,
    role: 'user',
    provider: null,
    avatarId: null,
    deletionDueAt: null,
    epoch: 0,
    disabledAt: null,
    updatedAt: shown.createdAt,
  }
}
