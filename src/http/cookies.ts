// Session cookies: HttpOnly, one pair for each project, `__Host-` where Secure is on (RFC 6265bis §4.1.3.2).
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Grant } from '../domain/grants.ts'

type Kind = 'access' | 'refresh'

export interface SessionCookies {
  read(request: FastifyRequest, kind: Kind): string | undefined
  set(reply: FastifyReply, projectId: string, grant: Grant, tokens: Record<Kind, string>): void
  clear(reply: FastifyReply, projectId: string): void
}

/** Builds the cookie jar's rules. `secure` also chooses the `__Host-` prefix. */
export function sessionCookies(secure: boolean): SessionCookies {
  const name = (kind: Kind, projectId: string) => `${secure ? '__Host-' : ''}sallyport_${kind}_${projectId}`
  const attributes: CookieSerializeOptions = { httpOnly: true, secure, sameSite: 'lax', path: '/' }
  return {
    read: (request, kind) => request.cookies[name(kind, request.project.id)],
    set(reply, projectId, grant, tokens) {
      const lives = (until: Date) =>
        Math.max(0, Math.round((until.getTime() - grant.issuedAt.getTime()) / 1000))
      reply.setCookie(name('access', projectId), tokens.access, {
        ...attributes,
        maxAge: lives(grant.accessExpiresAt),
      })
      reply.setCookie(name('refresh', projectId), tokens.refresh, {
        ...attributes,
        maxAge: lives(grant.refreshExpiresAt),
      })
    },
    clear(reply, projectId) {
      for (const kind of ['access', 'refresh'] as const) reply.clearCookie(name(kind, projectId), attributes)
    },
  }
}

/** What a browser carries while it is at a provider: one cookie for each project, on its way back by a plain link. */
export interface FlowCookie {
  read(request: FastifyRequest): string | undefined
  set(reply: FastifyReply, projectId: string, value: string, lifetimeSeconds: number): void
  clear(reply: FastifyReply, projectId: string): void
}

/** Builds the rules of the flow's cookie, named like the session's. */
export function flowCookie(secure: boolean): FlowCookie {
  const name = (projectId: string) => `${secure ? '__Host-' : ''}sallyport_social_${projectId}`
  // Lax: a provider sends the browser back with a GET from its own site.
  const attributes: CookieSerializeOptions = { httpOnly: true, secure, sameSite: 'lax', path: '/' }
  return {
    read: (request) => request.cookies[name(request.project.id)],
    set: (reply, projectId, value, maxAge) =>
      reply.setCookie(name(projectId), value, { ...attributes, maxAge }),
    clear: (reply, projectId) => reply.clearCookie(name(projectId), attributes),
  }
}
