// /sign-up and /forgot-password. Where the policy demands proof of the address, a free and a taken one get the same answer.
import { html } from 'ghtml'
import { requestReset } from '../../../domain/accounts/recovery.ts'
import { signUp } from '../../../domain/accounts/sign-up.ts'
import { AuthError } from '../../../domain/errors.ts'
import { effectivePasswordPolicy } from '../../../domain/projects/policy.ts'
import { fill, languageTagOf, passwordLength } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { button, buttonLink, divider, field, form } from '../controls.ts'
import { type Page, titled } from '../layout.ts'
import { withValue } from '../texts.ts'
import { checkMailPage } from './check-mail-page.ts'
import type { HostedParts } from './parts.ts'
import { providersOf } from './providers.ts'
import { addStep, isAddress, showPage } from './step.ts'
import { finish, type HostedVisit, hrefOf, type Outcome, rememberWishes } from './visit.ts'

interface Note {
  readonly email?: string
  readonly wrongEmail?: string | undefined
  readonly wrongPassword?: string | undefined
  readonly status?: number
}

/** The field of a new password: the script below it shows how strong it is. */
export function newPasswordField(
  { texts, ctx }: HostedVisit,
  wrong: string | undefined,
  { name = 'password', label = texts.password }: { name?: string; label?: string } = {},
): string {
  const { hosted } = texts
  const min = effectivePasswordPolicy(ctx.project.policy).min_length
  const { tooShort, weak, fair, good, strong } = hosted
  const words = [tooShort, weak, fair, good, strong].join('|')
  return field({
    ...{ name, label, type: 'password', wrong: wrong ?? null },
    hint: fill(hosted.passwordHint, { min: String(min) }),
    attributesHtml: `autocomplete="new-password" minlength="${min}" maxlength="${passwordLength.max}" required`,
    belowHtml: html`<div class="strength" hidden data-min="${String(min)}" data-words="${words}"><div class="meter" aria-hidden="true"><i></i><i></i><i></i><i></i></div><p class="hint" role="status"></p></div>`,
  })
}

/** The sentence that names what a new person accepts; empty where the policy links nothing. */
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

function signUpPage(visit: HostedVisit, note: Note = {}): Page {
  const { hosted } = visit.texts
  if (visit.ctx.project.policy.sign_up === 'closed')
    return titled(
      hosted.closedTitle,
      html`<p>${hosted.closed}</p>
!${buttonLink(hrefOf(visit, '/sign-in'), hosted.backToSignIn, 'second')}`,
      403,
    )
  const providers = providersOf(visit.ctx.project).map(({ name, label, iconHtml }) =>
    buttonLink(
      hrefOf(visit, `/sign-in/social/${name}`),
      fill(hosted.provider, { provider: label }),
      'second',
      iconHtml,
    ),
  )
  const fields = [
    field({
      ...{ name: 'email', label: hosted.email, type: 'email', value: note.email ?? visit.wishes.loginHint },
      wrong: note.wrongEmail ?? null,
      attributesHtml: `autocomplete="username" maxlength="255" autocapitalize="none" spellcheck="false" required ${note.wrongPassword ? '' : 'autofocus'}`,
    }),
    newPasswordField(visit, note.wrongPassword),
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

/** A sentence about a new password that the API's own bounds refuse; undefined: they accept it. */
export function wrongNewPassword(
  { refused, reset }: HostedVisit['texts'],
  password: string,
): string | undefined {
  const length = [...password].length
  if (length < passwordLength.min) return fill(refused.too_short, { min: String(passwordLength.min) })
  if (length > passwordLength.max) return fill(reset.tooLong, { max: String(passwordLength.max) })
  return password.includes('\0') || !password.isWellFormed() ? reset.untypable : undefined
}

async function act(visit: HostedVisit, given: { email: string; password: string }): Promise<Outcome> {
  const { texts, ctx } = visit
  const { email } = given
  try {
    const result = await signUp(ctx, { ...given, locale: languageTagOf(texts.tag) })
    if (result.kind === 'signed_in') return await finish(visit, result.grant)
    rememberWishes(visit)
    return checkMailPage(visit, { email })
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    if (error.code === 'email_taken')
      return signUpPage(visit, { email, wrongEmail: texts.hosted.taken, status: 422 })
    const fault = error.details.password
    if (!fault) throw error
    const wrongPassword = fill(texts.refused[fault.reason], { min: String(fault.minLength) })
    return signUpPage(visit, { email, wrongPassword, status: 422 })
  }
}

function forgotPage(visit: HostedVisit, note: Note = {}): Page {
  const { hosted } = visit.texts
  const email = field({
    ...{ name: 'email', label: hosted.email, type: 'email', value: note.email ?? visit.wishes.loginHint },
    wrong: note.wrongEmail ?? null,
    attributesHtml:
      'autocomplete="username" maxlength="255" autocapitalize="none" spellcheck="false" required autofocus',
  })
  return titled(
    hosted.forgotTitle,
    html`<p>${hosted.forgotLead}</p>
!${form(hrefOf(visit, '/forgot-password'), {}, email + button(hosted.forgotButton))}
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
      const wrongEmail = isAddress(email) ? undefined : visit.texts.hosted.badEmail
      const wrongPassword = wrongNewPassword(visit.texts, password)
      if (wrongEmail || wrongPassword)
        return signUpPage(visit, { email, wrongEmail, wrongPassword, status: 422 })
      return { email, password }
    },
    act,
  })
  showPage(api, parts, '/forgot-password', (visit) => forgotPage(visit))
  addStep(api, parts, {
    path: '/forgot-password',
    limit: 'mail',
    read(visit, typed) {
      const email = typed('email')
      const wrongEmail = visit.texts.hosted.badEmail
      return isAddress(email) ? { email } : forgotPage(visit, { email, wrongEmail, status: 422 })
    },
    async act(visit, { email }) {
      const { hosted } = visit.texts
      await requestReset(visit.ctx, { email, redirectTo: null })
      rememberWishes(visit)
      return titled(
        hosted.checkTitle,
        html`<p>!${withValue(hosted.forgotDone, 'email', email)}</p>
!${buttonLink(hrefOf(visit, '/sign-in'), hosted.backToSignIn, 'second')}`,
      )
    },
  })
}
