// registrations: somebody asked to prove an address before there is an account for it.
//
// Legal states:
//   open        proven_at and superseded_at null, expires_at in the future: the mail of the same id carries what proves
//   superseded  a newer request for the same address replaced it before it was proven
//   proven      proven_at set, expires_at in the future: until then an account may be made, once; that removes the row
// No address rests here: key_hash is an HMAC of it. Of token and code rest hashes, as in verification_tokens.
import { index, integer, pgTable, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId } from './columns.ts'
import { projects } from './projects.ts'

export const registrations = pgTable(
  'registrations',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    keyHash: bytes('key_hash').notNull(),
    tokenHash: bytes('token_hash').notNull(),
    codeHash: bytes('code_hash').notNull(),
    codeAttempts: integer('code_attempts').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    supersededAt: instant('superseded_at'),
    provenAt: instant('proven_at'),
  },
  (table) => [
    uniqueIndex('registrations_project_hash').on(table.projectId, table.tokenHash),
    index('registrations_project_key').on(table.projectId, table.keyHash),
  ],
)
