// Refresh: exchanges a refresh token for the next one, and decides about a refresh token that is not current.
import {
  type ExaminedSession,
  examineSession,
  recoverSession,
  rotateSession,
} from '../../repositories/sessions/refresh.ts'
import { revokeSession } from '../../repositories/sessions/revocation.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction } from '../context.ts'
import { AuthError } from '../errors.ts'
import type { RefreshOutcome } from '../observer.ts'
import { demandsVerification } from '../projects/projects.ts'
import { type Grant, type PresentedRefresh, refreshingClient, toGrant } from './grants.ts'

/**
 * Exchanges a refresh token for the next one, with one UPDATE if the token is current.
 * @throws AuthError invalid_refresh_token, email_verification_required
 */
export async function refreshSession(ctx: Context, presented: PresentedRefresh): Promise<Grant> {
  const { tokens, verification } = ctx.project.policy
  const rotated = await rotateSession(ctx.store, {
    id: presented.sessionId,
    generation: presented.generation,
    by: refreshingClient(ctx, presented),
    refreshSeconds: tokens.refresh_seconds,
    unverifiedAllowed: verification.mode !== 'strict',
  })
  if (!rotated) return explainRotation(ctx, presented)
  return granted(ctx, 'rotated', toGrant(ctx.project, rotated.user, rotated.session))
}

/**
 * Decides about a refresh token that did not rotate its session. Within the grace period, a token of the previous generation is a
 * replay and gets the current token again. Later, if the current generation was never used, the answer was lost and is repeated
 * once. Any other token of a live session is reuse: the session ends before the token is refused (RFC 9700 §4.14.2).
 */
async function explainRotation(ctx: Context, presented: PresentedRefresh): Promise<Grant> {
  const { tokens } = ctx.project.policy
  const found = await examineSession(ctx.store, presented.sessionId, refreshingClient(ctx, presented), {
    graceSeconds: tokens.replay_grace_seconds,
    lostAnswerSeconds: tokens.access_seconds,
  })
  if (!found?.alive) throw refused(ctx)
  const { session, user } = found
  const behind = session.generation - presented.generation
  const isExpected = behind === 0 || (behind === 1 && (found.withinGrace || found.answerMayBeLost))
  // A step-up or password change voided the former tokens. Within the grace period an old token is late, not stolen.
  if (presented.generation < session.validGeneration && found.withinGrace) throw refused(ctx)
  if (!isExpected || presented.generation < session.validGeneration) return endReused(ctx, found)
  if (demandsVerification(ctx.project, user)) throw refused(ctx, 'email_verification_required')
  if (behind === 1 && found.withinGrace) return granted(ctx, 'replayed', toGrant(ctx.project, user, session))
  // The presented generation is current: the row changed between the two statements, so another try decides.
  if (behind === 0) return refreshSession(ctx, presented)
  const recovered = await recoverLostAnswer(ctx, found)
  // Null: another request got the repeated answer, or the session was rotated or ended.
  return recovered ?? explainRotation(ctx, presented)
}

/** Issues the current generation's tokens again, once; null if another request did. */
async function recoverLostAnswer(ctx: Context, { session, user }: ExaminedSession): Promise<Grant | null> {
  const recovered = await inTransaction(ctx, async (tx) => {
    const state = await recoverSession(tx.store, session.id, session.generation)
    if (state) await record(tx, 'refresh_recovered', { userId: user.id, sessionId: session.id })
    return state
  })
  return recovered && granted(ctx, 'recovered', toGrant(ctx.project, user, recovered))
}

/** Ends a session one of whose former tokens was presented. @throws AuthError invalid_refresh_token */
async function endReused(ctx: Context, { session, user }: ExaminedSession): Promise<never> {
  const ended = await inTransaction(ctx, async (tx) => {
    if (!(await revokeSession(tx.store, session.id, 'reuse'))) return false
    await record(tx, 'refresh_reused', { userId: user.id, sessionId: session.id, outcome: 'refused' })
    return true
  })
  if (ended) ctx.services.observer.refreshed('reused')
  throw ended ? new AuthError('invalid_refresh_token') : refused(ctx)
}

function granted(ctx: Context, outcome: RefreshOutcome, grant: Grant): Grant {
  ctx.services.observer.refreshed(outcome)
  return grant
}

function refused(
  ctx: Context,
  code: 'invalid_refresh_token' | 'email_verification_required' = 'invalid_refresh_token',
): AuthError {
  ctx.services.observer.refreshed('refused')
  return new AuthError(code)
}
