// idempotency_keys: a request that its client may send again, and the answer that it gets then.
//
// Legal states, until expires_at:
//   in flight  answer null, leased_until in the future: somebody is at it
//   left       answer null, leased_until past: whoever was at it died; the same request may take it over
//   answered   answer set, once, by the holder of the claim
//   spent      too many other requests came under the key: it answers nobody any more
// Nothing here can be read without the master secret: key_hash and fingerprint are HMACs of the key with its scope and of
// the request, answer is sealed. user_id is who asked; null where nobody was signed in.
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, primaryKey, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { projects } from './projects.ts'
import { ofUser } from './users.ts'

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
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
