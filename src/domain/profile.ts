// The profile: what an account's owner says about themselves, changed piece by piece.
import type { Repositories, Store } from '../repositories/store.ts'
import type { ProfileChange, UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { acceptable, type OfferedPicture, type Picture, putPicture, removePicture } from './avatars.ts'
import { AuthError } from './errors.ts'
import type { Actor, Caller } from './principal.ts'
import type { Project } from './projects.ts'

/** Bytes of JSON that an account's metadata may be, here as at sign-up. */
const maxMetadataBytes = 16_384

export interface ProfilePatch extends Omit<ProfileChange, 'metadata'> {
  /** A merge patch (RFC 7396). */
  readonly metadata?: Record<string, unknown>
  /** Null: none any more. */
  readonly picture?: OfferedPicture | null
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Applies a merge patch (RFC 7396 §2). Never deeper than the deeper of the two; no key reaches a prototype. */
export function mergePatch(target: unknown, patch: Record<string, unknown>): Record<string, unknown> {
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, isObject(value) ? mergePatch(merged.get(key), value) : value)
  }
  return Object.fromEntries(merged)
}

/** Changes the picture where the patch names one; undefined: it does not. */
async function withPicture(
  tx: Repositories,
  project: Project,
  actor: Actor,
  caller: Caller,
  picture: Picture | null | undefined,
): Promise<UserRow | undefined> {
  if (picture === undefined) return undefined
  return picture ? putPicture(tx, project, actor, caller, picture) : removePicture(tx, project, actor, caller)
}

export function createProfile(store: Store) {
  return {
    /**
     * Changes what the patch names and nothing else, all of it or none; patches that meet are applied one after the
     * other.
     * @throws AuthError metadata_too_large, picture_too_large, picture_invalid, unauthenticated (the account went)
     */
    async update(
      project: Project,
      actor: Actor,
      caller: Caller,
      { metadata: patch, picture: offered, ...change }: ProfilePatch,
    ): Promise<UserRow> {
      const { sessionId, user, key } = actor
      const picture = offered && acceptable(offered)
      return store.transaction(project.id, async (tx) => {
        const before = await tx.users.lock(project.id, user.id)
        if (!before) throw new AuthError('unauthenticated')
        const metadata = patch && mergePatch(before.metadata, patch)
        if (metadata && Buffer.byteLength(JSON.stringify(metadata)) > maxMetadataBytes)
          throw new AuthError('metadata_too_large')
        const pictured = await withPicture(tx, project, actor, caller, picture)
        if (pictured && !patch && Object.keys(change).length === 0) return pictured
        const changed = await tx.users.updateProfile(project.id, user.id, {
          ...change,
          ...(metadata ? { metadata } : {}),
        })
        await record(tx, project, {
          userId: user.id,
          event: 'profile_updated',
          sessionId,
          apiKeyId: key?.id,
          caller,
        })
        return changed
      })
    },
  }
}

export type Profile = ReturnType<typeof createProfile>
