// The acts of the e-mail address: proven by a code, or changed with a code that is mailed to the new one.
import {
  cancelEmailChange,
  confirmEmailChange,
  requestEmailChange,
} from '../../../domain/accounts/email-change.ts'
import { confirmEmail, resendVerification } from '../../../domain/accounts/verification.ts'
import { isMailbox, normalizeEmail } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { readCode } from '../../typed-code.ts'
import { type AccountParts, addAct, type Typed } from './act.ts'
import { confirmEmailPage, profileSection, verifyPage } from './profile-page.ts'
import { type AccountVisit, back, Refused } from './visit.ts'

function readEmailCode({ texts }: AccountVisit, typed: Typed) {
  const code = readCode(typed('code').slice(0, 32))
  const email = typed('email')
  if (!isMailbox(email)) return new Refused({ bad: texts.hosted.failed })
  return /^\d{6}$/.test(code)
    ? { email: normalizeEmail(email), code }
    : new Refused({ wrong: { code: texts.hosted.badCode } })
}

function changeActs(api: Api, parts: AccountParts): void {
  addAct(api, parts, {
    path: '/account/email',
    limit: 'mail',
    section: profileSection,
    fields: ['new_email'],
    read({ texts }, typed) {
      const newEmail = typed('new_email')
      return isMailbox(newEmail) ? { newEmail } : new Refused({ wrong: { new_email: texts.hosted.badEmail } })
    },
    async act(visit, { newEmail }) {
      await requestEmailChange(visit.ctx, { newEmail, currentPassword: undefined, redirectTo: null })
      return confirmEmailPage(visit, normalizeEmail(newEmail), {})
    },
    explain: ({ texts }, { code }) =>
      code === 'email_unchanged' ? { wrong: { new_email: texts.account.emailUnchanged } } : null,
  })
  addAct(api, parts, {
    path: '/account/email/confirm',
    limit: 'credential',
    section: profileSection,
    read: readEmailCode,
    async act(visit, proof) {
      await confirmEmailChange(visit.ctx, proof)
      return back(visit, '/account', 'email')
    },
    explain: ({ texts }, { code }) =>
      code === 'invalid_verification_code' || code === 'email_change_impossible'
        ? { wrong: { code: texts.hosted.wrongCode } }
        : null,
    again: (visit, typed, note) =>
      isMailbox(typed('email'))
        ? confirmEmailPage(visit, normalizeEmail(typed('email')), note)
        : profileSection.show(visit, note),
  })
  addAct(api, parts, {
    path: '/account/email/cancel',
    limit: 'read',
    section: profileSection,
    read: () => ({}),
    async act(visit) {
      await cancelEmailChange(visit.ctx)
      return back(visit, '/account', 'emailCancelled')
    },
  })
}

/** Registers the acts. */
export function addressActs(api: Api, parts: AccountParts): void {
  changeActs(api, parts)
  addAct(api, parts, {
    ...{ path: '/account/email/verification', section: profileSection, limit: 'mail' },
    read: () => ({}),
    async act(visit) {
      const { kind } = await resendVerification(visit.ctx, visit.ctx.actor.user.email)
      return verifyPage(visit, kind === 'cooling' ? { bad: visit.texts.hosted.cooling } : {})
    },
  })
  addAct(api, parts, {
    ...{ path: '/account/email/verify', section: profileSection, limit: 'credential' },
    read({ texts }, typed) {
      const code = readCode(typed('code').slice(0, 32))
      return /^\d{6}$/.test(code) ? { code } : new Refused({ wrong: { code: texts.hosted.badCode } })
    },
    async act(visit, { code }) {
      await confirmEmail(visit.ctx, { email: visit.ctx.actor.user.email, code })
      return back(visit, '/account', 'verified')
    },
    explain: ({ texts }, { code }) =>
      code === 'invalid_verification_code' ? { wrong: { code: texts.hosted.wrongCode } } : null,
    again: (visit, _typed, note) => verifyPage(visit, note),
  })
}
