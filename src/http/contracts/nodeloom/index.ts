// NodeLoom's documented API: a session in one cookie of 24 hours that is extended while it lives, and teams.
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  addMember,
  createTeam,
  deleteTeam,
  getTeam,
  listMembers,
  listTeams,
  login,
  logout,
  nodeloomSchemas,
  refresh,
  removeMember,
  updateMember,
  updateTeam,
} from '../../../../schemas/contracts/nodeloom.ts'
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/grants.ts'
import { callerOf } from '../../caller.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import { actorOf, idOf } from '../../team-views.ts'
import type { Api } from '../../typebox.ts'
import type { BuildContract, ContractParts } from '../mount.ts'
import { answerWith, rules, showLimit } from './errors.ts'
import { memberView, teamView, userView } from './map.ts'

const daySeconds = 86_400
const lifetimes = { accessSeconds: daySeconds, lifetimeSeconds: daySeconds }

export const nodeloom: BuildContract = (parts) => {
  const presented = (request: FastifyRequest) => request.cookies[parts.nodeloomCookie]
  return {
    name: 'nodeloom',
    title: 'NodeLoom',
    description:
      'The API documented by NodeLoom. The session is in a cookie alone: a login sets it, and every other route reads it.',
    prefix: '/nodeloom',
    bases: [''],
    tags: [
      { name: 'Authentication', description: 'Logging in and out, and staying logged in.' },
      { name: 'Teams', description: 'The teams of the user.' },
      { name: 'Team members', description: 'Who is in a team, with which role.' },
    ],
    securitySchemes: {
      session: {
        type: 'apiKey',
        in: 'cookie',
        name: parts.nodeloomCookie,
        description: 'Set by a login: HttpOnly, SameSite=Lax, for 24 hours.',
      },
    },
    shared: nodeloomSchemas,
    answer: answerWith(parts.nodeloomCookie),
    rules,
    presented,
    mayLeave: () => true,
    csrf: {
      rides: (request) => presented(request) !== undefined,
      plants: (request) => request.routeOptions.schema?.operationId === login.operationId,
    },
    exposes: ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
    limits: parts.limits,
    show: showLimit,
    atOnce: ['read', 'credential', 'mail'],
    elsewhere: 'read',
    async routes(api) {
      await authRoutes(api, parts)
      await teamRoutes(api, parts)
      await memberRoutes(api, parts)
    },
  }
}

async function authRoutes(api: Api, parts: ContractParts): Promise<void> {
  const { domain, tokens, nodeloomCookie: name } = parts
  const attributes = { httpOnly: true, secure: parts.cookieSecure, sameSite: 'lax', path: '/' } as const

  /** The grant as the cookie that lives as long as it. */
  function carry(request: FastifyRequest, reply: FastifyReply, grant: Grant): void {
    const { issuedAt, accessExpiresAt: expires } = grant
    const maxAge = Math.round((expires.getTime() - issuedAt.getTime()) / 1000)
    reply.setCookie(name, tokens.printAccess(request.project, grant), { ...attributes, maxAge, expires })
  }

  api.post(
    '/api/auth/login',
    { schema: login, config: { access: 'public', limit: 'credential' } },
    async (request, reply) => {
      const { project, body } = request
      const grant = await domain.signIn.withPassword(project, body, callerOf(request), lifetimes)
      const teams = await domain.teams.memberships(project, grant.user.id)
      carry(request, reply, grant)
      return userView(grant.user, teams)
    },
  )

  api.post(
    '/api/auth/refresh',
    { schema: refresh, config: { access: 'user', limit: 'read', unlooked: true } },
    async (request, reply) => {
      if (!request.presented) throw new AuthError('unauthenticated')
      carry(request, reply, await domain.sessions.extend(request.project, request.presented, daySeconds))
      return { message: 'Token refreshed successfully' }
    },
  )

  api.post(
    '/api/auth/logout',
    { schema: logout, config: { access: 'leaving', limit: 'read' } },
    async (request, reply) => {
      const { project, principal } = request
      if (principal) await domain.sessions.end(project, principal, callerOf(request))
      reply.clearCookie(name, attributes)
      return { message: 'Logged out successfully' }
    },
  )
}

const reading = { access: 'user', limit: 'read' } as const

async function teamRoutes(api: Api, { domain: { teams } }: ContractParts): Promise<void> {
  api.get('/api/teams', { schema: listTeams, config: reading }, async (request) =>
    (await teams.list(request.project, signedIn(request))).map(teamView),
  )

  api.post('/api/teams', { schema: createTeam, config: reading }, async (request, reply) => {
    const team = await teams.create(request.project, actorOf(request), request.body.name)
    return reply.code(201).send(teamView(team))
  })

  api.get('/api/teams/:teamId', { schema: getTeam, config: reading }, async (request) =>
    teamView(await teams.get(request.project, signedIn(request), idOf(request.params.teamId))),
  )

  api.put('/api/teams/:teamId', { schema: updateTeam, config: reading }, async (request) => {
    const teamId = idOf(request.params.teamId)
    await teams.rename(request.project, actorOf(request), teamId, request.body.name)
    return teamView(await teams.get(request.project, signedIn(request), teamId))
  })

  api.delete('/api/teams/:teamId', { schema: deleteTeam, config: reading }, async (request) => {
    await teams.remove(request.project, actorOf(request), idOf(request.params.teamId))
    return { message: 'Team deleted successfully' }
  })
}

async function memberRoutes(api: Api, { domain }: ContractParts): Promise<void> {
  const { teamMembers, teamInvitations } = domain
  const mailing = { access: 'user', limit: 'mail' } as const

  api.get('/api/teams/:teamId/members', { schema: listMembers, config: reading }, async (request) => {
    const members = await teamMembers.list(request.project, actorOf(request), idOf(request.params.teamId))
    return members.map(memberView)
  })

  api.post('/api/teams/:teamId/members', { schema: addMember, config: mailing }, async (request, reply) => {
    const { project, body } = request
    const [actor, teamId] = [actorOf(request), idOf(request.params.teamId)]
    if (actor.caller.provesProject)
      return reply.code(201).send(memberView(await teamMembers.add(project, actor, teamId, body)))
    await teamInvitations.create(project, actor, teamId, { ...body, redirectTo: null })
    return reply.code(202).send({ message: 'Invitation sent successfully' })
  })

  api.put(
    '/api/teams/:teamId/members/:userId',
    { schema: updateMember, config: reading },
    async (request) => {
      const { teamId, userId } = request.params
      const member = idOf(userId, 'team_member_unknown')
      const { role } = request.body
      return memberView(
        await teamMembers.setRole(request.project, actorOf(request), idOf(teamId), member, role),
      )
    },
  )

  api.delete(
    '/api/teams/:teamId/members/:userId',
    { schema: removeMember, config: reading },
    async (request) => {
      const { teamId, userId } = request.params
      const member = idOf(userId, 'team_member_unknown')
      await teamMembers.remove(request.project, actorOf(request), idOf(teamId), member)
      return { message: 'Member removed successfully' }
    },
  )
}
