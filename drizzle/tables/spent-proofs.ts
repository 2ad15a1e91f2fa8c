// spent_proofs: tokens of providers and challenges of passkeys that were accepted, so that each is accepted only once.
//
// Legal states: a row is valid until expires_at, when the proof itself has expired; mark_hash is the SHA-256 of a token's signed
// part, of its nonce and subject, or of a challenge. The row does not name the user.
import { pgTable, primaryKey } from 'drizzle-orm/pg-core'
import { bytes, instant } from './columns.ts'
import { projectId } from './projects.ts'

export const spentProofs = pgTable(
  'spent_proofs',
  {
    projectId: projectId(),
    markHash: bytes('mark_hash').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.markHash] })],
)
