// Proof that the owner of an account is at the other end of a session, before something that a session alone must not do.
import type { Store } from '../repositories/store.ts'
import { AuthError } from './errors.ts'
import type { Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
}

export function createReauthentication({ store, passwords, lockout }: Means) {
  /** Whether the principal signed in so lately, by the project's policy, that this stands for a proof. */
  const isRecent = (project: Project, { sessionId }: Principal): Promise<boolean> =>
    store.sessions.isYounger(project.id, sessionId, project.policy.reauthentication.max_age_seconds)

  return {
    /**
     * By the password, whose failures count like failed sign-ins, or by a sign-in of the last minutes where there is
     * none. Out: the hash that was checked, for a statement that must find it unchanged; null where there is none.
     * @throws AuthError wrong_current_password, current_password_required, recent_sign_in_required,
     *   too_many_attempts, overloaded
     */
    async prove(
      project: Project,
      principal: Principal,
      caller: Caller,
      currentPassword: string | undefined,
    ): Promise<string | null> {
      const { user } = principal
      const hash = await store.passwords.find(project.id, user.id)
      if (hash === null) {
        if (await isRecent(project, principal)) return null
        throw new AuthError('recent_sign_in_required')
      }
      if (currentPassword === undefined) throw new AuthError('current_password_required')
      const attempt = lockout.attempt(project, user.email, caller.address, true)
      if (!(await lockout.prove(attempt, () => passwords.verify(project, caller, hash, currentPassword))))
        throw new AuthError('wrong_current_password')
      return hash
    },

    /**
     * By a sign-in of the last minutes, whether or not there is a password; else by the password, where it is given.
     * @throws AuthError as `prove`
     */
    async proveLately(
      project: Project,
      principal: Principal,
      caller: Caller,
      currentPassword: string | undefined,
    ): Promise<void> {
      if (currentPassword === undefined && (await isRecent(project, principal))) return
      await this.prove(project, principal, caller, currentPassword)
    },
  }
}

export type Reauthentication = ReturnType<typeof createReauthentication>
