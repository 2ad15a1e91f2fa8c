// Rows of `projects`.
import { and, asc, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { projects } from '../../../drizzle/tables/projects.ts'
import { now, parameter } from '../conditions.ts'
import { first, hasRows, prepared, type UnscopedDatabase } from '../database.ts'

export type ProjectRow = typeof projects.$inferSelect

const findById = prepared((query) =>
  query
    .select()
    .from(projects)
    .where(eq(projects.id, parameter('id')))
    .prepare('project_by_id'),
)

export function findProject(db: UnscopedDatabase, id: string): Promise<ProjectRow | null> {
  return first(findById(db, { id }))
}

export function findDefaultProject(db: UnscopedDatabase): Promise<ProjectRow | null> {
  return first(db.queries.select().from(projects).where(eq(projects.isDefault, true)))
}

/** Lists all projects, the oldest first. */
export async function listProjects(db: UnscopedDatabase): Promise<ProjectRow[]> {
  return db.queries.select().from(projects).orderBy(asc(projects.createdAt), asc(projects.id))
}

/** Inserts a project. @returns null: it exists, or there is a default project already, which a concurrent first start inserted */
export function insertProject(
  db: UnscopedDatabase,
  row: typeof projects.$inferInsert,
): Promise<ProjectRow | null> {
  return first(db.queries.insert(projects).values(row).onConflictDoNothing().returning())
}

/** Reads a project and locks it until the transaction ends. */
export function lockProject(db: UnscopedDatabase, id: string): Promise<ProjectRow | null> {
  return first(db.queries.select().from(projects).where(eq(projects.id, id)).for('update'))
}

export type ProjectChange =
  | { readonly policy: unknown }
  | { readonly secretHash: Buffer }
  | { readonly name: string }

/** Updates a project. @returns null: there is no such project */
export function updateProject(
  db: UnscopedDatabase,
  id: string,
  change: ProjectChange,
): Promise<ProjectRow | null> {
  const row = { ...change, updatedAt: now }
  return first(db.queries.update(projects).set(row).where(eq(projects.id, id)).returning())
}

/**
 * Lists the related origins of all projects with a relying party id.
 * @param rpId the id, which projects without `passkeys.rp_id` have as well
 */
export async function listRelatedOrigins(db: UnscopedDatabase, rpId: string): Promise<string[]> {
  const rows = await db.queries.execute<{ origin: string }>(
    sql`select distinct origin from ${projects},
        jsonb_array_elements_text(${projects.policy} -> 'passkeys' -> 'related_origins') as origin
      where coalesce(${projects.policy} -> 'passkeys' ->> 'rp_id', ${rpId}) = ${rpId} order by origin`,
  )
  return rows.map(({ origin }) => origin)
}

/** Whether any project lists this origin: a CORS preflight names no project. */
export function anyProjectAllowsOrigin(db: UnscopedDatabase, origin: string): Promise<boolean> {
  const allows = sql`${projects.policy} -> 'origins' @> ${JSON.stringify([origin])}::jsonb`
  return hasRows(db.queries.select({ id: projects.id }).from(projects).where(allows).limit(1))
}

/** Archives or reopens a project. @returns null: there is no such project, or it is in that state already */
export function setProjectArchived(
  db: UnscopedDatabase,
  id: string,
  archived: boolean,
): Promise<ProjectRow | null> {
  const isOther = archived ? isNull(projects.archivedAt) : isNotNull(projects.archivedAt)
  const row = { archivedAt: archived ? now : null, updatedAt: now }
  return first(
    db.queries
      .update(projects)
      .set(row)
      .where(and(eq(projects.id, id), isOther))
      .returning(),
  )
}
