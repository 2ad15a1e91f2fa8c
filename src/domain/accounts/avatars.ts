// Avatars: one picture for each account, checked before it is stored, in a table of its own.
import { randomUUID } from 'node:crypto'
import {
  type AvatarRow,
  avatarExists as avatarRowExists,
  deleteAvatar,
  findAvatar as findAvatarRow,
  replaceAvatar,
} from '../../repositories/accounts/avatars.ts'
import { lockUser, setUserAvatar, type UserRow } from '../../repositories/accounts/users.ts'
import { record } from '../audit/audit.ts'
import { type ActorContext, inTransaction, type Services } from '../context.ts'
import { AuthError } from '../errors.ts'
import type { PictureType } from './picture-parts.ts'
import { cleanPicture, isPictureType } from './pictures.ts'

/** Maximum length of a picture as a data URI, in characters; that is about 375 000 bytes. */
export const maxDataUriLength = 500_000

export interface OfferedPicture {
  readonly mediaType: string
  readonly content: Buffer
}

export interface Picture extends OfferedPicture {
  readonly mediaType: PictureType
}

/** The picture as a data URI (RFC 2397). */
export function toDataUri({ mediaType, content }: OfferedPicture): string {
  return `data:${mediaType};base64,${content.toString('base64')}`
}

const dataUriLengthOf = (mediaType: string, bytes: number) =>
  `data:${mediaType};base64,`.length + Math.ceil(bytes / 3) * 4

/** Normalizes the media type of a picture and removes its metadata. @throws AuthError picture_too_large, picture_invalid */
export async function checkPicture({ mediaType: said, content }: OfferedPicture): Promise<Picture> {
  // Compared without regard to case (RFC 9110 §8.3.1); some programs call a JPEG "image/jpg".
  const mediaType = said.toLowerCase().replace(/^image\/jpg$/, 'image/jpeg')
  if (dataUriLengthOf(mediaType, content.length) > maxDataUriLength) throw new AuthError('picture_too_large')
  if (!isPictureType(mediaType)) throw new AuthError('picture_invalid')
  const clean = await cleanPicture(mediaType, content)
  if (!clean) throw new AuthError('picture_invalid')
  // The given picture may have been compressed better than ours.
  if (dataUriLengthOf(mediaType, clean.length) > maxDataUriLength) throw new AuthError('picture_too_large')
  return { mediaType, content: clean }
}

/** Stores a checked picture in the caller's transaction. @throws AuthError unauthenticated */
export async function savePicture(tx: ActorContext, { mediaType, content }: Picture): Promise<UserRow> {
  const userId = tx.actor.user.id
  const id = randomUUID()
  // The user's row first: its lock orders concurrent uploads and deletions.
  const user = await setUserAvatar(tx.store, userId, id)
  if (!user) throw new AuthError('unauthenticated')
  await replaceAvatar(tx.store, { id, userId, mediaType, content })
  await record(tx, 'avatar_updated', { userId })
  return user
}

/** Deletes the picture in the caller's transaction. @throws AuthError unauthenticated */
export async function deletePicture(tx: ActorContext): Promise<UserRow> {
  const { id } = tx.actor.user
  const before = await lockUser(tx.store, id)
  const user = before?.avatarId ? await setUserAvatar(tx.store, id, null) : before
  if (!user) throw new AuthError('unauthenticated')
  if (user === before) return user
  await deleteAvatar(tx.store, id)
  await record(tx, 'avatar_removed', { userId: id })
  return user
}

/** Stores the picture under a new id. @throws AuthError picture_too_large, picture_invalid, unauthenticated */
export async function putAvatar(ctx: ActorContext, offered: OfferedPicture): Promise<UserRow> {
  const picture = await checkPicture(offered)
  return inTransaction(ctx, (tx) => savePicture(tx, picture))
}

/** @throws AuthError unauthenticated */
export async function removeAvatar(ctx: ActorContext): Promise<void> {
  await inTransaction(ctx, deletePicture)
}

/** Finds a picture by its id, which is enough to see it. */
export function findAvatar({ stores }: Services, id: string): Promise<AvatarRow | null> {
  return findAvatarRow(stores.unscoped, id)
}

export function avatarExists({ stores }: Services, id: string): Promise<boolean> {
  return avatarRowExists(stores.unscoped, id)
}
