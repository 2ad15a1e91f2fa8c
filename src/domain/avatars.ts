// Avatars: one picture for each account, checked before it is kept, never travelling with the user.
import { randomUUID } from 'node:crypto'
import type { AvatarRow } from '../repositories/avatars.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import { record } from './audit.ts'
import { AuthError } from './errors.ts'
import { isPicture, isPictureType, type PictureType } from './pictures.ts'
import type { Actor, Caller } from './principal.ts'
import type { Project } from './projects.ts'

/** Characters of the longest picture, written as a data URI; as bytes that is about 375 000. */
export const maxDataUriLength = 500_000

/** A picture as it was handed in: bytes, and what they are said to be. */
export interface OfferedPicture {
  readonly mediaType: string
  readonly content: Buffer
}

/** A picture that is what it says, and no larger than it may be. */
export interface Picture extends OfferedPicture {
  readonly mediaType: PictureType
}

/** The picture as a data URI (RFC 2397). */
export function toDataUri({ mediaType, content }: OfferedPicture): string {
  return `data:${mediaType};base64,${content.toString('base64')}`
}

/** How long the data URI is, without writing it. */
function dataUriLength({ mediaType, content }: OfferedPicture): number {
  return `data:${mediaType};base64,`.length + Math.ceil(content.length / 3) * 4
}

/** Media types are compared without regard to case (RFC 9110 §8.3.1); "image/jpg" is what some programs call a JPEG. */
function spelled(mediaType: string): string {
  const lower = mediaType.toLowerCase()
  return lower === 'image/jpg' ? 'image/jpeg' : lower
}

/** The picture as it may be kept. @throws AuthError picture_too_large, picture_invalid */
export function acceptable({ mediaType: said, content }: OfferedPicture): Picture {
  const mediaType = spelled(said)
  if (dataUriLength({ mediaType, content }) > maxDataUriLength) throw new AuthError('picture_too_large')
  if (!isPictureType(mediaType) || !isPicture(mediaType, content)) throw new AuthError('picture_invalid')
  return { mediaType, content }
}

/** Keeps an acceptable picture in place of the one before, under a new id. @throws AuthError unauthenticated */
export async function putPicture(
  tx: Repositories,
  project: Project,
  { user: { id: userId }, sessionId, key }: Actor,
  caller: Caller,
  picture: Picture,
): Promise<UserRow> {
  const projectId = project.id
  const id = randomUUID()
  // The user's row first: it is the lock that keeps two pictures, or a picture and a deletion, apart.
  const user = await tx.users.setAvatar(projectId, userId, id)
  if (!user) throw new AuthError('unauthenticated')
  await tx.avatars.put({ id, projectId, userId, ...picture })
  await record(tx, project, { userId, event: 'avatar_updated', sessionId, apiKeyId: key?.id, caller })
  return user
}

/** Takes the picture away; an account without one stays as it is. @throws AuthError unauthenticated */
export async function removePicture(
  tx: Repositories,
  project: Project,
  { user: { id }, sessionId, key }: Actor,
  caller: Caller,
): Promise<UserRow> {
  const before = await tx.users.lock(project.id, id)
  const user = before?.avatarId ? await tx.users.setAvatar(project.id, id, null) : before
  if (!user) throw new AuthError('unauthenticated')
  if (user === before) return user
  await tx.avatars.remove(project.id, id)
  await record(tx, project, { userId: id, event: 'avatar_removed', sessionId, apiKeyId: key?.id, caller })
  return user
}

export function createAvatars(store: Store) {
  return {
    /**
     * Keeps the picture in place of the one before, under a new id.
     * @throws AuthError picture_too_large, picture_invalid, unauthenticated (the account went meanwhile)
     */
    async put(project: Project, actor: Actor, caller: Caller, offered: OfferedPicture): Promise<UserRow> {
      const picture = acceptable(offered)
      return store.transaction(project.id, (tx) => putPicture(tx, project, actor, caller, picture))
    },

    /** Takes the picture away; an account without one stays as it is. @throws AuthError unauthenticated */
    async remove(project: Project, actor: Actor, caller: Caller): Promise<void> {
      await store.transaction(project.id, (tx) => removePicture(tx, project, actor, caller))
    },

    /** The picture of an id, for anybody who has been told the id. */
    find: (id: string): Promise<AvatarRow | null> => store.everywhere.avatars.find(id),

    /** Whether there is a picture under this id. */
    exists: (id: string): Promise<boolean> => store.everywhere.avatars.exists(id),
  }
}

export type Avatars = ReturnType<typeof createAvatars>
