// identities: a person's identity at a sign-in provider, linked to an account.
//
// Legal states: (issuer, subject) belongs to one account of a project; it is added with the account or by its owner, and
// removed by its owner, by a proof of the address that voids what was linked before it, or with the account. email is the
// provider's latest address, shown so that the owner recognises the identity; it plays no part in signing in. email_verified:
// the provider vouches for that address. provider is the name in the policy.
import { boolean, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const identities = pgTable(
  'identities',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    provider: text('provider').notNull(),
    issuer: text('issuer').notNull(),
    subject: text('subject').notNull(),
    email: text('email'),
    emailVerified: boolean('email_verified').notNull().default(false),
    createdAt: createdAt(),
    lastUsedAt: instant('last_used_at'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('identities_project_subject').on(table.projectId, table.issuer, table.subject),
    index('identities_project_user').on(table.projectId, table.userId),
  ],
)
