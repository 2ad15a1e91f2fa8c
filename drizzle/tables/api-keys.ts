// api_keys: long-lived keys with which a user's programs act for them, within scopes.
//
// Legal states:
//   active   revoked_at null, expires_at null or in the future, and the user neither disabled nor to be deleted
//   ended    any of these fails; a revoked or expired key never becomes valid again, and is deleted a month later
// key_prefix is the beginning of the key (uak_ and 12 characters): it is shown, and keys are looked up by it. key_hash is the
// SHA-256 of the whole key, which is not stored. scopes are separated by spaces (RFC 6749 §3.3). last_used_at is updated at
// most once a minute.
import { index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const apiKeys = pgTable(
  'api_keys',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    name: text('name').notNull(),
    keyPrefix: text('key_prefix').notNull(),
    keyHash: bytes('key_hash').notNull(),
    scopes: text('scopes').notNull(),
    createdAt: createdAt(),
    expiresAt: instant('expires_at'),
    lastUsedAt: instant('last_used_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('api_keys_project_prefix').on(table.projectId, table.keyPrefix),
    index('api_keys_project_user').on(table.projectId, table.userId),
  ],
)
