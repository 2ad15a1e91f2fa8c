// Cross-site requests may not ride on session cookies, nor plant them (login CSRF).
import type { FastifyRequest } from 'fastify'
import { RequestProblem } from '../refusal.ts'
import { isOpen } from './access.ts'
import { plugin } from './plugin.ts'

const safe = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether the browser, or the absence of one, vouches for the request: Sec-Fetch-Site same-origin or none; else an
 * Origin from the project's list or equal to the host. No browser of today sends a cross-site POST without one of the
 * two headers, so a request with neither was not made by a foreign page.
 */
function isVouchedFor(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site']
  const { origin, host } = request.headers
  if (site === 'same-origin' || site === 'none') return true
  if (origin !== undefined && request.project.policy.origins.includes(origin)) return true
  if (site !== undefined) return false
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === host
}

export interface CsrfOptions {
  /** Whether the request is made with a session cookie. */
  readonly rides: (request: FastifyRequest) => boolean
  /** Whether its answer may set one. */
  readonly plants: (request: FastifyRequest) => boolean
}

export const csrf = plugin<CsrfOptions>('csrf', async (api, { rides, plants }) => {
  api.addHook('onRequest', (request, _reply, done) => {
    if (safe.has(request.method) || isOpen(request)) return done()
    if ((rides(request) || plants(request)) && !isVouchedFor(request))
      return done(new RequestProblem('cross_site_request'))
    done()
  })
})
