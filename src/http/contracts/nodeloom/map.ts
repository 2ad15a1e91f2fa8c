// NodeLoom's words for ours. Pure.
import type { Static } from '@sinclair/typebox'
import type { NodeLoomMember, NodeLoomTeam, NodeLoomUser } from '../../../../schemas/contracts/nodeloom.ts'
import type { TeamMember } from '../../../domain/team-members.ts'
import type { Membership, TeamOfUser } from '../../../domain/teams.ts'
import type { UserRow } from '../../../repositories/users.ts'

/** The names are texts for NodeLoom's clients; one that an account does not have is empty. */
export const userView = (
  { uuid, firstName, lastName, email }: UserRow,
  teams: readonly Membership[],
): Static<typeof NodeLoomUser> => ({
  id: uuid,
  firstName: firstName ?? '',
  lastName: lastName ?? '',
  email,
  teams: teams.map(({ teamId, teamName, role }) => ({ teamId, teamName, role })),
})

export const teamView = (team: TeamOfUser): Static<typeof NodeLoomTeam> => ({
  id: team.id,
  name: team.name,
  memberCount: team.memberCount,
  role: team.role,
  createdAt: team.createdAt.toISOString(),
})

export const memberView = (member: TeamMember): Static<typeof NodeLoomMember> => ({
  userId: member.userUuid,
  email: member.email,
  firstName: member.firstName ?? '',
  lastName: member.lastName ?? '',
  role: member.role,
  joinedAt: member.joinedAt.toISOString(),
})
