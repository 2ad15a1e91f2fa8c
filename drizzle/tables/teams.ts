// teams: named groups of users of one project.
//
// Legal states: a team has at least one ADMIN from its first member on; a team without members was created by an operator.
// A transaction that changes the members locks the team's row first, so that changes run one after the other.
import { pgTable, text, unique } from 'drizzle-orm/pg-core'
import { createdAt, opaqueId } from './columns.ts'
import { projectId } from './projects.ts'

export const teams = pgTable(
  'teams',
  {
    id: opaqueId().primaryKey(),
    projectId: projectId(),
    name: text('name').notNull(),
    createdAt: createdAt(),
  },
  (table) => [unique('teams_project_id').on(table.projectId, table.id)],
)
