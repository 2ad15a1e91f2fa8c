// teams: people of one project who work together under a name.
//
// Legal states: a team has at least one ADMIN from its first member on; the one without any member was made by an operator
// and waits for its first. Whoever changes its members holds this row, so that two changes never see half of each other.
import { pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { createdAt, opaqueId } from './columns.ts'
import { projects } from './projects.ts'

export const teams = pgTable(
  'teams',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id')
      .notNull()
      .references(() => projects.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    createdAt: createdAt(),
  },
  (table) => [unique('teams_project_id').on(table.projectId, table.id)],
)
