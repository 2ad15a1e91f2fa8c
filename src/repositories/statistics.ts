// What the planner knows of tables: renewed by PostgreSQL itself within minutes, and by us where that is too late.
import { sql } from 'drizzle-orm'
import { auditEvents } from '../../drizzle/tables/audit-events.ts'
import { users } from '../../drizzle/tables/users.ts'
import type { Queries } from './database.ts'

export function statisticsRepository(db: Queries) {
  return {
    /** Of the tables that an import fills. A role that may not is warned by the server, and nothing fails. */
    async renewAfterImport(): Promise<void> {
      await db.execute(sql`analyze ${users}, ${auditEvents}`)
    },
  }
}
