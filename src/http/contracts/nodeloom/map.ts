// NodeLoom's names for our fields. Pure.
import { NodeLoomMember, NodeLoomTeam, NodeLoomUser } from '../../../../schemas/contracts/nodeloom.ts'
import type { TeamMember } from '../../../domain/teams/members.ts'
import type { Membership } from '../../../domain/teams/teams.ts'
import type { UserRow } from '../../../repositories/accounts/users.ts'
import { viewOf } from '../../schema-view.ts'

/** NodeLoom's clients expect names as texts; a missing one is empty. */
const nameTexts = ({ firstName, lastName }: Pick<UserRow, 'firstName' | 'lastName'>) => ({
  firstName: firstName ?? '',
  lastName: lastName ?? '',
})

const showUser = viewOf(NodeLoomUser)
const showMember = viewOf(NodeLoomMember)

export const userView = (user: UserRow, teams: readonly Membership[]) =>
  showUser({ ...user, id: user.uuid, ...nameTexts(user), teams })

export const teamView = viewOf(NodeLoomTeam)

export const memberView = (member: TeamMember) =>
  showMember({ ...member, userId: member.userUuid, ...nameTexts(member) })
