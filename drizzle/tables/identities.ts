// identities: who a person is at a provider, and whose account that opens.
//
// Legal states: (issuer, subject) belongs to one account of a project; it is added with the account or by its owner, and
// removed by its owner, by a proof of the address that voids what was linked before it, or with the account. email is what
// the provider said last, for the owner to recognise it by; it opens nothing. provider is the name in the policy.
import { index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
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
    createdAt: createdAt(),
    lastUsedAt: instant('last_used_at'),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('identities_project_subject').on(table.projectId, table.issuer, table.subject),
    index('identities_project_user').on(table.projectId, table.userId),
  ],
)
