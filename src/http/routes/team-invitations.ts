// POST /teams/{id}/members; GET, POST and DELETE /teams/{id}/invitations; POST /team-invitations/accept.
import type { Static } from '@sinclair/typebox'
import * as schemas from '../../../schemas/team-invitations.ts'
import {
  acceptInvitation,
  addOrInvite,
  type Invite,
  type Invited,
  invite,
  listInvitations,
  revokeInvitation,
} from '../../domain/teams/invitations.ts'
import { teamIdOf, uuidOf } from '../path-ids.ts'
import { signedIn } from '../plugins/authenticate.ts'
import { invitationView, teamView } from '../team-views.ts'
import type { Api } from '../typebox.ts'
import type { RouteParts } from './parts.ts'

function inviteOf(body: Static<typeof schemas.inviteToTeam.body>): Invite {
  return { email: body.email, role: body.role, redirectTo: body.redirect_to ?? null }
}

function invitedView({ invitation, token }: Invited) {
  const message = 'The invitation is on its way.'
  return { message, invitation: invitationView(invitation), ...(token ? { token } : {}) }
}

export async function teamInvitationRoutes(api: Api, { viewMember }: RouteParts): Promise<void> {
  const reading = { access: 'user', limit: 'read' } as const
  const mailing = { access: 'user', limit: 'mail', idempotent: true } as const
  const proving = { access: 'user', limit: 'credential', idempotent: true } as const

  api.post(
    '/teams/:id/members',
    { schema: schemas.addTeamMember, config: mailing },
    async (request, reply) => {
      const done = await addOrInvite(signedIn(request), teamIdOf(request.params.id), inviteOf(request.body))
      if ('member' in done) return reply.code(201).send(viewMember(done.member))
      return reply.code(202).send(invitedView(done))
    },
  )

  api.get(
    '/teams/:id/invitations',
    { schema: schemas.listTeamInvitations, config: reading },
    async (request) => {
      const open = await listInvitations(signedIn(request), teamIdOf(request.params.id))
      return { data: open.map(invitationView) }
    },
  )

  api.post(
    '/teams/:id/invitations',
    { schema: schemas.inviteToTeam, config: mailing },
    async (request, reply) => {
      const invited = await invite(signedIn(request), teamIdOf(request.params.id), inviteOf(request.body))
      return reply.code(202).send(invitedView(invited))
    },
  )

  api.delete(
    '/teams/:id/invitations/:invitation',
    { schema: schemas.revokeTeamInvitation, config: reading },
    async (request, reply) => {
      const { id, invitation } = request.params
      const revoked = uuidOf(invitation, 'team_invitation_unknown')
      await revokeInvitation(signedIn(request), teamIdOf(id), revoked)
      return reply.code(204).send()
    },
  )

  api.post(
    '/team-invitations/accept',
    { schema: schemas.acceptTeamInvitation, config: proving },
    async (request) => teamView(await acceptInvitation(signedIn(request), request.body.token)),
  )
}
