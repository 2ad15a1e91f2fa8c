// NodeLoom's documented API: a session in one cookie of 24 hours that is extended while it lives, and teams.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as schemas from '../../../../schemas/contracts/nodeloom.ts'
import { signInWithPassword } from '../../../domain/credentials/sign-in.ts'
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { endReplacedSession, signOut } from '../../../domain/sessions/revocation.ts'
import { extendSession } from '../../../domain/sessions/sessions.ts'
import { addOrInvite } from '../../../domain/teams/invitations.ts'
import { listMembers, removeMember, setMemberRole } from '../../../domain/teams/members.ts'
import {
  createTeam,
  deleteTeam,
  getTeam,
  listMemberships,
  listTeams,
  renameTeam,
} from '../../../domain/teams/teams.ts'
import { clearSiteData, hostBound } from '../../cookies.ts'
import { memberIdOf, teamIdOf } from '../../path-ids.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import { readAccessFor, sessionOf } from '../../tokens.ts'
import type { Api } from '../../typebox.ts'
import type { BuildContract, ContractParts } from '../mount.ts'
import { nodeloomAnswer, rules, setRateLimitHeaders } from './errors.ts'
import { memberView, teamView, userView } from './map.ts'

const daySeconds = 86_400
const lifetimes = { accessSeconds: daySeconds, lifetimeSeconds: daySeconds }

/** The cookie's name as configured, bound to the host where it is Secure. */
const cookieName = ({ cookieSecure, nodeloomCookie }: ContractParts) =>
  hostBound(cookieSecure, nodeloomCookie)

export const nodeloom: BuildContract = (parts) => {
  const name = cookieName(parts)
  const presented = (request: FastifyRequest) => request.cookies[name]
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
        name,
        description: 'Set by a login: HttpOnly, SameSite=Lax, for 24 hours.',
      },
    },
    shared: schemas.nodeloomSchemas,
    answer: nodeloomAnswer(name),
    rules,
    presented,
    allowsEndedSession: () => true,
    csrf: {
      concernsCookies: (request) =>
        presented(request) !== undefined ||
        request.routeOptions.schema?.operationId === schemas.login.operationId,
    },
    maxParamLength: 512,
    limits: parts.limits,
    show: setRateLimitHeaders,
    countedOnArrival: ['read', 'credential', 'mail'],
    unmatched: 'read',
    async routes(api) {
      await authRoutes(api, parts)
      await teamRoutes(api)
      await memberRoutes(api)
    },
  }
}

async function authRoutes(api: Api, parts: ContractParts): Promise<void> {
  const { tokens } = parts
  const name = cookieName(parts)
  const attributes = { httpOnly: true, secure: parts.cookieSecure, sameSite: 'lax', path: '/' } as const

  /** Sets the cookie, which expires with the grant's access token. */
  function setCookie(request: FastifyRequest, reply: FastifyReply, grant: Grant): void {
    const { accessExpiresAt: expires, accessSeconds: maxAge } = grant
    reply.setCookie(name, tokens.printAccess(request.project, grant), { ...attributes, maxAge, expires })
  }

  api.post(
    '/api/auth/login',
    { schema: schemas.login, config: { access: 'public', limit: 'credential' } },
    async (request, reply) => {
      const grant = await signInWithPassword(request.context, request.body, lifetimes)
      const replaced = readAccessFor(tokens, request.project, request.cookies[name])
      if (replaced) await endReplacedSession(request.context, sessionOf(replaced))
      const teams = await listMemberships(request.context, grant.user.id)
      setCookie(request, reply, grant)
      return userView(grant.user, teams)
    },
  )

  api.post(
    '/api/auth/refresh',
    { schema: schemas.refresh, config: { access: 'user', limit: 'read', tokenOnly: true } },
    async (request, reply) => {
      if (!request.presented) throw new AuthError('unauthenticated')
      setCookie(request, reply, await extendSession(request.context, request.presented, daySeconds))
      return { message: 'Token refreshed successfully' }
    },
  )

  api.post(
    '/api/auth/logout',
    { schema: schemas.logout, config: { access: 'leaving', limit: 'read' } },
    async (request, reply) => {
      if (request.principal) await signOut(signedIn(request))
      reply.clearCookie(name, attributes)
      clearSiteData(reply)
      return { message: 'Logged out successfully' }
    },
  )
}

const reading = { access: 'user', limit: 'read' } as const

async function teamRoutes(api: Api): Promise<void> {
  api.get('/api/teams', { schema: schemas.listTeams, config: reading }, async (request) =>
    (await listTeams(signedIn(request))).map(teamView),
  )

  api.post('/api/teams', { schema: schemas.createTeam, config: reading }, async (request, reply) => {
    const team = await createTeam(signedIn(request), request.body.name)
    return reply.code(201).send(teamView(team))
  })

  api.get('/api/teams/:teamId', { schema: schemas.getTeam, config: reading }, async (request) =>
    teamView(await getTeam(signedIn(request), teamIdOf(request.params.teamId))),
  )

  api.put('/api/teams/:teamId', { schema: schemas.updateTeam, config: reading }, async (request) => {
    const teamId = teamIdOf(request.params.teamId)
    await renameTeam(signedIn(request), teamId, request.body.name)
    return teamView(await getTeam(signedIn(request), teamId))
  })

  api.delete('/api/teams/:teamId', { schema: schemas.deleteTeam, config: reading }, async (request) => {
    await deleteTeam(signedIn(request), teamIdOf(request.params.teamId))
    return { message: 'Team deleted successfully' }
  })
}

async function memberRoutes(api: Api): Promise<void> {
  const mailing = { access: 'user', limit: 'mail' } as const
  const members = '/api/teams/:teamId/members'

  api.get(members, { schema: schemas.listMembers, config: reading }, async (request) =>
    (await listMembers(signedIn(request), teamIdOf(request.params.teamId))).map(memberView),
  )

  api.post(members, { schema: schemas.addMember, config: mailing }, async (request, reply) => {
    const { email, role } = request.body
    const wish = { email, role, redirectTo: null }
    const done = await addOrInvite(signedIn(request), teamIdOf(request.params.teamId), wish)
    if ('member' in done) return reply.code(201).send(memberView(done.member))
    return reply.code(202).send({ message: 'Invitation sent successfully' })
  })

  api.put(`${members}/:userId`, { schema: schemas.updateMember, config: reading }, async (request) => {
    const { teamId, userId } = request.params
    const ctx = signedIn(request)
    const member = memberIdOf(userId)
    return memberView(await setMemberRole(ctx, teamIdOf(teamId), member, request.body.role))
  })

  api.delete(`${members}/:userId`, { schema: schemas.removeMember, config: reading }, async (request) => {
    const { teamId, userId } = request.params
    const member = memberIdOf(userId)
    await removeMember(signedIn(request), teamIdOf(teamId), member)
    return { message: 'Member removed successfully' }
  })
}
