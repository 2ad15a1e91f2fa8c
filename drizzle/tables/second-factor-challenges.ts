// second_factor_challenges: sign-ins whose first factor was right and whose second one is due.
//
// Legal states:
//   open   used_at null, expires_at in the future, fewer wrong codes than allowed (attempts), epoch equal to its user's
//   ended  any of these fails; it opens nothing any more
// token_hash is the SHA-256 of the challenge, which its client holds. client is the API that it was given by, and the only one that
// may end it. amr says how the first factor was proven (RFC 8176); by_mail whether that was the mailbox itself, which then proves no
// second one. attempts counts tries of codes, each before it is checked.
import { boolean, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const secondFactorChallenges = pgTable(
  'second_factor_challenges',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    epoch: integer('epoch').notNull(),
    client: text('client').$type<'canonical' | 'nodeloom' | 'credebl' | 'nora'>().notNull(),
    tokenHash: bytes('token_hash').notNull(),
    amr: text('amr').notNull(),
    byMail: boolean('by_mail').notNull().default(false),
    attempts: integer('attempts').notNull().default(0),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('second_factor_challenges_project_hash').on(table.projectId, table.tokenHash),
    index('second_factor_challenges_project_user').on(table.projectId, table.userId),
  ],
)
