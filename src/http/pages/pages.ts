// Registers the pages that people open in a browser.
import type { FastifyInstance } from 'fastify'
import { returnCookieOf } from '../cookies.ts'
import { declaredAccess } from '../plugins/access.ts'
import { type Limiter, type Limits, pageLimit } from '../plugins/rate-limits.ts'
import type { ServerOptions } from '../server-options.ts'
import { visitorFinder } from '../strategies/cookie.ts'
import type { Api } from '../typebox.ts'
import { confirmPages } from './confirm.ts'
import { consolePage } from './console.ts'
import { hostedPages } from './hosted/pages.ts'
import { inboxPages } from './inbox.ts'
import { acceptForms } from './link-page.ts'
import { operatorSetupPage } from './operator-setup.ts'
import { playgroundPage } from './playground.ts'
import { problemPages } from './problems.ts'
import { resetPasswordPage } from './reset-password.ts'
import { signInLinkPage } from './sign-in-link.ts'
import { teamInvitationPage } from './team-invitation.ts'
import { verificationPages } from './verify-email.ts'

/** Registers all pages. */
export async function allPages(
  app: FastifyInstance,
  options: ServerOptions,
  limiter: Limiter,
  limits: Limits,
): Promise<void> {
  const { services, metrics, publicUrl } = options
  const returnCookie = returnCookieOf(options.cookieSecure)
  if (options.inbox) await inboxPages(app, options.inbox)
  hostedPages(app, { ...options, limits })
  // Cheap, and the same for every request: no rate limit, because many people may share one address.
  await app.register(async (pages: Api) => {
    await pages.register(declaredAccess, {})
    problemPages(pages, publicUrl)
    if (options.playground) playgroundPage(pages, options)
    consolePage(pages)
  })
  await app.register(async (pages: Api) => {
    await pages.register(declaredAccess, {})
    await pages.register(pageLimit, { limiter })
    acceptForms(pages)
    confirmPages(pages, services)
    verificationPages(pages, services, visitorFinder(options), returnCookie)
    teamInvitationPage(pages, services, metrics)
    resetPasswordPage(pages, services, returnCookie)
    signInLinkPage(pages, services)
    operatorSetupPage(pages, services, options)
  })
}
