// Cookies of a project: HttpOnly, one of each kind for each project, `__Host-` where Secure is on (RFC 6265bis §4.1.3.2).
import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Project } from '../domain/projects/projects.ts'
import type { Grant } from '../domain/sessions/grants.ts'

/** The name of a cookie: bound to its host where it is Secure, so that no sibling host can plant one. */
export const hostBound = (secure: boolean, name: string) =>
  secure && !name.startsWith('__Host-') ? `__Host-${name}` : name

/**
 * Tells a browser that signs out to drop what it cached of this origin. Only that: "cookies" would end the sessions of other
 * projects and of every sibling host, "storage" would delete what the application keeps on the same origin.
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
 * Lax: a provider sends the browser back with a GET from its own site. For pages of another site the policy asks for `none`,
 * which browsers keep only with Secure, and one for each site that embeds it (CHIPS).
 */
function attributesOf(secure: boolean, crossSite: boolean): CookieSerializeOptions {
  const own = { httpOnly: true, path: '/' } as const
  if (crossSite) return { ...own, secure: true, sameSite: 'none', partitioned: true }
  return { ...own, secure, sameSite: 'lax' }
}

/** @param suffix tells several of one kind apart */
function projectCookie(secure: boolean, kind: string, suffix = ''): ProjectCookie {
  const name: ProjectCookie['name'] = ({ id }) => hostBound(secure, `sallyport_${kind}_${id}${suffix}`)
  // A flow is at the provider or here, and a way back is for our own pages: neither is needed inside of another site.
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

/** Flows of one browser that wait beside a new one, and bytes that they may have: headers are bounded. */
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

/** What a browser keeps that an account trusts; HttpOnly, and sent by this browser alone. */
export const deviceCookieOf = (secure: boolean): ProjectCookie => projectCookie(secure, 'device')

/** Where a person goes on who opens the link of a mail in the browser in which they asked for it. */
export const returnCookieOf = (secure: boolean): ProjectCookie => projectCookie(secure, 'return')

/** What a request presents for the account that it signs in to: in its body, else in the cookie. */
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
