// The actions of the e-mail address: proving it by a code, or changing it with a code that is mailed to the new one.
import {
  cancelEmailChange,
  confirmEmailChange,
  requestEmailChange,
} from '../../../domain/accounts/email-change.ts'
import { confirmEmail, resendVerification } from '../../../domain/accounts/verification.ts'
import { isMailbox, normalizeEmail } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { digitsIn, type Typed } from '../hosted/typed.ts'
import type { Texts } from '../texts.ts'
import { type AccountParts, addAction } from './action.ts'
import { confirmEmailPage, profileSection, verifyPage } from './profile-page.ts'
import { type AccountVisit, back, Refused } from './visit.ts'

function readEmailCode({ texts }: AccountVisit, typed: Typed) {
  const code = digitsIn(typed('code'))
  const email = typed('email')
  if (!isMailbox(email)) return new Refused({ bad: texts.hosted.failed })
  return code === null
    ? new Refused({ wrong: { code: texts.hosted.badCode } })
    : { email: normalizeEmail(email), code }
}

/** The note about a code that was refused. */
const wrongCode = ({ hosted }: Texts) => ({ wrong: { code: hosted.wrongCode } })

function changeActions(api: Api, parts: AccountParts): void {
  addAction(api, parts, {
    path: '/account/email',
    limit: 'mail',
    section: profileSection,
    fields: ['new_email'],
    read({ texts }, typed) {
      const newEmail = typed('new_email')
      return isMailbox(newEmail) ? { newEmail } : new Refused({ wrong: { new_email: texts.hosted.badEmail } })
    },
    async run(visit, { newEmail }) {
      await requestEmailChange(visit.ctx, { newEmail, currentPassword: undefined, redirectTo: null })
      return confirmEmailPage(visit, normalizeEmail(newEmail), {})
    },
    explain: ({ account }) => ({ email_unchanged: { wrong: { new_email: account.emailUnchanged } } }),
  })
  addAction(api, parts, {
    path: '/account/email/confirm',
    limit: 'credential',
    section: profileSection,
    read: readEmailCode,
    async run(visit, proof) {
      await confirmEmailChange(visit.ctx, proof)
      return back(visit, '/account', 'email')
    },
    explain: (texts) => ({
      invalid_verification_code: wrongCode(texts),
      email_change_impossible: wrongCode(texts),
    }),
    again: (visit, typed, note) =>
      isMailbox(typed('email'))
        ? confirmEmailPage(visit, normalizeEmail(typed('email')), note)
        : profileSection.show(visit, note),
  })
  addAction(api, parts, {
    path: '/account/email/cancel',
    limit: 'read',
    section: profileSection,
    async run(visit) {
      await cancelEmailChange(visit.ctx)
      return back(visit, '/account', 'emailCancelled')
    },
  })
}

/** Registers the actions. */
export function addressActions(api: Api, parts: AccountParts): void {
  changeActions(api, parts)
  addAction(api, parts, {
    path: '/account/email/verification',
    section: profileSection,
    limit: 'mail',
    async run(visit) {
      const { kind } = await resendVerification(visit.ctx, visit.ctx.actor.user.email)
      return verifyPage(visit, kind === 'cooling' ? { bad: visit.texts.hosted.cooling } : {})
    },
  })
  addAction(api, parts, {
    path: '/account/email/verify',
    section: profileSection,
    limit: 'credential',
    read({ texts }, typed) {
      const code = digitsIn(typed('code'))
      return code === null ? new Refused({ wrong: { code: texts.hosted.badCode } }) : { code }
    },
    async run(visit, { code }) {
      await confirmEmail(visit.ctx, { email: visit.ctx.actor.user.email, code })
      return back(visit, '/account', 'verified')
    },
    explain: (texts) => ({ invalid_verification_code: wrongCode(texts) }),
    again: (visit, _typed, note) => verifyPage(visit, note),
  })
}
