// The hash chain of `security_log`: rows are sealed in batches, read in order, and deleted from the oldest on.
import { and, asc, eq, gt, isNotNull, isNull, lte, sql } from 'drizzle-orm'
import { securityLogChains as chains, securityLog as table } from '../../../drizzle/tables/security-log.ts'
import { pick } from '../conditions.ts'
import { first, rowCount, type UnscopedDatabase } from '../database.ts'

export type ChainRow = typeof chains.$inferSelect

const ofProject = (projectId: string) => eq(table.projectId, projectId)

/** The columns that a hash covers; `details` as text, which PostgreSQL always prints in the same way. */
const sealedColumns = {
  ...pick(table, 'id', 'position', 'hash', 'at', 'event', 'outcome', 'actor', 'account'),
  ...pick(table, 'addressHash', 'addressPrefix', 'userAgent', 'sessionId'),
  details: sql<string>`${table.details}::text`,
}

export type SealableRow = Awaited<ReturnType<typeof listUnsealed>>[number]

/** Lists projects with rows that are not sealed. */
export async function listUnsealedProjects({ queries }: UnscopedDatabase, limit: number): Promise<string[]> {
  const { projectId } = table
  const rows = await queries
    .selectDistinct({ projectId })
    .from(table)
    .where(isNull(table.position))
    .limit(limit)
  return rows.map((row) => row.projectId)
}

/** Inserts the chain of a project, unless it has one. */
export async function insertChain({ queries }: UnscopedDatabase, chain: ChainRow): Promise<void> {
  await queries.insert(chains).values(chain).onConflictDoNothing()
}

/** Locks the chain of a project. @returns null: there is none, or another job has locked it */
export function lockChain({ queries }: UnscopedDatabase, projectId: string): Promise<ChainRow | null> {
  const rows = queries.select().from(chains).where(eq(chains.projectId, projectId))
  return first(rows.for('update', { skipLocked: true }))
}

export function findChain({ queries }: UnscopedDatabase, projectId: string): Promise<ChainRow | null> {
  return first(queries.select().from(chains).where(eq(chains.projectId, projectId)))
}

export function listChains({ queries }: UnscopedDatabase): Promise<ChainRow[]> {
  return queries.select().from(chains).orderBy(asc(chains.projectId))
}

export async function updateChain(
  { queries }: UnscopedDatabase,
  projectId: string,
  change: Partial<Omit<ChainRow, 'projectId'>>,
): Promise<void> {
  await queries.update(chains).set(change).where(eq(chains.projectId, projectId))
}

/** Lists rows of a project that are not sealed, the oldest first. */
export async function listUnsealed({ queries }: UnscopedDatabase, projectId: string, limit: number) {
  return queries
    .select(sealedColumns)
    .from(table)
    .where(and(ofProject(projectId), isNull(table.position)))
    .orderBy(asc(table.id))
    .limit(limit)
}

/** Sets the position and hash of rows. In a transaction that has locked their chain. */
export async function sealRows(
  { queries }: UnscopedDatabase,
  projectId: string,
  rows: readonly { readonly id: number; readonly position: number; readonly hash: Buffer }[],
): Promise<void> {
  const given = JSON.stringify(rows.map(({ id, position, hash }) => [id, position, hash.toString('hex')]))
  await queries.execute(sql`update ${table} set position = (given.seal->>1)::bigint,
      hash = decode(given.seal->>2, 'hex')
    from jsonb_array_elements(${given}::text::jsonb) as given(seal)
    where ${ofProject(projectId)} and ${table.id} = (given.seal->>0)::bigint and ${table.position} is null`)
}

/** Lists sealed rows after a position, in order. */
export async function listSealed(
  { queries }: UnscopedDatabase,
  projectId: string,
  after: number,
  limit: number,
): Promise<SealableRow[]> {
  return queries
    .select(sealedColumns)
    .from(table)
    .where(and(ofProject(projectId), gt(table.position, after)))
    .orderBy(asc(table.position))
    .limit(limit)
}

/** Counts the rows of a project that are not sealed, and sealed rows up to a position, which retention should have deleted. */
export async function countOutsideChain(
  { queries }: UnscopedDatabase,
  projectId: string,
  anchor: number,
): Promise<{ unsealed: number; beforeAnchor: number }> {
  const isUnsealed = and(ofProject(projectId), isNull(table.position))
  const isOld = and(ofProject(projectId), isNotNull(table.position), lte(table.position, anchor))
  return {
    unsealed: await queries.$count(table, isUnsealed),
    beforeAnchor: await queries.$count(table, isOld),
  }
}

/** Lists projects with rows or a chain. */
export async function listLoggedProjects({ queries }: UnscopedDatabase): Promise<string[]> {
  const logged = queries.select({ projectId: table.projectId }).from(table)
  const chained = queries.select({ projectId: chains.projectId }).from(chains)
  return (await logged.union(chained)).map(({ projectId }) => projectId)
}

/** Finds the end of the rows after the anchor, at most `limit`, that are all older than `days`; null: there are none. */
export async function findExpiredPosition(
  { queries }: UnscopedDatabase,
  { projectId, anchorPosition }: Pick<ChainRow, 'projectId' | 'anchorPosition'>,
  days: number,
  limit: number,
): Promise<{ position: number; hash: Buffer } | null> {
  const oldest = queries.$with('oldest').as(
    queries
      .select({ position: table.position, hash: table.hash, at: table.at })
      .from(table)
      .where(and(ofProject(projectId), gt(table.position, anchorPosition)))
      .orderBy(asc(table.position))
      .limit(limit),
  )
  const isKept = sql`${oldest.at} >= now() - make_interval(days => ${days}::int)`
  const firstKept = sql`(select min(position) from oldest where at >= now() - make_interval(days => ${days}::int))`
  const row = await first(
    queries
      .with(oldest)
      .select({ position: oldest.position, hash: oldest.hash })
      .from(oldest)
      .where(sql`not (${isKept}) and ${oldest.position} < coalesce(${firstKept}, 9223372036854775807)`)
      .orderBy(sql`${oldest.position} desc`)
      .limit(1),
  )
  return row?.position && row.hash ? { position: row.position, hash: row.hash } : null
}

/** Deletes the sealed rows of a project up to a position. @returns how many */
export function deleteSealed(
  { queries }: UnscopedDatabase,
  projectId: string,
  upTo: number,
): Promise<number> {
  const which = and(ofProject(projectId), isNotNull(table.position), lte(table.position, upTo))
  return rowCount(queries.delete(table).where(which).returning({ id: table.id }))
}
