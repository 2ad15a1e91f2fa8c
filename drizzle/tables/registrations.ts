// registrations: requests to prove an address before it has an account.
//
// Legal states:
//   open        proven_at and superseded_at null, expires_at in the future: the mail of the same id has token and code
//   superseded  a newer request for the same address replaced it before it was proven
//   proven      proven_at set, expires_at in the future: until then the account may be created, once, by the client that proved
//               it (proven_by: HMAC of its address) or by the one that has the token, which deletes the row
// No address is stored: key_hash is an HMAC of it. Token and code are stored as hashes, as in verification_tokens.
import { index, integer, pgTable, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId } from './columns.ts'
import { projectId } from './projects.ts'

export const registrations = pgTable(
  'registrations',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    keyHash: bytes('key_hash').notNull(),
    tokenHash: bytes('token_hash').notNull(),
    codeHash: bytes('code_hash').notNull(),
    codeAttempts: integer('code_attempts').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    supersededAt: instant('superseded_at'),
    provenAt: instant('proven_at'),
    provenBy: bytes('proven_by'),
  },
  (table) => [
    uniqueIndex('registrations_project_hash').on(table.projectId, table.tokenHash),
    index('registrations_project_key').on(table.projectId, table.keyHash),
  ],
)
