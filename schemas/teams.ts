// Teams and their members, as every member sees them.
import { Type } from '@sinclair/typebox'
import { actionErrors, idempotencyCodes, readErrors, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, replayable } from './headers.ts'
import { closed, Id, Instant, Nullable, OneOf, PathId, Shared } from './primitives.ts'
import { json, listOf } from './responses.ts'
import { bySession } from './security.ts'

export const TeamRole = OneOf(['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER'], {
  description:
    'From the highest to the lowest. Only an ADMIN changes the team, its members and its invitations.',
  examples: ['BUILDER'],
})

export const Team = Type.Object(
  {
    id: Id,
    name: Type.String({ examples: ['Rockets'] }),
    role: { ...TeamRole, description: 'The role of the signed-in user.', examples: ['ADMIN'] },
    member_count: Type.Integer({ minimum: 1, examples: [3] }),
    created_at: Instant,
  },
  { $id: 'Team', ...closed },
)

export const TeamMember = Type.Object(
  {
    user_uuid: Id,
    email: Type.String({ examples: ['ada@example.com'] }),
    display_name: Nullable(Type.String(), { examples: ['Ada'] }),
    first_name: Nullable(Type.String(), { examples: ['Ada'] }),
    last_name: Nullable(Type.String(), { examples: ['Lovelace'] }),
    avatar_url: Nullable(Type.String(), { examples: [null] }),
    role: TeamRole,
    joined_at: Instant,
  },
  { $id: 'TeamMember', ...closed },
)

/** The parts that all team routes share: sign-in, and their group in the documentation. */
export const ofTeams = {
  tags: ['Teams'],
  security: bySession,
  headers: Type.Object(projectHeader),
}

/** The same for routes that take an Idempotency-Key. */
export const repeatedly = { ...ofTeams, headers: Type.Object({ ...projectHeader, ...idempotencyHeader }) }

/** The same for routes that take an API key with the scope teams:read as well. */
const readingTeams = { ...ofTeams, security: [...ofTeams.security, { apiKey: [] }] }

export const teamPath = { id: PathId('Of the team.') }

const TeamName = Type.String({
  maxLength: 255,
  description: '1 to 100 characters after trimming, without line breaks.',
  examples: ['Rockets'],
})

export const listTeams = {
  ...readingTeams,
  operationId: 'listTeams',
  summary: 'List the teams of the signed-in user, the oldest first',
  description: 'Returns all teams; the policy `teams.max_per_user` limits their number.',
  response: {
    200: listOf('The teams.', Shared(Team)),
    ...readErrors('unauthenticated', 'insufficient_scope'),
  },
}

export const createTeam = {
  ...repeatedly,
  operationId: 'createTeam',
  summary: 'Create a team and become its ADMIN',
  body: Type.Object({ name: TeamName }, { examples: [{ name: 'Rockets' }] }),
  response: {
    201: replayable(json('The team.', Shared(Team))),
    ...writeErrors('unauthenticated', 'team_limit_reached', ...idempotencyCodes),
  },
}

export const getTeam = {
  ...readingTeams,
  operationId: 'getTeam',
  summary: 'Get a team of the signed-in user',
  description: 'A team of other users is the same 404 as one that does not exist.',
  params: Type.Object(teamPath),
  response: {
    200: json('The team.', Shared(Team)),
    ...readErrors('unauthenticated', 'insufficient_scope', 'not_found'),
  },
}

export const updateTeam = {
  ...ofTeams,
  operationId: 'updateTeam',
  summary: 'Rename a team',
  params: Type.Object(teamPath),
  body: Type.Object({ name: TeamName }, { examples: [{ name: 'Rockets and Satellites' }] }),
  response: {
    200: json('The team as changed.', Shared(Team)),
    ...writeErrors('unauthenticated', 'not_found', 'team_role_insufficient'),
  },
}

export const deleteTeam = {
  ...ofTeams,
  operationId: 'deleteTeam',
  summary: 'Delete a team',
  description: 'Its members stay users of the project; its open invitations are withdrawn.',
  params: Type.Object(teamPath),
  response: {
    204: Type.Null({ description: 'The team is deleted.' }),
    ...actionErrors('unauthenticated', 'not_found', 'team_role_insufficient'),
  },
}

export const listTeamMembers = {
  ...readingTeams,
  operationId: 'listTeamMembers',
  summary: 'List the members of a team, the highest role first',
  description: 'Returns all members; the policy `teams.max_members` limits their number.',
  params: Type.Object(teamPath),
  response: {
    200: listOf('The members.', Shared(TeamMember)),
    ...readErrors('unauthenticated', 'insufficient_scope', 'not_found'),
  },
}

const memberPath = { ...teamPath, user: PathId('The `user_uuid` of the member.') }

export const updateTeamMember = {
  ...ofTeams,
  operationId: 'updateTeamMember',
  summary: 'Give a member another role',
  description:
    'The last ADMIN keeps the role. When an ADMIN loses the role, the invitations that they sent are withdrawn.',
  params: Type.Object(memberPath),
  body: Type.Object({ role: TeamRole }, { examples: [{ role: 'OPERATOR' }] }),
  response: {
    200: json('The member as changed.', Shared(TeamMember)),
    ...writeErrors('unauthenticated', 'not_found', 'team_role_insufficient', 'team_admin_needed'),
  },
}

export const removeTeamMember = {
  ...ofTeams,
  operationId: 'removeTeamMember',
  summary: 'Remove a member, or leave the team',
  description: 'An ADMIN removes any member; each member may leave, except the last ADMIN.',
  params: Type.Object(memberPath),
  response: {
    204: Type.Null({ description: 'The member is removed.' }),
    ...actionErrors('unauthenticated', 'not_found', 'team_role_insufficient', 'team_admin_needed'),
  },
}
