// trusted_devices: browsers in which an account's second factor is not asked for again.
//
// Legal states: a row counts until expires_at, and only for its account and the browser and system that device names. token_hash is
// the SHA-256 of what that browser keeps. Rows are deleted when the password, the factors or the list change (the account's life
// cycle says when).
import { index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const trustedDevices = pgTable(
  'trusted_devices',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    tokenHash: bytes('token_hash').notNull(),
    device: text('device').notNull(),
    addressPrefix: text('address_prefix'),
    createdAt: createdAt(),
    lastUsedAt: instant('last_used_at').notNull().defaultNow(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('trusted_devices_project_hash').on(table.projectId, table.tokenHash),
    index('trusted_devices_project_user').on(table.projectId, table.userId),
  ],
)
