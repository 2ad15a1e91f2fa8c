// Sessions: opened, authenticated, extended and listed. A function returns a grant, from which the API issues tokens.
import { randomUUID } from 'node:crypto'
import { restoreUser } from '../../repositories/accounts/deletion.ts'
import type { UserRow } from '../../repositories/accounts/users.ts'
import type { UsedPasskey } from '../../repositories/credentials/passkeys.ts'
import * as lists from '../../repositories/sessions/lists.ts'
import * as rows from '../../repositories/sessions/sessions.ts'
import { insertSession, type NewSession } from '../../repositories/sessions/sign-in.ts'
import type { Principal } from '../actor.ts'
import { circumstances, record } from '../audit/audit.ts'
import { type ActorContext, type Context, inTransaction, type Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import { demandsVerification, type Project } from '../projects/projects.ts'
import { addressKey, deviceKey } from '../throttling/keys.ts'
import type { Attempt } from '../throttling/lockout.ts'
import { countMail } from '../throttling/mail-cap.ts'
import type { Authenticated } from './authenticated.ts'
import { type Grant, type PresentedRefresh, toGrant } from './grants.ts'
import type { CacheEntry } from './session-cache.ts'

/** Lifetimes of a session and its first access token that differ from the policy's. */
export interface Lifetimes {
  /** Of the access token; default: the policy's. It ends with its session at the latest. */
  readonly accessSeconds?: number
  /** Of the session, until it is extended; default: the policy's `tokens.refresh_seconds`. */
  readonly lifetimeSeconds?: number
  /** Whether `lifetimeSeconds` may exceed the policy's `tokens.absolute_seconds`; default: no. */
  readonly beyondAbsolute?: boolean
}

export interface OpenOptions extends Lifetimes {
  /** UUID of the session; default: a random one. */
  readonly id?: string
  /** The attempt that succeeded, which the same statement releases; null: none was counted. */
  readonly attempt?: Pick<Attempt<unknown>, 'counted'> | null
  /** The passkey that opens it; it is marked as used in the same statement. */
  readonly passkey?: UsedPasskey
}

/** An authenticated session, as the cache holds it. */
export interface CachedSession extends CacheEntry {
  /** The newest generation whose access token is known to have been used. */
  readonly seenGeneration: number
  /** The oldest generation whose tokens are accepted. */
  readonly validGeneration: number
  readonly client: Principal['client']
  readonly impersonator: string | null
}

/**
 * Opens a session for an authenticated user: inserts it, records the event, remembers address and device, queues the mail
 * about a new device, ends sessions beyond the limit and releases the attempt, all in one statement. An account whose
 * deletion is pending is first restored in the same transaction.
 * @returns null, and nothing changed, if the user's sessions were ended since the user was read, or the passkey's counter
 *   decreased
 */
export function openSession(
  ctx: Context,
  authenticated: Authenticated,
  event: NewSession['event'],
  options: OpenOptions = {},
): Promise<Grant | null> {
  const { user } = authenticated
  if (!user.deletionDueAt) return insertAndGrant(ctx, authenticated, event, options)
  return inTransaction(ctx, async (tx) => {
    await restoreAccount(tx, user)
    return insertAndGrant(tx, authenticated, event, options)
  })
}

/** Cancels the pending deletion of an account, as signing in does, unless it was disabled or its epoch changed. */
export async function restoreAccount(ctx: Context, user: Pick<UserRow, 'id' | 'epoch'>): Promise<void> {
  const { id: userId, epoch } = user
  if (await restoreUser(ctx.store, userId, epoch)) await record(ctx, 'account_restored', { userId })
}

async function insertAndGrant(
  ctx: Context,
  { user, amr, acr }: Authenticated,
  event: NewSession['event'],
  { id = randomUUID(), attempt, passkey, accessSeconds, lifetimeSeconds, beyondAbsolute }: OpenOptions,
): Promise<Grant | null> {
  const { tokens, sessions, verification } = ctx.project.policy
  const { client, userAgent, addressPrefix, device } = ctx.caller
  const refreshSeconds = lifetimeSeconds ?? tokens.refresh_seconds
  const notifies = event === 'signed_in' && sessions.notify_new_device && verification.delivery === 'email'
  const opening: NewSession = {
    id,
    userId: user.id,
    epoch: user.epoch,
    client,
    amr: amr.join(' '),
    acr,
    refreshSeconds,
    absoluteSeconds: Math.max(tokens.absolute_seconds, beyondAbsolute ? refreshSeconds : 0),
    userAgent,
    addressPrefix,
    event,
    account: user.uuid,
    logged: circumstances(ctx, true, { method: amr.join(' ') }),
    addressKey: addressKey(ctx),
    deviceKey: deviceKey(ctx),
    maxSessions: sessions.max_per_user,
    notice: notifies ? { id: randomUUID(), details: { device, addressPrefix: addressPrefix ?? '' } } : null,
    noticeCount: countMail(ctx, 'new_device', { email: user.email, isProven: user.emailVerifiedAt !== null }),
    attempt: attempt?.counted ?? null,
    passkey: passkey ?? null,
  }
  const session = await ctx.store.statement((db) => insertSession(db, opening))
  return session && toGrant(ctx.project, { ...user, deletionDueAt: null }, session, accessSeconds)
}

/**
 * Extends a session of the calling API. Its generation stays, so parallel requests get the same grant.
 * @param seconds new lifetime from now, up to the session's absolute lifetime
 * @throws AuthError unauthenticated, email_verification_required
 */
export async function extendSession(
  ctx: Context,
  { sessionId, generation }: PresentedRefresh,
  seconds: number,
): Promise<Grant> {
  const unverifiedAllowed = ctx.project.policy.verification.mode !== 'strict'
  const { client } = ctx.caller
  const extension = { id: sessionId, generation, client, seconds, unverifiedAllowed }
  const found = await rows.extendSession(ctx.store, extension)
  if (found) return toGrant(ctx.project, found.user, found.session, seconds)
  const living = unverifiedAllowed ? null : await rows.findSession(ctx.store, sessionId)
  const isAlive = living?.session.client === client && isValid({ generation }, living.session)
  throw new AuthError(isAlive ? 'email_verification_required' : 'unauthenticated')
}

/**
 * Reads the grant of a live session without changing it. The caller must have proven the right to its tokens.
 * @param options.ofAnyApi whether sessions of other APIs are found too, from which no token may be issued; default: no
 * @returns null if there is none, or its user has yet to verify the address
 */
export async function findGrant(
  ctx: Context,
  sessionId: string,
  { ofAnyApi = false }: { readonly ofAnyApi?: boolean } = {},
): Promise<Grant | null> {
  const found = await rows.findSession(ctx.store, sessionId)
  if (!found || demandsVerification(ctx.project, found.user)) return null
  if (!ofAnyApi && found.session.client !== ctx.caller.client) return null
  return toGrant(ctx.project, found.user, found.session)
}

/** Whether the tokens of a generation are still valid: the session is live, and no step-up or password change voided them. */
export async function isStillIssued(
  ctx: Context,
  { sessionId, generation, epoch }: PresentedRefresh & { readonly epoch: number },
): Promise<boolean> {
  const found = await rows.findSession(ctx.store, sessionId)
  return found !== null && found.user.epoch === epoch && isValid({ generation }, found.session)
}

/** The cached principal of an access token; null: read it from the database, as at the first use of a generation. */
export function findCachedPrincipal(
  { sessionCache }: Services,
  project: Project,
  presented: PresentedRefresh,
): Principal | null {
  const cached = sessionCache.find(project.id, presented.sessionId)
  if (!cached || presented.generation > cached.seenGeneration) return null
  return isValid(presented, cached) ? toPrincipal(cached, presented) : null
}

/** Reads the principal of an access token and caches it. @throws AuthError unauthenticated */
export async function authenticateSession(ctx: Context, presented: PresentedRefresh): Promise<Principal> {
  const { sessionId } = presented
  const found = await ctx.services.sessionCache.read(sessionId, async () => {
    const row = await rows.findSession(ctx.store, sessionId)
    if (!row) return null
    const { seenGeneration } = await markUsed(ctx, presented, row)
    const { now, expiresAt, validGeneration, client, impersonator } = row.session
    const state = { now, expiresAt, seenGeneration, validGeneration, client, impersonator }
    return { projectId: ctx.project.id, user: row.user, ...state }
  })
  if (!found || !isValid(presented, found)) throw new AuthError('unauthenticated')
  return toPrincipal(found, presented)
}

/** As `authenticateSession`, and lists the user's live sessions in the same statement. @throws AuthError unauthenticated */
export async function authenticateAndList(
  ctx: Context,
  presented: PresentedRefresh,
): Promise<{ principal: Principal; list: readonly lists.SessionRow[] }> {
  const found = await lists.findSessionAndList(ctx.store, presented.sessionId)
  if (!found || !isValid(presented, found.session)) throw new AuthError('unauthenticated')
  const { user, session } = found
  const { isMarked } = await markUsed(ctx, presented, found)
  const list = isMarked ? await lists.listSessions(ctx.store, user.id) : found.list
  const { client, impersonator } = session
  return { principal: toPrincipal({ user, client, impersonator }, presented), list }
}

export function listSessions(ctx: ActorContext): Promise<lists.SessionRow[]> {
  return lists.listSessions(ctx.store, ctx.actor.user.id)
}

/** Marks a session as used at the first use of a generation, which voids the one before, and else if it was not marked lately. */
async function markUsed(ctx: Context, presented: PresentedRefresh, { session }: rows.SessionAndUser) {
  const { generation } = presented
  if (!isValid(presented, session)) return { isMarked: false, seenGeneration: session.seenGeneration }
  const isFirstUse = session.generation === generation && session.seenGeneration < generation
  const isMarked = isFirstUse || !session.seenLately
  if (isMarked) await rows.touchSession(ctx.store, session.id, generation)
  return { isMarked, seenGeneration: isFirstUse ? generation : session.seenGeneration }
}

/** Whether a token's generation is still accepted: no step-up or password change voided it. */
const isValid = (
  { generation }: Pick<PresentedRefresh, 'generation'>,
  { validGeneration }: { readonly validGeneration: number },
) => generation >= validGeneration

const toPrincipal = (
  { user, client, impersonator }: Pick<CachedSession, 'user' | 'client' | 'impersonator'>,
  { sessionId, generation }: PresentedRefresh,
): Principal => ({ user, client, impersonator, sessionId, generation })
