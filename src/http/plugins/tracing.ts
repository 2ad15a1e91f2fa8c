// One span for each request, by @fastify/otel; its trace id is in every log line of the request.
import type { Tracing } from '../../observability/tracing.ts'
import { plugin } from './plugin.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null: the request is not traced, or not sampled. */
    span: { readonly traceId: string } | null
  }
}

/** Traces the requests below the scope that registers it. `tracing` null: none. */
export const tracedRequests = plugin<{ tracing: Tracing | null }>(
  'traced-requests',
  async (api, { tracing }) => {
    api.decorateRequest('span', null)
    if (!tracing) return
    // A route with a log level of its own (health, metrics) is asked every few seconds and has no trace.
    api.addHook('onRoute', (route) => {
      if (route.logLevel) route.config = { ...route.config, otel: false }
    })
    await api.register(tracing.plugin)
    api.addHook('onRequest', (request, _reply, done) => {
      const { span } = request.opentelemetry()
      if (span?.isRecording()) {
        request.span = span.spanContext()
        request.log = request.log.child({ trace_id: request.span.traceId })
      }
      done()
    })
    // The body arrives in events of the socket, which run outside of the request's context.
    api.addHook('preValidation', (request, _reply, done) => tracing.within(request, done))
  },
)
