// Traces of requests: HTTP, the statements of each and its password hashes, sent by OTLP. Nothing of it is loaded where no
// endpoint is set. A span names routes and prepared statements; it holds no path, query, header, parameter or message.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { Attributes, Context, Span } from '@opentelemetry/api'
import type { HashScheduler } from '../crypto/hash-scheduler.ts'

export interface TracingSettings {
  /** Where spans are posted, as JSON. */
  readonly url: string
  /** Sent along; secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** One of the names that OTEL_TRACES_SAMPLER can have. */
  readonly sampler: string
  /** Share of traces that are kept, from 0 to 1, by the samplers that ask for one. */
  readonly ratio: number
}

/** The span of one request. */
export interface RequestSpan {
  readonly traceId: string
  /** Runs `work`, and all that it starts, as part of the request. */
  within<T>(work: () => T): T
  end(answer: { route: string | undefined; status: number; requestId: string }): void
}

export interface Tracing {
  /** Begins the span of a request; null: this one is not sampled. `traceparent`: the header, as it came. */
  request(method: string, traceparent: string | undefined): RequestSpan | null
  /** Begins the span of a statement of the running request. Out: what ends it. */
  statement(text: string): (error?: unknown) => void
  /** The scheduler with the wait and the work of each hash as spans. */
  hashing(scheduler: HashScheduler): HashScheduler
  /** Sends what is there, for two seconds at most. */
  stop(): Promise<void>
}

export interface TracingParts {
  readonly version: string
  /** What a statement is called. */
  readonly statementName: (text: string) => string
  /** Told why spans could not be sent, once a minute at most. */
  readonly onTrouble: (reason: string) => void
}

/** What a scheduler is told of a hash beside its work. */
type Rest = Parameters<HashScheduler['run']> extends [unknown, ...infer R] ? R : never

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const stopMs = 2000
const troubleMs = 60_000

/** W3C Trace Context, version 00; what does not fit is no parent. */
function parentOf(traceparent: string | undefined) {
  const [, traceId, spanId, flags] =
    /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? []
  if (!traceId || !spanId || !flags) return null
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
}

/** The reason in what the exporter says of a failure: its message alone. */
function reasonIn(said: string): string {
  const [, message] = /"message":"((?:[^"\\]|\\.)*)"/.exec(said) ?? []
  return (message ?? said).slice(0, 200)
}

/** Loads the SDK and starts sending. */
export async function startTracing(settings: TracingSettings, parts: TracingParts): Promise<Tracing> {
  const [api, sdk, { resourceFromAttributes }, { OTLPTraceExporter }, conventions] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/semantic-conventions'),
  ])
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api
  const running = new AsyncLocalStorage<Context>()

  let toldAt = Number.NEGATIVE_INFINITY
  const trouble = (said: string) => {
    if (performance.now() - toldAt < troubleMs) return
    toldAt = performance.now()
    parts.onTrouble(reasonIn(said))
  }
  const quiet = () => {}
  api.diag.setLogger(
    { error: trouble, warn: trouble, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  )

  const { sampler, ratio } = settings
  const root = sampler.endsWith('always_on')
    ? new sdk.AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new sdk.AlwaysOffSampler()
      : new sdk.TraceIdRatioBasedSampler(ratio)
  const exporter = new OTLPTraceExporter({
    url: settings.url,
    headers: { ...settings.headers },
    timeoutMillis: 5000,
    concurrencyLimit: 2,
  })
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({
      [conventions.ATTR_SERVICE_NAME]: settings.serviceName,
      [conventions.ATTR_SERVICE_VERSION]: parts.version,
      'service.instance.id': randomUUID(),
    }),
    sampler: sampler.startsWith('parentbased') ? new sdk.ParentBasedSampler({ root }) : root,
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32 },
    // A queue that is full drops what comes: memory stays bounded while nobody takes the spans.
    spanProcessors: [
      new sdk.BatchSpanProcessor(exporter, { maxQueueSize: 4096, scheduledDelayMillis: 2000 }),
    ],
  })
  const tracer = provider.getTracer('sallyport', parts.version)

  function child(name: string, kind: number, attributes: Attributes, parent: Context): Span {
    return tracer.startSpan(name, { kind, attributes }, parent)
  }

  function fail(span: Span, error: unknown): void {
    const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
    span.setAttribute(conventions.ATTR_ERROR_TYPE, String(code ?? name ?? 'error'))
    span.setStatus({ code: SpanStatusCode.ERROR })
  }

  return {
    request(method, traceparent) {
      const known = methods.has(method) ? method : '_OTHER'
      const parent = parentOf(traceparent)
      const span = child(
        known,
        SpanKind.SERVER,
        { [conventions.ATTR_HTTP_REQUEST_METHOD]: known },
        parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
      )
      if (!span.isRecording()) return null
      const context = trace.setSpan(ROOT_CONTEXT, span)
      return {
        traceId: span.spanContext().traceId,
        within: (work) => running.run(context, work),
        end({ route, status, requestId }) {
          if (route) span.updateName(`${known} ${route}`).setAttribute(conventions.ATTR_HTTP_ROUTE, route)
          span.setAttribute(conventions.ATTR_HTTP_RESPONSE_STATUS_CODE, status)
          span.setAttribute('sallyport.request.id', requestId)
          if (status >= 500) fail(span, { code: status })
          span.end()
        },
      }
    },

    statement(text) {
      const parent = running.getStore()
      if (!parent) return quiet
      const name = parts.statementName(text)
      const span = child(
        name,
        SpanKind.CLIENT,
        { [conventions.ATTR_DB_SYSTEM_NAME]: 'postgresql', [conventions.ATTR_DB_QUERY_SUMMARY]: name },
        parent,
      )
      return (error) => {
        if (error) fail(span, error)
        span.end()
      }
    },

    hashing: (scheduler) => ({
      ...scheduler,
      run(work, ...rest: Rest) {
        const parent = running.getStore()
        if (!parent) return scheduler.run(work, ...rest)
        const waiting = child('password hash: wait', SpanKind.INTERNAL, {}, parent)
        let begun = false
        const result = scheduler.run(
          async () => {
            begun = true
            waiting.end()
            const computing = child('password hash: compute', SpanKind.INTERNAL, {}, parent)
            try {
              return await work()
            } finally {
              computing.end()
            }
          },
          ...rest,
        )
        // Refused without having begun: the queue is full, or the deadline passed.
        result.catch((error) => {
          if (begun) return
          fail(waiting, error)
          waiting.end()
        })
        return result
      },
    }),

    async stop() {
      let timer: NodeJS.Timeout | undefined
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopMs)
      })
      await Promise.race([provider.shutdown().catch((error) => trouble(String(error))), enough])
      clearTimeout(timer)
    },
  }
}
