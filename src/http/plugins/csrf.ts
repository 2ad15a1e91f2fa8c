// Cross-site requests may not ride on session cookies, nor plant them (login CSRF).
import type { FastifyRequest } from 'fastify'
import type { SessionCookies } from '../cookies.ts'
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

export const csrf = plugin<{ cookies: SessionCookies }>('csrf', async (api, { cookies }) => {
  api.addHook('onRequest', (request, _reply, done) => {
    if (safe.has(request.method) || isOpen(request)) return done()
    const rides =
      request.headers.authorization === undefined &&
      (cookies.read(request, 'access') !== undefined || cookies.read(request, 'refresh') !== undefined)
    const plants = request.headers['session-transport'] === 'cookie'
    if ((rides || plants) && !isVouchedFor(request)) return done(new RequestProblem('cross_site_request'))
    done()
  })
})
