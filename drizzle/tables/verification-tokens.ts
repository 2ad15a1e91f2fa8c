// verification_tokens: what a mail or an application hands to a person to prove an address; and what a browser that came
// back from a provider hands to its application (social_sign_in).
//
// Legal states:
//   open        used_at and superseded_at null, expires_at in the future
//   used        used_at set, exactly once
//   superseded  a newer token of the same user and purpose was minted
// Only hashes rest: SHA-256 of the token, an HMAC of the short code (a bare hash of six digits hides nothing).
// email is the address that the token proves (verify_email, reset_password: void once the account's address is another),
// would set (change_email) or would bring back (undo_email_change). For social_sign_in code_hash is the challenge (RFC 7636)
// that the application began with, or empty.
import { index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const verificationTokens = pgTable(
  'verification_tokens',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    purpose: text('purpose')
      .$type<'verify_email' | 'reset_password' | 'change_email' | 'undo_email_change' | 'social_sign_in'>()
      .notNull(),
    email: text('email').notNull(),
    tokenHash: bytes('token_hash').notNull(),
    codeHash: bytes('code_hash').notNull(),
    codeAttempts: integer('code_attempts').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
    supersededAt: instant('superseded_at'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('verification_tokens_project_hash').on(table.projectId, table.tokenHash),
    index('verification_tokens_project_email').on(table.projectId, table.email, table.purpose),
    index('verification_tokens_project_user').on(table.projectId, table.userId, table.purpose),
  ],
)
