// The first password of an account that a provider opened until now.
import { randomUUID } from 'node:crypto'
import type { Store } from '../repositories/store.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Passwords } from './passwords.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import type { Reauthentication } from './reauthentication.ts'

interface Means {
  readonly store: Store
  readonly passwords: Passwords
  readonly reauthentication: Reauthentication
}

export function createFirstPassword({ store, passwords, reauthentication }: Means) {
  return {
    /**
     * Sets the password after a recent sign-in, ends every other session, keeps the principal's, and says so by mail.
     * @throws AuthError password_already_set, recent_sign_in_required, overloaded
     */
    async set(project: Project, principal: Principal, caller: Caller, password: string): Promise<void> {
      const { user, sessionId } = principal
      const userId = user.id
      if ((await store.passwords.find(project.id, userId)) !== null)
        throw new AuthError('password_already_set')
      await reauthentication.proveLately(project, principal, caller, undefined)
      const hash = await passwords.hash(project, caller, password)
      const isSet = await store.transaction(project.id, async (tx) => {
        const epoch = await tx.passwords.setFirst(project.id, userId, user.epoch, hash)
        if (epoch === null) return false
        await tx.sessions.keep(project.id, sessionId, epoch)
        await record(tx, project, { userId, event: 'password_set', sessionId, caller })
        if (project.policy.verification.delivery === 'email')
          await tx.outbox.owe({ id: randomUUID(), projectId: project.id, userId, kind: 'password_changed' })
        return true
      })
      // Another request was faster, or the session ended meanwhile.
      if (!isSet) throw new AuthError('password_already_set')
    },
  }
}

export type FirstPassword = ReturnType<typeof createFirstPassword>
