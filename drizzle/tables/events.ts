// events: every change of users, sessions, teams, keys and factors of a project, once, for programs that follow; and event_feeds,
// one row for each project with the newest position.
//
// Legal states of an event:
//   written   position null: committed with its cause by a trigger of the table that changed, so that no statement can forget it
//   ordered   position counts the events of the project without a gap
// Positions are given under the lock of the project's feed, to events that are committed, in the order of their ids. An event that
// follows another of the same row is written after that one's transaction has ended, so its position is the larger one, and a
// transaction that commits late gets positions after all that were read before. type and data are as the API shows them (`data` of
// a change holds the whole state afterwards, never a secret); subject is the UUID of the account or team whose events stay in order.
// Rows are deleted when the policy's retention is over. No foreign key: an event may tell that its subject is gone.
import { sql } from 'drizzle-orm'
import { bigint, index, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { instant, reference } from './columns.ts'
import { projects } from './projects.ts'

export const events = pgTable(
  'events',
  {
    id: bigint('id', { mode: 'number' }).notNull().generatedByDefaultAsIdentity(),
    projectId: uuid('project_id').notNull(),
    at: instant('at').notNull().defaultNow(),
    type: text('type').notNull(),
    subject: uuid('subject').notNull(),
    data: jsonb('data').$type<Record<string, unknown>>().notNull(),
    position: reference('position'),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.id] }),
    uniqueIndex('events_position')
      .on(table.projectId, table.position)
      .where(sql`${table.position} is not null`),
    index('events_unordered').on(table.projectId, table.id).where(sql`${table.position} is null`),
  ],
)

export const eventFeeds = pgTable('event_feeds', {
  projectId: uuid('project_id')
    .primaryKey()
    .references(() => projects.id, { onDelete: 'cascade' }),
  head: reference('head').notNull().default(0),
})
