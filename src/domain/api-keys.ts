// API keys: what a user's programs sign their requests with. A key acts for its user within its scopes, and never beyond
// what a program should: no password, address, session, key or deletion is in reach of one.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import { mintApiKey, readApiKey } from '../crypto/api-key.ts'
import type { ApiKeyRow } from '../repositories/api-keys.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import type { Caller, KeyHolder, Principal } from './principal.ts'
import type { Project } from './projects.ts'
import { createRecall, type Memorable, type Notices } from './recall.ts'

/** The scopes that our own verbs ask for; every other one means what the application says. */
export type KeyScope = 'me:read' | 'profile:write' | 'sessions:read' | 'activity:read' | 'teams:read'

/** What a key may that was made without a word of scopes: whatever only reads. */
const defaultScopes: readonly string[] = ['read']

/** Keys shown at once; living ones are never more, ended ones wait for the sweeper. */
const shownKeys = 200

export interface ApiKeyWish {
  readonly name: string
  /** Absent: whatever only reads. */
  readonly scopes?: readonly string[]
  /** Null: until it is revoked. */
  readonly expiresAt: Date | null
}

/** Whether scopes grant `needed` (area:verb): by its name, or by the verb alone, which means every area. */
export function grants(scopes: readonly string[], needed: KeyScope): boolean {
  return scopes.includes(needed) || scopes.includes(needed.slice(needed.indexOf(':') + 1))
}

/**
 * Ends every key of a user in `tx`, where the account is given back to its owner or left: whoever made them may have been
 * somebody else. To be called after the statement that changed the user.
 */
export async function revokeApiKeys(
  tx: Repositories,
  project: Project,
  userId: number,
  caller: Caller,
): Promise<void> {
  if ((await tx.apiKeys.revokeAll(project.id, userId)) > 0)
    await record(tx, project, { userId, event: 'api_keys_revoked', caller })
}

/** A key as it was recognised a moment ago. */
interface KnownKey extends Memorable {
  readonly keyHash: Buffer
  readonly holder: KeyHolder
}

/** Keys remembered, if all of them weigh little: 2 kB each. */
const remembered = 2500

/** Says by mail that there is a new key, where we send mail: whoever made it may have been somebody else. */
async function tellCreated(
  tx: Repositories,
  project: Project,
  userId: number,
  { device, addressPrefix }: Caller,
): Promise<void> {
  if (project.policy.verification.delivery !== 'email') return
  await tx.outbox.owe({
    id: randomUUID(),
    projectId: project.id,
    userId,
    kind: 'api_key_created',
    details: { device, ...(addressPrefix ? { addressPrefix } : {}) },
  })
}

export function createApiKeys({ store, notices }: { store: Store; notices: Notices }) {
  const known = createRecall<KnownKey>(notices, remembered)

  return {
    /**
     * Makes a key for the principal's user. `plain` is the key itself, which is told this once.
     * @throws AuthError api_key_limit_reached, expiry_not_ahead, unauthenticated (the session ended meanwhile)
     */
    async create(
      project: Project,
      { user, sessionId }: Principal,
      wish: ApiKeyWish,
      caller: Caller,
    ): Promise<{ key: ApiKeyRow; plain: string }> {
      const { plain, prefix, hash } = mintApiKey()
      const key = await store.transaction(project.id, async (tx) => {
        // Held until the end: two keys at once are counted one after the other, and a reset comes before or after.
        const owner = await tx.users.lock(project.id, user.id)
        if (owner?.epoch !== user.epoch || owner.disabledAt) throw new AuthError('unauthenticated')
        const living = await tx.apiKeys.countLiving(project.id, user.id)
        if (living >= project.policy.api_keys.max_per_user) throw new AuthError('api_key_limit_reached')
        const added = await tx.apiKeys.add({
          id: randomUUID(),
          projectId: project.id,
          userId: user.id,
          name: wish.name,
          keyPrefix: prefix,
          keyHash: hash,
          scopes: [...new Set(wish.scopes ?? defaultScopes)].join(' '),
          expiresAt: wish.expiresAt,
        })
        if (added.expiresAt && added.expiresAt <= added.createdAt) throw new AuthError('expiry_not_ahead')
        await record(tx, project, {
          userId: user.id,
          event: 'api_key_created',
          sessionId,
          apiKeyId: added.id,
          caller,
        })
        await tellCreated(tx, project, user.id, caller)
        return added
      })
      return { key, plain }
    },

    /** The keys of the principal's user, the living ones first. */
    list: (project: Project, { user }: Principal): Promise<ApiKeyRow[]> =>
      store.apiKeys.list(project.id, user.id, shownKeys),

    /** Ends a key for good; one that has ended already stays as it is. @throws AuthError api_key_unknown */
    async revoke(
      project: Project,
      { user, sessionId }: Principal,
      id: string,
      caller: Caller,
    ): Promise<void> {
      const known = await store.transaction(project.id, async (tx) => {
        // The user before their keys, as everywhere: whoever ends several of them waits here and not halfway.
        await tx.users.lock(project.id, user.id)
        const key = await tx.apiKeys.find(project.id, user.id, id)
        if (key && !key.revokedAt) {
          await tx.apiKeys.revoke(project.id, user.id, id)
          await record(tx, project, {
            userId: user.id,
            event: 'api_key_revoked',
            sessionId,
            apiKeyId: id,
            caller,
          })
        }
        return key !== null
      })
      if (!known) throw new AuthError('api_key_unknown')
    },

    /**
     * Who holds a key that is alive in this project; null for any other text. Junk costs no query; a key costs one, unless
     * it was read a moment ago.
     */
    async recognize(project: Project, text: string): Promise<KeyHolder | null> {
      const presented = readApiKey(text)
      if (!presented) return null
      const { prefix } = presented
      const isGood = ({ keyHash, user }: Pick<KnownKey, 'keyHash' | 'user'>) =>
        timingSafeEqual(keyHash, presented.hash) &&
        // As with sessions, which are not refreshed before the address is proven.
        (project.policy.verification.mode !== 'strict' || user.emailVerifiedAt !== null)
      const recalled = known.find(project.id, prefix)
      if (recalled) return isGood(recalled) ? recalled.holder : null
      const found = await known.reading(prefix, async () => {
        const row = await store.apiKeys.look(project.id, prefix)
        if (!row || !isGood({ keyHash: row.key.keyHash, user: row.user })) return null
        const { id, createdAt, expiresAt, keyHash, usedLately, now } = row.key
        if (!usedLately) await store.apiKeys.touch(project.id, id)
        const key = { id, scopes: scopesOf(row.key), createdAt, expiresAt }
        const holder: KeyHolder = { user: row.user, sessionId: null, key }
        return { projectId: project.id, user: row.user, now, expiresAt, keyHash, holder }
      })
      return found?.holder ?? null
    },

    stats: known.stats,
  }
}

export type ApiKeys = ReturnType<typeof createApiKeys>

/** The scopes of a row, one by one. */
export function scopesOf({ scopes }: Pick<ApiKeyRow, 'scopes'>): string[] {
  return scopes === '' ? [] : scopes.split(' ')
}
