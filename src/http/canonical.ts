// The canonical API: the scope of its document, and below /api/auth its plugins in the order a request meets them, then its routes.
import type { FastifyInstance } from 'fastify'
import { accountSchemas } from '../../schemas/account.ts'
import { apiKeySchemas } from '../../schemas/api-keys.ts'
import { Problem } from '../../schemas/errors.ts'
import { Identity } from '../../schemas/identities.ts'
import { Introspection } from '../../schemas/introspection.ts'
import { Accepted } from '../../schemas/recovery.ts'
import { Device, Message, Session, SessionEntry } from '../../schemas/sessions.ts'
import { VerificationRequired } from '../../schemas/sign-up.ts'
import { teamSchemas } from '../../schemas/team-invitations.ts'
import { User } from '../../schemas/users.ts'
import { verificationSchemas } from '../../schemas/verification.ts'
import { flowCookie, sessionCookies } from './cookies.ts'
import { declaredAccess } from './plugins/access.ts'
import { authenticate } from './plugins/authenticate.ts'
import { cors } from './plugins/cors.ts'
import { csrf } from './plugins/csrf.ts'
import { docs } from './plugins/docs.ts'
import { canonicalSchemes, document } from './plugins/document.ts'
import { idempotency } from './plugins/idempotency.ts'
import { issuing } from './plugins/issuing.ts'
import { metricsRoute } from './plugins/metrics.ts'
import { notFound } from './plugins/not-found.ts'
import { project, projectHeaderOr } from './plugins/project.ts'
import { type Limits, rateLimits, showStanding } from './plugins/rate-limits.ts'
import { serialization } from './plugins/serialization.ts'
import type { Answer } from './refusal.ts'
import { accountRoutes } from './routes/account.ts'
import { apiKeyRoutes } from './routes/api-keys.ts'
import { avatarRoutes } from './routes/avatars.ts'
import { emailChangeRoutes } from './routes/email-change.ts'
import { identityRoutes } from './routes/identities.ts'
import { introspectionRoutes } from './routes/introspection.ts'
import { issuerRoutes } from './routes/issuer.ts'
import { operationsRoutes } from './routes/operations.ts'
import { passwordRoutes } from './routes/passwords.ts'
import { profileRoutes } from './routes/profile.ts'
import { recoveryRoutes } from './routes/recovery.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { signUpRoutes } from './routes/sign-up.ts'
import { socialRoutes } from './routes/social.ts'
import { teamInvitationRoutes } from './routes/team-invitations.ts'
import { teamRoutes } from './routes/teams.ts'
import { userRoutes } from './routes/users.ts'
import { verificationRoutes } from './routes/verification.ts'
import type { ServerParts } from './server.ts'
import { cookieOrBearer, cookieUse } from './strategies/cookie.ts'
import { teamMemberView } from './team-views.ts'
import type { Api } from './typebox.ts'
import { sessionPrinter, userView } from './views.ts'

export interface CanonicalParts extends ServerParts {
  readonly answer: Answer
  readonly limits: Limits
  /** The products whose documents Swagger UI shows beside this one. */
  readonly products: readonly { readonly name: string; readonly title: string }[]
}

/** Registers the canonical API, its document and Swagger UI. */
export async function canonicalApi(app: FastifyInstance, parts: CanonicalParts): Promise<void> {
  const { answer, domain, limits, tokens } = parts
  const projectIdOf = projectHeaderOr(parts.defaultProjectId)
  const cookies = sessionCookies(parts.cookieSecure)
  const viewUser = userView(parts.publicUrl)
  const viewMember = teamMemberView(parts.publicUrl)
  const printSession = sessionPrinter(tokens, cookies, viewUser)

  await app.register(async (scope) => {
    const published = scope as unknown as Api
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
    await published.register(docs, {
      playground: parts.playground,
      documents: [{ name: 'auth', title: 'Sallyport' }, ...parts.products].map(({ name, title }) => ({
        name: title,
        url: `/openapi/${name}.json`,
      })),
    })
    await published.register(async (api: Api) => {
      await api.register(declaredAccess, {})
      await operationsRoutes(api, { tokens, publicUrl: parts.publicUrl, isReady: parts.isReady })
      await metricsRoute(api, { ...parts.metricsRoute, publicUrl: parts.publicUrl })
    })
    await published.register(async (api: Api) => {
      await api.register(declaredAccess, {})
      await api.register(project, { projects: domain.projects, projectIdOf })
      await api.register(issuing, {})
      await api.register(rateLimits, { limits, show: showStanding })
      await issuerRoutes(api, { publicUrl: parts.publicUrl })
    })
    await published.register(
      async (api: Api) => {
        await api.register(notFound, { answer })
        await api.register(cors, { projects: domain.projects, projectIdOf })
        await api.register(declaredAccess, {})
        await api.register(project, { projects: domain.projects, projectIdOf })
        await api.register(rateLimits, { limits, show: showStanding })
        await api.register(csrf, cookieUse(cookies))
        const { sessions, apiKeys } = domain
        await api.register(authenticate, { tokens, sessions, apiKeys, ...cookieOrBearer(cookies) })
        await api.register(idempotency, { idempotencyKeys: domain.idempotencyKeys })
        await signUpRoutes(api, { users: domain.users, printSession, viewUser })
        await sessionRoutes(api, {
          sessions: domain.sessions,
          signIn: domain.signIn,
          cookies,
          refreshKeys: parts.refreshKeys,
          printSession,
        })
        await socialRoutes(api, {
          social: domain.social,
          socialFlow: domain.socialFlow,
          flowCookie: flowCookie(parts.cookieSecure),
          printSession,
          publicUrl: parts.publicUrl,
        })
        await identityRoutes(api, { identities: domain.identities, firstPassword: domain.firstPassword })
        await userRoutes(api, { viewUser })
        await passwordRoutes(api, { passwordChange: domain.passwordChange })
        await recoveryRoutes(api, { recovery: domain.recovery })
        await emailChangeRoutes(api, { emailChanges: domain.emailChanges, viewUser })
        await profileRoutes(api, { profile: domain.profile, viewUser })
        await avatarRoutes(api, { avatars: domain.avatars, viewUser })
        await accountRoutes(api, { account: domain.account, cookies, viewUser })
        const { teams, teamMembers, teamInvitations } = domain
        await teamRoutes(api, { teams, teamMembers, viewMember })
        await teamInvitationRoutes(api, { teamMembers, teamInvitations, viewMember })
        await apiKeyRoutes(api, { apiKeys })
        await introspectionRoutes(api, { tokens, sessions, apiKeys, publicUrl: parts.publicUrl })
        await verificationRoutes(api, { verification: domain.verification, viewUser })
      },
      { prefix: '/api/auth' },
    )
    app.get('/openapi/auth.json', { schema: { hide: true } }, async () => published.swagger())
  })
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
  Identity,
  Problem,
  Introspection,
  ...apiKeySchemas,
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
  { name: 'Social sign-in', description: 'With the token of a provider, or by a browser that goes there.' },
  { name: 'Session', description: 'Refresh, the signed-in user, signing out.' },
  { name: 'Devices', description: 'Where the user is signed in, and ending any of it.' },
  { name: 'Password', description: 'Changing it, and choosing a new one when it is forgotten.' },
  { name: 'Identities', description: 'Which providers open the account.' },
  { name: 'E-mail address', description: 'Changing it, and taking a change back.' },
  { name: 'Verification', description: 'Proof of an e-mail address.' },
  { name: 'Profile', description: 'What an account says of its owner, and their picture.' },
  { name: 'Account', description: 'What happened to it, a copy of all of it, leaving.' },
  { name: 'Teams', description: 'People who work together, their roles, and inviting others.' },
  { name: 'API keys', description: 'For programs of a user, and for back ends that are shown a token.' },
  { name: 'Operations', description: 'Health, and the keys that verify access tokens.' },
]
