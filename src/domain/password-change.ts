// Changing a password by the one before: in a session, or by the address alone.
import { randomUUID } from 'node:crypto'
import type { Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Lockout } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import type { Reauthentication } from './reauthentication.ts'
import { normalizeEmail } from './users.ts'
import type { Verification } from './verification.ts'

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly reauthentication: Reauthentication
  readonly verification: Verification
}

/** Whose password becomes which; `sessionId` names the one session that goes on, if any does. */
interface Replacement {
  readonly user: UserRow
  readonly checkedHash: string
  readonly newPassword: string
  readonly sessionId: string | null
}

export function createPasswordChange({ store, passwords, lockout, reauthentication, verification }: Means) {
  /** False when the password is no longer the one that was checked. @throws AuthError password_unchanged, overloaded */
  async function replace(project: Project, caller: Caller, asked: Replacement): Promise<boolean> {
    const { user, checkedHash, newPassword, sessionId } = asked
    if (await passwords.verify(project, caller, checkedHash, newPassword))
      throw new AuthError('password_unchanged')
    const next = await passwords.hash(project, caller, newPassword)
    return store.transaction(project.id, async (tx) => {
      const epoch = await tx.passwords.change(project.id, user.id, checkedHash, next)
      if (epoch === null) return false
      if (sessionId) await tx.sessions.keep(project.id, sessionId, epoch)
      await record(tx, project, { userId: user.id, event: 'password_changed', sessionId, caller })
      if (project.policy.verification.delivery === 'email')
        await tx.outbox.owe({
          id: randomUUID(),
          projectId: project.id,
          userId: user.id,
          kind: 'password_changed',
        })
      return true
    })
  }

  return {
    /**
     * Replaces the password, ends every other session of the user, keeps the caller's, and says so by mail.
     * A wrong current password counts like a failed sign-in.
     * @throws AuthError wrong_current_password, no_password, password_unchanged, too_many_attempts, overloaded
     */
    async change(
      project: Project,
      principal: Principal,
      caller: Caller,
      { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
    ): Promise<void> {
      const { user, sessionId } = principal
      const checkedHash = await reauthentication.prove(project, principal, caller, currentPassword)
      if (checkedHash === null) throw new AuthError('no_password')
      if (!(await replace(project, caller, { user, checkedHash, newPassword, sessionId })))
        throw new AuthError('wrong_current_password')
    },

    /**
     * The same for whoever gives the address and the old password: an attempt to sign in, as far as a stranger can tell,
     * with its cost, its count and its refusals. Every session ends, but that of a principal who is the account's own.
     * @throws AuthError not_own_account (the principal is somebody else; nothing was looked at), invalid_credentials,
     *   too_many_attempts, overloaded; and after a correct old password account_disabled,
     *   email_verification_required, password_unchanged
     */
    async changeByAddress(
      project: Project,
      principal: Principal | null,
      caller: Caller,
      asked: { email: string; oldPassword: string; newPassword: string },
    ): Promise<UserRow> {
      const email = normalizeEmail(asked.email)
      if (principal && principal.user.email !== email) throw new AuthError('not_own_account')
      const attempt = lockout.signInAttempt(project, email, caller.address, principal !== null)
      const { checkedHash, user } = await lockout.spend(attempt, async (found) => {
        const fits = await passwords.verify(project, caller, found?.passwordHash ?? null, asked.oldPassword)
        if (!fits || !found?.passwordHash) throw new AuthError('invalid_credentials')
        await attempt.redeem()
        const { passwordHash, ...user } = found
        return { checkedHash: passwordHash, user }
      })
      if (user.disabledAt) throw new AuthError('account_disabled')
      if (verification.isDemanded(project, user)) throw new AuthError('email_verification_required')
      const { newPassword } = asked
      const sessionId = principal?.sessionId ?? null
      if (!(await replace(project, caller, { user, checkedHash, newPassword, sessionId })))
        throw new AuthError('invalid_credentials')
      return user
    },
  }
}

export type PasswordChange = ReturnType<typeof createPasswordChange>
