// /sign-up and /forgot-password. If the policy demands proof of the address, a free and a taken address get the same answer.
import { html } from 'ghtml'
import { requestReset } from '../../../domain/accounts/recovery.ts'
import { signUp } from '../../../domain/accounts/sign-up.ts'
import { AuthError } from '../../../domain/errors.ts'
import { isMailbox, languageTagOf } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { button, buttonLink, divider, form } from '../controls.ts'
import { type Page, titled } from '../layout.ts'
import { refusedNewPassword, wrongNewPassword } from '../new-password.ts'
import { withValue } from '../texts.ts'
import { checkMailPage } from './check-mail-page.ts'
import { emailField, type FormNote, newPasswordField } from './fields.ts'
import type { HostedParts } from './parts.ts'
import { providerLinks } from './providers.ts'
import { addStep, showPage } from './step.ts'
import { finishSignIn, type HostedVisit, hrefOf, type Outcome, rememberParams } from './visit.ts'

/** The sentence with the links to terms and privacy policy; empty if the policy has neither. */
function acceptance({ texts: { hosted }, ctx }: HostedVisit): string {
  const { terms_url: terms, privacy_url: privacy } = ctx.project.policy.branding
  if (terms === null && privacy === null) return ''
  const both = terms !== null && privacy !== null
  const sentence = both ? hosted.acceptBoth : terms !== null ? hosted.acceptTerms : hosted.acceptPrivacy
  const link = (href: string | null, text: string) =>
    html`<a href="${href ?? ''}" target="_blank" rel="noopener">${text}</a>`
  const parts = sentence.split(/(\{terms\}|\{privacy\})/).map((part) => {
    if (part === '{terms}') return link(terms, hosted.terms)
    return part === '{privacy}' ? link(privacy, hosted.privacy) : html`${part}`
  })
  return html`<p class="hint">!${parts.join('')}</p>`
}

function signUpPage(visit: HostedVisit, note: FormNote = {}): Page {
  const { hosted } = visit.texts
  if (visit.ctx.project.policy.sign_up === 'closed')
    return titled(
      hosted.closedTitle,
      html`<p>${hosted.closed}</p>
!${buttonLink(hrefOf(visit, '/sign-in'), hosted.backToSignIn, 'second')}`,
      403,
    )
  const providers = providerLinks(visit)
  const fields = [
    emailField(visit, note),
    newPasswordField(visit, note.wrongPassword ?? null),
    acceptance(visit),
    button(hosted.signUpButton),
  ]
  return titled(
    hosted.signUpTitle,
    html`!${form(hrefOf(visit, '/sign-up'), {}, fields.join('\n'))}
!${providers.length > 0 ? html`!${divider(hosted.or)}<div class="buttons">!${providers.join('\n')}</div>` : ''}
<p class="quiet end">${hosted.haveAccount} <a href="${hrefOf(visit, '/sign-in')}">${hosted.signInLink}</a></p>`,
    note.status ?? 200,
  )
}

async function runSignUp(visit: HostedVisit, given: { email: string; password: string }): Promise<Outcome> {
  const { texts, ctx } = visit
  const { email } = given
  try {
    const result = await signUp(ctx, { ...given, locale: languageTagOf(texts.tag) })
    if (result.kind === 'signed_in') return await finishSignIn(visit, result.grant)
    rememberParams(visit)
    return checkMailPage(visit, { email })
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    if (error.code === 'email_taken')
      return signUpPage(visit, { email, wrongEmail: texts.hosted.taken, status: 422 })
    const wrongPassword = refusedNewPassword(texts, error.details)
    if (!wrongPassword) throw error
    return signUpPage(visit, { email, wrongPassword, status: 422 })
  }
}

function forgotPage(visit: HostedVisit, note: FormNote = {}): Page {
  const { hosted } = visit.texts
  return titled(
    hosted.forgotTitle,
    html`<p>${hosted.forgotLead}</p>
!${form(hrefOf(visit, '/forgot-password'), {}, emailField(visit, note) + button(hosted.forgotButton))}
<p class="quiet end"><a href="${hrefOf(visit, '/sign-in')}">${hosted.backToSignIn}</a></p>`,
    note.status ?? 200,
  )
}

/** Registers /sign-up and /forgot-password. */
export function signUpPages(api: Api, parts: HostedParts): void {
  showPage(api, parts, '/sign-up', (visit) => signUpPage(visit))
  addStep(api, parts, {
    path: '/sign-up',
    limit: 'credential',
    read(visit, typed) {
      const [email, password] = [typed('email'), typed('password')]
      const wrongEmail = isMailbox(email) ? null : visit.texts.hosted.badEmail
      const wrongPassword = wrongNewPassword(visit.texts, password)
      if (wrongEmail || wrongPassword)
        return signUpPage(visit, { email, wrongEmail, wrongPassword, status: 422 })
      return { email, password }
    },
    run: runSignUp,
  })
  showPage(api, parts, '/forgot-password', (visit) => forgotPage(visit))
  addStep(api, parts, {
    path: '/forgot-password',
    limit: 'mail',
    read(visit, typed) {
      const email = typed('email')
      const wrongEmail = visit.texts.hosted.badEmail
      return isMailbox(email) ? { email } : forgotPage(visit, { email, wrongEmail, status: 422 })
    },
    async run(visit, { email }) {
      const { hosted } = visit.texts
      await requestReset(visit.ctx, { email, redirectTo: null })
      rememberParams(visit)
      return titled(
        hosted.checkTitle,
        html`<p>!${withValue(hosted.forgotDone, 'email', email)}</p>
!${buttonLink(hrefOf(visit, '/sign-in'), hosted.backToSignIn, 'second')}`,
      )
    },
  })
}
