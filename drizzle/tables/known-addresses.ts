// known_addresses: where an account has signed in before; from there, attackers cannot have its owner locked out.
//
// Legal states: one row for each user and address; last_at is the latest sign-in. key_hash is an HMAC of the address (IPv6:
// of its /64), or of the device (address prefix, browser and system) for the notice of a new one.
import { pgTable, primaryKey, uuid } from 'drizzle-orm/pg-core'
import { bytes, instant, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const knownAddresses = pgTable(
  'known_addresses',
  {
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    keyHash: bytes('key_hash').notNull(),
    lastAt: instant('last_at').notNull().defaultNow(),
  },
  (table) => [ofUser(table), primaryKey({ columns: [table.projectId, table.userId, table.keyHash] })],
)
