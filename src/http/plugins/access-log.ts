// The access log, one line for each request: route and status, never a query or a body.
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False: its requests are not logged. */
    logged?: false
  }
}

/** Logs each response; a route with a log level of its own (the health checks) has no line. */
export const accessLog = plugin('access-log', async (api) => {
  // No value comes from the client, so none is searched for secrets: redaction would cost ten times the line.
  const log = api.log.child({}, { redact: { paths: [] } })
  api.addHook('onRoute', (route) => {
    if (route.logLevel) route.config = { ...route.config, logged: false }
  })
  api.addHook('onResponse', (request, reply, done) => {
    const { logged, url } = request.declared
    if (logged === false) return done()
    log.info(
      {
        reqId: request.id,
        method: request.method,
        route: url ?? null,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        // Undefined, and so left out, where a request belongs to no project.
        project: request.project?.id,
        trace_id: request.span?.traceId,
      },
      'answered',
    )
    done()
  })
})
