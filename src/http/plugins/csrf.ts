// Refuses cross-site requests that use session cookies or would set them (login CSRF).
import type { FastifyRequest } from 'fastify'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import { isOpen } from './access.ts'
import { plugin } from './plugin.ts'

const safe = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether the request was made by the service's own pages, by an admitted origin, or by no page: Sec-Fetch-Site is same-origin
 * or none, or Origin is PUBLIC_URL's or in the project's list. Current browsers send one of the two headers with every
 * cross-site POST, so a request with neither was not made by a page. Host is not compared, because proxies rewrite it.
 * @param admitsListed whether the origins in the project's policy are admitted
 */
export function isSameSite(request: FastifyRequest, ownOrigin: string, admitsListed: boolean): boolean {
  const site = readHeader(request, 'sec-fetch-site')
  const origin = readHeader(request, 'origin')
  if (site === 'same-origin' || site === 'none') return true
  if (admitsListed && origin !== undefined && request.project.policy.origins.includes(origin)) return true
  // Any other value of Sec-Fetch-Site is a request from another origin.
  return site === undefined && (origin === undefined || origin === ownOrigin)
}

/** The maximum of origins that are logged, so that invented origins cannot fill the log. */
const maxLoggedOrigins = 20

export interface CsrfOptions {
  /** The origin of PUBLIC_URL. */
  readonly ownOrigin: string
  /** Whether the origins that the project's policy lists may make the request as well; default true. */
  readonly admitsListed?: boolean
  /** Whether the request is made with a session cookie, or its answer may set one. */
  readonly concernsCookies: (request: FastifyRequest) => boolean
}

export const csrf = plugin<CsrfOptions>('csrf', async (api, options) => {
  const { ownOrigin, admitsListed = true, concernsCookies } = options
  const logged = new Set<string>()
  /** Logs once for each origin, because the cause may be a wrong PUBLIC_URL or policy. */
  function logOnce({ headers, log }: FastifyRequest): void {
    const origin = String(headers.origin).slice(0, 255)
    if (logged.size >= maxLoggedOrigins || logged.has(origin)) return
    logged.add(origin)
    log.warn(
      { origin, ownOrigin },
      'A request with cookies came from another origin and was refused; if it is yours, set PUBLIC_URL to the address that people see, or list it in origins of the policy',
    )
  }
  api.addHook('onRequest', (request, _reply, done) => {
    if (safe.has(request.method) || isOpen(request)) return done()
    if (!concernsCookies(request) || isSameSite(request, ownOrigin, admitsListed)) return done()
    logOnce(request)
    done(new RequestProblem('cross_site_request'))
  })
})
