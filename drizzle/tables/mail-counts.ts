// mail_counts: how many mails were queued for an address in this hour and this day, whether or not it has an account.
//
// Legal states: one row for each project, address and budget; a window that is over counts as empty. key_hash is an HMAC of
// the address.
import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytes, instant } from './columns.ts'
import { projectId } from './projects.ts'

export const mailCounts = pgTable(
  'mail_counts',
  {
    projectId: projectId(),
    keyHash: bytes('key_hash').notNull(),
    // requested: mails that anyone can cause. notice: mails to the proven owner of an account.
    budget: text('budget').$type<'requested' | 'notice'>().notNull(),
    hourStartedAt: instant('hour_started_at').notNull().defaultNow(),
    hourCount: integer('hour_count').notNull(),
    // Those of hour_count that reset a password.
    hourResets: integer('hour_resets').notNull(),
    // Mails that were not queued since the window of the hour began.
    hourSuppressed: integer('hour_suppressed').notNull().default(0),
    dayStartedAt: instant('day_started_at').notNull().defaultNow(),
    dayCount: integer('day_count').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.keyHash, table.budget] })],
)
