// Rows of `audit_events`.
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import type { Database } from './database.ts'

export type AuditEvent = typeof auditEvents.$inferInsert.event
export type NewAuditEvent = Omit<typeof auditEvents.$inferInsert, 'id' | 'createdAt'>

export function auditRepository(db: Database) {
  return {
    async add(event: NewAuditEvent): Promise<void> {
      await db.insert(auditEvents).values(event)
    },
  }
}
