// The page that asks the person to prove anew that they are the owner of the account (RFC 9470).
import { html } from 'ghtml'
import type { StepUpFactor } from '../../../domain/errors.ts'
import { notice } from '../controls.ts'
import { type FactorNote, factorForms } from '../hosted/factor-forms.ts'
import type { Page } from '../layout.ts'
import { cancelLink } from './elements.ts'
import { type AccountVisit, innerPage, sectionPathOf } from './visit.ts'

export const stepUpPath = '/account/step-up'

/** Methods of a step-up, in the order in which they are offered. */
export const stepUpMethods: readonly StepUpFactor[] = [
  'passkey',
  'totp',
  'password',
  'email_code',
  'recovery_code',
]

/** An action that waits for a step-up, as its forms carry it. */
export interface PendingAction {
  readonly actionPath: string
  /** What was typed for the action. */
  readonly fields: Readonly<Record<string, string>>
  readonly factors: readonly StepUpFactor[]
  /** JSON of the options with which a browser asks for a passkey; empty: none. */
  readonly options: string
}

/** The page of an action that waits for a step-up. */
export function stepUpPage(visit: AccountVisit, pending: PendingAction, note: FactorNote = {}): Page {
  const { account } = visit.texts
  const { actionPath, fields, factors, options } = pending
  const methods = stepUpMethods.filter((method) => factors.includes(method))
  const carried = {
    act: actionPath,
    fields: JSON.stringify(fields),
    factors: factors.join(' '),
    options,
  }
  const { mailLead } = account
  const forms = { path: stepUpPath, carried, options, note, passkeyLead: '', mailLead, extraHtml: '' }
  const section = sectionPathOf(actionPath)
  return innerPage(
    visit,
    section,
    account.stepUpTitle,
    html`<p class="lead">${account.stepUpLead}</p>
!${note.bad ? notice('bad', note.bad) : ''}
!${factorForms(visit, methods, forms)}
!${cancelLink(visit, section)}`,
    note.status ? { status: note.status } : {},
  )
}
