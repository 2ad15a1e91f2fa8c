// /projects/{id}/teams and their members.
import * as schemas from '../../../../schemas/admin/teams.ts'
import { addMember, listMembers, removeMember, setMemberRole } from '../../../domain/teams/members.ts'
import {
  createEmptyTeam,
  deleteTeam,
  findTeam,
  listAllTeams,
  renameTeam,
} from '../../../domain/teams/teams.ts'
import { memberIdOf, teamIdOf } from '../../path-ids.ts'
import type { Api } from '../../typebox.ts'
import { may, mayOnce, onProject } from '../authorize.ts'
import type { AdminParts } from '../parts.ts'
import { adminTeamView } from '../views.ts'

const path = '/projects/:id/teams'

export async function teamRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const reading = may('teams.read')
  const writing = may('teams.write')

  api.get(path, { schema: schemas.listTeams, config: reading }, async (request) => {
    return { data: (await listAllTeams(onProject(request, services))).map(adminTeamView) }
  })

  const creating = { schema: schemas.createTeam, config: mayOnce('teams.write') }
  api.post(path, creating, async (request, reply) => {
    const team = await createEmptyTeam(onProject(request, services), request.body.name)
    return reply.code(201).send(adminTeamView({ ...team, memberCount: 0 }))
  })

  api.get(`${path}/:team`, { schema: schemas.getTeam, config: reading }, async (request) =>
    adminTeamView(await findTeam(onProject(request, services), teamIdOf(request.params.team))),
  )

  api.patch(`${path}/:team`, { schema: schemas.renameTeam, config: writing }, async (request) => {
    const ctx = onProject(request, services)
    const id = teamIdOf(request.params.team)
    await renameTeam(ctx, id, request.body.name)
    return adminTeamView(await findTeam(ctx, id))
  })

  api.delete(`${path}/:team`, { schema: schemas.deleteTeam, config: writing }, async (request, reply) => {
    await deleteTeam(onProject(request, services), teamIdOf(request.params.team))
    return reply.code(204).send()
  })
}

export async function teamMemberRoutes(api: Api, { services, viewMember }: AdminParts): Promise<void> {
  const writing = may('teams.write')
  const members = `${path}/:team/members`

  const listing = { schema: schemas.listTeamMembers, config: may('teams.read') }
  api.get(members, listing, async (request) => {
    const found = await listMembers(onProject(request, services), teamIdOf(request.params.team))
    return { data: found.map(viewMember) }
  })

  api.post(members, { schema: schemas.addTeamMember, config: writing }, async (request, reply) => {
    const { email, role } = request.body
    const ctx = onProject(request, services)
    const member = await addMember(ctx, teamIdOf(request.params.team), { email, role })
    return reply.code(201).send(viewMember(member))
  })

  const changing = { schema: schemas.setTeamMemberRole, config: writing }
  api.patch(`${members}/:user`, changing, async (request) => {
    const { team, user } = request.params
    const member = memberIdOf(user)
    return viewMember(
      await setMemberRole(onProject(request, services), teamIdOf(team), member, request.body.role),
    )
  })

  const removing = { schema: schemas.removeTeamMember, config: writing }
  api.delete(`${members}/:user`, removing, async (request, reply) => {
    const { team, user } = request.params
    await removeMember(onProject(request, services), teamIdOf(team), memberIdOf(user))
    return reply.code(204).send()
  })
}
