// The profile: names, locale, metadata and picture of a user, changed by patches.
import { isObject } from '../../formats.ts'
import {
  lockUser,
  type ProfileChange,
  updateProfile as saveProfile,
  type UserRow,
} from '../../repositories/accounts/users.ts'
import { record } from '../audit/audit.ts'
import { type ActorContext, inTransaction } from '../context.ts'
import { AuthError } from '../errors.ts'
import { checkPicture, deletePicture, type OfferedPicture, savePicture } from './avatars.ts'

/** Maximum size of an account's metadata as JSON, in bytes, as at sign-up. */
const maxMetadataBytes = 16_384

export interface ProfilePatch extends Omit<ProfileChange, 'metadata'> {
  /** A merge patch (RFC 7396). */
  readonly metadata?: Record<string, unknown>
  /** Null removes it. */
  readonly picture?: OfferedPicture | null
}

/** Applies a merge patch (RFC 7396 §2). The result is no deeper than its inputs, and no key reaches a prototype. */
export function mergePatch(target: unknown, patch: Record<string, unknown>): Record<string, unknown> {
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, isObject(value) ? mergePatch(merged.get(key), value) : value)
  }
  return Object.fromEntries(merged)
}

/** @throws AuthError metadata_too_large */
export function mustFitMetadata(metadata: Record<string, unknown>): void {
  if (Buffer.byteLength(JSON.stringify(metadata)) > maxMetadataBytes)
    throw new AuthError('metadata_too_large')
}

/**
 * Applies a patch in one transaction. Concurrent patches are applied one after the other.
 * @throws AuthError metadata_too_large, picture_too_large, picture_invalid, unauthenticated
 */
export async function updateProfile(
  ctx: ActorContext,
  { metadata: patch, picture: offered, ...change }: ProfilePatch,
): Promise<UserRow> {
  const { id } = ctx.actor.user
  const picture = offered && (await checkPicture(offered))
  return inTransaction(ctx, async (tx) => {
    const before = await lockUser(tx.store, id)
    if (!before) throw new AuthError('unauthenticated')
    const metadata = patch && mergePatch(before.metadata, patch)
    if (metadata) mustFitMetadata(metadata)
    let pictured: UserRow | undefined
    if (picture) pictured = await savePicture(tx, picture)
    else if (picture === null) pictured = await deletePicture(tx)
    if (pictured && !patch && Object.keys(change).length === 0) return pictured
    const changed = await saveProfile(tx.store, id, { ...change, ...(metadata ? { metadata } : {}) })
    await record(tx, 'profile_updated', { userId: id })
    return changed
  })
}
