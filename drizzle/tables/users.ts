// users: one account of one project.
//
// Legal states: email is stored trimmed and in lower case, unique within the project.
// email_verified_at null = unproven address. email_proof says how it was proven: 'holder', by the mailbox together with the account's
// session, password or provider; 'claim', by the mailbox with the token of the sign-up itself; 'mailbox' (and null on a proven
// address of an earlier version), by the mailbox alone: then another person may have set the account up. password_hash null = signs
// in through a provider only.
// avatar_id is the row of avatars with the account's picture. locale is the language of its mail (null: English).
// disabled_at set = refused everywhere. deletion_due_at set = to be deleted then; signing in before restores the account.
// second_factors names the kinds of enrolled second factors, separated by spaces (empty: none), so that a sign-in without any costs no
// further statement. factors_reset_due_at set = an operator will have removed them then; a sign-in with a factor before cancels it.
// epoch grows by one whenever every session must end (password change, reset, logout-all, disable); sessions of an older
// epoch have ended.
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
import { projectId } from './projects.ts'

export const users = pgTable(
  'users',
  {
    id: serialId(),
    uuid: opaqueId('uuid').notNull(),
    projectId: projectId(),
    email: text('email').notNull(),
    emailVerifiedAt: instant('email_verified_at'),
    emailProof: text('email_proof').$type<'holder' | 'claim' | 'mailbox'>(),
    passwordHash: text('password_hash'),
    displayName: text('display_name'),
    firstName: text('first_name'),
    lastName: text('last_name'),
    role: text('role').$type<'user' | 'admin'>().notNull().default('user'),
    provider: text('provider'),
    avatarId: uuid('avatar_id'),
    locale: text('locale'),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    secondFactors: text('second_factors').notNull().default(''),
    factorsResetDueAt: instant('factors_reset_due_at'),
    epoch: integer('epoch').notNull().default(0),
    disabledAt: instant('disabled_at'),
    deletionDueAt: instant('deletion_due_at'),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    // By bytes, so that the addresses that begin with a text are a range of it.
    uniqueIndex('users_project_email').on(table.projectId, table.email.op('text_pattern_ops')),
    uniqueIndex('users_project_uuid').on(table.projectId, table.uuid),
    unique('users_project_id').on(table.projectId, table.id),
    // Lists of operators, the newest account first; the last two cost a sign-up nothing.
    index('users_project_created').on(table.projectId, table.createdAt, table.id),
    index('users_project_unverified')
      .on(table.projectId, table.createdAt, table.id)
      .where(sql`${table.emailVerifiedAt} is null`),
    index('users_project_disabled')
      .on(table.projectId, table.createdAt, table.id)
      .where(sql`${table.disabledAt} is not null`),
    index('users_project_deleting')
      .on(table.projectId, table.createdAt, table.id)
      .where(sql`${table.deletionDueAt} is not null`),
    index('users_factors_reset_due')
      .on(table.factorsResetDueAt)
      .where(sql`${table.factorsResetDueAt} is not null`),
    index('users_deletion_due').on(table.deletionDueAt).where(sql`${table.deletionDueAt} is not null`),
  ],
)

/**
 * The foreign key to the user: a row has the user's project, and is deleted with the user. The project comes first, as in
 * every index, so deleting a user finds the rows without a scan.
 */
export const ofUser = (table: { projectId: AnyPgColumn; userId: AnyPgColumn }) =>
  foreignKey({
    columns: [table.projectId, table.userId],
    foreignColumns: [users.projectId, users.id],
  }).onDelete('cascade')
