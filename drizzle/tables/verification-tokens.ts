// verification_tokens: tokens and codes that a mail or an application hands to a person to prove an address; and the code
// that a browser brings from a provider's redirect (social_sign_in) or a page of ours (session_exchange) to its application.
//
// Legal states:
//   open        used_at and superseded_at null, expires_at in the future
//   used        used_at set, exactly once
//   superseded  a newer token of the same user and purpose was created
// Only hashes are stored: SHA-256 of the token, an HMAC of the short code (a plain hash of six digits could be reversed).
// email is the address that the token proves (verify_email, reset_password: void once the account's address is another),
// would set (change_email) or would restore (undo_email_change), or that was told of a sign-in (disown_sign_in). For
// social_sign_in code_hash is the code challenge (RFC 7636) with which the application began, or empty; for session_exchange
// as well, and id is that of the session. For step_up code_hash is bound to the session that asked, for second_factor to the
// challenge.
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
      .$type<
        | 'verify_email'
        | 'reset_password'
        | 'change_email'
        | 'undo_email_change'
        | 'disown_sign_in'
        | 'social_sign_in'
        | 'session_exchange'
        | 'step_up'
        | 'second_factor'
      >()
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
