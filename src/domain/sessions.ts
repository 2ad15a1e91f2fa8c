// Sessions: opened, refreshed, looked at and ended. A verb returns a grant; what is printed from it is the edge's.
import { randomUUID } from 'node:crypto'
import type { SessionState } from '../repositories/sessions.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Caller, Principal } from './principal.ts'
import type { Project } from './projects.ts'

/** Leave to hand out the tokens of one generation of one session. Instants are the database's. */
export interface Grant {
  readonly user: UserRow
  readonly sessionId: string
  readonly generation: number
  readonly issuedAt: Date
  readonly accessExpiresAt: Date
  readonly refreshExpiresAt: Date
}

/** A refresh token that was read: which session, which generation of it. */
export interface PresentedRefresh {
  readonly sessionId: string
  readonly generation: number
}

function toGrant(project: Project, user: UserRow, session: SessionState): Grant {
  const accessEnd = session.now.getTime() + project.policy.tokens.access_seconds * 1000
  return {
    user,
    sessionId: session.id,
    generation: session.generation,
    issuedAt: session.now,
    // An access token never outlives its session.
    accessExpiresAt: new Date(Math.min(accessEnd, session.expiresAt.getTime())),
    refreshExpiresAt: session.expiresAt,
  }
}

export function createSessions(store: Store) {
  /**
   * Why a rotation found no row (decision 2). Repeats the current token for a replay within the grace and, once, for
   * an answer that was lost; anything else on a living session is reuse and ends it before the refusal is told.
   */
  async function settle(project: Project, presented: PresentedRefresh): Promise<Grant> {
    const { tokens, verification } = project.policy
    const found = await store.sessions.examine(project.id, presented.sessionId, {
      graceSeconds: tokens.replay_grace_seconds,
      lostAnswerSeconds: tokens.access_seconds,
    })
    if (!found?.alive) throw new AuthError('invalid_refresh_token')
    const { session, user } = found
    const behind = session.generation - presented.generation
    const expected = behind === 0 || (behind === 1 && (found.withinGrace || found.answerMayBeLost))
    if (expected && verification.mode === 'strict' && !user.emailVerifiedAt)
      throw new AuthError('email_verification_required')
    if (behind === 1 && found.withinGrace) return toGrant(project, user, session)
    if (behind === 1 && found.answerMayBeLost) {
      const recovered = await store.transaction(async (tx) => {
        const state = await tx.sessions.recover(project.id, session.id, session.generation)
        if (state)
          await record(tx, project, { userId: user.id, event: 'refresh_recovered', sessionId: session.id })
        return state
      })
      if (recovered) return toGrant(project, user, recovered)
      // Another request claimed the repetition, or the session moved on or ended: what is true now decides.
      return settle(project, presented)
    } else if (expected) {
      // Nothing stood in the way when we looked: the row changed in between, and another try will tell.
      return refresh(project, presented)
    } else {
      await store.transaction(async (tx) => {
        if (await tx.sessions.revoke(project.id, session.id, 'reuse'))
          await record(tx, project, {
            userId: user.id,
            event: 'refresh_reused',
            sessionId: session.id,
            outcome: 'refused',
          })
      })
    }
    throw new AuthError('invalid_refresh_token')
  }

  async function refresh(project: Project, presented: PresentedRefresh): Promise<Grant> {
    const rotated = await store.sessions.rotate({
      id: presented.sessionId,
      projectId: project.id,
      generation: presented.generation,
      refreshSeconds: project.policy.tokens.refresh_seconds,
      unverifiedAllowed: project.policy.verification.mode !== 'strict',
    })
    return rotated ? toGrant(project, rotated.user, rotated.session) : settle(project, presented)
  }

  return {
    /** Opens a session for a user as they were read; null if their sessions were ended since. */
    async open(
      repositories: Repositories,
      project: Project,
      user: UserRow,
      caller: Caller,
    ): Promise<Grant | null> {
      const session = await repositories.sessions.open({
        id: randomUUID(),
        projectId: project.id,
        userId: user.id,
        epoch: user.epoch,
        refreshSeconds: project.policy.tokens.refresh_seconds,
        absoluteSeconds: project.policy.tokens.absolute_seconds,
        userAgent: caller.userAgent,
        addressPrefix: caller.addressPrefix,
      })
      return session && toGrant(project, user, session)
    },

    /**
     * Exchanges a refresh token for the next one: one statement where all is well.
     * @throws AuthError invalid_refresh_token, email_verification_required
     */
    refresh,

    /** The principal behind an access token's session. @throws AuthError unauthenticated */
    async authenticate(project: Project, token: PresentedRefresh): Promise<Principal> {
      const found = await store.sessions.look(project.id, token.sessionId)
      if (!found) throw new AuthError('unauthenticated')
      const { session, user } = found
      // The first use of a generation's access token proves that its answer arrived: its predecessor is now reuse.
      if (session.generation === token.generation && session.seenGeneration < token.generation)
        await store.sessions.markSeen(project.id, session.id, token.generation)
      return { user, sessionId: session.id, generation: token.generation }
    },

    /** Ends the principal's own session. */
    async end(project: Project, principal: Principal): Promise<void> {
      await store.sessions.revoke(project.id, principal.sessionId, 'logout')
    },

    /**
     * Ends the session of a refresh token that is current or one behind, for whoever signs out after their access
     * token expired. @throws AuthError unauthenticated
     */
    async endByRefresh(project: Project, presented: PresentedRefresh): Promise<void> {
      const found = await store.sessions.examine(project.id, presented.sessionId, {
        graceSeconds: 0,
        lostAnswerSeconds: 0,
      })
      const behind = found?.alive ? found.session.generation - presented.generation : -1
      if (behind !== 0 && behind !== 1) throw new AuthError('unauthenticated')
      await store.sessions.revoke(project.id, presented.sessionId, 'logout')
    },

    /** Ends every session of the principal's user in this project. */
    async endAll(project: Project, principal: Principal): Promise<void> {
      await store.users.advanceEpoch(project.id, principal.user.id)
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
