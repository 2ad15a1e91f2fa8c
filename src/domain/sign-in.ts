// Sign-in with e-mail address and password: the same work and the same words for the known and the unknown.
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { restore } from './account.ts'
import { AuthError } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import type { Lifetimes, OpenOptions, Sessions } from './sessions.ts'
import { normalizeEmail } from './users.ts'
import type { Verification } from './verification.ts'

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly sessions: Sessions
  readonly verification: Verification
}

export function createSignIn({ store, passwords, lockout, sessions, verification }: Means) {
  /** Why a user with a right password is kept out. */
  async function refusalOf(project: Project, user: UserRow, caller: Caller): Promise<AuthError> {
    if (user.disabledAt) return new AuthError('account_disabled')
    const verificationToken = await verification.tokenForApp(project, user, caller)
    return new AuthError('email_verification_required', verificationToken ? { verificationToken } : {})
  }

  /** One statement, but for an account that its owner is about to leave: signing in takes that back. */
  async function enter(
    project: Project,
    user: UserRow,
    caller: Caller,
    options: OpenOptions,
  ): Promise<Grant | null> {
    const open = (tx: Repositories) => sessions.open(tx, project, user, caller, 'signed_in', options)
    if (!user.deletionDueAt) return store.statement(open)
    return store.transaction(project.id, async (tx) => {
      await restore(tx, project, user, caller)
      return open(tx)
    })
  }

  return {
    /**
     * Opens a session for a person who knows the password.
     * @throws AuthError invalid_credentials, too_many_attempts, overloaded; and after a correct password
     *   account_disabled, email_verification_required
     */
    async withPassword(
      project: Project,
      credentials: { email: string; password: string },
      caller: Caller,
      lifetimes?: Lifetimes,
    ): Promise<Grant> {
      const attempt = lockout.signInAttempt(project, normalizeEmail(credentials.email), caller.address)
      const { user, passwordHash, grant } = await lockout.spend(attempt, async (found) => {
        const fits = await passwords.verify(
          project,
          caller,
          found?.passwordHash ?? null,
          credentials.password,
        )
        if (!fits || !found?.passwordHash) throw new AuthError('invalid_credentials')
        const { passwordHash, ...user } = found
        if (user.disabledAt || verification.isDemanded(project, user)) {
          await attempt.redeem()
          throw await refusalOf(project, user, caller)
        }
        const grant = await enter(project, user, caller, { ...lifetimes, forgives: attempt })
        // The password changed while it was being checked.
        if (!grant) throw new AuthError('invalid_credentials')
        return { user, passwordHash, grant }
      })
      if (passwords.isOutdated(passwordHash)) {
        const renewed = await passwords.hash(project, caller, credentials.password).catch(() => null)
        if (renewed) await store.passwords.rehash(project.id, user.id, passwordHash, renewed)
      }
      return grant
    },
  }
}

export type SignIn = ReturnType<typeof createSignIn>
