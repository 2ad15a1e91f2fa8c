// team_members: the members of a team and their roles.
//
// Legal states: one row for each user and team of one project. Roles rank ADMIN, BUILDER, OPERATOR, VIEWER. A row is
// deleted with its account and with its team; the last ADMIN's row only with one of the two.
import { type AnyPgColumn, foreignKey, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, reference } from './columns.ts'
import { teams } from './teams.ts'
import { ofUser } from './users.ts'

export type TeamRole = 'ADMIN' | 'BUILDER' | 'OPERATOR' | 'VIEWER'

/** The foreign key to the team: a row has the team's project, and is deleted with the team. */
export const ofTeam = (table: { projectId: AnyPgColumn; teamId: AnyPgColumn }) =>
  foreignKey({
    columns: [table.projectId, table.teamId],
    foreignColumns: [teams.projectId, teams.id],
  }).onDelete('cascade')

export const teamMembers = pgTable(
  'team_members',
  {
    projectId: uuid('project_id').notNull(),
    teamId: uuid('team_id').notNull(),
    userId: reference('user_id').notNull(),
    role: text('role').$type<TeamRole>().notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.projectId, table.teamId, table.userId] }),
    ofTeam(table),
    ofUser(table),
    index('team_members_project_user').on(table.projectId, table.userId),
  ],
)
