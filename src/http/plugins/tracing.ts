// One span for each request, and everything that it does below it.
import type { RequestSpan, Tracing } from '../../tracing/tracing.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null: the request is not traced. */
    span: RequestSpan | null
  }
}

/** Traces the requests below the scope that registers it; null: none. */
export const tracedRequests = plugin<{ tracing: Tracing | null }>(
  'traced-requests',
  async (api, { tracing }) => {
    api.decorateRequest('span', null)
    if (!tracing) return
    api.addHook('onRequest', (request, _reply, done) => {
      const { traceparent } = request.headers
      // What is asked every few seconds for ever (health, metrics) has a log level of its own, and no trace.
      const span = request.routeOptions.logLevel
        ? null
        : tracing.request(request.method, typeof traceparent === 'string' ? traceparent : undefined)
      if (!span) return done()
      request.span = span
      request.log = request.log.child({ trace_id: span.traceId })
      span.within(done)
    })
    // A body arrives by the events of its socket, which belong to no request.
    api.addHook('preValidation', (request, _reply, done) =>
      request.span ? request.span.within(done) : done(),
    )
    api.addHook('onResponse', (request, reply, done) => {
      const { url: route } = request.routeOptions
      request.span?.end({ route, status: reply.statusCode, requestId: request.id })
      done()
    })
  },
)
