// sessions: one row for each sign-in, for its whole life. No token is stored; docs/decisions.md (Sessions and tokens) says why.
//
// Legal states:
//   active     revoked_at null, expires_at in the future, epoch equal to its user's
//   ended      any of the three fails; the row never becomes active again
// generation numbers the current refresh token, and rotated_at is when it was issued. seen_generation < generation means that
// no access token of the current generation was ever presented, so the answer that carried it may have been lost; recovered_at
// is set when that answer was repeated (once). last_seen_at is updated at most once in five minutes. user_agent and
// address_prefix (IPv4 /24, IPv6 /48) are those of the sign-in. Tokens of a generation before valid_generation are refused: the
// session's owner proved the password again. client is the API that opened the session, and the only one that may refresh,
// extend or upgrade it. amr (RFC 8176, separated by spaces; `fed`: a sign-in provider; empty: not known), acr and auth_time say
// how and when its user was last authenticated. impersonator set = an operator acts as the user: the UUID of the operator's account.
// Such a session ends after minutes, has no refresh token, and may not touch what belongs to the owner alone.
import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const sessions = pgTable(
  'sessions',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    epoch: integer('epoch').notNull(),
    client: text('client')
      .$type<'canonical' | 'nodeloom' | 'credebl' | 'nora'>()
      .notNull()
      .default('canonical'),
    amr: text('amr').notNull().default(''),
    acr: text('acr').$type<'1' | '2'>().notNull().default('1'),
    authTime: instant('auth_time').notNull().defaultNow(),
    generation: integer('generation').notNull().default(1),
    validGeneration: integer('valid_generation').notNull().default(1),
    seenGeneration: integer('seen_generation').notNull().default(0),
    createdAt: createdAt(),
    lastSeenAt: instant('last_seen_at').notNull().defaultNow(),
    userAgent: text('user_agent'),
    addressPrefix: text('address_prefix'),
    rotatedAt: instant('rotated_at').notNull().defaultNow(),
    recoveredAt: instant('recovered_at'),
    expiresAt: instant('expires_at').notNull(),
    absoluteExpiresAt: instant('absolute_expires_at').notNull(),
    impersonator: uuid('impersonator'),
    revokedAt: instant('revoked_at'),
    revokedReason: text('revoked_reason').$type<'logout' | 'reuse' | 'owner' | 'limit' | 'operator'>(),
  },
  (table) => [
    ofUser(table),
    index('sessions_project_user').on(table.projectId, table.userId),
    index('sessions_impersonator')
      .on(table.projectId, table.impersonator)
      .where(sql`${table.impersonator} is not null`),
  ],
)
