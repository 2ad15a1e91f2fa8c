// Traces by OpenTelemetry: requests (@fastify/otel), their SQL statements and password hashes, sent by OTLP/HTTP.
// Nothing of it is loaded unless an endpoint is set. A span holds no path, query, header, parameter or message.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attributes, Span } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import type { FastifyRequest } from 'fastify'
import type { HashScheduler } from '../crypto/hash-scheduler.ts'
import { labelledMethods } from './metric-definitions.ts'

export interface TracingSettings {
  /** URL that spans are posted to, as OTLP/JSON. */
  readonly url: string
  /** Headers of these posts; secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** A value of OTEL_TRACES_SAMPLER. */
  readonly sampler: string
  /** Share of traces that the ratio samplers keep, from 0 to 1. */
  readonly ratio: number
}

export interface TracingParts {
  /** Of this service. */
  readonly version: string
  /** Name of a statement, from its text. */
  readonly statementName: (text: string) => string
  /** Called with the reason why spans could not be sent, at most once a minute. */
  readonly onTrouble: (reason: string) => void
}

/** Names of OpenTelemetry's semantic conventions, and one of ours. */
const attribute = {
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
  errorType: 'error.type',
  database: 'db.system.name',
  query: 'db.query.summary',
  requestId: 'sallyport.request.id',
} as const
const sentAttributes: ReadonlySet<string> = new Set(Object.values(attribute))

const stopMs = 2000
const troubleMs = 60_000
/** Values of SpanStatusCode and SpanKind, whose module is loaded only where traces are sent. */
const [unset, failed] = [0, 2]
const [internal, server, client] = [0, 1, 2]

/** Names the span of a request, which @fastify/otel calls "request". */
function nameRequest(span: Span, request: FastifyRequest): void {
  const method = labelledMethods.has(request.method) ? request.method : '_OTHER'
  const { url: route } = request.routeOptions
  span.updateName(route ? `${method} ${route}` : method)
  span.setAttribute(attribute.method, method).setAttribute(attribute.requestId, request.id)
}

/**
 * Removes from a finished span what @fastify/otel records and no collector may see: the URL with its query, and the
 * messages of errors. A request has failed from status 500 on, as the semantic conventions for HTTP servers say.
 */
function redact({ kind, status, attributes }: ReadableSpan): void {
  for (const name of Object.keys(attributes)) if (!sentAttributes.has(name)) delete attributes[name]
  delete status.message
  if (kind !== server) return
  const code = Number(attributes[attribute.status])
  if (code >= 500) attributes[attribute.errorType] = String(code)
  else status.code = unset
}

function fail(span: Span, error: unknown): void {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  span.setAttribute(attribute.errorType, String(code ?? name ?? 'error'))
  span.setStatus({ code: failed })
}

/** Sends the diagnostics of the SDK to `onTrouble`, their message alone, at most once a minute. */
function troubleReporter(onTrouble: (reason: string) => void): (said: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return (said) => {
    if (performance.now() - toldAt < troubleMs) return
    toldAt = performance.now()
    const [, message] = /"message":"((?:[^"\\]|\\.)*)"/.exec(said) ?? []
    onTrouble((message ?? said).slice(0, 200))
  }
}

/** Adds spans to a scheduler. `start`: starts a span below that of the running request; null: there is none. */
function traceHashes(scheduler: HashScheduler, start: (name: string) => Span | null): HashScheduler {
  return {
    ...scheduler,
    async acquire(asker) {
      const waiting = start('password hash: wait')
      if (!waiting) return scheduler.acquire(asker)
      try {
        const slot = await scheduler.acquire(asker)
        const computing = start('password hash: compute')
        return {
          release() {
            computing?.end()
            slot.release()
          },
        }
      } catch (error) {
        // Refused before it began: the queue is full, or the deadline has passed.
        fail(waiting, error)
        throw error
      } finally {
        waiting.end()
      }
    },
  }
}

const nothing = () => {}

/** Loads the SDK and starts sending. It registers itself with OpenTelemetry's API, so a process has one at a time. */
export async function startTracing(settings: TracingSettings, parts: TracingParts) {
  const [api, { NodeSDK, core }, sdk, { resourceFromAttributes }, { OTLPTraceExporter }, otel] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@fastify/otel'),
    ])
  const { context, diag, propagation, trace } = api
  const trouble = troubleReporter(parts.onTrouble)
  diag.setLogger(
    { error: trouble, warn: trouble, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  )

  const { sampler, ratio, url, headers } = settings
  const root = sampler.endsWith('always_on')
    ? new sdk.AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new sdk.AlwaysOffSampler()
      : new sdk.TraceIdRatioBasedSampler(ratio)
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: 5000,
    concurrencyLimit: 2,
  })
  const requests = new otel.FastifyOtelInstrumentation({
    requestHook: nameRequest,
    // The handler of unknown paths, the only hook with a span; its name would be the source of a plugin.
    lifecycleHook: (span, { hookName }) => void span.updateName(hookName),
    recordExceptions: false,
    instrumentHooks: false,
    instrumentHandler: false,
  })
  const node = new NodeSDK({
    // Detectors would send the host's name and the command line.
    autoDetectResources: false,
    resource: resourceFromAttributes({
      'service.name': settings.serviceName,
      'service.version': parts.version,
      'service.instance.id': randomUUID(),
    }),
    sampler: sampler.startsWith('parentbased') ? new sdk.ParentBasedSampler({ root }) : root,
    spanLimits: { attributeValueLengthLimit: 256, attributeCountLimit: 32 },
    spanProcessors: [
      { onStart: nothing, onEnd: redact, forceFlush: async () => {}, shutdown: async () => {} },
      // A full queue drops new spans: memory stays bounded while the collector is away.
      new sdk.BatchSpanProcessor(exporter, { maxQueueSize: 4096, scheduledDelayMillis: 2000 }),
    ],
    textMapPropagator: new core.W3CTraceContextPropagator(),
    // Empty, so that the SDK reads no variables for them and exports traces alone.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [requests],
  })
  node.start()
  const tracer = trace.getTracer('sallyport', parts.version)

  /** Starts a span below that of the running request; null: there is none, so nothing is traced. */
  const start = (name: string, kind = internal, attributes: Attributes = {}) =>
    trace.getActiveSpan() ? tracer.startSpan(name, { kind, attributes }) : null

  return {
    /** Opens a span for each request of the scope that registers it, except on routes with `config.otel: false`. */
    plugin: requests.plugin(),
    /** Runs `work` in the context of a request. */
    within<T>(request: FastifyRequest, work: () => T): T {
      const { context: own } = request.opentelemetry()
      return own ? context.with(own, work) : work()
    },
    /** Starts the span of a statement of the running request. @returns a function that ends it */
    statement(text: string): (error?: unknown) => void {
      if (!trace.getActiveSpan()) return nothing
      const name = parts.statementName(text)
      const span = start(name, client, { [attribute.database]: 'postgresql', [attribute.query]: name })
      return (error) => {
        if (span && error) fail(span, error)
        span?.end()
      }
    },
    /** @returns the scheduler, with a span for the wait and one for the work of each hash */
    hashing: (scheduler: HashScheduler) => traceHashes(scheduler, start),
    /** Sends the remaining spans, for two seconds at most. */
    async stop(): Promise<void> {
      const sent = node.shutdown().catch((error) => trouble(String(error)))
      await Promise.race([sent, sleep(stopMs, undefined, { ref: false })])
      for (const part of [trace, context, propagation]) part.disable()
    },
  }
}

export type Tracing = Awaited<ReturnType<typeof startTracing>>
