// How the canonical API shows teams, members and invitations.
import type { Static } from '@sinclair/typebox'
import { TeamInvitation } from '../../schemas/team-invitations.ts'
import { Team, TeamMember } from '../../schemas/teams.ts'
import type { TeamMember as Member } from '../domain/teams/members.ts'
import { viewOf } from './schema-view.ts'
import { avatarUrl } from './views.ts'

export const teamView = viewOf(Team)

export const invitationView = viewOf(TeamInvitation)

export type TeamMemberView = (member: Member) => Static<typeof TeamMember>

const showMember = viewOf(TeamMember)

/** Builds the view of a member. @param publicUrl where the addresses in it begin */
export function teamMemberView(publicUrl: string): TeamMemberView {
  return (member) => showMember({ ...member, avatarUrl: avatarUrl(publicUrl, member.avatarId) })
}
