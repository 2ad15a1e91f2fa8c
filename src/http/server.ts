// The HTTP side put together: plugins in the order in which a request meets them, then routes, documents and pages.
import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RouteOptions,
} from 'fastify'
import { accountSchemas } from '../../schemas/account.ts'
import { Problem } from '../../schemas/errors.ts'
import { Accepted } from '../../schemas/recovery.ts'
import { Device, Message, Session, SessionEntry } from '../../schemas/sessions.ts'
import { VerificationRequired } from '../../schemas/sign-up.ts'
import { teamSchemas } from '../../schemas/team-invitations.ts'
import { User } from '../../schemas/users.ts'
import { verificationSchemas } from '../../schemas/verification.ts'
import type { RefreshKey } from '../crypto/refresh-secret.ts'
import type { Domain } from '../domain/index.ts'
import type { OpenedKey } from '../domain/signing-keys.ts'
import { countedAddress } from './address.ts'
import { sessionCookies } from './cookies.ts'
import { confirmPages } from './pages/confirm.ts'
import { problemPages } from './pages/problems.ts'
import { resetPasswordPage } from './pages/reset-password.ts'
import { declaredAccess } from './plugins/access.ts'
import { authenticate } from './plugins/authenticate.ts'
import { cors } from './plugins/cors.ts'
import { csrf } from './plugins/csrf.ts'
import { docs } from './plugins/docs.ts'
import { canonicalSchemes, document } from './plugins/document.ts'
import { errors, rawProblem } from './plugins/errors.ts'
import { notFound } from './plugins/not-found.ts'
import { project, projectHeaderOr } from './plugins/project.ts'
import { createLimits, pageLimit, rateLimits, showStanding } from './plugins/rate-limits.ts'
import { secured, securityHeadersFor } from './plugins/secured.ts'
import { serialization } from './plugins/serialization.ts'
import { validation } from './plugins/validation.ts'
import { problemAnswer } from './problems.ts'
import { refusalOf } from './refusal.ts'
import { accountRoutes } from './routes/account.ts'
import { avatarRoutes } from './routes/avatars.ts'
import { emailChangeRoutes } from './routes/email-change.ts'
import { operationsRoutes } from './routes/operations.ts'
import { passwordRoutes } from './routes/passwords.ts'
import { profileRoutes } from './routes/profile.ts'
import { recoveryRoutes } from './routes/recovery.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { signUpRoutes } from './routes/sign-up.ts'
import { teamInvitationRoutes } from './routes/team-invitations.ts'
import { teamRoutes } from './routes/teams.ts'
import { userRoutes } from './routes/users.ts'
import { verificationRoutes } from './routes/verification.ts'
import { cookieOrBearer, cookieUse } from './strategies/cookie.ts'
import { teamMemberView } from './team-views.ts'
import { createTokens } from './tokens.ts'
import type { Api } from './typebox.ts'
import { sessionPrinter, userView } from './views.ts'

export interface ServerParts {
  readonly domain: Domain
  readonly keys: readonly OpenedKey[]
  /** The first one prints; all of them read. */
  readonly refreshKeys: readonly [RefreshKey, ...RefreshKey[]]
  readonly publicUrl: string
  readonly version: string
  readonly cookieSecure: boolean
  readonly trustedProxies: readonly string[]
  readonly defaultProjectId: string | null
  readonly isReady: () => Promise<boolean>
  readonly isUnavailable: (error: unknown) => boolean
  readonly logger: FastifyBaseLogger
  /** Told of every route as it is registered; the golden list is made of it. */
  readonly onRoute?: (route: RouteOptions) => void
}

const bodyLimitBytes = 65_536
const sane = /^[\w.:-]{8,128}$/

/** Builds the server; it neither listens nor touches the database. */
export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const { domain, publicUrl, defaultProjectId } = parts
  const securityHeaders = securityHeadersFor(publicUrl)
  const answer = problemAnswer(publicUrl)
  const app = Fastify({
    loggerInstance: parts.logger,
    logController: new LogController({ disableRequestLogging: true }),
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
    genReqId: (request) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && sane.test(given) ? given : randomUUID()
    },
    // Before any hook runs: a path that cannot be decoded, or is longer than any of ours.
    frameworkErrors(error, request, reply) {
      const headed = (reply as FastifyReply).headers(securityHeaders).header('x-request-id', request.id)
      answer(request as FastifyRequest, headed, refusalOf(error) ?? { code: 'internal_error' })
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
      socket.end(rawProblem(error.code, publicUrl, randomUUID()))
    },
  }) as unknown as Api & FastifyInstance

  if (parts.onRoute) app.addHook('onRoute', parts.onRoute)
  app.decorateRequest('address', {
    getter(this: FastifyRequest) {
      return countedAddress(this.ip)
    },
  })
  await app.register(errors, { answer, isUnavailable: parts.isUnavailable })
  await app.register(notFound, { answer })
  await app.register(secured, { headers: securityHeaders })
  await app.register(validation, {})
  await app.register(cookie)
  const [refreshKey] = parts.refreshKeys
  const limits = await createLimits(app)
  const projectIdOf = projectHeaderOr(defaultProjectId)
  const tokens = await createTokens(app, parts.keys, { issuer: publicUrl, refreshKey })
  const cookies = sessionCookies(parts.cookieSecure)
  const viewUser = userView(publicUrl)
  const printSession = sessionPrinter(tokens, cookies, viewUser)

  await app.register(async (published: Api) => {
    await published.register(document, {
      title: 'Sallyport',
      description: documentDescription,
      version: parts.version,
      shared: sharedSchemas,
      tags: documentTags,
      securitySchemes: canonicalSchemes,
      servers: [{ url: '/', description: 'This installation' }],
    })
    await published.register(serialization, { shared: sharedSchemas })
    await published.register(docs, {})
    await published.register(async (api: Api) => {
      await api.register(declaredAccess, {})
      await operationsRoutes(api, { tokens, isReady: parts.isReady })
    })
    await published.register(
      async (api: Api) => {
        await api.register(notFound, { answer })
        await api.register(cors, { projects: domain.projects, projectIdOf })
        await api.register(declaredAccess, {})
        await api.register(project, { projects: domain.projects, projectIdOf })
        await api.register(rateLimits, { limits, show: showStanding })
        await api.register(csrf, cookieUse(cookies))
        await api.register(authenticate, { tokens, sessions: domain.sessions, ...cookieOrBearer(cookies) })
        await signUpRoutes(api, { users: domain.users, printSession, viewUser })
        await sessionRoutes(api, {
          sessions: domain.sessions,
          signIn: domain.signIn,
          cookies,
          refreshKeys: parts.refreshKeys,
          printSession,
        })
        await userRoutes(api, { viewUser })
        await passwordRoutes(api, { passwordChange: domain.passwordChange })
        await recoveryRoutes(api, { recovery: domain.recovery })
        await emailChangeRoutes(api, { emailChanges: domain.emailChanges, viewUser })
        await profileRoutes(api, { profile: domain.profile, viewUser })
        await avatarRoutes(api, { avatars: domain.avatars, viewUser })
        await accountRoutes(api, { account: domain.account, cookies, viewUser })
        const { teams, teamMembers, teamInvitations } = domain
        const viewMember = teamMemberView(publicUrl)
        await teamRoutes(api, { teams, teamMembers, viewMember })
        await teamInvitationRoutes(api, { teamMembers, teamInvitations, viewMember })
        await verificationRoutes(api, { verification: domain.verification, viewUser })
      },
      { prefix: '/api/auth' },
    )
    app.get('/openapi/auth.json', { schema: { hide: true } }, async () => published.swagger())
  })

  await app.register(async (pages: Api) => {
    await pages.register(declaredAccess, {})
    await problemPages(pages)
    await pages.register(pageLimit, {})
    await confirmPages(pages, {
      projects: domain.projects,
      verification: domain.verification,
      emailChanges: domain.emailChanges,
    })
    await resetPasswordPage(pages, { projects: domain.projects, recovery: domain.recovery })
  })
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'))
  return app
}

/** The schemas that the document names and SDKs make types of. */
const sharedSchemas = [
  User,
  Session,
  SessionEntry,
  Device,
  Message,
  Accepted,
  VerificationRequired,
  Problem,
  ...verificationSchemas,
  ...accountSchemas,
  ...teamSchemas,
]

const documentDescription = `Sign-up, sign-in, sessions, verification and profile for the end users of your projects.

Choose at sign-in how the tokens travel: \`session-transport: bearer\` (the default) puts them in the body,
\`session-transport: cookie\` in HttpOnly cookies. Every authenticated route accepts either; where both are presented,
\`Authorization\` is used. Every error is a problem document (RFC 9457) with a \`code\` from a closed list.`

const documentTags = [
  { name: 'Sign-up and sign-in', description: 'Accounts and their first token.' },
  { name: 'Session', description: 'Refresh, the signed-in user, signing out.' },
  { name: 'Devices', description: 'Where the user is signed in, and ending any of it.' },
  { name: 'Password', description: 'Changing it, and choosing a new one when it is forgotten.' },
  { name: 'E-mail address', description: 'Changing it, and taking a change back.' },
  { name: 'Verification', description: 'Proof of an e-mail address.' },
  { name: 'Profile', description: 'What an account says of its owner, and their picture.' },
  { name: 'Account', description: 'What happened to it, a copy of all of it, leaving.' },
  { name: 'Teams', description: 'People who work together, their roles, and inviting others.' },
  { name: 'Operations', description: 'Health, and the keys that verify access tokens.' },
]
