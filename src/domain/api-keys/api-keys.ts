// API keys, with which a user's programs authenticate. A key acts for its user within its scopes. It never has access to the
// password, the address, sessions, other keys or the deletion of the account.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import { mintApiKey, readApiKey } from '../../crypto/api-key.ts'
import { isUuid } from '../../formats.ts'
import { lockUser } from '../../repositories/accounts/users.ts'
import * as rows from '../../repositories/api-keys/api-keys.ts'
import { type KeyHolder, shownCaller } from '../actor.ts'
import { record } from '../audit/audit.ts'
import { type Context, inTransaction, type SignedInContext } from '../context.ts'
import { reauthenticate } from '../credentials/reauthentication.ts'
import { AuthError } from '../errors.ts'
import { notify } from '../mail/notify.ts'
import { demandsVerification } from '../projects/projects.ts'
import type { CacheEntry } from '../sessions/session-cache.ts'

type ApiKeyRow = rows.ApiKeyRow

/** The scopes that our own routes require. The application defines the meaning of all others. */
export type KeyScope = 'me:read' | 'profile:write' | 'sessions:read' | 'activity:read' | 'teams:read'

const defaultScopes: readonly string[] = ['read']

/** Keys in a list at most. No user has more active ones; the cleanup job deletes ended ones after a month. */
export const maxListedKeys = 200

export interface ApiKeyWish {
  readonly name: string
  readonly scopes?: readonly string[]
  /** Null: the key does not expire. */
  readonly expiresAt: Date | null
}

export interface CachedApiKey extends CacheEntry {
  /** SHA-256 of the key. */
  readonly keyHash: Buffer
  readonly holder: KeyHolder
}

/** Whether scopes include `needed`, either itself (`me:read`) or its verb for all areas (`read`). */
export function hasScope(scopes: readonly string[], needed: KeyScope): boolean {
  return scopes.includes(needed) || scopes.includes(needed.slice(needed.indexOf(':') + 1))
}

export function scopesOf({ scopes }: Pick<ApiKeyRow, 'scopes'>): string[] {
  return scopes === '' ? [] : scopes.split(' ')
}

/**
 * Creates a key; `plain` is shown once. A user with a second factor must have authenticated recently.
 * @throws AuthError api_key_limit_reached, expiry_not_ahead, unauthenticated, step_up_required
 */
export async function createApiKey(
  ctx: SignedInContext,
  wish: ApiKeyWish,
): Promise<{ key: ApiKeyRow; plain: string }> {
  const { user } = ctx.actor
  if (user.secondFactors !== '') await reauthenticate(ctx)
  const { plain, prefix, hash } = mintApiKey()
  return inTransaction(ctx, async (tx) => {
    // Locked, so that concurrent requests do not exceed the limit, and a concurrent password reset revokes this key or refuses it.
    const owner = await lockUser(tx.store, user.id)
    if (owner?.epoch !== user.epoch || owner.disabledAt) throw new AuthError('unauthenticated')
    const active = await rows.countActiveApiKeys(tx.store, user.id)
    if (active >= tx.project.policy.api_keys.max_per_user) throw new AuthError('api_key_limit_reached')
    const key = await rows.insertApiKey(tx.store, {
      id: randomUUID(),
      userId: user.id,
      name: wish.name,
      keyPrefix: prefix,
      keyHash: hash,
      scopes: [...new Set(wish.scopes ?? defaultScopes)].join(' '),
      expiresAt: wish.expiresAt,
    })
    if (key.expiresAt && key.expiresAt <= key.createdAt) throw new AuthError('expiry_not_ahead')
    await record(tx, 'api_key_created', { userId: user.id, apiKeyId: key.id })
    // The owner of the account is notified, because the session may be stolen.
    await notify(tx, 'api_key_created', { user: owner, details: shownCaller(ctx.caller) })
    return { key, plain }
  })
}

/** Lists the keys of the user, active ones first, then the newest. */
export function listApiKeys(ctx: SignedInContext): Promise<ApiKeyRow[]> {
  return rows.listApiKeys(ctx.store, ctx.actor.user.id, maxListedKeys)
}

/** Revokes a key of the user. @throws AuthError api_key_unknown */
export function revokeApiKey(ctx: SignedInContext, id: string): Promise<void> {
  return revokeKeyOf(ctx, ctx.actor.user.id, id)
}

/** Revokes a key of an account; a key that was revoked before stays as it is. @throws AuthError api_key_unknown */
export async function revokeKeyOf(ctx: Context, userId: number, id: string): Promise<void> {
  const isKnown = await inTransaction(ctx, async (tx) => {
    // Every transaction locks the user before their keys, so that one that revokes several keys waits here, not halfway.
    await lockUser(tx.store, userId)
    const key = isUuid(id) ? await rows.findApiKey(tx.store, userId, id) : null
    if (key && !key.revokedAt) {
      await rows.markApiKeyRevoked(tx.store, userId, id)
      await record(tx, 'api_key_revoked', { userId, apiKeyId: key.id })
    }
    return key !== null
  })
  if (!isKnown) throw new AuthError('api_key_unknown')
}

/** Finds the holder of an active key, without a query if the key is malformed or cached. @returns null: the key is not active */
export async function authenticateApiKey(ctx: Context, text: string): Promise<KeyHolder | null> {
  const { project, store, services } = ctx
  const presented = readApiKey(text)
  if (!presented) return null
  const { prefix } = presented
  const isGood = ({ keyHash, user }: Pick<CachedApiKey, 'keyHash' | 'user'>) =>
    // Sessions are likewise refused until the address is proven.
    timingSafeEqual(keyHash, presented.hash) && !demandsVerification(project, user)
  const cached = services.apiKeyCache.find(project.id, prefix)
  if (cached) return isGood(cached) ? cached.holder : null
  const found = await services.apiKeyCache.read(prefix, async () => {
    const row = await rows.findActiveApiKey(store, prefix)
    if (!row || !isGood({ keyHash: row.key.keyHash, user: row.user })) return null
    const { id, createdAt, expiresAt, keyHash, usedLately, now } = row.key
    if (!usedLately) await rows.markApiKeyUsed(store, id)
    const key = { id, scopes: scopesOf(row.key), createdAt, expiresAt }
    const holder: KeyHolder = { user: row.user, sessionId: null, key }
    return { projectId: project.id, user: row.user, now, expiresAt, keyHash, holder }
  })
  return found?.holder ?? null
}
