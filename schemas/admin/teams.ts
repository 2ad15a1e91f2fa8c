// Teams of a project, as operators manage them.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors, idempotencyCodes } from '../errors.ts'
import { idempotencyHeader, replayable } from '../headers.ts'
import { closed, Email, Id, Instant, PathId, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { TeamMember, TeamRole } from '../teams.ts'
import { byOperatorsOrSecret, projectParams, unknownInPath } from './admin.ts'

export const AdminTeam = Type.Object(
  {
    id: Id,
    name: Type.String({ examples: ['Rockets'] }),
    member_count: Type.Integer({ examples: [3] }),
    created_at: Instant,
  },
  { $id: 'AdminTeam', ...closed },
)

export const teamSchemas = [AdminTeam, TeamMember]

const inTag = { tags: ['Teams'], security: byOperatorsOrSecret, params: projectParams }
const teamParams = Type.Object({ ...projectParams.properties, team: PathId('UUID of the team.') })
const memberParams = Type.Object({ ...teamParams.properties, user: PathId('UUID of the member.') })
const TeamName = Type.String({ minLength: 1, maxLength: 100, examples: ['Rockets'] })

export const listTeams = {
  ...inTag,
  operationId: 'listTeams',
  summary: 'List the teams of a project',
  response: {
    200: listOf('The teams, the oldest first.', Shared(AdminTeam)),
    ...adminReadErrors('project_not_found'),
  },
}

export const createTeam = {
  ...inTag,
  operationId: 'createTeam',
  summary: 'Create a team without members',
  headers: Type.Object(idempotencyHeader),
  body: Type.Object({ name: TeamName }),
  response: {
    201: replayable(json('The team.', Shared(AdminTeam))),
    ...adminWriteErrors('project_not_found', ...idempotencyCodes),
  },
}

export const getTeam = {
  ...inTag,
  params: teamParams,
  operationId: 'getTeam',
  summary: 'Get a team',
  response: { 200: json('The team.', Shared(AdminTeam)), ...adminReadErrors(...unknownInPath) },
}

export const renameTeam = {
  ...inTag,
  params: teamParams,
  operationId: 'renameTeam',
  summary: 'Rename a team',
  body: Type.Object({ name: TeamName }),
  response: { 200: json('The team.', Shared(AdminTeam)), ...adminWriteErrors(...unknownInPath) },
}

export const deleteTeam = {
  ...inTag,
  params: teamParams,
  operationId: 'deleteTeam',
  summary: 'Delete a team',
  response: { 204: Type.Null({ description: 'It is deleted.' }), ...adminActionErrors(...unknownInPath) },
}

export const listTeamMembers = {
  ...inTag,
  params: teamParams,
  operationId: 'listTeamMembers',
  summary: 'List the members of a team',
  response: {
    200: listOf('The members, the highest role first.', Shared(TeamMember)),
    ...adminReadErrors(...unknownInPath),
  },
}

export const addTeamMember = {
  ...inTag,
  params: teamParams,
  operationId: 'addTeamMember',
  summary: 'Add the user of an address to a team, at once',
  body: Type.Object({ email: Email, role: TeamRole }),
  response: {
    201: json('The member.', Shared(TeamMember)),
    ...adminWriteErrors(...unknownInPath, 'team_limit_reached'),
  },
}

export const setTeamMemberRole = {
  ...inTag,
  params: memberParams,
  operationId: 'setTeamMemberRole',
  summary: 'Give a member another role',
  body: Type.Object({ role: TeamRole }),
  response: {
    200: json('The member.', Shared(TeamMember)),
    ...adminWriteErrors(...unknownInPath, 'team_admin_needed'),
  },
}

export const removeTeamMember = {
  ...inTag,
  params: memberParams,
  operationId: 'removeTeamMember',
  summary: 'Remove a member from a team',
  response: {
    204: Type.Null({ description: 'The member is removed.' }),
    ...adminActionErrors(...unknownInPath, 'team_admin_needed'),
  },
}
