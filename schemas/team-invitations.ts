// Invitations into a team: sent and seen by its ADMINs, accepted by the owner of the address.
import { Type } from '@sinclair/typebox'
import { actionErrors, idempotencyCodes, readErrors, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, projectSecretHeader, replayable } from './headers.ts'
import { closed, Email, HandedToken, Id, Instant, LinkTarget, PathId, Shared, Token } from './primitives.ts'
import { json, listOf } from './responses.ts'
import { ofTeams, repeatedly, Team, TeamMember, TeamRole, teamPath } from './teams.ts'

export const TeamInvitation = Type.Object(
  {
    id: Id,
    email: Type.String({ examples: ['grace@example.com'] }),
    role: TeamRole,
    invited_by: { ...Id, description: 'The `user_uuid` of the inviting member.' },
    created_at: Instant,
    expires_at: Instant,
  },
  { $id: 'TeamInvitation', ...closed },
)

const Invited = Type.Object(
  {
    message: Type.String({ examples: ['The invitation is on its way.'] }),
    invitation: Shared(TeamInvitation),
    token: Type.Optional(HandedToken),
  },
  { $id: 'TeamInvited', ...closed },
)

export const teamSchemas = [Team, TeamMember, TeamInvitation, Invited]

const body = Type.Object(
  { email: Email, role: TeamRole, redirect_to: Type.Optional(LinkTarget) },
  { examples: [{ email: 'grace@example.com', role: 'BUILDER' }] },
)
const headers = Type.Object({ ...projectHeader, ...projectSecretHeader, ...idempotencyHeader })
const refusals = [
  'unauthenticated',
  'email_verification_required',
  'not_found',
  'team_role_insufficient',
  'team_limit_reached',
  'too_many_attempts',
] as const

export const listTeamInvitations = {
  ...ofTeams,
  operationId: 'listTeamInvitations',
  summary: 'List the open invitations of a team, the oldest first',
  description:
    'For the ADMINs of the team. Returns all invitations; the policy `teams.max_invitations` limits their number.',
  params: Type.Object(teamPath),
  response: {
    200: listOf('The invitations.', Shared(TeamInvitation)),
    ...readErrors('unauthenticated', 'not_found', 'team_role_insufficient'),
  },
}

export const inviteToTeam = {
  ...ofTeams,
  operationId: 'inviteToTeam',
  summary: 'Invite the owner of an address',
  description:
    'The answer is the same whether or not the address has an account. The mail has a link that works once within the policy’s `teams.invitation_seconds`; inviting an address again voids the earlier link. The link leads to `redirect_to` instead of our own page; it must be one of the policy’s `redirect_urls`. Who invites has proven their own address. 429 where the invited address had enough mails of any kind (policy `mail`).',
  headers,
  params: Type.Object(teamPath),
  body,
  response: {
    202: replayable(json('Accepted.', Shared(Invited))),
    ...writeErrors(...refusals, ...idempotencyCodes),
  },
}

export const addTeamMember = {
  ...ofTeams,
  operationId: 'addTeamMember',
  summary: 'Add a member, by invitation',
  description:
    'Invites the owner of the address, so the answer does not reveal whether there is an account. With `project-secret` a back end of the application adds the account at once, and learns when there is none.',
  headers,
  params: Type.Object(teamPath),
  body,
  response: {
    201: replayable(json('Added at once, for a caller with the project secret.', Shared(TeamMember))),
    202: replayable(json('Invited.', Shared(Invited))),
    ...writeErrors(...refusals, ...idempotencyCodes),
  },
}

export const revokeTeamInvitation = {
  ...ofTeams,
  operationId: 'revokeTeamInvitation',
  summary: 'Withdraw an invitation',
  params: Type.Object({ ...teamPath, invitation: PathId('The id of the invitation.') }),
  response: {
    204: Type.Null({ description: 'The link of the invitation no longer works.' }),
    ...actionErrors('unauthenticated', 'not_found', 'team_role_insufficient'),
  },
}

export const acceptTeamInvitation = {
  ...repeatedly,
  operationId: 'acceptTeamInvitation',
  summary: 'Accept an invitation',
  description:
    'Takes the token of the link. The signed-in user must own the invited address and have verified it. An invitation for another address is refused like an unknown one.',
  body: Type.Object({ token: Token }),
  response: {
    200: replayable(json('The team, with the role of the user.', Shared(Team))),
    ...writeErrors(
      'unauthenticated',
      'email_verification_required',
      'team_limit_reached',
      ...idempotencyCodes,
    ),
  },
}
