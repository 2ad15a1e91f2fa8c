// The page of the link in a sign-in mail. It does not sign in: the person chooses the browser in which to go on.
import { html } from 'ghtml'
import { findOpenEmailSignIn } from '../../domain/accounts/email-sign-in.ts'
import type { Services } from '../../domain/context.ts'
import { onRedirectList } from '../../domain/projects/redirects.ts'
import type { Api } from '../typebox.ts'
import { titled } from './layout.ts'
import { linkPage } from './link-page.ts'

/** Registers the page. Its link passes the token to the application's page, which signs in with it. */
export function signInLinkPage(api: Api, services: Services): void {
  linkPage(api, services, {
    path: '/account/sign-in',
    async show({ context, token, texts: { signIn } }) {
      const ctx = await context()
      const found = await findOpenEmailSignIn(ctx, token)
      if (!found) return null
      const { policy } = ctx.project
      const asked = found.redirectTo === null ? null : onRedirectList(ctx.project, found.redirectTo)
      const page = asked ?? (policy.redirect_to === null ? null : new URL(policy.redirect_to))
      page?.searchParams.set('type', 'sign_in')
      page?.searchParams.set('token', token)
      const continueLink = page && html`<p><a class="button" href="${page.href}">${signIn.button}</a></p>`
      return titled(
        signIn.title,
        html`<p>${signIn.lead}</p>
!${continueLink ?? ''}
<p class="quiet">${continueLink ? signIn.otherwise : signIn.codeOnly}</p>`,
      )
    },
    submit: async () => null,
  })
}
