// POST /teams/{id}/members; GET, POST and DELETE /teams/{id}/invitations; POST /team-invitations/accept.
import type { Static } from '@sinclair/typebox'
import {
  acceptTeamInvitation,
  addTeamMember,
  inviteToTeam,
  listTeamInvitations,
  revokeTeamInvitation,
} from '../../../schemas/team-invitations.ts'
import type { Invite, TeamInvitations } from '../../domain/team-invitations.ts'
import type { TeamMembers } from '../../domain/team-members.ts'
import { actorOf, idOf, invitationView, type TeamMemberView, teamView } from '../team-views.ts'
import type { Api } from '../typebox.ts'

export interface TeamInvitationRoutes {
  readonly teamMembers: TeamMembers
  readonly teamInvitations: TeamInvitations
  readonly viewMember: TeamMemberView
}

function inviteOf(body: Static<typeof inviteToTeam.body>): Invite {
  return { email: body.email, role: body.role, redirectTo: body.redirect_to ?? null }
}

function invitedView({ invitation, token }: Awaited<ReturnType<TeamInvitations['create']>>) {
  const message = 'The invitation is on its way.'
  return { message, invitation: invitationView(invitation), ...(token ? { token } : {}) }
}

export async function teamInvitationRoutes(
  api: Api,
  { teamMembers, teamInvitations, viewMember }: TeamInvitationRoutes,
): Promise<void> {
  const reading = { access: 'user', limit: 'read' } as const
  const mailing = { access: 'user', limit: 'mail', idempotent: true } as const
  const proving = { access: 'user', limit: 'credential', idempotent: true } as const

  api.post('/teams/:id/members', { schema: addTeamMember, config: mailing }, async (request, reply) => {
    const { project, body } = request
    const [actor, id] = [actorOf(request), idOf(request.params.id)]
    if (actor.caller.provesProject)
      return reply.code(201).send(viewMember(await teamMembers.add(project, actor, id, body)))
    const invited = await teamInvitations.create(project, actor, id, inviteOf(body))
    return reply.code(202).send(invitedView(invited))
  })

  api.get('/teams/:id/invitations', { schema: listTeamInvitations, config: reading }, async (request) => {
    const { project, params } = request
    const open = await teamInvitations.list(project, actorOf(request), idOf(params.id))
    return { data: open.map(invitationView) }
  })

  api.post('/teams/:id/invitations', { schema: inviteToTeam, config: mailing }, async (request, reply) => {
    const { project, params, body } = request
    const invited = await teamInvitations.create(project, actorOf(request), idOf(params.id), inviteOf(body))
    return reply.code(202).send(invitedView(invited))
  })

  api.delete(
    '/teams/:id/invitations/:invitation',
    { schema: revokeTeamInvitation, config: reading },
    async (request, reply) => {
      const { id, invitation } = request.params
      const revoked = idOf(invitation, 'team_invitation_unknown')
      await teamInvitations.revoke(request.project, actorOf(request), idOf(id), revoked)
      return reply.code(204).send()
    },
  )

  api.post('/team-invitations/accept', { schema: acceptTeamInvitation, config: proving }, async (request) =>
    teamView(await teamInvitations.accept(request.project, actorOf(request), request.body.token)),
  )
}
