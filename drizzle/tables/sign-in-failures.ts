// sign_in_failures: counters of failed attempts. An attempt is counted before it is checked, and released if it succeeds.
//
// Legal states: attempts counts within the window that began at window_started_at; while locked_until is in the future,
// attempts are refused. A success clears the strict bucket and subtracts its own attempt from the others.
// bucket: account_address (strict), address (over all accounts), account (over all addresses), code (short codes).
// key_hash is an HMAC: neither client addresses nor e-mail addresses are stored.
import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytes, instant } from './columns.ts'
import { projectId } from './projects.ts'

export const signInFailures = pgTable(
  'sign_in_failures',
  {
    projectId: projectId(),
    bucket: text('bucket').$type<'account_address' | 'account' | 'address' | 'code'>().notNull(),
    keyHash: bytes('key_hash').notNull(),
    attempts: integer('attempts').notNull(),
    windowStartedAt: instant('window_started_at').notNull(),
    lockedUntil: instant('locked_until'),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.bucket, table.keyHash] })],
)
