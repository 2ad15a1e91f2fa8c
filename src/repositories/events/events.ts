// Rows of `events`: they get positions in the order of their commits, and are read by position.
import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import { eventFeeds, events } from '../../../drizzle/tables/events.ts'
import { projects } from '../../../drizzle/tables/projects.ts'
import { own, parameters, pick } from '../conditions.ts'
import { type Database, first, hasRows, prepared, type UnscopedDatabase } from '../database.ts'

/** An event with its position. */
export interface EventRow {
  readonly position: number
  readonly at: Date
  /** As the API shows it, such as `user.created`. */
  readonly type: string
  /** UUID of the account or team that it concerns. */
  readonly subject: string
  /** As the API shows it. */
  readonly data: Record<string, unknown>
}

/** Events that get their positions in one transaction. */
const batch = 1000

const shown = {
  position: sql<number>`${events.position}`.mapWith(Number),
  ...pick(events, 'at', 'type', 'subject', 'data'),
}

const unordered = prepared((query) =>
  query
    .select({ id: events.id })
    .from(events)
    .where(and(own(events, parameters), isNull(events.position)))
    .limit(1)
    .prepare('events_unordered'),
)

/** Whether a project has committed events without a position. */
export const hasUnordered = (db: Database): Promise<boolean> => hasRows(unordered(db))

/** Lists projects with events without a position. Events of deleted projects never get one. */
export async function listUnorderedProjects({ queries }: UnscopedDatabase, limit: number): Promise<string[]> {
  const { projectId } = events
  const rows = await queries
    .selectDistinct({ projectId })
    .from(events)
    .innerJoin(projects, eq(projects.id, projectId))
    .where(isNull(events.position))
    .limit(limit)
  return rows.map((row) => row.projectId)
}

/**
 * Assigns positions to committed events of a project, in the order of their ids, under the lock of its feed. To be called in a
 * transaction: the statement that reads the events must start after the lock is acquired.
 * @returns how many, and whether these were all
 */
export async function orderEvents(
  { queries }: UnscopedDatabase,
  projectId: string,
): Promise<{ ordered: number; isAll: boolean }> {
  const ofProject = eq(eventFeeds.projectId, projectId)
  await queries.insert(eventFeeds).values({ projectId }).onConflictDoNothing()
  const feed = await first(
    queries.select({ head: eventFeeds.head }).from(eventFeeds).where(ofProject).for('update'),
  )
  if (!feed) return { ordered: 0, isAll: true }
  const rows = await queries.execute(sql`with pending as (
      select id, row_number() over (order by id) as nth from (
        select id from ${events} where ${events.projectId} = ${projectId}::uuid and ${events.position} is null
        order by id limit ${batch}) as oldest)
    update ${events} set position = ${feed.head}::bigint + pending.nth from pending
    where ${events.projectId} = ${projectId}::uuid and ${events.id} = pending.id returning 1`)
  const ordered = rows.length
  if (ordered > 0)
    await queries
      .update(eventFeeds)
      .set({ head: feed.head + ordered })
      .where(ofProject)
  return { ordered, isAll: ordered < batch }
}

/** Finds the newest position of a project; 0: it has none. */
export async function findHead({ queries }: UnscopedDatabase, projectId: string): Promise<number> {
  const rows = queries
    .select({ head: eventFeeds.head })
    .from(eventFeeds)
    .where(eq(eventFeeds.projectId, projectId))
  return (await first(rows))?.head ?? 0
}

/** Lists up to `limit` events of a project after a position, in order. */
export async function listEvents(
  { queries }: UnscopedDatabase,
  projectId: string,
  after: number,
  limit: number,
): Promise<EventRow[]> {
  return queries
    .select(shown)
    .from(events)
    .where(and(eq(events.projectId, projectId), gt(events.position, after)))
    .orderBy(asc(events.position))
    .limit(limit)
}

/** Finds the event at a position; null: retention has removed it. */
export function findEvent(
  { queries }: UnscopedDatabase,
  projectId: string,
  position: number,
): Promise<EventRow | null> {
  const here = and(eq(events.projectId, projectId), eq(events.position, position))
  return first(queries.select(shown).from(events).where(here))
}

/** Counts committed events of all projects without a position. */
export async function countUnordered({ queries }: UnscopedDatabase): Promise<number> {
  return queries.$count(events, isNull(events.position))
}
