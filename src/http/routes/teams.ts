// GET and POST /teams; GET, PATCH and DELETE /teams/{id}; the members below them.
import {
  createTeam,
  deleteTeam,
  getTeam,
  listTeamMembers,
  listTeams,
  removeTeamMember,
  updateTeam,
  updateTeamMember,
} from '../../../schemas/teams.ts'
import type { TeamMembers } from '../../domain/team-members.ts'
import type { Teams } from '../../domain/teams.ts'
import { onBehalfOf, signedIn } from '../plugins/authenticate.ts'
import { actorOf, idOf, type TeamMemberView, teamView } from '../team-views.ts'
import type { Api } from '../typebox.ts'

export interface TeamRoutes {
  readonly teams: Teams
  readonly teamMembers: TeamMembers
  readonly viewMember: TeamMemberView
}

export async function teamRoutes(api: Api, { teams, teamMembers, viewMember }: TeamRoutes): Promise<void> {
  const config = { access: 'user', limit: 'read' } as const
  const reading = { ...config, key: 'teams:read' } as const

  api.get('/teams', { schema: listTeams, config: reading }, async (request) => {
    return { data: (await teams.list(request.project, onBehalfOf(request))).map(teamView) }
  })

  const creating = { ...config, idempotent: true } as const
  api.post('/teams', { schema: createTeam, config: creating }, async (request, reply) => {
    const team = await teams.create(request.project, actorOf(request), request.body.name)
    return reply.code(201).send(teamView(team))
  })

  api.get('/teams/:id', { schema: getTeam, config: reading }, async (request) =>
    teamView(await teams.get(request.project, onBehalfOf(request), idOf(request.params.id))),
  )

  api.patch('/teams/:id', { schema: updateTeam, config }, async (request) => {
    const id = idOf(request.params.id)
    await teams.rename(request.project, actorOf(request), id, request.body.name)
    return teamView(await teams.get(request.project, signedIn(request), id))
  })

  api.delete('/teams/:id', { schema: deleteTeam, config }, async (request, reply) => {
    await teams.remove(request.project, actorOf(request), idOf(request.params.id))
    return reply.code(204).send()
  })

  api.get('/teams/:id/members', { schema: listTeamMembers, config: reading }, async (request) => {
    const reader = { principal: onBehalfOf(request) }
    const members = await teamMembers.list(request.project, reader, idOf(request.params.id))
    return { data: members.map(viewMember) }
  })

  api.patch('/teams/:id/members/:user', { schema: updateTeamMember, config }, async (request) => {
    const { id, user } = request.params
    const actor = actorOf(request)
    const member = idOf(user, 'team_member_unknown')
    return viewMember(await teamMembers.setRole(request.project, actor, idOf(id), member, request.body.role))
  })

  api.delete('/teams/:id/members/:user', { schema: removeTeamMember, config }, async (request, reply) => {
    const { id, user } = request.params
    const member = idOf(user, 'team_member_unknown')
    await teamMembers.remove(request.project, actorOf(request), idOf(id), member)
    return reply.code(204).send()
  })
}
