// The page of the link in a reset mail: a form for the new password.
import { html } from 'ghtml'
import { isResetOpen, resetPassword } from '../../domain/accounts/recovery.ts'
import type { Services } from '../../domain/context.ts'
import { AuthError } from '../../domain/errors.ts'
import { fill, passwordLength } from '../../formats.ts'
import type { ProjectCookie } from '../cookies.ts'
import type { Api } from '../typebox.ts'
import { titled } from './layout.ts'
import { linkForm, linkPage, passwordField, type Visit } from './link-page.ts'
import { newPasswordBounds, refusedNewPassword, wrongNewPassword } from './new-password.ts'

const path = '/account/reset-password'

function form(visit: Visit, wrong: string | null) {
  const { title, lead, button, password, otherwise } = visit.texts.reset
  return titled(
    title,
    html`<p>${fill(lead, { min: String(passwordLength.min) })}</p>
!${linkForm(path, visit, button, passwordField(password, newPasswordBounds, wrong))}
<p class="quiet">${otherwise}</p>`,
    wrong ? 422 : 200,
  )
}

/** Registers the page: GET shows the form while the link works, POST sets the password, once. */
export function resetPasswordPage(api: Api, services: Services, returnCookie: ProjectCookie): void {
  linkPage(api, services, {
    path,
    returnCookie,
    async show(visit) {
      return (await isResetOpen(await visit.context(), visit.token)) ? form(visit, null) : null
    },
    async submit(visit) {
      const { token, password, texts } = visit
      if (password === null) return null
      const wrong = wrongNewPassword(texts, password)
      if (wrong) return form(visit, wrong)
      try {
        await resetPassword(await visit.context(), { token }, password)
      } catch (error) {
        const refused = error instanceof AuthError ? refusedNewPassword(texts, error.details) : null
        if (!refused) throw error
        return form(visit, refused)
      }
      return titled(
        texts.reset.doneTitle,
        html`<p>${texts.reset.done}</p>
!${visit.backHtml}`,
      )
    },
  })
}
