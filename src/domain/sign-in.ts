// Sign-in with e-mail address and password: the same work and the same words for the known and the unknown.
import type { Store } from '../repositories/store.ts'
import { restore } from './account.ts'
import { AuthError } from './errors.ts'
import type { Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import type { Grant, Lifetimes, Sessions } from './sessions.ts'
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
      const email = normalizeEmail(credentials.email)
      const addressKey = lockout.addressKey(caller.address)
      const found = await store.users.findForSignIn(project.id, email, addressKey)
      const attempt = lockout.attempt(project, email, caller.address, found?.addressKnown ?? false)
      const fits = await lockout.prove(attempt, () =>
        passwords.verify(found?.passwordHash ?? null, credentials.password),
      )
      if (!fits || !found?.passwordHash) throw new AuthError('invalid_credentials')

      const { passwordHash, addressKnown: _, ...user } = found
      if (user.disabledAt) throw new AuthError('account_disabled')
      if (verification.isDemanded(project, user)) {
        const verificationToken = await verification.tokenForApp(project, user, caller)
        throw new AuthError('email_verification_required', verificationToken ? { verificationToken } : {})
      }
      const grant = await store.transaction(async (tx) => {
        await restore(tx, project, user, caller)
        const opened = await sessions.open(tx, project, user, caller, 'signed_in', lifetimes)
        // The password changed while it was being checked.
        if (!opened) throw new AuthError('invalid_credentials')
        return opened
      })
      if (passwords.isOutdated(passwordHash)) {
        const renewed = await passwords.hash(credentials.password).catch(() => null)
        if (renewed) await store.users.rehashPassword(project.id, user.id, passwordHash, renewed)
      }
      return grant
    },
  }
}

export type SignIn = ReturnType<typeof createSignIn>
