// Rows of `webhook_deliveries`: created for events, taken under a lease in the order of each subject, and marked with their outcome.
import { and, desc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { events } from '../../../drizzle/tables/events.ts'
import {
  type DeliveryState,
  webhookDeliveries as deliveries,
  webhooks,
} from '../../../drizzle/tables/webhooks.ts'
import { now, own, secondsFromNow } from '../conditions.ts'
import { type Database, first, one, rowCount, type UnscopedDatabase } from '../database.ts'
import type { WebhookRow } from './webhooks.ts'

export type { DeliveryState }
export type DeliveryRow = typeof deliveries.$inferSelect

/** Inserts a test delivery, which has no event. */
export function insertTestDelivery(
  db: Database,
  delivery: Pick<DeliveryRow, 'id' | 'webhookId' | 'type' | 'subject'>,
): Promise<DeliveryRow> {
  return one(
    db.queries
      .insert(deliveries)
      .values({ ...delivery, projectId: db.projectId })
      .returning(),
  )
}

/** The position of a delivery in the list, for paging. */
export type DeliveryKey = Pick<DeliveryRow, 'createdAt' | 'position' | 'id'>

/** The order of a list; deliveries that were created together are in the order of their events. */
const order = [deliveries.createdAt, sql`coalesce(${deliveries.position}, 0)`, deliveries.id] as const

/** Lists deliveries of a webhook, the newest first. @param before the last one of the previous page */
export function listDeliveries(
  db: Database,
  webhookId: string,
  state: DeliveryState | null,
  before: DeliveryKey | null,
  limit: number,
): Promise<DeliveryRow[]> {
  const older =
    before &&
    sql`(${sql.join([...order], sql`, `)}) <
      (${before.createdAt.toISOString()}::timestamptz, ${before.position ?? 0}::bigint, ${before.id}::uuid)`
  const ofState = state ? eq(deliveries.state, state) : undefined
  return db.queries
    .select()
    .from(deliveries)
    .where(and(ofWebhook(db, webhookId), ofState, older ?? undefined))
    .orderBy(...order.map((part) => desc(part)))
    .limit(limit)
}

const ofWebhook = (db: Database, webhookId: string) =>
  and(own(deliveries, db), eq(deliveries.webhookId, webhookId))
const dueAgain = { state: 'pending', attempts: 0, dueAt: now } as const

/** Makes a delivery due now, in any state. @returns null: the webhook has no delivery with this id */
export function retryDelivery(db: Database, webhookId: string, id: string): Promise<DeliveryRow | null> {
  const where = and(ofWebhook(db, webhookId), eq(deliveries.id, id))
  return first(db.queries.update(deliveries).set(dueAgain).where(where).returning())
}

/** Makes every dead delivery of a webhook due now. @returns how many */
export function retryDeadDeliveries(db: Database, webhookId: string): Promise<number> {
  const dead = and(ofWebhook(db, webhookId), eq(deliveries.state, 'dead'))
  return rowCount(db.queries.update(deliveries).set(dueAgain).where(dead).returning({ id: deliveries.id }))
}

/** Lists enabled webhooks of all projects that have no deliveries yet for events of their project. */
export async function listWebhooksBehind({ queries }: UnscopedDatabase, limit: number): Promise<string[]> {
  const rows = await queries.execute<{ id: string }>(sql`select w.id from ${webhooks} w
    join event_feeds f on f.project_id = w.project_id
    where w.position < f.head and w.disabled_at is null limit ${limit}`)
  return rows.map(({ id }) => id)
}

/** Events for which one statement creates deliveries. */
const batch = 1000

/**
 * Creates the deliveries of a webhook for a batch of events after its position. To be called in a transaction.
 * @returns whether there may be more events
 */
export async function createDeliveries({ queries }: UnscopedDatabase, webhookId: string): Promise<boolean> {
  const enabled = and(eq(webhooks.id, webhookId), isNull(webhooks.disabledAt))
  const hook = await first(
    queries.select().from(webhooks).where(enabled).for('no key update', { skipLocked: true }),
  )
  if (!hook) return false
  const { projectId, position, types } = hook
  // If the statement sees no events up to the feed's head, retention has removed them, and the position moves to the head.
  const [found] = await queries.execute<{ last: string; rows: number }>(sql`with fresh as (
      select ${events.position} as position, ${events.type} as type, ${events.subject} as subject from ${events}
      where ${events.projectId} = ${projectId}::uuid and ${events.position} > ${position}::bigint
      order by ${events.position} limit ${batch}),
    made as (insert into ${deliveries} (id, project_id, webhook_id, position, type, subject)
      select gen_random_uuid(), ${projectId}::uuid, ${webhookId}::uuid, position, type, subject from fresh
      where ${types}::text = '' or type = any(string_to_array(${types}::text, ' '))
      order by position on conflict do nothing)
    select count(*)::int as rows, greatest(coalesce(max(position),
      (select head from event_feeds where project_id = ${projectId}::uuid)), ${position}::bigint)::text as last from fresh`)
  if (!found) return false
  await queries
    .update(webhooks)
    .set({ position: Number(found.last) })
    .where(eq(webhooks.id, webhookId))
  return found.rows === batch
}

/** A webhook with due deliveries. */
export interface DueWebhook extends Record<string, unknown> {
  readonly id: string
  readonly projectId: string
  /** Attempts in a row that failed. */
  readonly failures: number
}

/** Lists webhooks with due deliveries, those with the fewest failures first. */
export async function listDueWebhooks({ queries }: UnscopedDatabase, limit: number): Promise<DueWebhook[]> {
  return queries.execute<DueWebhook>(sql`select w.id, w.project_id as "projectId", w.failures from ${webhooks} w
    where w.disabled_at is null and exists (select 1 from ${deliveries} d
      where d.project_id = w.project_id and d.webhook_id = w.id and d.state = 'pending' and d.due_at <= now())
    order by w.failures, random() limit ${limit}`)
}

export type TakenDelivery = DeliveryRow & {
  readonly webhook: Pick<WebhookRow, 'url' | 'secret' | 'formerSecret' | 'failures'>
}

/**
 * Takes due deliveries of a webhook under a lease: the oldest pending one of each subject, so that events of a subject stay in order.
 */
export async function takeDeliveries(
  { queries }: UnscopedDatabase,
  { id: webhookId, projectId }: Pick<DueWebhook, 'id' | 'projectId'>,
  limit: number,
  leaseSeconds: number,
): Promise<TakenDelivery[]> {
  const taken = queries.$with('taken').as(
    queries
      .update(deliveries)
      .set({ dueAt: secondsFromNow(leaseSeconds), attempts: sql`attempts + 1` })
      .where(
        sql`${deliveries.id} in (select d.id from ${deliveries} d
          where d.project_id = ${projectId}::uuid and d.webhook_id = ${webhookId}::uuid and d.state = 'pending' and d.due_at <= now()
            and not exists (select 1 from ${deliveries} e where e.project_id = d.project_id and e.webhook_id = d.webhook_id
              and e.subject = d.subject
              and e.state = 'pending' and e.position < d.position)
          order by d.position nulls first limit ${limit} for update skip locked)`,
      )
      .returning(),
  )
  const secret = { secret: webhooks.secret, url: webhooks.url, failures: webhooks.failures }
  const rows = await queries
    .with(taken)
    .select({
      ...Object.fromEntries(
        Object.keys(getTableColumns(deliveries)).map((name) => [name, taken[name as 'id']]),
      ),
      webhook: {
        ...secret,
        formerSecret: sql<Buffer | null>`case when ${webhooks.formerUntil} > now() then ${webhooks.formerSecret} end`,
      },
    })
    .from(taken)
    .innerJoin(webhooks, eq(webhooks.id, taken.webhookId))
  return rows as unknown as TakenDelivery[]
}

/** Marks a delivery as sent, and resets the failures of its webhook. */
export async function markSent(
  { queries }: UnscopedDatabase,
  { id, webhookId }: DeliveryRow,
  status: number,
) {
  await queries
    .update(deliveries)
    .set({ state: 'sent', lastAt: now, lastStatus: status, lastError: null })
    .where(and(eq(deliveries.id, id), eq(deliveries.state, 'pending')))
  const failed = and(eq(webhooks.id, webhookId), sql`${webhooks.failures} > 0`)
  await queries.update(webhooks).set({ failures: 0 }).where(failed)
}

/** A failed attempt. */
export interface FailedAttempt {
  /** Null: there was no response. */
  readonly status: number | null
  readonly error: string
  /** Until the next attempt. */
  readonly retrySeconds: number
  /** A delivery that is older is given up. */
  readonly lifetimeSeconds: number
}

/** Marks an attempt as failed, and counts it for the webhook. @returns the delivery's state; null: it is not pending any more */
export async function markFailed(
  { queries }: UnscopedDatabase,
  { id, webhookId }: DeliveryRow,
  { status, error, retrySeconds, lifetimeSeconds }: FailedAttempt,
): Promise<DeliveryState | null> {
  const isOld = sql`created_at < now() - make_interval(secs => ${lifetimeSeconds}::int)`
  const marked = await queries
    .update(deliveries)
    .set({
      state: sql`case when ${isOld} then 'dead' else 'pending' end`,
      dueAt: secondsFromNow(retrySeconds),
      lastAt: now,
      lastStatus: status,
      lastError: error,
    })
    .where(and(eq(deliveries.id, id), eq(deliveries.state, 'pending')))
    .returning({ state: deliveries.state })
  await queries
    .update(webhooks)
    .set({ failures: sql`${webhooks.failures} + 1` })
    .where(eq(webhooks.id, webhookId))
  return marked[0]?.state ?? null
}

/** Counts pending and dead deliveries of all projects. */
export async function countUnsentDeliveries({
  queries,
}: UnscopedDatabase): Promise<{ pending: number; dead: number }> {
  const [row] = await queries.execute<{ pending: number; dead: number }>(sql`select
      count(*) filter (where state = 'pending')::int as pending, count(*) filter (where state = 'dead')::int as dead
    from ${deliveries} where state <> 'sent'`)
  return row ?? { pending: 0, dead: 0 }
}
