// GET and POST /teams; GET, PATCH and DELETE /teams/{id}; the members below them.
import * as schemas from '../../../schemas/teams.ts'
import { listMembers, removeMember, setMemberRole } from '../../domain/teams/members.ts'
import { createTeam, deleteTeam, getTeam, listTeams, renameTeam } from '../../domain/teams/teams.ts'
import { memberIdOf, teamIdOf } from '../path-ids.ts'
import { onBehalfOf, signedIn } from '../plugins/authenticate.ts'
import { teamView } from '../team-views.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

export async function teamRoutes(api: Api, { viewMember }: RouteParts): Promise<void> {
  const config = { access: 'user', limit: 'read' } as const
  const reading = { ...config, key: 'teams:read', impersonated: true } as const

  api.get('/teams', { schema: schemas.listTeams, config: reading }, async (request) => {
    return { data: (await listTeams(onBehalfOf(request))).map(teamView) }
  })

  const creating = { ...config, idempotent: true } as const
  api.post('/teams', { schema: schemas.createTeam, config: creating }, async (request, reply) => {
    const team = await createTeam(signedIn(request), request.body.name)
    return reply.code(201).send(teamView(team))
  })

  api.get('/teams/:id', { schema: schemas.getTeam, config: reading }, async (request) =>
    teamView(await getTeam(onBehalfOf(request), teamIdOf(request.params.id))),
  )

  api.patch('/teams/:id', { schema: schemas.updateTeam, config }, async (request) => {
    const id = teamIdOf(request.params.id)
    await renameTeam(signedIn(request), id, request.body.name)
    return teamView(await getTeam(signedIn(request), id))
  })

  api.delete('/teams/:id', { schema: schemas.deleteTeam, config }, async (request, reply) => {
    await deleteTeam(signedIn(request), teamIdOf(request.params.id))
    return reply.code(204).send()
  })

  api.get('/teams/:id/members', { schema: schemas.listTeamMembers, config: reading }, async (request) => {
    const members = await listMembers(onBehalfOf(request), teamIdOf(request.params.id))
    return { data: members.map(viewMember) }
  })

  api.patch('/teams/:id/members/:user', { schema: schemas.updateTeamMember, config }, async (request) => {
    const { id, user } = request.params
    const ctx = signedIn(request)
    const member = memberIdOf(user)
    return viewMember(await setMemberRole(ctx, teamIdOf(id), member, request.body.role))
  })

  api.delete(
    '/teams/:id/members/:user',
    { schema: schemas.removeTeamMember, config },
    async (request, reply) => {
      const { id, user } = request.params
      const member = memberIdOf(user)
      await removeMember(signedIn(request), teamIdOf(id), member)
      return reply.code(204).send()
    },
  )
}
