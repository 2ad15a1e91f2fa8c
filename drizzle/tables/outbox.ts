// outbox: mail that is owed. A row says what is owed to whom and holds no secret; the courier mints one when it sends.
//
// Legal states:
//   owed   sent_at and dead_at null; may be tried from next_attempt_at on. Tried before: last_error says what happened
//   taken  owed, last_error null, and next_attempt_at moved ahead by the courier that holds it (a lease: a crash frees it)
//   sent   sent_at set          dead   dead_at set: given up, last_error says why
import { sql } from 'drizzle-orm'
import { index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant, opaqueId, reference } from './columns.ts'
import { projects } from './projects.ts'
import { ofUser } from './users.ts'

export type MailKind =
  | 'verify_email'
  | 'address_taken'
  | 'reset_password'
  | 'password_changed'
  | 'change_email'
  | 'email_changed'
  | 'new_device'
  | 'team_invitation'
  | 'register'
  | 'identity_linked'
  | 'api_key_created'

/** What a mail needs to say beside its kind; never a secret. */
export interface MailDetails {
  /** Where the link leads instead of our own page; checked against the project's link_origins when it was owed. */
  readonly redirectTo?: string
  /** The device of a sign-in, or on which something was made, in words. */
  readonly device?: string
  readonly addressPrefix?: string
  /** The team that somebody is invited to. */
  readonly teamName?: string
  /** The language of who gets it, where that is not the account's. */
  readonly locale?: string
  /** Of a front end that asked in its own name: how to show it, and where its link begins; checked when it was owed. */
  readonly frontEnd?: {
    readonly base?: string
    readonly alias?: string
    readonly platform?: string
    readonly logoUrl?: string
  }
  /** A provider that can open the account from now on, as people call it. */
  readonly provider?: string
}

export const outbox = pgTable(
  'outbox',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    // Null: a mail to an address that had no account; recipient says which.
    userId: reference('user_id'),
    kind: text('kind').$type<MailKind>().notNull(),
    // Who gets it, where that is not the account's address at the time of sending.
    recipient: text('recipient'),
    details: jsonb('details').$type<MailDetails>().notNull().default({}),
    attempts: integer('attempts').notNull().default(0),
    createdAt: createdAt(),
    nextAttemptAt: instant('next_attempt_at').notNull().defaultNow(),
    sentAt: instant('sent_at'),
    deadAt: instant('dead_at'),
    lastError: text('last_error'),
  },
  (table) => [
    ofUser(table),
    index('outbox_project_user').on(table.projectId, table.userId),
    index('outbox_owed')
      .on(table.nextAttemptAt)
      .where(sql`${table.sentAt} is null and ${table.deadAt} is null`),
    index('outbox_dead').on(table.deadAt).where(sql`${table.sentAt} is null and ${table.deadAt} is not null`),
  ],
)
