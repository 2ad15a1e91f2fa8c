// Passwords: hashed and checked in bounded time, with a decoy for accounts that have none.
import { randomBytes } from 'node:crypto'
import { HashQueueFull, type HashScheduler } from '../crypto/hash-scheduler.ts'
import { type Argon2, type Argon2Parameters, isCurrent, passwordBytes } from '../crypto/passwords.ts'
import type { Store } from '../repositories/store.ts'
import { AuthError } from './errors.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import type { Reauthentication } from './reauthentication.ts'

interface PasswordMeans {
  readonly argon2: Argon2
  readonly parameters: Argon2Parameters
  readonly scheduler: HashScheduler
}

/** Builds the password verbs; computes the decoy hash first, from the parameters in force. */
export async function createPasswords({ argon2, parameters, scheduler }: PasswordMeans) {
  const decoy = await argon2.hash(randomBytes(32), parameters)

  async function scheduled<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await scheduler.run(work)
    } catch (error) {
      if (error instanceof HashQueueFull)
        throw new AuthError('overloaded', { retryAfterSeconds: error.retryAfterSeconds })
      throw error
    }
  }

  return {
    /** PHC string of a new password. @throws AuthError overloaded */
    hash: (password: string): Promise<string> =>
      scheduled(() => argon2.hash(passwordBytes(password), parameters)),

    /** Whether the password fits; the same work when there is no hash to fit. @throws AuthError overloaded */
    async verify(hash: string | null, password: string): Promise<boolean> {
      const fits = await scheduled(() => argon2.verify(hash ?? decoy, passwordBytes(password)))
      return fits && hash !== null
    },

    /** Whether the hash was made with other parameters than the ones in force. */
    isOutdated: (hash: string): boolean => !isCurrent(hash, parameters),
  }
}

export type Passwords = Awaited<ReturnType<typeof createPasswords>>

interface ChangeMeans {
  readonly store: Store
  readonly passwords: Passwords
  readonly reauthentication: Reauthentication
}

export function createPasswordChange({ store, passwords, reauthentication }: ChangeMeans) {
  return {
    /**
     * Replaces the password, ends every other session of the user and keeps the caller's.
     * A wrong current password counts like a failed sign-in.
     * @throws AuthError wrong_current_password, password_unchanged, too_many_attempts, overloaded
     */
    async change(
      project: Project,
      principal: Principal,
      caller: Caller,
      change: { currentPassword: string; newPassword: string },
    ): Promise<void> {
      const { user } = principal
      const current = await reauthentication.prove(project, principal, caller, change.currentPassword)
      if (current === null) throw new AuthError('wrong_current_password')
      if (await passwords.verify(current, change.newPassword)) throw new AuthError('password_unchanged')
      const next = await passwords.hash(change.newPassword)
      const changed = await store.transaction(async (tx) => {
        const epoch = await tx.users.changePassword(project.id, user.id, current, next)
        if (epoch === null) return false
        await tx.sessions.keep(project.id, principal.sessionId, epoch)
        return true
      })
      if (!changed) throw new AuthError('wrong_current_password')
    },
  }
}

export type PasswordChange = ReturnType<typeof createPasswordChange>
