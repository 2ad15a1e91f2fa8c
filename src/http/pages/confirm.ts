// Where the links of mails land that ask for a click: verifying, changing, taking back an address. GET and HEAD show a
// button and consume nothing, because scanners open links; the button's POST does it.
import { html } from 'ghtml'
import type { EmailChanges } from '../../domain/email-change.ts'
import { AuthError } from '../../domain/errors.ts'
import type { Caller } from '../../domain/principal.ts'
import type { Project, Projects } from '../../domain/projects.ts'
import type { Registration } from '../../domain/registration.ts'
import type { Verification } from '../../domain/verification.ts'
import { visitorOf } from '../caller.ts'
import type { Api } from '../typebox.ts'
import { acceptForms, readLink, sendDeadLink, sendPage } from './layout.ts'

interface ConfirmOptions {
  readonly projects: Projects
  readonly verification: Verification
  readonly emailChanges: EmailChanges
  readonly registration: Registration
}

interface ConfirmPage {
  readonly path: string
  readonly title: string
  readonly lead: string
  readonly button: string
  readonly otherwise: string
  readonly doneTitle: string
  readonly done: string
  act(project: Project, token: string, caller: Caller): Promise<unknown>
}

function pagesOf({ verification, emailChanges, registration }: ConfirmOptions): readonly ConfirmPage[] {
  return [
    {
      path: '/account/verify-email',
      title: 'Verify your e-mail address',
      lead: 'One click, and this address is confirmed as yours.',
      button: 'Verify my address',
      otherwise: 'You did not sign up? Close this page; nothing happens.',
      doneTitle: 'Your address is verified',
      done: 'Thank you. You can close this page and go back to the app.',
      act: (project, token, caller) => verification.confirm(project, { token }, caller),
    },
    {
      path: '/account/verify',
      title: 'Confirm your e-mail address',
      lead: 'Somebody wants to open an account with this address. Say yes only if that is you: the account can then be opened, and whoever opens it chooses its password.',
      button: 'Yes, this is my address',
      otherwise: 'You did not ask for an account? Close this page; nothing happens.',
      doneTitle: 'Your address is confirmed',
      done: 'Go back to the app and finish signing up within the hour.',
      act: (project, token) => registration.prove(project, { token }),
    },
    {
      path: '/account/change-email',
      title: 'Confirm your new e-mail address',
      lead: 'From then on you sign in with this address, and our mail goes here.',
      button: 'Use this address',
      otherwise: 'You did not ask for this? Close this page; nothing happens.',
      doneTitle: 'Your address has changed',
      done: 'You can close this page and go back to the app. Your old address has been told.',
      act: (project, token, caller) => emailChanges.confirm(project, { token }, caller),
    },
    {
      path: '/account/undo-email-change',
      title: 'Bring your old e-mail address back',
      lead: 'Your account gets this address back, every device is signed out, and you choose a new password.',
      button: 'Bring it back',
      otherwise: 'You changed the address yourself? Close this page; nothing happens.',
      doneTitle: 'Your old address is back',
      done: 'Every device has been signed out. A mail with a link to choose a new password is on its way.',
      act: (project, token, caller) => emailChanges.undo(project, token, caller),
    },
  ]
}

/** Registers the pages; each answers GET with its button and POST with what came of it. */
export async function confirmPages(api: Api, options: ConfirmOptions): Promise<void> {
  const config = { access: 'open', limit: 'none' } as const
  const schema = { hide: true }
  acceptForms(api)

  for (const page of pagesOf(options)) {
    api.get(page.path, { schema, config }, async (request, reply) => {
      const link = readLink(request.query)
      if (!link) return sendDeadLink(reply)
      return sendPage(
        reply,
        200,
        page.title,
        html`<h1>${page.title}</h1>
<p>${page.lead}</p>
<form method="post" action="${page.path}">
<input type="hidden" name="project" value="${link.projectId}">
<input type="hidden" name="token" value="${link.token}">
<button type="submit">${page.button}</button>
</form>
<p class="quiet">${page.otherwise}</p>`,
      )
    })

    api.post(page.path, { schema, config }, async (request, reply) => {
      const link = readLink(request.body)
      if (!link) return sendDeadLink(reply)
      try {
        await page.act(await options.projects.get(link.projectId), link.token, visitorOf(request))
      } catch (error) {
        if (error instanceof AuthError) return sendDeadLink(reply)
        throw error
      }
      return sendPage(reply, 200, page.doneTitle, html`<h1>${page.doneTitle}</h1><p>${page.done}</p>`)
    })
  }
}
