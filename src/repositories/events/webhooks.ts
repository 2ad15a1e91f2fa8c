// Rows of `webhooks`.
import { and, asc, eq, gt, isNotNull, isNull, sql } from 'drizzle-orm'
import { webhooks } from '../../../drizzle/tables/webhooks.ts'
import { now, own, pick } from '../conditions.ts'
import { type Database, first, hasRows, one, type UnscopedDatabase } from '../database.ts'

export type WebhookRow = typeof webhooks.$inferSelect

const thisWebhook = (db: Database, id: string) => and(own(webhooks, db), eq(webhooks.id, id))

export function listWebhooks(db: Database): Promise<WebhookRow[]> {
  return db.queries
    .select()
    .from(webhooks)
    .where(own(webhooks, db))
    .orderBy(asc(webhooks.createdAt), asc(webhooks.id))
}

export function findWebhook(db: Database, id: string): Promise<WebhookRow | null> {
  return first(db.queries.select().from(webhooks).where(thisWebhook(db, id)))
}

/** Locks the project against other transactions that add webhooks. @returns how many it has */
export async function lockWebhooks(db: Database): Promise<number> {
  await db.queries.execute(
    sql`select pg_advisory_xact_lock(hashtextextended('webhooks ' || ${db.projectId}::text, 0))`,
  )
  return db.queries.$count(webhooks, own(webhooks, db))
}

export function insertWebhook(
  db: Database,
  webhook: Pick<WebhookRow, 'id' | 'url' | 'description' | 'types' | 'secret' | 'position'>,
): Promise<WebhookRow> {
  return one(
    db.queries
      .insert(webhooks)
      .values({ ...webhook, projectId: db.projectId })
      .returning(),
  )
}

/** Updates these columns of a webhook and no other; null: the project has none with this id. */
export function updateWebhook(
  db: Database,
  id: string,
  { url, description, types }: Partial<Pick<WebhookRow, 'url' | 'description' | 'types'>>,
): Promise<WebhookRow | null> {
  // An update must set at least one column.
  const set = { url: url ?? sql`${webhooks.url}`, description, types }
  return first(db.queries.update(webhooks).set(set).where(thisWebhook(db, id)).returning())
}

/** Enables a disabled webhook for the events after a position. */
export async function enableWebhook(db: Database, id: string, position: number): Promise<void> {
  await db.queries
    .update(webhooks)
    .set({ disabledAt: null, disabledReason: null, failures: 0, position })
    .where(and(thisWebhook(db, id), isNotNull(webhooks.disabledAt)))
}

/** Disables a webhook; its deliveries stay pending. */
export async function disableWebhook(db: Database, id: string): Promise<void> {
  await db.queries
    .update(webhooks)
    .set({ disabledAt: now, disabledReason: 'operator' })
    .where(and(thisWebhook(db, id), isNull(webhooks.disabledAt)))
}

/** Replaces the secret. @param hours in which the former secret is also used */
export function rotateSecret(
  db: Database,
  id: string,
  secret: Buffer,
  hours: number,
): Promise<WebhookRow | null> {
  const former = {
    formerSecret: sql`${webhooks.secret}`,
    formerUntil: sql`now() + make_interval(hours => ${hours}::int)`,
  }
  return first(
    db.queries
      .update(webhooks)
      .set({ secret, ...former })
      .where(thisWebhook(db, id))
      .returning(),
  )
}

export function deleteWebhook(db: Database, id: string): Promise<boolean> {
  return hasRows(db.queries.delete(webhooks).where(thisWebhook(db, id)).returning({ id: webhooks.id }))
}

/** Disables a webhook whose receiver responded 410 Gone. */
export async function markGone({ queries }: UnscopedDatabase, webhookId: string): Promise<void> {
  await queries
    .update(webhooks)
    .set({ disabledAt: now, disabledReason: 'gone' })
    .where(and(eq(webhooks.id, webhookId), isNull(webhooks.disabledAt)))
}

/** Lists the sealed secrets of the webhooks of all projects. */
export function listSecrets({
  queries,
}: UnscopedDatabase): Promise<Pick<WebhookRow, 'id' | 'secret' | 'formerSecret'>[]> {
  return queries.select(pick(webhooks, 'id', 'secret', 'formerSecret')).from(webhooks)
}

/** Replaces sealed secrets. @returns false: they changed since they were read */
export function resealSecret(
  { queries }: UnscopedDatabase,
  id: string,
  before: Buffer,
  after: Pick<WebhookRow, 'secret' | 'formerSecret'>,
): Promise<boolean> {
  const same = and(eq(webhooks.id, id), eq(webhooks.secret, before))
  return hasRows(queries.update(webhooks).set(after).where(same).returning({ id: webhooks.id }))
}

/** Counts the webhooks of all projects that are sent events and whose last attempt failed. */
export function countFailingWebhooks({ queries }: UnscopedDatabase): Promise<number> {
  return queries.$count(webhooks, and(gt(webhooks.failures, 0), isNull(webhooks.disabledAt)))
}
