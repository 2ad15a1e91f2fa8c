// Invitations into a team: what its ADMINs send and see, and what the owner of the address accepts.
import { Type } from '@sinclair/typebox'
import { actionErrors, readErrors, repeatable, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, projectSecretHeader, replayable } from './headers.ts'
import { Email, Id, Instant, LinkTarget, Secret, Shared, Token } from './primitives.ts'
import { answering, ofTeams, pathId, repeatedly, Team, TeamMember, TeamRole, teamPath } from './teams.ts'

const closed = { additionalProperties: false } as const

export const TeamInvitation = Type.Object(
  {
    id: Id,
    email: Type.String({ examples: ['grace@example.com'] }),
    role: TeamRole,
    invited_by: { ...Id, description: 'The `user_uuid` of who invited.' },
    created_at: Instant,
    expires_at: Instant,
  },
  { $id: 'TeamInvitation', ...closed },
)

const Invited = Type.Object(
  {
    message: Type.String({ examples: ['The invitation is on its way.'] }),
    invitation: Shared(TeamInvitation),
    token: Type.Optional(
      Secret(
        Type.String({
          description: 'Where the application delivers mail, for a caller that sent the project secret.',
        }),
      ),
    ),
  },
  { $id: 'TeamInvited', ...closed },
)

export const teamSchemas = [Team, TeamMember, TeamInvitation, Invited]

const body = Type.Object(
  { email: Email, role: TeamRole, redirect_to: Type.Optional(LinkTarget) },
  { examples: [{ email: 'grace@example.com', role: 'BUILDER' }] },
)
const headers = Type.Object({ ...projectHeader, ...projectSecretHeader, ...idempotencyHeader })
const refusals = ['unauthenticated', 'not_found', 'team_role_insufficient', 'team_limit_reached'] as const

export const listTeamInvitations = {
  ...ofTeams,
  operationId: 'listTeamInvitations',
  summary: 'The open invitations of a team, the oldest first',
  description: 'For its ADMINs. All of them: the policy `teams.max_invitations` bounds their number.',
  params: Type.Object(teamPath),
  response: {
    200: answering('The invitations.', Type.Object({ data: Type.Array(Shared(TeamInvitation)) }, closed)),
    ...readErrors('unauthenticated', 'not_found', 'team_role_insufficient'),
  },
}

export const inviteToTeam = {
  ...ofTeams,
  operationId: 'inviteToTeam',
  summary: 'Invite the owner of an address',
  description:
    'The answer is the same whether or not the address has an account. The mail carries a link that works once and for as long as the policy `teams.invitation_seconds` says; inviting an address again voids the earlier link. `redirect_to` is where the link leads instead of our own page; its origin must be one of the project’s `link_origins`.',
  headers,
  params: Type.Object(teamPath),
  body,
  response: {
    202: replayable(answering('Accepted.', Shared(Invited))),
    ...writeErrors(...refusals, ...repeatable),
  },
}

export const addTeamMember = {
  ...ofTeams,
  operationId: 'addTeamMember',
  summary: 'Add a member, by invitation',
  description:
    'Invites the owner of the address, so that nobody learns whether there is an account. A back end of the application that sends `project-secret` besides adds the account at once, and is told where there is none.',
  headers,
  params: Type.Object(teamPath),
  body,
  response: {
    201: replayable(answering('Added at once, for a caller with the project secret.', Shared(TeamMember))),
    202: replayable(answering('Invited.', Shared(Invited))),
    ...writeErrors(...refusals, ...repeatable),
  },
}

export const revokeTeamInvitation = {
  ...ofTeams,
  operationId: 'revokeTeamInvitation',
  summary: 'Withdraw an invitation',
  params: Type.Object({ ...teamPath, invitation: pathId('Of the invitation.') }),
  response: {
    204: Type.Null({ description: 'Its link works no longer.' }),
    ...actionErrors('unauthenticated', 'not_found', 'team_role_insufficient'),
  },
}

export const acceptTeamInvitation = {
  ...repeatedly,
  operationId: 'acceptTeamInvitation',
  summary: 'Accept an invitation',
  description:
    'With the token of the link, as the signed-in owner of the invited address, which must be verified. An invitation for another address is refused like an unknown one.',
  body: Type.Object({ token: Token }),
  response: {
    200: replayable(answering('The team, with the role in it.', Shared(Team))),
    ...writeErrors('unauthenticated', 'email_verification_required', 'team_limit_reached', ...repeatable),
  },
}
