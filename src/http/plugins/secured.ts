// Headers that every answer carries, and one log line for each request: route and status, never a query or a body.
import { plugin } from './plugin.ts'

/** The headers of every answer; `publicUrl` says whether browsers may be told to insist on HTTPS. */
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

export const secured = plugin<{ headers: Record<string, string> }>('secured', async (api, { headers }) => {
  api.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done()
  })
  // The line's values come from us, so none of them is searched for secrets: that would cost ten times the line.
  const lines = api.log.child({}, { redact: { paths: [] } })
  api.addHook('onResponse', (request, reply, done) => {
    // A route with a level of its own (the health checks) has no line.
    if (request.routeOptions.logLevel) return done()
    lines.info(
      {
        reqId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        // Undefined, and so not there, where a request belongs to none.
        project: request.project?.id,
        trace_id: request.span?.traceId,
      },
      'answered',
    )
    done()
  })
})
