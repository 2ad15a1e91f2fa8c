// The pages of /sign-in: for a person who signs in, and for one who is signed in already.
import { html } from 'ghtml'
import { fill } from '../../../formats.ts'
import { button, buttonLink, divider, field, form, notice } from '../controls.ts'
import { type Page, titled } from '../layout.ts'
import { emailField, type FormNote } from './fields.ts'
import { providerLinks } from './providers.ts'
import { type HostedVisit, hrefOf } from './visit.ts'

/** What the page says beside its form. */
export interface SignInNote extends FormNote {
  readonly bad?: string
  readonly good?: string
}

const keyMark =
  '<svg viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8"><circle cx="7" cy="7.5" r="4"/><path d="M10 10.4l6.5 6.6M13.2 13.6l2-2" stroke-linecap="round"/></svg>'

/** The form for a passkey. The script shows it and sends it. */
const passkeyForm = (visit: HostedVisit): string =>
  html`<form id="passkey" method="post" action="${hrefOf(visit, '/sign-in/passkey')}" hidden>
<input type="hidden" name="flow"><input type="hidden" name="credential">
<button type="button" class="second">!${keyMark}<span>${visit.texts.hosted.passkey}</span></button>
<p class="wrong" role="alert" hidden></p>
</form>`

/** The other ways to sign in, below a divider. Without any, the script shows them if the browser has passkeys. */
function otherWays(visit: HostedVisit): string {
  const { hosted } = visit.texts
  const links = providerLinks(visit)
  return html`<div id="others" !${links.length > 0 ? '' : 'hidden'}>!${divider(hosted.or)}
<div class="buttons">!${links.join('\n')}!${passkeyForm(visit)}</div></div>`
}

export function signInPage(visit: HostedVisit, note: SignInNote = {}): Page {
  const { texts, ctx } = visit
  const { hosted } = texts
  const { sign_up, email_sign_in } = ctx.project.policy
  const fields = [
    emailField(visit, note, 'username webauthn'),
    field({
      name: 'password',
      label: texts.password,
      type: 'password',
      wrong: note.wrongPassword ?? null,
      attributesHtml: 'autocomplete="current-password" maxlength="1024"',
      besideHtml: html`<a href="${hrefOf(visit, '/forgot-password')}">${hosted.forgotLink}</a>`,
    }),
    button(hosted.signInButton),
  ]
  const mail = html`<p class="end mail"><button class="plain" formaction="${hrefOf(visit, '/sign-in/email')}">${hosted.mailCode}</button></p>`
  const others = otherWays(visit)
  const body = html`!${note.good ? notice('good', note.good) : ''}!${note.bad ? notice('bad', note.bad) : ''}
!${form(hrefOf(visit, '/sign-in'), {}, [...fields, ...(email_sign_in === 'off' ? [] : [mail])].join('\n'))}
!${others}
!${sign_up === 'open' ? html`<p class="quiet end">${hosted.noAccount} <a href="${hrefOf(visit, '/sign-up')}">${hosted.signUpLink}</a></p>` : ''}`
  return titled(hosted.signInTitle, body, note.status ?? 200)
}

/** The page for a person who is signed in already. */
export function signedInPage(
  visit: HostedVisit,
  { email, displayName }: { email: string; displayName: string | null },
): Page {
  const { hosted } = visit.texts
  const name = displayName ?? email
  return titled(
    hosted.backTitle,
    html`<div class="person notice"><span class="face" aria-hidden="true">${[...name][0]?.toUpperCase() ?? ''}</span><span><bdi>${name}</bdi>!${displayName ? html`<small><bdi>${email}</bdi></small>` : ''}</span></div>
!${form(hrefOf(visit, '/sign-in/continue'), {}, button(fill(hosted.continueAs, { name })))}
!${buttonLink(hrefOf(visit, '/sign-in', { prompt: 'login' }), hosted.another, 'second')}`,
  )
}
