// Rows of `avatars`: at most one for each user. Each picture has a new id.
import { eq } from 'drizzle-orm'
import { avatars } from '../../../drizzle/tables/avatars.ts'
import { now, ofUser } from '../conditions.ts'
import { type Database, first, hasRows, type UnscopedDatabase } from '../database.ts'

export type AvatarRow = typeof avatars.$inferSelect

/** Inserts or replaces the picture of a user. */
export async function replaceAvatar(
  db: Database,
  avatar: Omit<AvatarRow, 'projectId' | 'createdAt'>,
): Promise<void> {
  const { id, mediaType, content } = avatar
  await db.queries
    .insert(avatars)
    .values({ ...avatar, projectId: db.projectId })
    .onConflictDoUpdate({
      target: [avatars.projectId, avatars.userId],
      set: { id, mediaType, content, createdAt: now },
    })
}

export async function deleteAvatar(db: Database, userId: number): Promise<void> {
  await db.queries.delete(avatars).where(ofUser(avatars, db, userId))
}

export function findAvatarOfUser(db: Database, userId: number): Promise<AvatarRow | null> {
  return first(
    db.queries
      .select()
      .from(avatars)
      .where(ofUser(avatars, db, userId)),
  )
}

/** Finds a picture by its id, in any project: pictures are public to those who know their URL. */
export function findAvatar(db: UnscopedDatabase, id: string): Promise<AvatarRow | null> {
  return first(db.queries.select().from(avatars).where(eq(avatars.id, id)))
}

/** Whether a picture exists, without reading its content. */
export function avatarExists(db: UnscopedDatabase, id: string): Promise<boolean> {
  return hasRows(db.queries.select({ id: avatars.id }).from(avatars).where(eq(avatars.id, id)))
}
