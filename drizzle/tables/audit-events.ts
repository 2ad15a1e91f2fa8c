// audit_events: what happened to an account, written in the transaction that it describes. Never a secret.
//
// Legal states: rows are only added.
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, reference, serialId } from './columns.ts'
import { projects } from './projects.ts'

export const auditEvents = pgTable(
  'audit_events',
  {
    id: serialId(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    userId: reference('user_id').notNull(),
    sessionId: uuid('session_id'),
    event: text('event').$type<'refresh_reused' | 'refresh_recovered'>().notNull(),
    createdAt: createdAt(),
  },
  (table) => [index('audit_events_project_user').on(table.projectId, table.userId, table.id)],
)
