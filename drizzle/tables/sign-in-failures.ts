// sign_in_failures: attempts that were paid for and not redeemed, in buckets.
//
// Legal states: attempts counts within the window that began at window_started_at; locked_until in the future
// refuses the bucket. A success clears the strict bucket and takes its own attempt back from the loose ones.
// bucket: account_address (strict), address (over all accounts), account (over all addresses), code (short codes).
// key_hash is an HMAC: neither addresses nor e-mail addresses of strangers rest here.
import { integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytes, instant } from './columns.ts'
import { projects } from './projects.ts'

export const signInFailures = pgTable(
  'sign_in_failures',
  {
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    bucket: text('bucket').$type<'account_address' | 'account' | 'address' | 'code'>().notNull(),
    keyHash: bytes('key_hash').notNull(),
    attempts: integer('attempts').notNull(),
    windowStartedAt: instant('window_started_at').notNull(),
    lockedUntil: instant('locked_until'),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.bucket, table.keyHash] })],
)
