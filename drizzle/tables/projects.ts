// projects: tenants; each has accounts, sessions and teams of its own.
//
// Legal states: exactly one row may have is_default = true (the project created at the first start).
// secret_hash is null until an operator creates a secret; policy holds only what differs from the defaults.
// archived_at set = no sign-in, session or key is accepted; nothing is deleted, and the project may be opened again.
import { sql } from 'drizzle-orm'
import { boolean, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId } from './columns.ts'

export const projects = pgTable(
  'projects',
  {
    id: opaqueId().primaryKey(),
    name: text('name').notNull(),
    secretHash: bytes('secret_hash'),
    policy: jsonb('policy').notNull().default({}),
    isDefault: boolean('is_default').notNull().default(false),
    archivedAt: instant('archived_at'),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [uniqueIndex('projects_one_default').on(table.isDefault).where(sql`${table.isDefault}`)],
)

/** The column of rows that belong to a project and are deleted with it. */
export const projectId = () =>
  uuid('project_id')
    .notNull()
    .references(() => projects.id, { onDelete: 'cascade' })
