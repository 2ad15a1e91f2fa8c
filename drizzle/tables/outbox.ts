// outbox: mail that is owed. A row says what is owed to whom and holds no secret; the courier mints one when it sends.
//
// Legal states:
//   owed   sent_at and dead_at null; may be tried from next_attempt_at on
//   taken  owed, and next_attempt_at moved ahead by the courier that holds it (a lease, so a crash frees it)
//   sent   sent_at set          dead   dead_at set: given up, last_error says why
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant, opaqueId, reference } from './columns.ts'
import { projects } from './projects.ts'
import { users } from './users.ts'

export const outbox = pgTable(
  'outbox',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    userId: reference('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: text('kind').$type<'verify_email' | 'address_taken'>().notNull(),
    attempts: integer('attempts').notNull().default(0),
    createdAt: createdAt(),
    nextAttemptAt: instant('next_attempt_at').notNull().defaultNow(),
    sentAt: instant('sent_at'),
    deadAt: instant('dead_at'),
    lastError: text('last_error'),
  },
  (table) => [
    index('outbox_owed')
      .on(table.nextAttemptAt)
      .where(sql`${table.sentAt} is null and ${table.deadAt} is null`),
  ],
)
