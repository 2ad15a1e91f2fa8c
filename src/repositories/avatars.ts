// Rows of `avatars`: at most one for each user, under a new id for each picture.
import { and, eq, sql } from 'drizzle-orm'
import { avatars } from '../../drizzle/tables/avatars.ts'
import { type Database, first, type Queries } from './database.ts'

export type AvatarRow = typeof avatars.$inferSelect
export type NewAvatar = Omit<typeof avatars.$inferInsert, 'createdAt'>

export function avatarsRepository(db: Database) {
  const ofUser = (projectId: string, userId: number) =>
    and(eq(avatars.projectId, projectId), eq(avatars.userId, userId))
  return {
    /** Puts the user's picture in place of the one before. */
    async put(avatar: NewAvatar): Promise<void> {
      const { id, mediaType, content } = avatar
      await db
        .of(avatar.projectId)
        .insert(avatars)
        .values(avatar)
        .onConflictDoUpdate({
          target: [avatars.projectId, avatars.userId],
          set: { id, mediaType, content, createdAt: sql`now()` },
        })
    },

    async remove(projectId: string, userId: number): Promise<void> {
      await db.of(projectId).delete(avatars).where(ofUser(projectId, userId))
    },

    async findOfUser(projectId: string, userId: number): Promise<AvatarRow | null> {
      return first(await db.of(projectId).select().from(avatars).where(ofUser(projectId, userId)))
    },
  }
}

/** Pictures as the public sees them: whoever knows the id of one needs to know no project. */
export function sharedAvatarsRepository(db: Queries) {
  return {
    async find(id: string): Promise<AvatarRow | null> {
      return first(await db.select().from(avatars).where(eq(avatars.id, id)))
    },

    /** Whether there is such a picture, without its bytes. */
    async exists(id: string): Promise<boolean> {
      const rows = await db.select({ id: avatars.id }).from(avatars).where(eq(avatars.id, id))
      return rows.length > 0
    },
  }
}
