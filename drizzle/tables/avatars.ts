// avatars: the pictures of accounts, in a table of their own so that the user row stays small.
//
// Legal states: at most one row for each user; a new picture gets a new id, so the content at a URL never changes.
import { pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, opaqueId, reference } from './columns.ts'
import { ofUser } from './users.ts'

export const avatars = pgTable(
  'avatars',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    mediaType: text('media_type').$type<'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'>().notNull(),
    content: bytes('content').notNull(),
    createdAt: createdAt(),
  },
  (table) => [ofUser(table), uniqueIndex('avatars_project_user').on(table.projectId, table.userId)],
)
