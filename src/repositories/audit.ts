// Rows of `audit_events`.
import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import { users } from '../../drizzle/tables/users.ts'
import type { Database } from './database.ts'

export type AuditEvent = typeof auditEvents.$inferInsert.event
export type AuditRow = typeof auditEvents.$inferSelect
export type NewAuditEvent = Omit<typeof auditEvents.$inferInsert, 'id' | 'createdAt'>

export function auditRepository(db: Database) {
  return {
    async add(event: NewAuditEvent): Promise<void> {
      await db.insert(auditEvents).values(event)
    },

    /** Adds an event to the account behind an address, if there is one: one statement either way. */
    async addByEmail(
      projectId: string,
      email: string,
      { event, addressPrefix, userAgent }: Pick<NewAuditEvent, 'event' | 'addressPrefix' | 'userAgent'>,
    ): Promise<void> {
      await db.execute(sql`insert into ${auditEvents} (project_id, user_id, event, address_prefix, user_agent)
        select ${users.projectId}, ${users.id}, ${event}, ${addressPrefix ?? null}, ${userAgent ?? null}
        from ${users} where ${users.projectId} = ${projectId} and ${users.email} = ${email}`)
    },

    /** The user's events with a smaller id than `before` (null: from the newest on), the newest first. */
    async list(projectId: string, userId: number, before: number | null, limit: number): Promise<AuditRow[]> {
      return db
        .select()
        .from(auditEvents)
        .where(
          and(
            eq(auditEvents.projectId, projectId),
            eq(auditEvents.userId, userId),
            before === null ? undefined : lt(auditEvents.id, before),
          ),
        )
        .orderBy(desc(auditEvents.id))
        .limit(limit)
    },
  }
}
