// POST /login, /refresh, /logout, /logout-all; GET /sessions, DELETE /sessions/{id}, POST /sessions/revoke-others.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as schemas from '../../../schemas/sessions.ts'
import { signOutEverywhere } from '../../domain/accounts/sign-out-everywhere.ts'
import { signInWithPassword } from '../../domain/credentials/sign-in.ts'
import { AuthError } from '../../domain/errors.ts'
import { refreshSession } from '../../domain/sessions/refresh.ts'
import {
  revokeOtherSessions,
  revokeSession,
  signOut,
  signOutByRefreshToken,
} from '../../domain/sessions/revocation.ts'
import { listSessions } from '../../domain/sessions/sessions.ts'
import { transportOf } from '../caller.ts'
import { clearSiteData, type SessionCookies } from '../cookies.ts'
import { onBehalfOf, signedIn } from '../plugins/authenticate.ts'
import { missingField } from '../refusal.ts'
import { readRefresh } from '../replaced-session.ts'
import { presentedCookie, presentedTransport } from '../strategies/cookie.ts'
import type { Api } from '../typebox.ts'
import { sessionView } from '../views.ts'
import type { RouteParts } from './parts.ts'

export async function sessionRoutes(
  api: Api,
  { cookies, refreshKeys, printOpened, printSession }: RouteParts,
): Promise<void> {
  const proving = { access: 'public', limit: 'credential' } as const
  const refreshing = { access: 'public', limit: 'read' } as const
  const leaving = { access: 'leaving', limit: 'read', impersonated: true } as const
  const config = { access: 'user', limit: 'read' } as const

  api.post('/login', { schema: schemas.login, config: proving }, async (request, reply) => {
    const grant = await signInWithPassword(request.context, request.body)
    return printOpened(request, reply, grant, transportOf(request))
  })

  api.post('/refresh', { schema: schemas.refresh, config: refreshing }, async (request, reply) => {
    const fromBody = request.body.refresh_token
    const token = fromBody ?? presentedCookie(cookies, request, 'refresh')
    if (token === undefined) {
      if (transportOf(request) === 'cookie') throw new AuthError('invalid_refresh_token')
      throw missingField('refresh_token')
    }
    const presented = readRefresh(refreshKeys, token, 'invalid_refresh_token')
    const grant = await refreshSession(request.context, presented)
    return printSession(request, reply, grant, fromBody === undefined ? 'cookie' : 'bearer')
  })

  api.post('/logout', { schema: schemas.logout, config: leaving }, async (request, reply) => {
    if (request.principal) await signOut(signedIn(request))
    else {
      const token = presentedCookie(cookies, request, 'refresh') ?? ''
      await signOutByRefreshToken(request.context, readRefresh(refreshKeys, token, 'unauthenticated'))
    }
    leave(cookies, request, reply)
    return { message: 'Logged out.' }
  })

  api.post('/logout-all', { schema: schemas.logoutAll, config }, async (request, reply) => {
    await signOutEverywhere(signedIn(request))
    leave(cookies, request, reply)
    return { message: 'Logged out from all sessions.' }
  })

  const listing = { ...config, key: 'sessions:read', listsSessions: true } as const
  api.get('/sessions', { schema: schemas.listSessions, config: listing }, async (request) => {
    const ctx = onBehalfOf(request)
    const sessions = request.listed ?? (await listSessions(ctx))
    return { data: sessions.map((session) => sessionView(session, ctx.actor.sessionId)) }
  })

  api.delete('/sessions/:id', { schema: schemas.revokeSession, config }, async (request, reply) => {
    await revokeSession(signedIn(request), request.params.id)
    return reply.code(204).send()
  })

  api.post('/sessions/revoke-others', { schema: schemas.revokeOtherSessions, config }, async (request) => {
    const revoked = await revokeOtherSessions(signedIn(request))
    return { message: 'All other sessions have ended.', revoked }
  })
}

/** Takes the session's traces off a browser that signs out by cookie. */
function leave(cookies: SessionCookies, request: FastifyRequest, reply: FastifyReply): void {
  cookies.clear(reply, request.project)
  if (presentedTransport(request) === 'cookie') clearSiteData(reply)
}
