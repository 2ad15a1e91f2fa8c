// POST /login, /refresh, /logout, /logout-all; GET /sessions, DELETE /sessions/{id}, POST /sessions/revoke-others.
import {
  listSessions,
  login,
  logout,
  logoutAll,
  refresh,
  revokeOtherSessions,
  revokeSession,
} from '../../../schemas/sessions.ts'
import { type RefreshKey, readRefreshToken } from '../../crypto/refresh-secret.ts'
import { AuthError } from '../../domain/errors.ts'
import type { PresentedRefresh } from '../../domain/grants.ts'
import type { Sessions } from '../../domain/sessions.ts'
import type { SignIn } from '../../domain/sign-in.ts'
import { isUuid } from '../../domain/uuid.ts'
import { callerOf, transportOf } from '../caller.ts'
import type { SessionCookies } from '../cookies.ts'
import { onBehalfOf, signedIn } from '../plugins/authenticate.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { type SessionPrinter, sessionView } from '../views.ts'

export interface SessionRoutes {
  readonly sessions: Sessions
  readonly signIn: SignIn
  readonly cookies: SessionCookies
  readonly refreshKeys: readonly RefreshKey[]
  readonly printSession: SessionPrinter
}

export async function sessionRoutes(
  api: Api,
  { sessions, signIn, cookies, refreshKeys, printSession }: SessionRoutes,
): Promise<void> {
  function read(token: string, refusal: 'invalid_refresh_token' | 'unauthenticated'): PresentedRefresh {
    const claims = readRefreshToken(refreshKeys, token)
    if (!claims) throw new AuthError(refusal)
    return claims
  }

  api.post(
    '/login',
    { schema: login, config: { access: 'public', limit: 'credential' } },
    async (request, reply) => {
      const grant = await signIn.withPassword(request.project, request.body, callerOf(request))
      return printSession(request, reply, grant, transportOf(request))
    },
  )

  api.post(
    '/refresh',
    { schema: refresh, config: { access: 'public', limit: 'read' } },
    async (request, reply) => {
      const fromBody = request.body.refresh_token
      const token = fromBody ?? cookies.read(request, 'refresh')
      if (token === undefined) {
        if (transportOf(request) === 'cookie') throw new AuthError('invalid_refresh_token')
        throw new RequestProblem('validation_failed', { errors: { refresh_token: ['Is required.'] } })
      }
      const grant = await sessions.refresh(request.project, read(token, 'invalid_refresh_token'))
      return printSession(request, reply, grant, fromBody === undefined ? 'cookie' : 'bearer')
    },
  )

  api.post(
    '/logout',
    { schema: logout, config: { access: 'leaving', limit: 'read' } },
    async (request, reply) => {
      const { project, principal } = request
      const caller = callerOf(request)
      if (principal) await sessions.end(project, principal, caller)
      else {
        const token = cookies.read(request, 'refresh') ?? ''
        await sessions.endByRefresh(project, read(token, 'unauthenticated'), caller)
      }
      cookies.clear(reply, project.id)
      return { message: 'Logged out.' }
    },
  )

  api.post(
    '/logout-all',
    { schema: logoutAll, config: { access: 'user', limit: 'read' } },
    async (request, reply) => {
      await sessions.endAll(request.project, signedIn(request), callerOf(request))
      cookies.clear(reply, request.project.id)
      return { message: 'Logged out from all sessions.' }
    },
  )

  api.get(
    '/sessions',
    { schema: listSessions, config: { access: 'user', key: 'sessions:read', limit: 'read', lists: true } },
    async (request) => {
      const actor = onBehalfOf(request)
      const rows = request.listed ?? (await sessions.list(request.project, actor))
      return { data: rows.map((row) => sessionView(row, actor.sessionId)) }
    },
  )

  api.delete(
    '/sessions/:id',
    { schema: revokeSession, config: { access: 'user', limit: 'read' } },
    async (request, reply) => {
      const { id } = request.params
      if (!isUuid(id)) throw new AuthError('session_unknown')
      await sessions.revoke(request.project, signedIn(request), id, callerOf(request))
      return reply.code(204).send()
    },
  )

  api.post(
    '/sessions/revoke-others',
    { schema: revokeOtherSessions, config: { access: 'user', limit: 'read' } },
    async (request) => {
      const revoked = await sessions.revokeOthers(request.project, signedIn(request), callerOf(request))
      return { message: 'All other sessions have ended.', revoked }
    },
  )
}
