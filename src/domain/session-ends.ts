// Ending sessions by their ids, for owners who name several or who must be told whose one was.
import type { Store } from '../repositories/store.ts'
import { record } from './audit.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import { isUuid } from './uuid.ts'

/** Ids of one list that are looked at: as many sessions as any policy lets a user have. */
const mostListed = 10_000

export function createSessionEnds(store: Store) {
  return {
    /**
     * Ends those of the listed sessions that are the principal's user's own, in one statement; returns how many. Ids
     * of anybody else, of nobody and of no shape at all change nothing and are not told apart.
     */
    async listed(
      project: Project,
      { user }: Principal,
      ids: readonly string[],
      caller: Caller,
    ): Promise<number> {
      const wanted = new Set(ids.filter(isUuid).map((id) => id.toLowerCase()))
      const some = [...wanted].slice(0, mostListed)
      if (some.length === 0) return 0
      return store.transaction(project.id, async (tx) => {
        const ended = await tx.sessionEnds.revokeAmong(project.id, user.id, some)
        if (ended.length > 0)
          await tx.audit.addForSessions(
            {
              projectId: project.id,
              userId: user.id,
              event: 'session_revoked',
              outcome: 'success',
              addressPrefix: caller.addressPrefix,
              userAgent: caller.userAgent,
            },
            ended,
          )
        return ended.length
      })
    },

    /**
     * Ends one session of the principal's user and says whose it was: `own` (now ended), `foreign` (another user of this
     * project; untouched), `unknown` (none of this project, or an own one that has ended before). For wires that tell
     * these apart; `sessions.revoke` is for those that do not.
     */
    async one(
      project: Project,
      { user }: Principal,
      sessionId: string,
      caller: Caller,
    ): Promise<'own' | 'foreign' | 'unknown'> {
      if (!isUuid(sessionId)) return 'unknown'
      const ended = await store.transaction(project.id, async (tx) => {
        if (!(await tx.sessionEnds.revokeOwn(project.id, user.id, sessionId))) return false
        await record(tx, project, { userId: user.id, event: 'session_revoked', sessionId, caller })
        return true
      })
      if (ended) return 'own'
      const owner = await store.sessions.findOwner(project.id, sessionId)
      return owner === null || owner === user.id ? 'unknown' : 'foreign'
    },
  }
}

export type SessionEnds = ReturnType<typeof createSessionEnds>
