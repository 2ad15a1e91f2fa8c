// The second step of a sign-in: a code of an authenticator app, a passkey, a recovery code, or a mailed code.
import { html } from 'ghtml'
import { completeSecondFactor, requestSecondFactorCode } from '../../../domain/credentials/second-factor.ts'
import { AuthError, type AuthErrorDetails, type FactorMethod } from '../../../domain/errors.ts'
import { fill } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { check, notice } from '../controls.ts'
import { type Page, titled } from '../layout.ts'
import { type FactorNote, factorForms, factorMethods, proofIn } from './factor-forms.ts'
import type { HostedParts } from './parts.ts'
import { addStep } from './step.ts'
import type { Typed } from './typed.ts'
import { finishSignIn, type HostedVisit, hrefOf } from './visit.ts'

const path = '/sign-in/second-factor'

/** A sign-in that waits for a second factor, as its forms carry it. */
interface Challenge {
  readonly challenge: string
  readonly factors: readonly FactorMethod[]
  /** JSON of the options with which a browser asks for a passkey; empty: none. */
  readonly options: string
}

const methodsIn = (names: readonly string[]) => factorMethods.filter((method) => names.includes(method))

/** The page of a sign-in that was refused with `second_factor_required`. */
export function secondFactorPage(
  visit: HostedVisit,
  { challenge, factors = [], passkeyOptions }: AuthErrorDetails,
): Page {
  const { hosted } = visit.texts
  if (challenge === undefined) return titled(hosted.secondTitle, html`<p>${hosted.noFactor}</p>`, 403)
  const options = passkeyOptions ? JSON.stringify(passkeyOptions) : ''
  return challengePage(visit, { challenge, factors: methodsIn(factors), options }, {})
}

function trustBox({ texts, ctx }: HostedVisit): string {
  const days = ctx.project.policy.factors.trusted_device_days
  return days > 0 ? check('trust_device', fill(texts.hosted.trust, { days: String(days) })) : ''
}

function challengePage(visit: HostedVisit, shown: Challenge, note: FactorNote): Page {
  const { hosted } = visit.texts
  const { challenge, factors, options } = shown
  const { passkeyLead, mailLead } = hosted
  const carried = { challenge, factors: factors.join(' '), options }
  const forms = { path, carried, options, note, passkeyLead, mailLead, extraHtml: trustBox(visit) }
  return titled(
    hosted.secondTitle,
    html`!${note.bad ? notice('bad', note.bad) : ''}
!${factorForms(visit, factors, forms)}
<p class="quiet end"><a href="${hrefOf(visit, '/sign-in', { prompt: 'login' })}">${hosted.restart}</a></p>`,
    note.status ?? 200,
  )
}

const challengeIn = (typed: Typed): Challenge => ({
  challenge: typed('challenge').slice(0, 128),
  factors: methodsIn(typed('factors').split(' ')),
  options: typed('options'),
})

function wrongPage(visit: HostedVisit, challenge: Challenge, typed: string, sentence: string): Page {
  const method = factorMethods.find((known) => known === typed) ?? 'totp'
  const isMailed = method === 'email_code'
  return challengePage(visit, challenge, { wrong: { method, sentence }, isMailed, status: 422 })
}

/** Registers the steps. */
export function secondFactorSteps(api: Api, parts: HostedParts): void {
  addStep(api, parts, {
    path,
    limit: 'credential',
    read(visit, typed) {
      const { hosted } = visit.texts
      const [challenge, proof, method] = [challengeIn(typed), proofIn(typed), typed('method')]
      if (proof) return { challenge, proof, trustDevice: typed('trust_device') !== '' }
      return wrongPage(visit, challenge, method, method === 'passkey' ? hosted.passkeyFailed : hosted.badCode)
    },
    async run(visit, { challenge, proof, trustDevice }) {
      const { texts, ctx, reply, request } = visit
      try {
        const given = { challenge: challenge.challenge, proof, trustDevice }
        const { grant, device } = await completeSecondFactor(ctx, given)
        if (device) parts.deviceCookie.set(reply, request.project, device.token, device.lifetimeSeconds)
        return finishSignIn(visit, grant)
      } catch (error) {
        if (!(error instanceof AuthError)) throw error
        if (error.code === 'too_many_attempts') {
          parts.lockedOut()
          return challengePage(visit, challenge, { bad: texts.tooManyAttempts, status: 429 })
        }
        if (error.code !== 'second_factor_invalid') throw error
        return wrongPage(visit, challenge, proof.method, texts.hosted.wrongCode)
      }
    },
  })
  addStep(api, parts, {
    path: `${path}/email-code`,
    limit: 'mail',
    read: (_visit, typed) => challengeIn(typed),
    async run(visit, challenge) {
      await requestSecondFactorCode(visit.ctx, challenge.challenge)
      return challengePage(visit, challenge, { isMailed: true })
    },
  })
}
