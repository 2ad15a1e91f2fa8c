// The steps of a mailed code: it proves the address of a new account, or signs in.
import { requestEmailSignIn, signInByEmail } from '../../../domain/accounts/email-sign-in.ts'
import { confirmEmail, resendVerification } from '../../../domain/accounts/verification.ts'
import { AuthError } from '../../../domain/errors.ts'
import { isMailbox, isUuid } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import type { Page } from '../layout.ts'
import { type CheckMail, checkMailPage } from './check-mail-page.ts'
import { completeSignIn } from './complete-sign-in.ts'
import type { HostedParts } from './parts.ts'
import { signInPage } from './sign-in-page.ts'
import { addStep } from './step.ts'
import { digitsIn, type Typed } from './typed.ts'
import type { HostedVisit } from './visit.ts'

/** The page again, with a sentence about the refused code. */
function explain(visit: HostedVisit, shown: CheckMail, error: unknown): Page {
  const { hosted, tooManyAttempts } = visit.texts
  const code = error instanceof AuthError ? error.code : null
  if (code === 'invalid_verification_code')
    return checkMailPage(visit, { ...shown, wrong: hosted.wrongCode, status: 422 })
  if (code !== 'too_many_attempts') throw error
  visit.parts.lockedOut()
  return checkMailPage(visit, { ...shown, bad: tooManyAttempts, status: 429 })
}

/** The typed code and its address, or the page that asks for them again. */
function readTyped(visit: HostedVisit, typed: Typed, flow?: string): { email: string; code: string } | Page {
  const email = typed('email')
  const code = digitsIn(typed('code'))
  if (!isMailbox(email)) return signInPage(visit, { status: 422 })
  if (code !== null) return { email, code }
  const shown = { email, wrong: visit.texts.hosted.badCode, status: 422 }
  return checkMailPage(visit, flow === undefined ? shown : { ...shown, flow })
}

function verificationSteps(api: Api, parts: HostedParts): void {
  addStep(api, parts, {
    path: '/sign-up/verify',
    limit: 'credential',
    read: (visit, typed) => readTyped(visit, typed),
    async run(visit, given) {
      try {
        await confirmEmail(visit.ctx, given)
        return signInPage(visit, { email: given.email, good: visit.texts.hosted.verified })
      } catch (error) {
        return explain(visit, { email: given.email }, error)
      }
    },
  })
  addStep(api, parts, {
    path: '/sign-up/resend',
    limit: 'mail',
    read(visit, typed) {
      const email = typed('email')
      return isMailbox(email) ? { email } : signInPage(visit, { status: 422 })
    },
    async run(visit, { email }) {
      const { hosted } = visit.texts
      const { kind } = await resendVerification(visit.ctx, email)
      return checkMailPage(visit, { email, good: kind === 'cooling' ? hosted.cooling : hosted.resent })
    },
  })
}

/** Registers the steps. */
export function checkMailSteps(api: Api, parts: HostedParts): void {
  verificationSteps(api, parts)
  addStep(api, parts, {
    path: '/sign-in/email',
    limit: 'mail',
    read(visit, typed) {
      const email = typed('email')
      const wrongEmail = visit.texts.hosted.badEmail
      return isMailbox(email) ? { email } : signInPage(visit, { email, wrongEmail, status: 422 })
    },
    async run(visit, { email }) {
      const { flow } = await requestEmailSignIn(visit.ctx, { email, redirectTo: null })
      return checkMailPage(visit, { email, flow })
    },
  })
  addStep(api, parts, {
    path: '/sign-in/email/confirm',
    limit: 'credential',
    read(visit, typed) {
      const flow = typed('flow').toLowerCase()
      if (!isUuid(flow)) return signInPage(visit, { status: 422 })
      const read = readTyped(visit, typed, flow)
      return 'body' in read ? read : { ...read, flow }
    },
    async run(visit, { email, flow, code }) {
      try {
        return await completeSignIn(visit, email, () => signInByEmail(visit.ctx, { flow, code }))
      } catch (error) {
        return explain(visit, { email, flow }, error)
      }
    },
  })
}
