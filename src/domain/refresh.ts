// A refresh token exchanged for the next one, and what its presentation means where it is not the current one.
import type { Store } from '../repositories/store.ts'
import { record } from './audit.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'
import { type Grant, type PresentedRefresh, toGrant } from './grants.ts'
import type { Project } from './projects.ts'

/** What came of a refresh token; `reused` ended its session, `refused` is every other refusal. */
export type Refreshed = 'rotated' | 'replayed' | 'recovered' | 'reused' | 'refused'

/** In: the store, and who is told what came of each refresh token that was presented. */
export function createRefresh(store: Store, refreshed: (outcome: Refreshed) => void) {
  const granted = (outcome: Refreshed, grant: Grant): Grant => {
    refreshed(outcome)
    return grant
  }
  const refused = (outcome: 'reused' | 'refused', code: AuthErrorCode = 'invalid_refresh_token') => {
    refreshed(outcome)
    return new AuthError(code)
  }

  /**
   * Why a rotation found no row (decision 2). Repeats the current token for a replay within the grace and, once, for
   * an answer that was lost; anything else on a living session is reuse and ends it before the refusal is told.
   */
  async function settle(project: Project, presented: PresentedRefresh): Promise<Grant> {
    const { tokens, verification } = project.policy
    const found = await store.sessionRefreshes.examine(project.id, presented.sessionId, {
      graceSeconds: tokens.replay_grace_seconds,
      lostAnswerSeconds: tokens.access_seconds,
    })
    if (!found?.alive) throw refused('refused')
    const { session, user } = found
    const behind = session.generation - presented.generation
    const expected = behind === 0 || (behind === 1 && (found.withinGrace || found.answerMayBeLost))
    if (expected && verification.mode === 'strict' && !user.emailVerifiedAt)
      throw refused('refused', 'email_verification_required')
    if (behind === 1 && found.withinGrace) return granted('replayed', toGrant(project, user, session))
    if (behind === 1 && found.answerMayBeLost) {
      const recovered = await store.transaction(project.id, async (tx) => {
        const state = await tx.sessionRefreshes.recover(project.id, session.id, session.generation)
        if (state)
          await record(tx, project, { userId: user.id, event: 'refresh_recovered', sessionId: session.id })
        return state
      })
      if (recovered) return granted('recovered', toGrant(project, user, recovered))
      // Another request claimed the repetition, or the session moved on or ended: what is true now decides.
      return settle(project, presented)
    }
    if (expected) {
      // Nothing stood in the way when we looked: the row changed in between, and another try will tell.
      return refresh(project, presented)
    }
    const ended = await store.transaction(project.id, async (tx) => {
      if (!(await tx.sessionEnds.revoke(project.id, session.id, 'reuse'))) return false
      await record(tx, project, {
        userId: user.id,
        event: 'refresh_reused',
        sessionId: session.id,
        outcome: 'refused',
      })
      return true
    })
    throw refused(ended ? 'reused' : 'refused')
  }

  async function refresh(project: Project, presented: PresentedRefresh): Promise<Grant> {
    const rotated = await store.sessionRefreshes.rotate({
      id: presented.sessionId,
      projectId: project.id,
      generation: presented.generation,
      refreshSeconds: project.policy.tokens.refresh_seconds,
      unverifiedAllowed: project.policy.verification.mode !== 'strict',
    })
    return rotated
      ? granted('rotated', toGrant(project, rotated.user, rotated.session))
      : settle(project, presented)
  }

  return refresh
}
