// team_invitations: invitations of an e-mail address into a team, whether or not the address has an account.
//
// Legal states:
//   queued     token_hash null: the mail of the same id has not been sent yet, so the invitation cannot be accepted
//   open       token_hash set, expires_at in the future
//   expired    expires_at passed; the cleanup job deletes it
// Accepting, revoking and inviting the same address again delete the row or give it another id, so older links stop working.
// user_id is the ADMIN who invited: the row is deleted with their account, and when they lose the role.
import { index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, createdAt, instant, opaqueId, reference } from './columns.ts'
import { ofTeam, type TeamRole } from './team-members.ts'
import { ofUser } from './users.ts'

export const teamInvitations = pgTable(
  'team_invitations',
  {
    id: opaqueId().primaryKey(),
    projectId: uuid('project_id').notNull(),
    teamId: uuid('team_id').notNull(),
    userId: reference('user_id').notNull(),
    email: text('email').notNull(),
    role: text('role').$type<TeamRole>().notNull(),
    tokenHash: bytes('token_hash'),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    ofTeam(table),
    ofUser(table),
    uniqueIndex('team_invitations_project_team_email').on(table.projectId, table.teamId, table.email),
    uniqueIndex('team_invitations_project_hash').on(table.projectId, table.tokenHash),
    index('team_invitations_project_user').on(table.projectId, table.userId),
  ],
)
