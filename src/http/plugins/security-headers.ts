// Security headers of every response (OWASP HTTP Headers Cheat Sheet), and its request id.
//
// Not @fastify/helmet: it builds its middleware for each request, which slows GET /me down by a tenth.
import { plugin } from './plugin.ts'

/** The headers of every response. HSTS (RFC 6797) is among them where `publicUrl` is https. */
export function securityHeadersFor(publicUrl: string): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(publicUrl.startsWith('https:')
      ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }
      : {}),
  }
}

/** Sets the headers on every response; a route may set others of the same name. */
export const securityHeaders = plugin<{ headers: Record<string, string> }>(
  'security-headers',
  async (api, { headers }) => {
    api.addHook('onRequest', (request, reply, done) => {
      reply.headers(headers).header('x-request-id', request.id)
      done()
    })
  },
)
