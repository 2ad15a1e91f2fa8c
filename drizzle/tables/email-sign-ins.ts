// email_sign_ins: sign-ins that wait for the link or code of a mail.
//
// Legal states:
//   open     used_at null, expires_at in the future: the mail of the same id has token and code
//   used     used_at set, exactly once
// Every request makes a row, whether or not the address has an account, so that a guess at a code counts and answers alike. The
// client that asked presents the id with the code. redirect_to: the application's page, as it was allowed at the request. Token and
// code are stored as hashes, as in verification_tokens.
import { index, integer, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId } from './columns.ts'
import { projectId } from './projects.ts'

export const emailSignIns = pgTable(
  'email_sign_ins',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    email: text('email').notNull(),
    redirectTo: text('redirect_to'),
    tokenHash: bytes('token_hash').notNull(),
    codeHash: bytes('code_hash').notNull(),
    codeAttempts: integer('code_attempts').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [
    uniqueIndex('email_sign_ins_project_hash').on(table.projectId, table.tokenHash),
    index('email_sign_ins_project_email').on(table.projectId, table.email),
  ],
)
