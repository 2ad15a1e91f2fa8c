// Cookies of a project: HttpOnly, one of each kind for each project, `__Host-` where Secure is on (RFC 6265bis §4.1.3.2).
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Project } from '../domain/projects/projects.ts'
import type { Grant } from '../domain/sessions/grants.ts'

/** The name of a cookie: with `__Host-` where it is Secure, so that a sibling host cannot set it. */
export const hostBound = (secure: boolean, name: string) =>
  secure && !name.startsWith('__Host-') ? `__Host-${name}` : name

/**
 * Tells a browser that signs out to clear its cache of this origin. Not "cookies", which would end the sessions of other
 * projects and of sibling hosts; not "storage", which would delete data of an application on the same origin.
 */
export function clearSiteData(reply: FastifyReply): void {
  reply.header('clear-site-data', '"cache"')
}

/** A cookie of one kind. */
export interface ProjectCookie {
  name(project: Pick<Project, 'id'>): string
  read(request: FastifyRequest): string | undefined
  set(reply: FastifyReply, project: Project, value: string, lifetimeSeconds: number): void
  clear(reply: FastifyReply, project: Project): void
}

/**
 * Lax, because a provider sends the browser back by a GET from its own site. For pages of another site the policy sets `none`,
 * which browsers accept only with Secure, and store for each embedding site apart (CHIPS).
 */
function attributesOf(secure: boolean, crossSite: boolean): CookieSerializeOptions {
  const own = { httpOnly: true, path: '/' } as const
  if (crossSite) return { ...own, secure: true, sameSite: 'none', partitioned: true }
  return { ...own, secure, sameSite: 'lax' }
}

/** @param suffix tells several of one kind apart */
function projectCookie(secure: boolean, kind: string, suffix = ''): ProjectCookie {
  const name: ProjectCookie['name'] = ({ id }) => hostBound(secure, `sallyport_${kind}_${id}${suffix}`)
  // Social sign-ins and the return from a mail happen at the top level, so their cookies are never needed in another site.
  const attributes = ({ policy }: Project) =>
    attributesOf(secure, !['social', 'return'].includes(kind) && policy.cookies.same_site === 'none')
  return {
    name,
    read: (request) => request.cookies[name(request.project)],
    set: (reply, project, value, maxAge) =>
      reply.setCookie(name(project), value, { ...attributes(project), maxAge }),
    clear: (reply, project) => reply.clearCookie(name(project), attributes(project)),
  }
}

/** The cookies of social sign-ins in progress, one for each, sent back when the provider redirects. */
export interface FlowCookies {
  read(request: FastifyRequest, flowId: string): string | undefined
  /** Sets the cookie of a flow; the oldest ones of this browser make room for it. */
  set(request: FastifyRequest, reply: FastifyReply, flow: CarriedFlow): void
  clear(request: FastifyRequest, reply: FastifyReply, flowId: string): void
}

interface CarriedFlow {
  /** Ids sort by the time at which their flows began. */
  readonly id: string
  readonly carried: string
  readonly lifetimeSeconds: number
}

/** The maximum of earlier flows that a browser keeps beside a new one, and of their bytes, because headers are limited. */
const maxWaiting = { flows: 3, bytes: 4096 }

export function flowCookies(secure: boolean): FlowCookies {
  const cookieOf = (flowId: string) => projectCookie(secure, 'social', `_${flowId}`)
  return {
    read: (request, flowId) => cookieOf(flowId).read(request),
    set(request, reply, { id, carried, lifetimeSeconds }) {
      const { project } = request
      const prefix = cookieOf('').name(project)
      const waiting = Object.keys(request.cookies).filter((name) => name.startsWith(prefix))
      let bytes = 0
      for (const [at, name] of waiting.sort().toReversed().entries()) {
        bytes += request.cookies[name]?.length ?? 0
        if (at >= maxWaiting.flows || bytes > maxWaiting.bytes)
          cookieOf(name.slice(prefix.length)).clear(reply, project)
      }
      cookieOf(id).set(reply, project, carried, lifetimeSeconds)
    },
    clear: (request, reply, flowId) => cookieOf(flowId).clear(reply, request.project),
  }
}

/** The cookie with the token of a trusted device. */
export const deviceCookieOf = (secure: boolean): ProjectCookie => projectCookie(secure, 'device')

/** The cookie with the target of a mailed link, for the browser that requested the mail. */
export const returnCookieOf = (secure: boolean): ProjectCookie => projectCookie(secure, 'return')

/** Reads the token of a trusted device: from the body of a sign-in, else from the cookie. */
export const presentedDevice =
  (cookie: ProjectCookie) =>
  (request: FastifyRequest): string | null => {
    const { device_token: inBody } = (request.body ?? {}) as { device_token?: unknown }
    return typeof inBody === 'string' ? inBody : (cookie.read(request) ?? null)
  }

export type TokenCookie = 'access' | 'refresh'

export interface SessionCookies {
  name(project: Pick<Project, 'id'>, kind: TokenCookie): string
  read(request: FastifyRequest, kind: TokenCookie): string | undefined
  set(reply: FastifyReply, project: Project, grant: Grant, tokens: Record<TokenCookie, string>): void
  clear(reply: FastifyReply, project: Project): void
}

/** Seconds from the moment a grant was issued; at least 0. */
export const secondsUntil = ({ issuedAt }: Grant, until: Date) =>
  Math.max(0, Math.round((until.getTime() - issuedAt.getTime()) / 1000))

/** Builds the session cookies; `secure` also chooses the `__Host-` prefix. */
export function sessionCookies(secure: boolean): SessionCookies {
  const access = projectCookie(secure, 'access')
  const refresh = projectCookie(secure, 'refresh')
  const cookie = (kind: TokenCookie) => (kind === 'access' ? access : refresh)
  return {
    name: (project, kind) => cookie(kind).name(project),
    read: (request, kind) => cookie(kind).read(request),
    set(reply, project, grant, tokens) {
      access.set(reply, project, tokens.access, grant.accessSeconds)
      refresh.set(reply, project, tokens.refresh, secondsUntil(grant, grant.refreshExpiresAt))
    },
    clear(reply, project) {
      access.clear(reply, project)
      refresh.clear(reply, project)
    },
  }
}
