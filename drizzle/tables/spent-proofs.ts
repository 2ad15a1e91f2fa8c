// spent_proofs: what a provider signed and was accepted here, so that it is accepted once.
//
// Legal states: a row counts until expires_at, when the proof itself has expired; mark_hash is the SHA-256 of its signed
// part, or of a nonce with its person. Nothing says whose it was.
import { pgTable, primaryKey, uuid } from 'drizzle-orm/pg-core'
import { bytes, instant } from './columns.ts'
import { projects } from './projects.ts'

export const spentProofs = pgTable(
  'spent_proofs',
  {
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    markHash: bytes('mark_hash').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.markHash] })],
)
