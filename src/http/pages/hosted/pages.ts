// Registers the pages /sign-in, /sign-up and /forgot-password, and those of the account. They map forms to the verbs of the domain,
// with the rate limits of the API, and make no decisions.
import type { FastifyInstance } from 'fastify'
import { presentedDevice } from '../../cookies.ts'
import { declaredAccess } from '../../plugins/access.ts'
import { context } from '../../plugins/context.ts'
import { csrf } from '../../plugins/csrf.ts'
import { project, projectInQuery } from '../../plugins/project.ts'
import { type Limits, rateLimits, setRateLimitHeaders } from '../../plugins/rate-limits.ts'
import { RequestProblem } from '../../refusal.ts'
import type { ServerOptions } from '../../server-options.ts'
import type { Api } from '../../typebox.ts'
import { accountPages } from '../account/pages.ts'
import { assetRoute } from '../assets.ts'
import { acceptForms } from '../link-page.ts'
import { checkMailSteps } from './check-mail.ts'
import { hostedParts, readScript } from './parts.ts'
import { sendRefusal } from './refusals.ts'
import { secondFactorSteps } from './second-factor.ts'
import { signInPages } from './sign-in.ts'
import { signUpPages } from './sign-up.ts'
import { socialPages } from './social.ts'

/** Bytes of a form. The response of a passkey is the longest. */
const formBytes = 65_536

/** Registers the pages and their script. */
export function hostedPages(app: FastifyInstance, options: ServerOptions & { limits: Limits }): void {
  const { limits, metrics, publicUrl, services } = options
  const parts = hostedParts(options)
  app.register(async (scope) => {
    const api = scope as unknown as Api
    api.setErrorHandler((error: Error, request, reply) => {
      const limit = error instanceof RequestProblem && error.code === 'rate_limited'
      if (limit) metrics.limited(request.declared.limit)
      return sendRefusal(error, request, reply)
    })
    await api.register(declaredAccess, {})
    const projectIdOf = ({ query }: { query: unknown }) => projectInQuery(query, options.defaultProjectId)
    await api.register(project, { projects: services.projects, projectIdOf })
    const deviceToken = presentedDevice(parts.deviceCookie)
    await api.register(context, { services, client: 'canonical', deviceToken })
    await api.register(rateLimits, { limits, show: setRateLimitHeaders })
    // Every form signs in or is a step of it. A page of another origin could sign a person in to the attacker's account (login CSRF),
    // and no application has a reason to post one.
    await api.register(csrf, {
      ownOrigin: new URL(publicUrl).origin,
      admitsListed: false,
      concernsCookies: () => true,
    })
    acceptForms(api, formBytes)
    signInPages(api, parts)
    secondFactorSteps(api, parts)
    checkMailSteps(api, parts)
    signUpPages(api, parts)
    socialPages(api, parts)
    accountPages(api, parts)
  })
  app.register(async (scope) => {
    const api = scope as unknown as Api
    await api.register(declaredAccess, {})
    assetRoute(api, '/pages/:file', (file) => (file === 'pages.js' ? readScript() : null))
  })
}
