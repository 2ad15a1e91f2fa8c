// Proof that the owner of an account is at the other end of a session, before something that a session alone must not do.
import type { Store } from '../repositories/store.ts'
import { AuthError } from './errors.ts'
import type { Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'

/** How young a session must be to stand for the password of an account that has none. */
const freshSessionSeconds = 300

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
}

export function createReauthentication({ store, passwords, lockout }: Means) {
  return {
    /**
     * By the password, whose failures count like failed sign-ins, or by a sign-in of the last minutes where there is
     * none. Out: the hash that was checked, for a statement that must find it unchanged; null where there is none.
     * @throws AuthError wrong_current_password, current_password_required, recent_sign_in_required,
     *   too_many_attempts, overloaded
     */
    async prove(
      project: Project,
      { user, sessionId }: Principal,
      caller: Caller,
      currentPassword: string | undefined,
    ): Promise<string | null> {
      const hash = await store.users.findPasswordHash(project.id, user.id)
      if (hash === null) {
        if (await store.sessions.isYounger(project.id, sessionId, freshSessionSeconds)) return null
        throw new AuthError('recent_sign_in_required')
      }
      if (currentPassword === undefined) throw new AuthError('current_password_required')
      const attempt = lockout.attempt(project, user.email, caller.address, true)
      if (!(await lockout.prove(attempt, () => passwords.verify(hash, currentPassword))))
        throw new AuthError('wrong_current_password')
      return hash
    },
  }
}

export type Reauthentication = ReturnType<typeof createReauthentication>
