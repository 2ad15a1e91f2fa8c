// How the canonical API shows teams, members and invitations.
import type { Static } from '@sinclair/typebox'
import { TeamInvitation } from '../../schemas/team-invitations.ts'
import { Team, TeamMember } from '../../schemas/teams.ts'
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'
import type { TeamMember as Member } from '../domain/teams/members.ts'
import { isUuid } from '../formats.ts'
import { viewOf } from './schema-view.ts'
import { avatarUrl } from './views.ts'

/** Reads an id of a path. @throws AuthError `unknown`, for a text that is no UUID */
export function idOf(text: string, unknown: AuthErrorCode = 'team_unknown'): string {
  if (!isUuid(text)) throw new AuthError(unknown)
  return text
}

export const teamView = viewOf(Team)

export const invitationView = viewOf(TeamInvitation)

export type TeamMemberView = (member: Member) => Static<typeof TeamMember>

const showMember = viewOf(TeamMember)

/** Builds the view of a member. @param publicUrl where the addresses in it begin */
export function teamMemberView(publicUrl: string): TeamMemberView {
  return (member) => showMember({ ...member, avatarUrl: avatarUrl(publicUrl, member.avatarId) })
}
