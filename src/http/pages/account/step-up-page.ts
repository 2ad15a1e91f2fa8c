// The page that asks the person to prove anew that they are the owner of the account (RFC 9470).
import { html } from 'ghtml'
import type { StepUpFactor } from '../../../domain/errors.ts'
import { button, codeField, divider, field, form, notice } from '../controls.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { type AccountVisit, innerPage, tabOf } from './visit.ts'

export const stepUpPath = '/account/step-up'
export const stepUpMethods: readonly StepUpFactor[] = [
  'passkey',
  'totp',
  'password',
  'email_code',
  'recovery_code',
]

/** What travels with the forms of a step-up. The service checks each of them again. */
export interface Due {
  /** The path of the act that waits. */
  readonly act: string
  /** What was typed for it. */
  readonly fields: Readonly<Record<string, string>>
  readonly factors: readonly StepUpFactor[]
  /** JSON of what a browser asks for a passkey with; empty: none. */
  readonly options: string
}

export interface StepUpNote {
  readonly wrong?: { readonly method: StepUpFactor; readonly sentence: string }
  readonly bad?: string
  /** Whether the mailed code was sent for. */
  readonly isMailed?: boolean
  readonly status?: number
}

const carried = ({ act, fields, factors, options }: Due) => ({
  ...{ act, factors: factors.join(' '), options },
  fields: JSON.stringify(fields),
})

/** The form of one method. */
function formOf(visit: AccountVisit, due: Due, method: StepUpFactor, note: StepUpNote): string {
  const { hosted, account, password } = visit.texts
  const wrong = note.wrong?.method === method ? note.wrong.sentence : null
  const send = (content: string) => form(hrefOf(visit, stepUpPath), { ...carried(due), method }, content)
  if (method === 'passkey')
    return send(html`<input type="hidden" name="credential">
<noscript><p class="notice warn">${hosted.needsScript}</p></noscript>
<button type="button" data-options="${due.options}">${hosted.usePasskey}</button>
<p class="wrong" role="alert" !${wrong ? '' : 'hidden'}>${wrong ?? ''}</p>`)
  if (method === 'password') {
    const attributesHtml = `autocomplete="current-password" maxlength="1024" required ${wrong ? '' : 'autofocus'}`
    const input = field({ name: 'password', label: password, type: 'password', wrong, attributesHtml })
    return send(input + button(hosted.continue))
  }
  if (method === 'recovery_code') {
    const input = codeField('recovery_code', hosted.recoveryCode, wrong, { length: null })
    return html`<details !${wrong ? 'open' : ''}><summary>${hosted.recovery}</summary>
!${send(input.replace('autofocus', wrong ? 'autofocus' : '') + button(hosted.continue, 'second'))}</details>`
  }
  if (method === 'email_code' && !note.isMailed)
    return form(
      hrefOf(visit, `${stepUpPath}/email-code`),
      carried(due),
      html`<p>${account.mailLead}</p>!${button(hosted.sendCode)}`,
    )
  const lead = method === 'totp' ? hosted.totpLead : hosted.mailSent
  return send(html`<p class="lead">${lead}</p>
!${codeField(method, hosted.code, wrong)}!${button(hosted.continue)}`)
}

/** The page of an act that waits for a step-up. */
export function stepUpPage(visit: AccountVisit, due: Due, note: StepUpNote): Page {
  const { hosted, account } = visit.texts
  const methods = stepUpMethods.filter((method) => due.factors.includes(method))
  const forms = methods.map((method) => formOf(visit, due, method, note))
  const strong = forms.slice(0, methods.filter((method) => method !== 'recovery_code').length)
  const section = tabOf(due.act)
  return innerPage(
    visit,
    section,
    account.stepUpTitle,
    html`<p class="lead">${account.stepUpLead}</p>
!${note.bad ? notice('bad', note.bad) : ''}
!${strong.join(divider(hosted.or))}
!${forms.slice(strong.length).join('\n')}
<p class="quiet end"><a href="${hrefOf(visit, section)}">${account.cancel}</a></p>`,
    note.status ? { status: note.status } : {},
  )
}
