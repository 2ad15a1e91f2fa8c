// totp_factors: authenticator apps (RFC 6238), one for each account.
//
// Legal states:
//   proposed  confirmed_at null: its secret was shown and asks for nothing yet; another proposal replaces it
//   enrolled  confirmed_at set: a code was typed, and users.second_factors names `totp`; the row stays until it is removed
// sealed_secret is encrypted with a key that follows from the master secret. last_step is the newest time step (30 s) whose code was
// accepted: only codes of later steps are.
import { pgTable, primaryKey, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const totpFactors = pgTable(
  'totp_factors',
  {
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    sealedSecret: bytes('sealed_secret').notNull(),
    lastStep: reference('last_step').notNull().default(0),
    createdAt: createdAt(),
    confirmedAt: instant('confirmed_at'),
  },
  (table) => [ofUser(table), primaryKey({ columns: [table.projectId, table.userId] })],
)
