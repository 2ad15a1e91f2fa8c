// The end of sessions: signing out, and revoking sessions by their ids.
import { isUuid } from '../../formats.ts'
import { examineSession } from '../../repositories/sessions/refresh.ts'
import * as rows from '../../repositories/sessions/revocation.ts'
import { findSessionOwner } from '../../repositories/sessions/sessions.ts'
import { record, recordForSessions } from '../audit/audit.ts'
import { type Context, inTransaction, type SignedInContext } from '../context.ts'
import { AuthError } from '../errors.ts'
import { type PresentedRefresh, refreshingClient } from './grants.ts'

/** Ids of one list that are read: as many as the sessions that any policy lets a user have. */
const maxListed = 10_000

export function signOut(ctx: SignedInContext): Promise<void> {
  return endSession(ctx, ctx.actor.user.id, ctx.actor.sessionId)
}

/** Ends the session of a cookie that is about to be replaced. Does nothing if it has ended or its token is out of date. */
export async function endReplacedSession(ctx: Context, presented: PresentedRefresh): Promise<void> {
  await signOutByRefreshToken(ctx, presented).catch((error: unknown) => {
    if (!(error instanceof AuthError)) throw error
  })
}

/**
 * Signs out by the refresh token, for clients whose access token has expired. The token may be one generation behind.
 * @throws AuthError unauthenticated
 */
export async function signOutByRefreshToken(ctx: Context, presented: PresentedRefresh): Promise<void> {
  const { sessionId, generation } = presented
  const found = await examineSession(ctx.store, sessionId, refreshingClient(ctx, presented), {
    graceSeconds: 0,
    lostAnswerSeconds: 0,
  })
  const isLiving = found?.alive && generation >= found.session.validGeneration
  const behind = isLiving ? found.session.generation - generation : -1
  if (!found || (behind !== 0 && behind !== 1)) throw new AuthError('unauthenticated')
  await endSession(ctx, found.user.id, sessionId)
}

async function endSession(ctx: Context, userId: number, sessionId: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    if (await rows.revokeSession(tx.store, sessionId, 'logout'))
      await record(tx, 'signed_out', { userId, sessionId })
  })
}

/** Ends one session of the user, which may be the current one. @throws AuthError session_unknown */
export async function revokeSession(ctx: SignedInContext, id: string): Promise<void> {
  if (!isUuid(id) || !(await revokeOwn(ctx, id))) throw new AuthError('session_unknown')
}

/**
 * Ends one session if it is the user's own.
 * @returns `own`: it ended; `foreign`: another user's, which stays; `unknown`: there is none, or it had ended
 */
export async function revokeSessionNamed(
  ctx: SignedInContext,
  id: string,
): Promise<'own' | 'foreign' | 'unknown'> {
  if (!isUuid(id)) return 'unknown'
  if (await revokeOwn(ctx, id)) return 'own'
  const owner = await findSessionOwner(ctx.store, id)
  return owner === null || owner === ctx.actor.user.id ? 'unknown' : 'foreign'
}

/** Ends a session of the user; false if it is another user's or has ended. */
function revokeOwn(ctx: SignedInContext, id: string): Promise<boolean> {
  const userId = ctx.actor.user.id
  return inTransaction(ctx, async (tx) => {
    if (!(await rows.revokeOwnSession(tx.store, userId, id))) return false
    await record(tx, 'session_revoked', { userId, sessionId: id })
    return true
  })
}

/** Ends every session of the user except the current one. @returns how many ended */
export function revokeOtherSessions(ctx: SignedInContext): Promise<number> {
  const { user, sessionId } = ctx.actor
  return inTransaction(ctx, async (tx) => {
    const count = await rows.revokeOtherSessions(tx.store, user.id, sessionId)
    await record(tx, 'other_sessions_revoked', { userId: user.id })
    return count
  })
}

/** Ends the listed sessions that are the user's own, in one statement. @returns how many ended */
export async function revokeListedSessions(ctx: SignedInContext, ids: readonly string[]): Promise<number> {
  const userId = ctx.actor.user.id
  const uuids = new Set(ids.filter(isUuid).map((id) => id.toLowerCase()))
  const wanted = [...uuids].slice(0, maxListed)
  if (wanted.length === 0) return 0
  return inTransaction(ctx, async (tx) => {
    const ended = await rows.revokeSessionsAmong(tx.store, userId, wanted)
    if (ended.length > 0) await recordForSessions(tx, 'session_revoked', userId, ended)
    return ended.length
  })
}
