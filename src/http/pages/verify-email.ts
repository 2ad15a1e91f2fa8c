// The pages of mail links that prove an address: of a new account, and of a change of address. They ask for the account's password,
// because the person who reads the mail may not be the one who signed up.
import { html } from 'ghtml'
import { confirmEmailChange } from '../../domain/accounts/email-change.ts'
import {
  confirmEmail,
  disownSignUp,
  findOpenVerification,
  isProvenAlready,
} from '../../domain/accounts/verification.ts'
import type { Services } from '../../domain/context.ts'
import type { ProjectCookie } from '../cookies.ts'
import type { Api } from '../typebox.ts'
import { type Page, titled } from './layout.ts'
import {
  actOrComplain,
  type Complaints,
  type FindVisitor,
  linkForm,
  linkPage,
  passwordField,
  type Visit,
} from './link-page.ts'
import type { Texts } from './texts.ts'

const verifyPath = '/account/verify-email'
const changePath = '/account/change-email'
const attributes = 'autocomplete="current-password" maxlength="1024"'

/** Refusals that the person can act on; every other one is shown as a link that no longer works. */
const complaints = ({ verify, tooManyAttempts }: Texts): Complaints => ({
  wrong_current_password: [422, verify.wrongPassword],
  account_needed: [422, verify.accountNeeded],
  too_many_attempts: [429, tooManyAttempts],
})

/** The link for a person who did not sign up. It leads to a page that asks for a confirmation. */
function notMe({ basePath, projectId, token, lang, texts }: Visit): string {
  const query = new URLSearchParams({ project: projectId, token, answer: 'no', ...(lang ? { lang } : {}) })
  return html`<p><a href="${basePath}${verifyPath}?${query}">${texts.verify.notMe}</a></p>`
}

const disownForm = (visit: Visit, kind: 'account' | 'claim'): Page =>
  titled(
    visit.texts.disown.title,
    html`<p>${visit.texts.disown[kind]}</p>
!${linkForm(verifyPath, visit, visit.texts.verify.notMe, '<input type="hidden" name="answer" value="no">')}`,
  )

/** @param isHolder whether the visitor is signed in to the account: then no password is asked for */
function verifyForm(visit: Visit, wrong: string | null, isHolder: boolean): string {
  const { lead, leadPassword, password, button, otherwise } = visit.texts.verify
  // Password managers look for the user name of a password.
  const username = '<input type="text" name="username" autocomplete="username" hidden>'
  const field = isHolder ? '' : username + passwordField(password, attributes, wrong, '')
  return html`<p>${isHolder ? lead : `${lead} ${leadPassword}`}</p>
!${linkForm(verifyPath, visit, button, field)}
<p class="quiet">${otherwise}</p>
!${notMe(visit)}`
}

/** The page of a link whose address is proven already, by the link, its code or a later mail; null: it is not. */
async function provenAlready(
  { context, texts, token, backHtml }: Visit,
  sentences: 'verify' | 'change',
): Promise<Page | null> {
  const { alreadyTitle, already } = texts[sentences]
  if (!(await isProvenAlready(await context(), `${sentences}_email`, token))) return null
  return titled(
    alreadyTitle,
    html`<p>${already}</p>
!${backHtml}`,
  )
}

function verifyEmailPage(
  api: Api,
  services: Services,
  findVisitor: FindVisitor,
  returnCookie: ProjectCookie,
): void {
  async function form(visit: Visit, status = 200, wrong: string | null = null): Promise<Page> {
    const ctx = await visit.context()
    const found = await findOpenVerification(ctx, visit.token)
    const proven = found || visit.answer === 'no' ? null : await provenAlready(visit, 'verify')
    if (proven) return proven
    const open = found ?? { kind: 'account', userId: null }
    if (visit.answer === 'no') return disownForm(visit, open.kind)
    const isHolder = ctx.actor !== null && ctx.actor.user.id === open.userId
    return titled(visit.texts.verify.title, verifyForm(visit, wrong, isHolder), status)
  }
  async function disown(visit: Visit): Promise<Page> {
    const { doneTitle, done } = visit.texts.disown
    await disownSignUp(await visit.context(), visit.token)
    return titled(doneTitle, html`<p>${done}</p>`)
  }
  async function confirm(visit: Visit): Promise<Page> {
    const { doneTitle, done } = visit.texts.verify
    await confirmEmail(await visit.context(), { token: visit.token }, visit.password || null)
    return titled(
      doneTitle,
      html`<p>${done}</p>
!${visit.backHtml}`,
    )
  }
  linkPage(api, services, {
    path: verifyPath,
    findVisitor,
    returnCookie,
    show: form,
    async submit(visit) {
      if (visit.answer === 'no') return disown(visit)
      const proven = await provenAlready(visit, 'verify')
      if (proven) return proven
      return actOrComplain(
        complaints(visit.texts),
        () => confirm(visit),
        ([status, wrong]) => form(visit, status, wrong),
      )
    },
  })
}

function changeEmailPage(api: Api, services: Services, findVisitor: FindVisitor): void {
  async function form(visit: Visit, status = 200, wrong: string | null = null): Promise<Page> {
    const proven = await provenAlready(visit, 'change')
    if (proven) return proven
    const { title, lead, leadPassword, button, otherwise } = visit.texts.change
    const isSignedIn = (await visit.context()).actor !== null && wrong === null
    const field = isSignedIn ? '' : passwordField(visit.texts.password, attributes, wrong)
    return titled(
      title,
      html`<p>${isSignedIn ? lead : `${lead} ${leadPassword}`}</p>
!${linkForm(changePath, visit, button, field)}
<p class="quiet">${otherwise}</p>`,
      status,
    )
  }
  async function confirm(visit: Visit): Promise<Page> {
    const { doneTitle, done } = visit.texts.change
    await confirmEmailChange(await visit.context(), { token: visit.token }, visit.password || null)
    return titled(doneTitle, html`<p>${done}</p>`)
  }
  linkPage(api, services, {
    path: changePath,
    findVisitor,
    show: form,
    async submit(visit) {
      const proven = await provenAlready(visit, 'change')
      if (proven) return proven
      return actOrComplain(
        complaints(visit.texts),
        () => confirm(visit),
        ([status, wrong]) => form(visit, status, wrong),
      )
    },
  })
}

/** Registers the pages: GET shows a form, POST confirms, once. */
export function verificationPages(
  api: Api,
  services: Services,
  findVisitor: FindVisitor,
  returnCookie: ProjectCookie,
): void {
  verifyEmailPage(api, services, findVisitor, returnCookie)
  changeEmailPage(api, services, findVisitor)
}
