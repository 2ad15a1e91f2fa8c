// idempotency_keys: requests that their client may repeat, and the response that a repetition gets.
//
// Legal states, until expires_at:
//   in flight  answer null, leased_until in the future: the first request is being processed
//   abandoned  answer null, leased_until past: that process died; the same request may take the row over with a new claim
//   answered   answer set, once, by the request whose claim is in the row
//   unusable   too many other requests came under the key: it gives no answer any more
// Nothing here can be read without the master secret: key_hash is an HMAC of the key with its scope, fingerprint an HMAC of
// the request, and answer is encrypted. user_id is the signed-in user, or null.
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, primaryKey } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { projectId } from './projects.ts'
import { ofUser } from './users.ts'

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    projectId: projectId(),
    keyHash: bytes('key_hash').notNull(),
    userId: reference('user_id'),
    fingerprint: bytes('fingerprint').notNull(),
    claim: opaqueId('claim').notNull(),
    leasedUntil: instant('leased_until').notNull(),
    answer: bytes('answer'),
    mismatches: integer('mismatches').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.keyHash] }),
    ofUser(table),
    index('idempotency_keys_project_user')
      .on(table.projectId, table.userId)
      .where(sql`${table.userId} is not null`),
  ],
)
