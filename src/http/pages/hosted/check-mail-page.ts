// The page for the code of a mail.
import { html } from 'ghtml'
import { button, codeField, form, notice } from '../controls.ts'
import { type Page, titled } from '../layout.ts'
import { withValue } from '../texts.ts'
import { type HostedVisit, hrefOf } from './visit.ts'

export interface CheckMail {
  readonly email: string
  /** UUID of a sign-in by mail; absent: the code proves the address of an account. */
  readonly flow?: string
  readonly wrong?: string
  readonly good?: string
  readonly bad?: string
  readonly status?: number
}

export function checkMailPage(visit: HostedVisit, shown: CheckMail): Page {
  const { hosted } = visit.texts
  const { email, flow } = shown
  const [confirm, again] =
    flow === undefined ? ['/sign-up/verify', '/sign-up/resend'] : ['/sign-in/email/confirm', '/sign-in/email']
  const lead = flow === undefined ? hosted.checkLead : hosted.mailedLead
  return titled(
    hosted.checkTitle,
    html`<p>!${withValue(lead, 'email', email)}</p>
!${shown.good ? notice('good', shown.good) : ''}!${shown.bad ? notice('bad', shown.bad) : ''}
!${form(hrefOf(visit, confirm), { email, flow }, codeField('code', hosted.code, shown.wrong ?? null) + button(hosted.continue))}
!${form(hrefOf(visit, again), { email }, html`<p class="end">!${button(hosted.resend, 'plain')}</p>`)}
<p class="quiet end"><a href="${hrefOf(visit, '/sign-in', { prompt: 'login' })}">${hosted.backToSignIn}</a></p>`,
    shown.status ?? 200,
  )
}
