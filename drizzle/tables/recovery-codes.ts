// recovery_codes: codes that stand in for a lost second factor, each once.
//
// Legal states: open (used_at null) or used. A new set replaces all of an account. code_hash is the SHA-256 of the account and the
// code, which has 80 random bits and was shown once.
import { pgTable, primaryKey, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    codeHash: bytes('code_hash').notNull(),
    createdAt: createdAt(),
    usedAt: instant('used_at'),
  },
  (table) => [ofUser(table), primaryKey({ columns: [table.projectId, table.userId, table.codeHash] })],
)
