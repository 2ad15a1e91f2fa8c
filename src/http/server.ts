// The HTTP server: its plugins in the order in which they run, then the routes, documents and pages.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import cookie from '@fastify/cookie'
import Fastify, {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { clientAddress, countedAddress, trustOf } from './address.ts'
import { adminApi } from './admin/admin-api.ts'
import { BasePath, basePathOf } from './base-path.ts'
import { canonicalApi } from './canonical.ts'
import { hasTooManyHeaders, maxConnections } from './connection-limits.ts'
import { loadContracts } from './contracts/catalogue.ts'
import { deprecations } from './deprecations.ts'
import { answerPeople } from './pages/answers-for-people.ts'
import { allPages } from './pages/pages.ts'
import { accessLog } from './plugins/access-log.ts'
import { openToEveryOrigin } from './plugins/cors.ts'
import { deprecation } from './plugins/deprecation.ts'
import { errors, rawProblem } from './plugins/errors.ts'
import { countedRequests } from './plugins/metrics.ts'
import { notFound } from './plugins/not-found.ts'
import { pressure } from './plugins/pressure.ts'
import { createLimiter, createLimits } from './plugins/rate-limits.ts'
import { securityHeaders, securityHeadersFor } from './plugins/security-headers.ts'
import { tracedRequests } from './plugins/tracing.ts'
import { validation } from './plugins/validation.ts'
import { problemAnswer, statusOf } from './problems.ts'
import { memoryCounter } from './rate-limit-memory.ts'
import { type Answer, type Refusal, refusalOf } from './refusal.ts'
import { readHeader } from './request-headers.ts'
import { givenId } from './request-id.ts'
import { requestLog } from './request-log.ts'
import type { ServerOptions } from './server-options.ts'
import type { Api } from './typebox.ts'

type App = Api & FastifyInstance

const bodyLimitBytes = 65_536

/** The settings of Fastify that are the same for every installation. */
const serverSettings = {
  logController: new LogController({ disableRequestLogging: true }),
  childLoggerFactory: requestLog,
  bodyLimit: bodyLimitBytes,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionTimeout: 60_000,
  forceCloseConnections: 'idle',
  // A request that arrives while the server stops is answered like any other.
  return503OnClosing: false,
  http: {
    joinDuplicateHeaders: true,
    maxHeaderSize: 16_384,
    headersTimeout: 15_000,
    // Node checks timeouts at this interval. With its default of 30 seconds, 15 seconds become up to 45.
    connectionsCheckingInterval: 2000,
  },
  routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
  ajv: { customOptions: { coerceTypes: false } },
  genReqId: (request) => givenId(readHeader(request, 'x-request-id')) ?? randomUUID(),
} satisfies FastifyHttpOptions<Server>

/** Requests whose path the router cannot decode. Below the prefix of a contract, the contract answers them. */
class UnreadablePaths {
  /** The prefixes of the contracts' paths. */
  readonly #prefixes: string[] = []
  readonly #refusals = new WeakMap<IncomingMessage, Refusal>()

  addPrefix(prefix: string): void {
    this.#prefixes.push(prefix)
  }
  /** The refusal of a request that was rerouted; undefined for every other request. */
  refusalOf(request: FastifyRequest): Refusal | undefined {
    return this.#refusals.get(request.raw)
  }
  /** Gives a request of a contract a readable path, so that the contract's hooks run and its own answer refuses it. */
  reroute(raw: IncomingMessage, refusal: Refusal): boolean {
    const prefix = this.#prefixes.find((known) => raw.url?.startsWith(known))
    if (!prefix) return false
    this.#refusals.set(raw, refusal)
    Object.assign(raw, { originalUrl: raw.url, url: prefix })
    return true
  }
}

/** Builds the server; it neither listens nor touches the database. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { metrics, publicUrl } = options
  const answer = problemAnswer(publicUrl)
  const unreadable = new UnreadablePaths()
  const app = newApp(options, answer, unreadable)

  if (options.onRoute) app.addHook('onRoute', options.onRoute)
  boundConnections(app, options)
  decorateRequests(app, options)
  app.decorate('basePath', basePathOf(publicUrl))
  await app.register(tracedRequests, { tracing: options.tracing })
  await app.register(countedRequests, { metrics })
  const forAll = answerPeople(answer)
  await app.register(errors, { answer: forAll, isUnavailable: options.isUnavailable, metrics })
  await app.register(notFound, { answer: forAll })
  await app.register(securityHeaders, { headers: securityHeadersFor(publicUrl) })
  await app.register(openToEveryOrigin, {})
  await app.register(deprecation, {
    table: options.deprecations ?? deprecations,
    documents: `${publicUrl}/docs`,
  })
  await app.register(accessLog, {})
  await app.register(pressure, { maxDelayMs: options.maxEventLoopDelayMs, shed: metrics.shed })
  await app.register(validation, {})
  await app.register(cookie)
  const limiter = await createLimiter(app, options.counter ?? memoryCounter())
  const limits = createLimits(limiter)

  const contracts = await loadContracts(options.contracts, {
    ...options,
    app,
    limiter,
    limits,
    unreadable: (request) => unreadable.refusalOf(request),
  })
  await canonicalApi(app, { ...options, answer, limits, products: contracts })
  await adminApi(app, { ...options, answer, limits, limiter })
  for (const contract of contracts) {
    await contract.mount()
    unreadable.addPrefix(contract.prefix)
  }

  await allPages(app, options, limiter, limits)
  const docs = `${basePathOf(publicUrl)}/docs`
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect(docs))
  return app
}

function newApp(options: ServerOptions, answer: Answer, unreadable: UnreadablePaths): App {
  const { metrics, publicUrl } = options
  const headers = securityHeadersFor(publicUrl)
  const below = new BasePath(publicUrl)
  const app = Fastify({
    ...serverSettings,
    // Only where PUBLIC_URL has a path: with `rewriteUrl` Fastify stores the URL of every request twice.
    ...(basePathOf(publicUrl) === '' ? {} : { rewriteUrl: below.rewrite }),
    loggerInstance: options.logger,
    // Called before any hook, for a path that cannot be decoded or has a parameter that is too long.
    frameworkErrors(error, given, givenReply) {
      const [request, reply] = [given as FastifyRequest, givenReply as FastifyReply]
      const refusal = refusalOf(error) ?? { code: 'internal_error' }
      if (unreadable.reroute(request.raw, refusal)) return app.routing(request.raw, reply.raw)
      metrics.answered(request.method, undefined, statusOf(refusal.code), 0)
      answer(request, reply.headers(headers).header('x-request-id', request.id), refusal)
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
      const { status, text } = rawProblem(error.code, publicUrl, randomUUID())
      metrics.answered('OTHER', undefined, status, 0)
      socket.end(text)
    },
  }) as unknown as App
  app.addHook('onRoute', ({ url }) => below.addOwn(url))
  return app
}

/** Limits connections by the open files of the process, and refuses too many headers as Node refuses too large ones. */
function boundConnections(app: App, { metrics, publicUrl }: ServerOptions): void {
  const connections = maxConnections()
  if (connections !== null) app.server.maxConnections = connections
  // Registered first, so that it runs before every other hook and for every path.
  app.addHook('onRequest', (request, reply, done) => {
    if (!hasTooManyHeaders(request.raw)) return done()
    const { status, text } = rawProblem('HPE_HEADER_OVERFLOW', publicUrl, request.id)
    metrics.answered(request.method, undefined, status, 0)
    reply.hijack()
    request.raw.socket.end(text)
  })
}

/** Logged once, because every request has the same cause. */
const unreadableAddress =
  'A proxy of TRUSTED_PROXIES sends an X-Forwarded-For in which the client cannot be read: all such clients count as one address. Let the proxy write plain addresses.'

/** Decorates the client's address and `request.declared`, each computed once however often it is read. */
function decorateRequests(app: App, { trustedProxies }: ServerOptions): void {
  const isTrusted = trustOf(trustedProxies)
  let isTold = false
  app.decorateRequest('foundClient', undefined)
  app.decorateRequest('clientAddress', {
    getter(this: FastifyRequest) {
      const { headers, socket } = this.raw
      if (this.foundClient === undefined)
        this.foundClient = clientAddress(socket.remoteAddress, headers['x-forwarded-for'], isTrusted)
      if (this.foundClient === null && !isTold && trustedProxies.length > 0) {
        isTold = true
        app.log.warn(unreadableAddress)
      }
      return this.foundClient
    },
  })
  app.decorateRequest('foundAddress', null)
  app.decorateRequest('address', {
    getter(this: FastifyRequest) {
      this.foundAddress ??= countedAddress(this.clientAddress)
      return this.foundAddress
    },
  })
  app.decorateRequest('foundDeclared', null)
  app.decorateRequest('declared', {
    getter(this: FastifyRequest) {
      this.foundDeclared ??= this.routeOptions.config
      return this.foundDeclared
    },
  })
}
