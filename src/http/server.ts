// The HTTP side put together: plugins in the order in which a request meets them, then routes, documents and pages.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import cookie from '@fastify/cookie'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RouteOptions,
} from 'fastify'
import type { RefreshKey } from '../crypto/refresh-secret.ts'
import type { Domain } from '../domain/index.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Tracing } from '../tracing/tracing.ts'
import { countedAddress } from './address.ts'
import { connectionRoom, hasTooManyHeaders } from './bounds.ts'
import { canonicalApi } from './canonical.ts'
import { type ContractName, loadContracts } from './contracts/catalogue.ts'
import { confirmPages } from './pages/confirm.ts'
import { playgroundPage } from './pages/playground.ts'
import { problemPages } from './pages/problems.ts'
import { resetPasswordPage } from './pages/reset-password.ts'
import { teamInvitationPage } from './pages/team-invitation.ts'
import { declaredAccess } from './plugins/access.ts'
import { errors, rawProblem } from './plugins/errors.ts'
import { countedRequests, type MetricsRoute } from './plugins/metrics.ts'
import { notFound } from './plugins/not-found.ts'
import { pressure } from './plugins/pressure.ts'
import { type CountStore, createLimiter, createLimits, pageLimit } from './plugins/rate-limits.ts'
import { secured, securityHeadersFor } from './plugins/secured.ts'
import { tracedRequests } from './plugins/tracing.ts'
import { validation } from './plugins/validation.ts'
import { problemAnswer, statusOf } from './problems.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { givenId } from './request-id.ts'
import { requestLog } from './request-log.ts'
import type { SharedCounts } from './shared-counts.ts'
import type { Tokens } from './tokens.ts'
import type { Api } from './typebox.ts'

export interface ServerParts {
  readonly domain: Domain
  readonly tokens: Tokens
  /** All of them read. */
  readonly refreshKeys: readonly [RefreshKey, ...RefreshKey[]]
  readonly publicUrl: string
  readonly version: string
  readonly cookieSecure: boolean
  readonly nodeloomCookie: string
  readonly trustedProxies: readonly string[]
  readonly defaultProjectId: string | null
  /** Whether /playground is there. */
  readonly playground: boolean
  /** Contracts of other products to mount, and the project that they work on. */
  readonly contracts: readonly ContractName[]
  readonly contractProjectId: string
  /** Null: limits are counted in this process alone. */
  readonly sharedCounts?: SharedCounts | null
  /** Where limits are counted, if not in this process alone. */
  readonly countStore?: CountStore | null
  readonly isReady: () => Promise<boolean>
  readonly isUnavailable: (error: unknown) => boolean
  readonly metrics: Pick<Metrics, 'answered' | 'limited' | 'lockedOut' | 'shed'>
  /** Where GET /metrics reads, and who may. */
  readonly metricsRoute: Omit<MetricsRoute, 'publicUrl'>
  /** Milliseconds of a turn of the event loop beyond which requests are refused; 0: never. */
  readonly maxEventLoopDelayMs: number
  /** Null: requests are not traced. */
  readonly tracing: Tracing | null
  readonly logger: FastifyBaseLogger
  /** Told of every route as it is registered; the golden list is made of it. */
  readonly onRoute?: (route: RouteOptions) => void
}

const bodyLimitBytes = 65_536

/** Builds the server; it neither listens nor touches the database. */
export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const { domain, metrics, publicUrl } = parts
  const securityHeaders = securityHeadersFor(publicUrl)
  const answer = problemAnswer(publicUrl)
  /** Where the contracts' paths begin. */
  const prefixes: string[] = []
  /** What is wrong with paths below them that no router could read. */
  const unreadable = new WeakMap<IncomingMessage, Refusal>()
  const app = Fastify({
    loggerInstance: parts.logger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: requestLog,
    bodyLimit: bodyLimitBytes,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    connectionTimeout: 60_000,
    forceCloseConnections: 'idle',
    // A request that still arrives while the server stops is answered like any other.
    return503OnClosing: false,
    trustProxy: parts.trustedProxies.length > 0 ? [...parts.trustedProxies] : false,
    http: {
      joinDuplicateHeaders: true,
      maxHeaderSize: 16_384,
      headersTimeout: 15_000,
      // How often Node looks for requests that are over their time; its default makes 15 seconds out to be 45.
      connectionsCheckingInterval: 2000,
    },
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    ajv: { customOptions: { coerceTypes: false } },
    genReqId: (request) => givenId(request.headers['x-request-id']) ?? randomUUID(),
    // Before any hook runs: a path that cannot be decoded, or is longer than any of ours.
    frameworkErrors(error, request, reply) {
      const refusal = refusalOf(error) ?? { code: 'internal_error' }
      const { raw } = request as FastifyRequest
      const prefix = prefixes.find((known) => raw.url?.startsWith(known))
      if (prefix) {
        // Once more as a path that can be read: the contract's own hooks see it, and its own answer refuses it.
        unreadable.set(raw, refusal)
        Object.assign(raw, { originalUrl: raw.url, url: prefix })
        return app.routing(raw, (reply as FastifyReply).raw)
      }
      metrics.answered(request.method, undefined, statusOf(refusal.code), 0)
      const headed = (reply as FastifyReply).headers(securityHeaders).header('x-request-id', request.id)
      answer(request as FastifyRequest, headed, refusal)
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
      const { status, text } = rawProblem(error.code, publicUrl, randomUUID())
      metrics.answered('OTHER', undefined, status, 0)
      socket.end(text)
    },
  }) as unknown as Api & FastifyInstance

  if (parts.onRoute) app.addHook('onRoute', parts.onRoute)
  const room = connectionRoom()
  if (room !== null) app.server.maxConnections = room
  // Before any other hook, and whatever the path is: like a header that Node itself finds too large.
  app.addHook('onRequest', (request, reply, done) => {
    if (!hasTooManyHeaders(request.raw)) return done()
    const { status, text } = rawProblem('HPE_HEADER_OVERFLOW', publicUrl, request.id)
    metrics.answered(request.method, undefined, status, 0)
    reply.hijack()
    request.raw.socket.end(text)
  })
  // A chain of forwarded addresses is walked once, however often the address is asked for.
  app.decorateRequest('foundAddress', null)
  app.decorateRequest('address', {
    getter(this: FastifyRequest) {
      this.foundAddress ??= countedAddress(this.ip)
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
  await app.register(tracedRequests, { tracing: parts.tracing })
  await app.register(countedRequests, { metrics })
  await app.register(errors, { answer, isUnavailable: parts.isUnavailable, metrics })
  await app.register(notFound, { answer })
  await app.register(secured, { headers: securityHeaders })
  await app.register(pressure, { maxDelayMs: parts.maxEventLoopDelayMs, shed: metrics.shed })
  await app.register(validation, {})
  await app.register(cookie)
  const limiter = await createLimiter(app, parts.sharedCounts ?? null, parts.countStore ?? null)
  const limits = createLimits(limiter)

  const contracts = await loadContracts(parts.contracts, {
    ...parts,
    app,
    limiter,
    limits,
    unreadable: (request) => unreadable.get(request.raw),
  })
  await canonicalApi(app, { ...parts, answer, limits, products: contracts })
  for (const contract of contracts) {
    await contract.mount()
    prefixes.push(contract.prefix)
  }

  await app.register(async (pages: Api) => {
    await pages.register(declaredAccess, {})
    await problemPages(pages)
    if (parts.playground) await playgroundPage(pages)
    await pages.register(pageLimit, { limiter })
    await confirmPages(pages, {
      projects: domain.projects,
      verification: domain.verification,
      emailChanges: domain.emailChanges,
      registration: domain.registration,
    })
    await teamInvitationPage(pages, {
      projects: domain.projects,
      teamInvitations: domain.teamInvitations,
      metrics,
    })
    await resetPasswordPage(pages, { projects: domain.projects, recovery: domain.recovery })
  })
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'))
  return app
}
