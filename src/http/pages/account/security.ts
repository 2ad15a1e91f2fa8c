// The actions of security: password, authenticator app, recovery codes and trusted devices.
import {
  confirmTotp,
  endTrustedDevices,
  proposeTotp,
  removeTotp,
  renewRecoveryCodes,
} from '../../../domain/accounts/factors.ts'
import { changePassword, setPassword } from '../../../domain/accounts/password-change.ts'
import type { AuthErrorDetails } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import type { Api } from '../../typebox.ts'
import { digitsIn, isTriable } from '../hosted/typed.ts'
import { refusedNewPassword, wrongNewPassword } from '../new-password.ts'
import type { Texts } from '../texts.ts'
import { type AccountParts, addAction, addSection, type Explained } from './action.ts'
import { codesPage, totpPage } from './factor-pages.ts'
import { securitySection as section } from './security-page.ts'
import { type AccountVisit, back, Refused } from './visit.ts'

const path = section.path

/** Sets the cookies of the renewed session. @param grant null: the session was not renewed */
function setCookies({ parts, request, reply }: AccountVisit, grant: Grant | null): void {
  if (grant) parts.printSession(request, reply, grant, 'cookie')
}

function explainPassword(texts: Texts, details: AuthErrorDetails): Explained {
  const { account } = texts
  const fault = refusedNewPassword(texts, details)
  return {
    ...(fault === null ? {} : { password_refused: { wrong: { new_password: fault } } }),
    password_unchanged: { wrong: { new_password: account.passwordSame } },
    wrong_current_password: { wrong: { current_password: account.wrongPassword } },
    password_already_set: { bad: account.changedMeanwhile },
    no_password: { bad: account.changedMeanwhile },
  }
}

function passwordActions(api: Api, parts: AccountParts): void {
  addAction(api, parts, {
    path: `${path}/password`,
    limit: 'credential',
    section,
    isTypedAgain: true,
    read({ texts }, typed) {
      const [currentPassword, newPassword] = [typed('current_password'), typed('new_password')]
      if (!isTriable(currentPassword))
        return new Refused({ wrong: { current_password: texts.hosted.noPassword } })
      const fault = wrongNewPassword(texts, newPassword)
      return fault ? new Refused({ wrong: { new_password: fault } }) : { currentPassword, newPassword }
    },
    async run(visit, passwords) {
      setCookies(visit, await changePassword(visit.ctx, passwords, { renewsSession: true }))
      return back(visit, path, 'password')
    },
    explain: explainPassword,
  })
  addAction(api, parts, {
    path: `${path}/first-password`,
    limit: 'credential',
    section,
    isTypedAgain: true,
    read({ texts }, typed) {
      const password = typed('new_password')
      const fault = wrongNewPassword(texts, password)
      return fault ? new Refused({ wrong: { new_password: fault } }) : { password }
    },
    async run(visit, { password }) {
      setCookies(visit, await setPassword(visit.ctx, password, { renewsSession: true }))
      return back(visit, path, 'passwordSet')
    },
    explain: explainPassword,
  })
}

const explainFactor = ({ account, hosted }: Texts): Explained => ({
  email_verification_required: { bad: account.verifyFirst, status: 403 },
  wrong_factor_code: { wrong: { code: hosted.wrongCode } },
  totp_already_enrolled: { bad: account.changedMeanwhile },
  factor_unknown: { bad: account.changedMeanwhile },
  factor_needed: { bad: account.changedMeanwhile },
})

function totpActions(api: Api, parts: AccountParts): void {
  const proving = { limit: 'credential', section, explain: explainFactor } as const
  addAction(api, parts, {
    ...proving,
    path: `${path}/totp`,
    async run(visit) {
      const { uri } = await proposeTotp(visit.ctx)
      return totpPage(visit, uri, {})
    },
  })
  addAction(api, parts, {
    ...proving,
    path: `${path}/totp/confirm`,
    read({ texts }, typed) {
      const code = digitsIn(typed('code'))
      return code === null ? new Refused({ wrong: { code: texts.hosted.badCode } }) : { code }
    },
    run: async (visit, { code }) => codesPage(visit, await confirmTotp(visit.ctx, code), 'totp'),
    again: (visit, typed, note) => totpPage(visit, typed('uri'), note),
  })
  addAction(api, parts, {
    ...proving,
    path: `${path}/totp/remove`,
    async run(visit) {
      await removeTotp(visit.ctx)
      return back(visit, path, 'totpRemoved')
    },
  })
}

/** Registers the section, without the actions of passkeys. */
export function securityPages(api: Api, parts: AccountParts): void {
  addSection(api, parts, section)
  passwordActions(api, parts)
  totpActions(api, parts)
  addAction(api, parts, {
    path: `${path}/recovery-codes`,
    limit: 'credential',
    section,
    run: async (visit) => codesPage(visit, await renewRecoveryCodes(visit.ctx), 'renewed'),
    explain: explainFactor,
  })
  addAction(api, parts, {
    path: `${path}/trusted-devices/end`,
    limit: 'read',
    section,
    async run(visit) {
      await endTrustedDevices(visit.ctx)
      return back(visit, path, 'trustedEnded')
    },
  })
}
