// The sessions, factors, identities, API keys, teams, activity and export of one user; and impersonation.
import * as schemas from '../../../../schemas/admin/user-details.ts'
import { getUserFactors } from '../../../../schemas/admin/user-factors.ts'
import { showFactors } from '../../../domain/operators/factors.ts'
import {
  endImpersonation,
  impersonate,
  listImpersonations,
  maxImpersonationSeconds,
} from '../../../domain/operators/impersonation.ts'
import * as verbs from '../../../domain/operators/user-changes.ts'
import { findUserForOperator } from '../../../domain/operators/user-search.ts'
import { printCursor, readCursor } from '../../cursor.ts'
import { activityView, exportView } from '../../export-view.ts'
import { teamView } from '../../team-views.ts'
import type { Api } from '../../typebox.ts'
import { apiKeyView, identityView, sessionView } from '../../views.ts'
import { may, onProject, operatorOf } from '../authorize.ts'
import type { AdminParts } from '../parts.ts'
import { impersonationView, userFactorsView } from '../views.ts'

const path = '/projects/:id/users/:user'
const pageLength = 50

export async function userSessionRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const ending = may('users.sessions.end')

  const listing = { schema: schemas.listUserSessions, config: may('users.sessions.read') }
  api.get(`${path}/sessions`, listing, async (request) => {
    const sessions = await verbs.sessionsOf(onProject(request, services), request.params.user)
    return { data: sessions.map((session) => sessionView(session, null)) }
  })

  const endingOne = { schema: schemas.endUserSession, config: ending }
  api.delete(`${path}/sessions/:session`, endingOne, async (request, reply) => {
    const { user, session } = request.params
    await verbs.endSessionOf(onProject(request, services), user, session)
    return reply.code(204).send()
  })

  api.delete(
    `${path}/sessions`,
    { schema: schemas.endUserSessions, config: ending },
    async (request, reply) => {
      await verbs.endSessionsOf(onProject(request, services), request.params.user)
      return reply.code(204).send()
    },
  )
}

/** The trusted devices show networks, so the permission is that of sessions. */
export async function userFactorRoutes(api: Api, { services }: AdminParts): Promise<void> {
  const reading = { schema: getUserFactors, config: may('users.sessions.read') }
  api.get(`${path}/factors`, reading, async (request) => {
    const ctx = onProject(request, services)
    const { uuid } = await findUserForOperator(ctx, request.params.user)
    return userFactorsView(await showFactors(ctx, uuid))
  })
}

/** The identities, API keys, teams, activity and export of a user. */
export async function userHoldingRoutes(api: Api, { services, viewUser }: AdminParts): Promise<void> {
  const reading = may('users.read')
  api.get(`${path}/identities`, { schema: schemas.listUserIdentities, config: reading }, async (request) => {
    const found = await verbs.identitiesOf(onProject(request, services), request.params.user)
    return { data: found.map(identityView) }
  })

  api.get(`${path}/api-keys`, { schema: schemas.listUserApiKeys, config: reading }, async (request) => {
    const found = await verbs.apiKeysOf(onProject(request, services), request.params.user)
    return { data: found.map(apiKeyView) }
  })

  const revoking = { schema: schemas.revokeUserApiKey, config: may('users.write') }
  api.post(`${path}/api-keys/:key/revoke`, revoking, async (request, reply) => {
    const { user, key } = request.params
    await verbs.revokeApiKeyOf(onProject(request, services), user, key)
    return reply.code(204).send()
  })

  api.get(`${path}/teams`, { schema: schemas.listUserTeams, config: reading }, async (request) => {
    const found = await verbs.teamsOf(onProject(request, services), request.params.user)
    return { data: found.map(teamView) }
  })

  const following = { schema: schemas.listUserActivity, config: may('users.activity.read') }
  api.get(`${path}/activity`, following, async (request) => {
    const { cursor, limit = pageLength } = request.query
    const page = { before: readCursor(cursor), limit }
    const found = await verbs.activityOf(onProject(request, services), request.params.user, page)
    return { data: found.events.map(activityView), next_cursor: printCursor(found.before) }
  })

  const exporting = { schema: schemas.exportUser, config: may('users.export') }
  api.get(`${path}/export`, exporting, async (request, reply) => {
    const exported = await verbs.exportUser(onProject(request, services), request.params.user)
    reply.header('content-disposition', `attachment; filename="account-${exported.user.uuid}.json"`)
    return exportView(exported, viewUser)
  })
}

export async function impersonationRoutes(
  api: Api,
  { services, tokens, viewUser }: AdminParts,
): Promise<void> {
  const config = may('users.impersonate')
  api.post(`${path}/impersonate`, { schema: schemas.impersonate, config }, async (request, reply) => {
    const ctx = onProject(request, services)
    const { reason, seconds = maxImpersonationSeconds } = request.body
    const wish = { reason: reason.trim(), seconds }
    const grant = await impersonate(ctx, operatorOf(request), request.params.user, wish)
    return reply.code(201).send({
      session_id: grant.sessionId,
      access_token: tokens.printAccess(ctx.project, grant),
      token_type: 'Bearer',
      expires_at: grant.accessExpiresAt.toISOString(),
      expires_in: grant.accessSeconds,
      user: viewUser(grant.user),
    })
  })

  const listing = { schema: schemas.listImpersonations, config: may('impersonations.read') }
  api.get('/projects/:id/impersonations', listing, async (request) => {
    return { data: (await listImpersonations(onProject(request, services))).map(impersonationView) }
  })

  const ending = { schema: schemas.endImpersonation, config: may('impersonations.end') }
  api.delete('/projects/:id/impersonations/:session', ending, async (request, reply) => {
    await endImpersonation(onProject(request, services), request.params.session)
    return reply.code(204).send()
  })
}
