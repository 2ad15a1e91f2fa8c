// The second step of a sign-in: a code of an authenticator app, a passkey, a recovery code, or a mailed code.

import { Value } from '@sinclair/typebox/value'
import { html } from 'ghtml'
import { AssertionCredential } from '../../../../schemas/webauthn.ts'
import type { FactorProof } from '../../../domain/credentials/factors.ts'
import { completeSecondFactor, requestSecondFactorCode } from '../../../domain/credentials/second-factor.ts'
import { AuthError, type AuthErrorDetails, type FactorMethod } from '../../../domain/errors.ts'
import { fill } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { readCode } from '../../typed-code.ts'
import { button, check, codeField, divider, form, notice } from '../controls.ts'
import { type Page, titled } from '../layout.ts'
import type { HostedParts } from './parts.ts'
import { addStep, type Typed } from './step.ts'
import { finish, type HostedVisit, hrefOf } from './visit.ts'

const path = '/sign-in/second-factor'
const methods: readonly FactorMethod[] = ['passkey', 'totp', 'email_code', 'recovery_code']

/** What travels with the forms of one challenge. The service checks each of them again. */
interface Due {
  readonly challenge: string
  readonly factors: readonly FactorMethod[]
  /** JSON of what a browser asks for a passkey with; empty: none. */
  readonly options: string
}

interface Note {
  readonly wrong?: { readonly method: FactorMethod; readonly sentence: string }
  readonly bad?: string
  readonly good?: string
  /** Whether the mailed code was sent for. */
  readonly isMailed?: boolean
  readonly status?: number
}

/** The page of a refusal that waits for a second factor. */
export function secondFactorPage(
  visit: HostedVisit,
  { challenge, factors = [], passkeyOptions }: AuthErrorDetails,
): Page {
  const { hosted } = visit.texts
  if (challenge === undefined) return titled(hosted.secondTitle, html`<p>${hosted.noFactor}</p>`, 403)
  const usable = methods.filter((method) => (factors as readonly string[]).includes(method))
  const options = passkeyOptions ? JSON.stringify(passkeyOptions) : ''
  return stepPage(visit, { challenge, factors: usable, options }, {})
}

const carried = ({ challenge, factors, options }: Due) => ({ challenge, factors: factors.join(' '), options })

function trustBox({ texts, ctx }: HostedVisit): string {
  const days = ctx.project.policy.factors.trusted_device_days
  return days > 0 ? check('trust_device', fill(texts.hosted.trust, { days: String(days) })) : ''
}

/** The form of one method. */
function formOf(visit: HostedVisit, due: Due, method: FactorMethod, note: Note): string {
  const { hosted } = visit.texts
  const wrong = note.wrong?.method === method ? note.wrong.sentence : null
  const fields = { ...carried(due), method }
  const send = (content: string) => form(hrefOf(visit, path), fields, content)
  const trust = trustBox(visit)
  if (method === 'passkey')
    return send(html`<p>${hosted.passkeyLead}</p>
<input type="hidden" name="credential">
!${trust}<noscript><p class="notice warn">${hosted.needsScript}</p></noscript>
<button type="button" data-options="${due.options}">${hosted.usePasskey}</button>
<p class="wrong" role="alert" !${wrong ? '' : 'hidden'}>${wrong ?? ''}</p>`)
  if (method === 'recovery_code')
    return html`<details !${wrong ? 'open' : ''}><summary>${hosted.recovery}</summary>
!${send(codeField('recovery_code', hosted.recoveryCode, wrong, { length: null }) + button(hosted.continue, 'second'))}</details>`
  if (method === 'email_code' && !note.isMailed)
    return form(
      hrefOf(visit, `${path}/email-code`),
      carried(due),
      html`<p>${hosted.mailLead}</p>!${button(hosted.sendCode)}`,
    )
  const lead = method === 'totp' ? hosted.totpLead : hosted.mailSent
  return send(html`<p class="lead">${lead}</p>
!${codeField(method, hosted.code, wrong)}!${trust}!${button(hosted.continue)}`)
}

function stepPage(visit: HostedVisit, due: Due, note: Note): Page {
  const { hosted } = visit.texts
  const forms = due.factors.map((method) => formOf(visit, due, method, note))
  const strong = forms.slice(0, due.factors.filter((method) => method !== 'recovery_code').length)
  const rest = forms.slice(strong.length)
  return titled(
    hosted.secondTitle,
    html`!${note.bad ? notice('bad', note.bad) : ''}!${note.good ? notice('good', note.good) : ''}
!${strong.join(divider(hosted.or))}
!${rest.join('\n')}
<p class="quiet end"><a href="${hrefOf(visit, '/sign-in', { prompt: 'login' })}">${hosted.restart}</a></p>`,
    note.status ?? 200,
  )
}

function dueOf(typed: Typed): Due {
  const named = typed('factors').split(' ')
  return {
    challenge: typed('challenge').slice(0, 128),
    factors: methods.filter((method) => named.includes(method)),
    options: typed('options'),
  }
}

/** What was typed as the proof of a method; null: it is none. */
export function proofOf(typed: Typed): FactorProof | null {
  const method = methods.find((known) => known === typed('method'))
  if (!method) return null
  if (method === 'passkey') {
    try {
      const credential: unknown = JSON.parse(typed('credential'))
      return Value.Check(AssertionCredential, credential) ? { method, credential } : null
    } catch {
      return null
    }
  }
  const code = readCode(typed(method).slice(0, 64))
  const isCode = method === 'recovery_code' ? code !== '' && !code.includes('\0') : /^\d{6}$/.test(code)
  return isCode ? { method, code } : null
}

function wrongPage(visit: HostedVisit, due: Due, typed: string, sentence: string, status: number): Page {
  const method = methods.find((known) => known === typed) ?? 'totp'
  return stepPage(visit, due, { wrong: { method, sentence }, isMailed: method === 'email_code', status })
}

/** Registers the steps. */
export function secondFactorSteps(api: Api, parts: HostedParts): void {
  addStep(api, parts, {
    path,
    limit: 'credential',
    read(visit, typed) {
      const { hosted } = visit.texts
      const [due, proof] = [dueOf(typed), proofOf(typed)]
      const method = typed('method')
      if (!proof)
        return wrongPage(
          visit,
          due,
          method,
          method === 'passkey' ? hosted.passkeyFailed : hosted.badCode,
          422,
        )
      return { due, proof, trustDevice: typed('trust_device') !== '' }
    },
    async act(visit, { due, proof, trustDevice }) {
      const { texts, ctx, reply, request } = visit
      try {
        const given = { challenge: due.challenge, proof, trustDevice }
        const { grant, device } = await completeSecondFactor(ctx, given)
        if (device) parts.deviceCookie.set(reply, request.project, device.token, device.lifetimeSeconds)
        return finish(visit, grant)
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (error.code === 'too_many_attempts') {
          parts.lockedOut()
          return stepPage(visit, due, { bad: texts.tooManyAttempts, status: 429 })
        }
        if (error.code !== 'second_factor_invalid') throw error
        return wrongPage(visit, due, proof.method, texts.hosted.wrongCode, 422)
      }
    },
  })
  addStep(api, parts, {
    path: `${path}/email-code`,
    limit: 'mail',
    read: (_visit, typed) => dueOf(typed),
    async act(visit, due) {
      await requestSecondFactorCode(visit.ctx, due.challenge)
      return stepPage(visit, due, { isMailed: true })
    },
  })
}
