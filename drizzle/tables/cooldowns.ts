// cooldowns: when a mail was last requested for an address, whether or not the address has an account.
//
// Legal states: one row for each project, kind and key; last_at only increases. key_hash is an HMAC of the address.
import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytes, instant } from './columns.ts'
import { projectId } from './projects.ts'

export const cooldowns = pgTable(
  'cooldowns',
  {
    projectId: projectId(),
    kind: text('kind')
      .$type<
        | 'resend'
        | 'sign_up'
        | 'reset'
        | 'register'
        | 'step_up'
        | 'sign_in_failures'
        | 'second_factor'
        | 'set_password'
      >()
      .notNull(),
    keyHash: bytes('key_hash').notNull(),
    lastAt: instant('last_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.kind, table.keyHash] })],
)
