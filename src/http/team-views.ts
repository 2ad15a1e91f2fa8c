// How the canonical API shows teams, members and invitations, and who it says is acting on them.
import type { Static } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { TeamInvitation } from '../../schemas/team-invitations.ts'
import type { Team, TeamMember } from '../../schemas/teams.ts'
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'
import type { TeamInvitation as Invitation } from '../domain/team-invitations.ts'
import type { TeamMember as Member } from '../domain/team-members.ts'
import type { TeamActor, TeamOfUser } from '../domain/teams.ts'
import { isUuid } from '../domain/uuid.ts'
import { callerOf } from './caller.ts'
import { signedIn } from './plugins/authenticate.ts'
import { avatarsPath } from './views.ts'

/** The signed-in user who acts. @throws AuthError unauthenticated */
export function actorOf(request: FastifyRequest): Exclude<TeamActor, 'operator'> {
  return { principal: signedIn(request), caller: callerOf(request) }
}

/** An id of a path. @throws AuthError the given code, for what cannot be one */
export function idOf(text: string, unknown: AuthErrorCode = 'team_unknown'): string {
  if (!isUuid(text)) throw new AuthError(unknown)
  return text
}

export function teamView({ id, name, role, memberCount, createdAt }: TeamOfUser): Static<typeof Team> {
  return { id, name, role, member_count: memberCount, created_at: createdAt.toISOString() }
}

export type TeamMemberView = (member: Member) => Static<typeof TeamMember>

/** Builds the view of a member. `publicUrl` is where the addresses in it begin. */
export function teamMemberView(publicUrl: string): TeamMemberView {
  return (member) => ({
    user_uuid: member.userUuid,
    email: member.email,
    display_name: member.displayName,
    first_name: member.firstName,
    last_name: member.lastName,
    avatar_url: member.avatarId && `${publicUrl}${avatarsPath}${member.avatarId}`,
    role: member.role,
    joined_at: member.joinedAt.toISOString(),
  })
}

export function invitationView(invitation: Invitation): Static<typeof TeamInvitation> {
  return {
    id: invitation.id,
    email: invitation.email,
    role: invitation.role,
    invited_by: invitation.invitedBy,
    created_at: invitation.createdAt.toISOString(),
    expires_at: invitation.expiresAt.toISOString(),
  }
}
