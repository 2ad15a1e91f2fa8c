// outbox: the mail queue. A row holds the kind and the recipient but no secret; the mail job derives tokens when it sends.
//
// Legal states:
//   queued    sent_at and dead_at null; due from next_attempt_at on. After a failed attempt last_error has the reason
//   sending   queued, last_error null, and next_attempt_at moved ahead by the mail job: after a crash it is due again then
//   sent      sent_at set
//   given up  dead_at set; last_error has the reason
import { sql } from 'drizzle-orm'
import { index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { MailKind } from '../../src/mail/kinds.ts'
import { createdAt, instant, opaqueId, reference } from './columns.ts'
import { projectId } from './projects.ts'
import { ofUser } from './users.ts'

/** The contents of a mail that its kind does not determine; never a secret. */
export interface MailDetails {
  /** Where the link leads instead of our own page; checked against the project's link_origins when the mail was queued. */
  readonly redirectTo?: string
  /** The device that signed in or created an API key, in words. */
  readonly device?: string
  readonly addressPrefix?: string
  /** Of verify_email: asked for in a session, to prove an address as its holder that the mailbox has proven. */
  readonly forHolder?: boolean
  /** The session that a code steps up. */
  readonly sessionId?: string
  /** The challenge of the sign-in that a code completes. */
  readonly challengeId?: string
  /** The second factor that was added or removed, by its name among the holdings. */
  readonly factor?: string
  /** From when on something asked for takes effect: ISO 8601. */
  readonly dueAt?: string
  /** The team of an invitation. */
  readonly teamName?: string
  /** The role that it offers. */
  readonly teamRole?: string
  /** The recipient's language, where it is not the account's. */
  readonly locale?: string
  /** The front end that requested the mail: its name and logo, and the base of its link; checked when the mail was queued. */
  readonly frontEnd?: {
    readonly base?: string
    readonly alias?: string
    readonly platform?: string
    readonly logoUrl?: string
  }
  /** The display name of a provider that was linked to the account. */
  readonly provider?: string
  /** The name of a passkey, as its owner or its authenticator says. */
  readonly passkey?: string
  /** The claim on the recipient's address that the mail asks to prove (`claims`). */
  readonly claimId?: string
  readonly claimSerial?: number
  /** How long after the mail an account is deleted. */
  readonly graceSeconds?: number
  /** What a recovery ended, and what it left, as the account's owner is told. */
  readonly ended?: readonly string[]
  readonly stayed?: readonly string[]
}

export const outbox = pgTable(
  'outbox',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    // Null: a mail to an address without an account; recipient holds the address.
    userId: reference('user_id'),
    kind: text('kind').$type<MailKind>().notNull(),
    // The recipient's address, where it is not the account's address at the time of sending.
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
