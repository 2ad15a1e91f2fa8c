// sessions: one sign-in, one row for its whole life. No token rests here; see decision 2 of the design.
//
// Legal states:
//   alive      revoked_at null, expires_at in the future, epoch equal to its user's
//   ended      any of the three fails; nothing ever revives the row
// generation is the one refresh token that is current. rotated_at is when it became so.
// seen_generation < generation means that no access token of the current generation was ever presented:
// its answer may have been lost. last_seen_at moves at most once in five minutes; user_agent and address_prefix (IPv4
// /24, IPv6 /48) are those of the sign-in. recovered_at is set when such a lost answer was repeated (once).
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
    generation: integer('generation').notNull().default(1),
    seenGeneration: integer('seen_generation').notNull().default(0),
    createdAt: createdAt(),
    lastSeenAt: instant('last_seen_at').notNull().defaultNow(),
    userAgent: text('user_agent'),
    addressPrefix: text('address_prefix'),
    rotatedAt: instant('rotated_at').notNull().defaultNow(),
    recoveredAt: instant('recovered_at'),
    expiresAt: instant('expires_at').notNull(),
    absoluteExpiresAt: instant('absolute_expires_at').notNull(),
    revokedAt: instant('revoked_at'),
    revokedReason: text('revoked_reason').$type<'logout' | 'reuse' | 'owner' | 'limit'>(),
  },
  (table) => [ofUser(table), index('sessions_project_user').on(table.projectId, table.userId)],
)
