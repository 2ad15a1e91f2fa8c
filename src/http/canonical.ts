// The canonical API: its document, and below /api/auth its plugins in the order in which they run and its routes.
import type { FastifyInstance } from 'fastify'
import { accountSchemas } from '../../schemas/account.ts'
import { apiKeySchemas } from '../../schemas/api-keys.ts'
import { Problem } from '../../schemas/errors.ts'
import { CompletedSession, Factors } from '../../schemas/factors.ts'
import { Identity } from '../../schemas/identities.ts'
import { Introspection } from '../../schemas/introspection.ts'
import { passkeySchemas } from '../../schemas/passkeys.ts'
import { RenewedSession } from '../../schemas/passwords.ts'
import { Accepted } from '../../schemas/recovery.ts'
import { Device, Message, Session, SessionEntry } from '../../schemas/sessions.ts'
import { VerificationRequired } from '../../schemas/sign-up.ts'
import { teamSchemas } from '../../schemas/team-invitations.ts'
import { User } from '../../schemas/users.ts'
import { verificationSchemas } from '../../schemas/verification.ts'
import { basePathOf, belowBase } from './base-path.ts'
import { presentedDevice, sessionCookies } from './cookies.ts'
import { hostedParts } from './pages/hosted/parts.ts'
import { declaredAccess } from './plugins/access.ts'
import { authenticate } from './plugins/authenticate.ts'
import { clientAuthentication } from './plugins/client-authentication.ts'
import { context } from './plugins/context.ts'
import { cors } from './plugins/cors.ts'
import { csrf } from './plugins/csrf.ts'
import { docs } from './plugins/docs.ts'
import { canonicalSchemes, document } from './plugins/document.ts'
import { idempotency } from './plugins/idempotency.ts'
import { issuing } from './plugins/issuing.ts'
import { notFound } from './plugins/not-found.ts'
import { project, projectHeaderOr } from './plugins/project.ts'
import { type Limits, rateLimits, setRateLimitHeaders } from './plugins/rate-limits.ts'
import { serialization } from './plugins/serialization.ts'
import type { Answer } from './refusal.ts'
import { accountRoutes } from './routes/account.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { avatarRoutes } from './routes/avatars.ts'
import { emailChangeRoutes } from './routes/email-change.ts'
import { emailSignInRoutes } from './routes/email-sign-in.ts'
import { factorRoutes } from './routes/factors.ts'
import { identityRoutes } from './routes/identities.ts'
import { introspectionRoutes } from './routes/introspection.ts'
import { installationIssuerRoutes, projectIssuerRoutes } from './routes/issuer.ts'
import { meRoutes } from './routes/me.ts'
import { metricsRoute } from './routes/metrics.ts'
import { operationsRoutes } from './routes/operations.ts'
import type { RouteParts } from './routes/parts.ts'
import { passkeyRoutes } from './routes/passkeys.ts'
import { passwordRoutes } from './routes/passwords.ts'
import { profileRoutes } from './routes/profile.ts'
import { recoveryRoutes } from './routes/recovery.ts'
import { projectRelyingPartyRoutes, relyingPartyRoutes } from './routes/relying-parties.ts'
import { secondFactorRoutes } from './routes/second-factor.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { signUpRoutes } from './routes/sign-up.ts'
import { socialRoutes } from './routes/social.ts'
import { stepUpRoutes } from './routes/step-up.ts'
import { teamInvitationRoutes } from './routes/team-invitations.ts'
import { teamRoutes } from './routes/teams.ts'
import { verificationRoutes } from './routes/verification.ts'
import type { ServerOptions } from './server-options.ts'
import { concernsSessionCookies, cookieOrBearer } from './strategies/cookie.ts'
import { teamMemberView } from './team-views.ts'
import type { Api } from './typebox.ts'
import { userView } from './views.ts'

interface CanonicalOptions extends ServerOptions {
  readonly answer: Answer
  readonly limits: Limits
  /** The products whose documents Swagger UI shows beside this one. */
  readonly products: readonly { readonly name: string; readonly title: string }[]
}

/** The links of /docs to the other pages that are served. */
function docsLinks({ publicUrl, playground, inbox }: ServerOptions) {
  const pages = ['Docs', ...(playground ? ['Playground'] : []), ...(inbox ? ['Inbox'] : []), 'Console']
  return pages.map((name) => ({ name, url: `${basePathOf(publicUrl)}/${name.toLowerCase()}` }))
}

/** Registers the canonical API, its document and Swagger UI. */
export async function canonicalApi(app: FastifyInstance, options: CanonicalOptions): Promise<void> {
  const { limits, publicUrl, services, tokens } = options
  const projectIdOf = projectHeaderOr(options.defaultProjectId)

  await app.register(async (scope) => {
    const published = scope as unknown as Api
    await published.register(document, {
      title: 'Sallyport',
      description: documentDescription,
      version: options.version,
      shared: sharedSchemas,
      tags: documentTags,
      securitySchemes: canonicalSchemes(sessionCookies(options.cookieSecure), options.defaultProjectId),
      servers: [{ url: '/', description: 'This installation' }],
    })
    await published.register(serialization, { shared: sharedSchemas })
    await published.register(docs, {
      links: docsLinks(options),
      documents: [
        { name: 'auth', title: 'Sallyport' },
        { name: 'admin', title: 'Sallyport admin' },
        ...options.products,
      ].map(({ name, title }) => ({ name: title, url: `${basePathOf(publicUrl)}/openapi/${name}.json` })),
    })
    await published.register(async (api: Api) => {
      await api.register(declaredAccess, {})
      await operationsRoutes(api, { isReady: options.isReady })
      await installationIssuerRoutes(api, { tokens, publicUrl })
      const { defaultProjectId } = options
      await relyingPartyRoutes(api, { projects: services.projects, publicUrl, defaultProjectId })
      await metricsRoute(api, { ...options.metricsRoute, publicUrl })
    })
    await published.register(async (api: Api) => {
      await api.register(declaredAccess, {})
      await api.register(project, { projects: services.projects, projectIdOf })
      await api.register(issuing, {})
      await api.register(rateLimits, { limits, show: setRateLimitHeaders })
      await projectIssuerRoutes(api, { publicUrl })
    })
    await published.register(async (api: Api) => {
      await api.register(declaredAccess, {})
      await api.register(project, { projects: services.projects, projectIdOf })
      await api.register(rateLimits, { limits, show: setRateLimitHeaders })
      await projectRelyingPartyRoutes(api)
    })
    await published.register(async (api: Api) => apiRoutes(api, options, projectIdOf), {
      prefix: '/api/auth',
    })
    app.get('/openapi/auth.json', { schema: { hide: true } }, async () =>
      belowBase(published.swagger(), publicUrl),
    )
  })
}

/** Registers the plugins of /api/auth, in the order in which they run, and its routes. */
async function apiRoutes(
  api: Api,
  options: CanonicalOptions,
  projectIdOf: ReturnType<typeof projectHeaderOr>,
): Promise<void> {
  const { answer, limits, publicUrl, services, tokens } = options
  const { projects } = services
  const parts: RouteParts = {
    ...hostedParts(options),
    services,
    tokens,
    viewUser: userView(publicUrl),
    viewMember: teamMemberView(publicUrl),
  }
  const { cookies, deviceCookie } = parts

  await api.register(notFound, { answer })
  await api.register(cors, { projects, projectIdOf })
  await api.register(declaredAccess, {})
  await api.register(clientAuthentication, {})
  await api.register(project, { projects, projectIdOf })
  const deviceToken = presentedDevice(deviceCookie)
  await api.register(context, { services, client: 'canonical', deviceToken })
  await api.register(rateLimits, { limits, show: setRateLimitHeaders })
  await api.register(csrf, {
    ownOrigin: new URL(publicUrl).origin,
    concernsCookies: concernsSessionCookies(cookies),
  })
  await api.register(authenticate, { tokens, services, ...cookieOrBearer(cookies) })
  await api.register(idempotency, {})
  await signUpRoutes(api, parts)
  await sessionRoutes(api, parts)
  await secondFactorRoutes(api, parts)
  await stepUpRoutes(api, parts)
  await socialRoutes(api, parts)
  await factorRoutes(api)
  await identityRoutes(api)
  await emailSignInRoutes(api, parts)
  await passkeyRoutes(api, parts)
  await meRoutes(api, parts)
  await passwordRoutes(api, parts)
  await recoveryRoutes(api)
  await emailChangeRoutes(api, parts)
  await profileRoutes(api, parts)
  await avatarRoutes(api, parts)
  await accountRoutes(api, parts)
  await teamRoutes(api, parts)
  await teamInvitationRoutes(api, parts)
  await apiKeyRoutes(api)
  await introspectionRoutes(api, parts)
  await verificationRoutes(api, parts)
}

/** The schemas that the document names and SDKs make types of. */
const sharedSchemas = [
  User,
  Session,
  CompletedSession,
  RenewedSession,
  SessionEntry,
  Device,
  Message,
  Accepted,
  VerificationRequired,
  Identity,
  Factors,
  Problem,
  Introspection,
  ...apiKeySchemas,
  ...passkeySchemas,
  ...verificationSchemas,
  ...accountSchemas,
  ...teamSchemas,
]

const documentDescription = `Sign-up, sign-in, sessions, verification and profile for the end users of your projects.

Choose at sign-in how tokens are sent: \`session-transport: bearer\` (the default) sends them in the body,
\`session-transport: cookie\` in HttpOnly cookies. Every authenticated route accepts either; where both are presented,
\`Authorization\` is used. Every error is a problem document (RFC 9457) with a \`code\` from a closed list.`

const documentTags = [
  { name: 'Sign-up and sign-in', description: 'Creating an account, and signing in with a password.' },
  { name: 'Social sign-in', description: 'Signing in with the token of a provider, or by redirect.' },
  { name: 'Session', description: 'Refresh, the signed-in user, signing out.' },
  { name: 'Devices', description: 'The sessions of the user, and ending them.' },
  { name: 'Password', description: 'Changing the password, and resetting a forgotten one.' },
  { name: 'Second factors', description: 'Authenticator apps, recovery codes and trusted devices.' },
  { name: 'Identities', description: 'The sign-in providers that are linked to the account.' },
  { name: 'Passkeys', description: 'Signing in without a password, and the passkeys of the account.' },
  { name: 'E-mail address', description: 'Changing the address, and undoing a change.' },
  { name: 'Verification', description: 'Verifying an e-mail address.' },
  { name: 'Profile', description: 'Names, metadata, language and picture of the account.' },
  { name: 'Account', description: 'Activity, data export and deletion of the account.' },
  { name: 'Teams', description: 'Teams, their members with roles, and invitations.' },
  { name: 'API keys', description: 'Keys for a user’s programs, and introspection for back ends.' },
  { name: 'Operations', description: 'Health, metrics, and the keys that verify access tokens.' },
]
