// The admin API below /api/admin: its document, its plugins in the order in which they run, and its routes.
import type { FastifyInstance } from 'fastify'
import { adminSchemas } from '../../../schemas/admin/components.ts'
import { operatorsProjectId } from '../../domain/projects/operators-project.ts'
import { belowBase } from '../base-path.ts'
import { sessionCookies } from '../cookies.ts'
import { declaredAccess } from '../plugins/access.ts'
import { clientAuthentication } from '../plugins/client-authentication.ts'
import { context } from '../plugins/context.ts'
import { cors } from '../plugins/cors.ts'
import { csrf } from '../plugins/csrf.ts'
import { canonicalSchemes, document, type SecuritySchemes } from '../plugins/document.ts'
import { idempotency } from '../plugins/idempotency.ts'
import { notFound } from '../plugins/not-found.ts'
import { project } from '../plugins/project.ts'
import { type Limiter, type Limits, rateLimits, setRateLimitHeaders } from '../plugins/rate-limits.ts'
import { serialization } from '../plugins/serialization.ts'
import type { Answer } from '../refusal.ts'
import type { ServerOptions } from '../server-options.ts'
import { concernsSessionCookies, cookieOrBearer } from '../strategies/cookie.ts'
import { teamMemberView } from '../team-views.ts'
import type { Api } from '../typebox.ts'
import { sessionPrinter, userView } from '../views.ts'
import { authorize } from './authorize.ts'
import type { AdminParts } from './parts.ts'
import { auditRoutes } from './routes/audit.ts'
import { deliveryRoutes, eventRoutes, webhookRoutes } from './routes/events.ts'
import { mailRoutes, signingKeyRoutes } from './routes/operations.ts'
import { meRoutes, operatorKeyRoutes, operatorRoutes } from './routes/operators.ts'
import { policyRoutes, projectRoutes } from './routes/projects.ts'
import { teamMemberRoutes, teamRoutes } from './routes/teams.ts'
import {
  impersonationRoutes,
  userFactorRoutes,
  userHoldingRoutes,
  userSessionRoutes,
} from './routes/user-details.ts'
import { userActRoutes, userRoutes } from './routes/users.ts'
import { adminUserView } from './views.ts'

interface AdminOptions extends ServerOptions {
  readonly answer: Answer
  readonly limits: Limits
  readonly limiter: Limiter
}

/** Registers the admin API and its document. */
export async function adminApi(app: FastifyInstance, options: AdminOptions): Promise<void> {
  const { publicUrl } = options
  await app.register(async (scope) => {
    const published = scope as unknown as Api
    await published.register(document, {
      title: 'Sallyport admin',
      description: documentDescription,
      version: options.version,
      shared: adminSchemas,
      tags: documentTags,
      securitySchemes: schemesOf(options),
      servers: [{ url: '/', description: 'This installation' }],
    })
    await published.register(serialization, { shared: adminSchemas })
    await published.register(async (api: Api) => apiRoutes(api, options), { prefix: '/api/admin' })
    app.get('/openapi/admin.json', { schema: { hide: true } }, async () =>
      belowBase(published.swagger(), publicUrl),
    )
  })
}

/** Registers the plugins of /api/admin, in the order in which they run, and its routes. */
async function apiRoutes(api: Api, options: AdminOptions): Promise<void> {
  const { answer, cookieSecure, publicUrl, services, tokens } = options
  const { projects } = services
  const cookies = sessionCookies(cookieSecure)
  // Operators have their accounts in this project; the path names the project that they act on.
  const projectIdOf = () => operatorsProjectId
  const viewUser = userView(publicUrl)
  const printSession = sessionPrinter(tokens, cookies, viewUser)
  const parts: AdminParts = {
    services,
    tokens,
    viewUser,
    printSession,
    viewMember: teamMemberView(publicUrl),
    viewAdminUser: adminUserView(publicUrl),
  }

  await api.register(notFound, { answer })
  await api.register(cors, { projects, projectIdOf })
  await api.register(declaredAccess, {})
  await api.register(clientAuthentication, {})
  await api.register(project, { projects, projectIdOf })
  await api.register(context, { services, client: 'canonical' })
  await api.register(rateLimits, { limits: ownLimits(options), show: setRateLimitHeaders })
  await api.register(csrf, {
    ownOrigin: new URL(publicUrl).origin,
    concernsCookies: concernsSessionCookies(cookies),
  })
  await api.register(authorize, { tokens, services, presented: cookieOrBearer(cookies).presented })
  await api.register(idempotency, {})
  await meRoutes(api, parts)
  await operatorRoutes(api, parts)
  await operatorKeyRoutes(api, parts)
  await projectRoutes(api, parts)
  await policyRoutes(api, parts)
  await userRoutes(api, parts)
  await userActRoutes(api, parts)
  await userSessionRoutes(api, parts)
  await userFactorRoutes(api, parts)
  await userHoldingRoutes(api, parts)
  await impersonationRoutes(api, parts)
  await teamRoutes(api, parts)
  await teamMemberRoutes(api, parts)
  await mailRoutes(api, parts)
  await signingKeyRoutes(api, parts)
  await auditRoutes(api, parts)
  await eventRoutes(api, parts)
  await webhookRoutes(api, parts)
  await deliveryRoutes(api, parts)
}

/** The limits of the operators' project, counted apart from the requests that their accounts make to other APIs. */
function ownLimits({ limits, limiter }: AdminOptions): Limits {
  return { ...limits, project: limiter('project', ({ project }) => project.policy.limits.project, 'admin') }
}

function schemesOf({ cookieSecure }: AdminOptions): SecuritySchemes {
  const canonical = canonicalSchemes(sessionCookies(cookieSecure), operatorsProjectId)
  const operatorKey = {
    type: 'http' as const,
    scheme: 'bearer',
    description: 'A key of `npx . operators keys create` (`sok_…`), which has one role.',
  }
  const kept = Object.entries(canonical).filter(([name]) =>
    ['bearer', 'cookie', 'projectBasic'].includes(name),
  )
  return { ...Object.fromEntries(kept), operatorKey }
}

const documentDescription = `For those who run the installation: projects, users, teams, mails, keys, the security log, statistics.

Who asks is an operator: an account of the built-in project \`operators\`, who signs in there by the canonical API with the header
\`project-id: ${operatorsProjectId}\` and calls this API with the access token or by cookie; an operator key (\`sok_…\`); or a back end
with the id and secret of its project by HTTP Basic, which acts as \`admin\` of that project alone. \`openapi/roles.txt\` says which role
may call which route. A project for which the caller has no role is a 404, like one that does not exist.`

const documentTags = [
  { name: 'Operators', description: 'Who asks, operators with their roles, and operator keys.' },
  { name: 'Operator keys', description: 'What programs administer the installation with.' },
  { name: 'Projects', description: 'Projects, their policies and secrets.' },
  { name: 'Users', description: 'The users of a project: search, changes, sessions, what belongs to them.' },
  { name: 'Impersonation', description: 'Sessions in which an operator acts as a user.' },
  { name: 'Teams', description: 'Teams and their members.' },
  { name: 'Mails', description: 'Mails that wait or were given up.' },
  { name: 'Signing keys', description: 'The keys that sign access tokens.' },
  { name: 'Security log', description: 'What happened, searched, exported and verified.' },
  { name: 'Statistics', description: 'Figures by day.' },
  { name: 'Events', description: 'Every change in order, and webhooks that are sent it.' },
]
