// The pages of mail links that need only a confirmation: registering an address, undoing a change, disowning a sign-in.
import { html } from 'ghtml'
import { undoEmailChange } from '../../domain/accounts/email-change.ts'
import { disownSignIn, isDisowningOpen } from '../../domain/accounts/recovery.ts'
import { proveRegistration } from '../../domain/accounts/registration.ts'
import type { Context, Services } from '../../domain/context.ts'
import type { Api } from '../typebox.ts'
import { titled } from './layout.ts'
import { linkForm, linkPage } from './link-page.ts'

const confirmations = [
  {
    path: '/account/verify',
    sentences: 'register',
    confirm: (ctx: Context, token: string) => proveRegistration(ctx, { token }),
  },
  { path: '/account/undo-email-change', sentences: 'undo', confirm: undoEmailChange },
  { path: '/account/not-me', sentences: 'notMe', confirm: disownSignIn, isOpen: isDisowningOpen },
] as const

/** Registers the pages: GET shows a button, POST confirms, once. */
export function confirmPages(api: Api, services: Services): void {
  for (const { path, sentences, confirm, ...page } of confirmations)
    linkPage(api, services, {
      path,
      async show(visit) {
        // Without `isOpen`, only the POST finds out that a link no longer works.
        if ('isOpen' in page && !(await page.isOpen(await visit.context(), visit.token))) return null
        const { title, lead, button, otherwise } = visit.texts[sentences]
        return titled(
          title,
          html`<p>${lead}</p>
!${linkForm(path, visit, button)}
<p class="quiet">${otherwise}</p>`,
        )
      },
      async submit(visit) {
        const { doneTitle, done } = visit.texts[sentences]
        await confirm(await visit.context(), visit.token)
        return titled(doneTitle, html`<p>${done}</p>`)
      },
    })
}
