// users: one account of one project.
//
// Legal states: email is stored trimmed and in lower case, unique within the project.
// email_verified_at null = unproven address. password_hash null = signs in by a provider only.
// avatar_id names the row of avatars that is the account's picture. locale is the language of its mail (null: English).
// disabled_at set = refused everywhere. deletion_due_at set = the owner left; signing in before it restores the account. epoch grows by one whenever every session must end
// (password change, reset, logout-all, disable); a session of an older epoch is dead.
import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { createdAt, instant, opaqueId, serialId } from './columns.ts'
import { projects } from './projects.ts'

export const users = pgTable(
  'users',
  {
    id: serialId(),
    uuid: opaqueId('uuid').notNull(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    email: text('email').notNull(),
    emailVerifiedAt: instant('email_verified_at'),
    passwordHash: text('password_hash'),
    displayName: text('display_name'),
    firstName: text('first_name'),
    lastName: text('last_name'),
    role: text('role').$type<'user' | 'admin'>().notNull().default('user'),
    provider: text('provider'),
    avatarId: uuid('avatar_id'),
    locale: text('locale'),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    epoch: integer('epoch').notNull().default(0),
    disabledAt: instant('disabled_at'),
    deletionDueAt: instant('deletion_due_at'),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('users_project_email').on(table.projectId, table.email),
    uniqueIndex('users_project_uuid').on(table.projectId, table.uuid),
    unique('users_project_id').on(table.projectId, table.id),
    index('users_deletion_due').on(table.deletionDueAt).where(sql`${table.deletionDueAt} is not null`),
  ],
)

/**
 * The wall between projects, kept by the database: a row of a user names the user's own project, and goes with them.
 * Led by the project like every index, so removing a user finds the rows without a scan.
 */
export const ofUser = (table: { projectId: AnyPgColumn; userId: AnyPgColumn }) =>
  foreignKey({
    columns: [table.projectId, table.userId],
    foreignColumns: [users.projectId, users.id],
  }).onDelete('cascade')
