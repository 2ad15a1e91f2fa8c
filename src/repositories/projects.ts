// Rows of `projects`.
import { asc, eq, sql } from 'drizzle-orm'
import { projects } from '../../drizzle/tables/projects.ts'
import { first, once, type Queries } from './database.ts'

export type ProjectRow = typeof projects.$inferSelect

export function projectsRepository(db: Queries) {
  const byId = once(() =>
    db
      .select()
      .from(projects)
      .where(eq(projects.id, sql.placeholder('id')))
      .prepare('project_by_id'),
  )
  return {
    async find(id: string): Promise<ProjectRow | null> {
      return first(await byId().execute({ id }))
    },

    async findDefault(): Promise<ProjectRow | null> {
      return first(await db.select().from(projects).where(eq(projects.isDefault, true)))
    },

    async list(): Promise<ProjectRow[]> {
      return db.select().from(projects).orderBy(asc(projects.createdAt), asc(projects.id))
    },

    /** Adds a project; a second default is silently not added, so that several first starts make one. */
    async add(row: typeof projects.$inferInsert): Promise<ProjectRow | null> {
      return first(await db.insert(projects).values(row).onConflictDoNothing().returning())
    },

    async setPolicy(id: string, policy: unknown): Promise<ProjectRow | null> {
      return first(
        await db
          .update(projects)
          .set({ policy, updatedAt: sql`now()` })
          .where(eq(projects.id, id))
          .returning(),
      )
    },

    async setSecretHash(id: string, secretHash: Buffer): Promise<ProjectRow | null> {
      return first(
        await db
          .update(projects)
          .set({ secretHash, updatedAt: sql`now()` })
          .where(eq(projects.id, id))
          .returning(),
      )
    },

    /** Whether any project lists this origin: all that a CORS preflight, which names no project, can be asked. */
    async anyAllowsOrigin(origin: string): Promise<boolean> {
      const rows = await db
        .select({ one: sql`1` })
        .from(projects)
        .where(sql`${projects.policy} -> 'origins' @> ${JSON.stringify([origin])}::jsonb`)
        .limit(1)
      return rows.length > 0
    },
  }
}
