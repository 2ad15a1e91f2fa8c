// webhooks: addresses that are sent the events of a project (Standard Webhooks). webhook_deliveries: what is to be sent to one.
//
// Legal states of a webhook: enabled (disabled_at null) or disabled, by an operator or because its receiver answered 410 Gone.
// types are separated by spaces; empty: all. secret is sealed; former_secret signs as well until former_until. position is that of
// the newest event for which deliveries were made. failures counts the attempts in a row that failed.
//
// Legal states of a delivery:
//   pending  due_at says when it is tried (again); while it is sent, due_at is the end of its lease
//   sent     the receiver answered 2xx
//   dead     no attempt succeeded for three days; it can be retried
// position is that of its event; null: a test, which has no event. A pending delivery waits for those before it of the same
// webhook and subject. Rows are deleted with the events that they are for.
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { projectId } from './projects.ts'

export const webhooks = pgTable(
  'webhooks',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    url: text('url').notNull(),
    description: text('description').notNull().default(''),
    types: text('types').notNull().default(''),
    secret: bytes('secret').notNull(),
    formerSecret: bytes('former_secret'),
    formerUntil: instant('former_until'),
    position: reference('position').notNull(),
    failures: integer('failures').notNull().default(0),
    createdAt: createdAt(),
    disabledAt: instant('disabled_at'),
    disabledReason: text('disabled_reason').$type<'operator' | 'gone'>(),
  },
  (table) => [index('webhooks_project').on(table.projectId)],
)

export type DeliveryState = 'pending' | 'sent' | 'dead'

export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    webhookId: uuid('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    position: reference('position'),
    type: text('type').notNull(),
    subject: uuid('subject').notNull(),
    state: text('state').$type<DeliveryState>().notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    dueAt: instant('due_at').notNull().defaultNow(),
    createdAt: createdAt(),
    lastAt: instant('last_at'),
    lastStatus: integer('last_status'),
    lastError: text('last_error'),
  },
  (table) => [
    uniqueIndex('webhook_deliveries_event').on(table.projectId, table.webhookId, table.position),
    index('webhook_deliveries_due')
      .on(table.projectId, table.webhookId, table.dueAt)
      .where(sql`${table.state} = 'pending'`),
    index('webhook_deliveries_order')
      .on(table.projectId, table.webhookId, table.subject, table.position)
      .where(sql`${table.state} = 'pending'`),
    index('webhook_deliveries_project').on(table.projectId, table.webhookId, table.createdAt),
  ],
)
