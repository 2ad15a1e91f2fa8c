// The forms in which a person proves a factor: the second factor of a sign-in, or a step-up on the pages of the account.
import { html } from 'ghtml'
import { AssertionCredential } from '../../../../schemas/webauthn.ts'
import type { FactorProof } from '../../../domain/credentials/factors.ts'
import type { FactorMethod, StepUpFactor } from '../../../domain/errors.ts'
import { readCode } from '../../typed-code.ts'
import { button, codeField, divider, field, form, passkeyButton } from '../controls.ts'
import { digitsIn, jsonIn, type Typed } from './typed.ts'
import { type HostedVisit, hrefOf } from './visit.ts'

/** Methods of a second factor, in the order in which they are offered. */
export const factorMethods: readonly FactorMethod[] = ['passkey', 'totp', 'email_code', 'recovery_code']

/** What the page says about the proof that was sent. */
export interface FactorNote {
  readonly wrong?: { readonly method: StepUpFactor; readonly sentence: string }
  readonly bad?: string
  /** Whether a code was mailed on request. */
  readonly isMailed?: boolean
  readonly status?: number
}

export interface FactorForms {
  /** The path to which the forms post; a mailed code is requested at `/email-code` below it. */
  readonly path: string
  /** Hidden fields of every form. The service checks each of them again. */
  readonly carried: Readonly<Record<string, string>>
  /** JSON of the options with which a browser asks for a passkey; empty: none. */
  readonly options: string
  readonly note: FactorNote
  /** Sentences above the passkey's button and above the one that requests a mail; empty: none. */
  readonly passkeyLead: string
  readonly mailLead: string
  /** HTML above the buttons, such as a checkbox. */
  readonly extraHtml: string
}

function formOf(visit: HostedVisit, method: StepUpFactor, forms: FactorForms): string {
  const { hosted, password } = visit.texts
  const { path, carried, options, note, passkeyLead, mailLead, extraHtml } = forms
  const wrong = note.wrong?.method === method ? note.wrong.sentence : null
  const send = (content: string) => form(hrefOf(visit, path), { ...carried, method }, content)
  if (method === 'passkey')
    return send(html`!${passkeyLead ? html`<p>${passkeyLead}</p>` : ''}
!${extraHtml}!${passkeyButton({ kind: 'options', options, label: hosted.usePasskey, needsScript: hosted.needsScript, wrong })}`)
  if (method === 'password') {
    const attributesHtml = `autocomplete="current-password" maxlength="1024" required ${wrong ? '' : 'autofocus'}`
    const input = field({ name: 'password', label: password, type: 'password', wrong, attributesHtml })
    return send(input + button(hosted.continue))
  }
  if (method === 'recovery_code')
    return html`<details !${wrong ? 'open' : ''}><summary>${hosted.recovery}</summary>
!${send(codeField('recovery_code', hosted.recoveryCode, wrong, { length: null }) + button(hosted.continue, 'second'))}</details>`
  if (method === 'email_code' && !note.isMailed)
    return form(
      hrefOf(visit, `${path}/email-code`),
      carried,
      html`<p>${mailLead}</p>!${button(hosted.sendCode)}`,
    )
  const lead = method === 'totp' ? hosted.totpLead : hosted.mailSent
  return send(html`<p class="lead">${lead}</p>
!${codeField(method, hosted.code, wrong)}!${extraHtml}!${button(hosted.continue)}`)
}

/** The forms of the methods one below the other, recovery codes at the end. */
export function factorForms(
  visit: HostedVisit,
  methods: readonly StepUpFactor[],
  forms: FactorForms,
): string {
  const usual = methods.filter((method) => method !== 'recovery_code')
  const recovery = methods.filter((method) => method === 'recovery_code')
  const show = (method: StepUpFactor) => formOf(visit, method, forms)
  return html`!${usual.map(show).join(divider(visit.texts.hosted.or))}
!${recovery.map(show).join('\n')}`
}

/** The proof that a form holds; null: it is none, so nothing is tried. */
export function proofIn(typed: Typed): FactorProof | null {
  const method = factorMethods.find((known) => known === typed('method'))
  if (!method) return null
  if (method === 'passkey') {
    const credential = jsonIn(AssertionCredential, typed('credential'))
    return credential && { method, credential }
  }
  if (method !== 'recovery_code') {
    const code = digitsIn(typed(method))
    return code === null ? null : { method, code }
  }
  const code = readCode(typed(method).slice(0, 64))
  return code === '' || code.includes('\0') ? null : { method, code }
}
