// The acts of security: password, authenticator app, recovery codes and trusted devices.
import {
  confirmTotp,
  endTrustedDevices,
  proposeTotp,
  removeTotp,
  renewRecoveryCodes,
} from '../../../domain/accounts/factors.ts'
import { changePassword, setPassword } from '../../../domain/accounts/password-change.ts'
import type { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { fill } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { readCode } from '../../typed-code.ts'
import { wrongNewPassword } from '../hosted/sign-up.ts'
import { isTriable } from '../hosted/step.ts'
import { type AccountParts, addAct, addSection } from './act.ts'
import { codesPage, totpPage } from './factor-pages.ts'
import { securitySection as section } from './security-page.ts'
import { type AccountVisit, back, type Note, Refused } from './visit.ts'

const path = section.path

/** Hands the renewed session to the browser. */
function keep({ parts, request, reply }: AccountVisit, grant: Grant | null): void {
  if (grant) parts.printSession(request, reply, grant, 'cookie')
}

/** What the page says about a password that is refused. */
function explainPassword({ texts }: AccountVisit, { code, details }: AuthError): Note | null {
  const { account, refused } = texts
  if (details.password) {
    const { reason, minLength } = details.password
    return { wrong: { new_password: fill(refused[reason], { min: String(minLength) }) } }
  }
  if (code === 'password_unchanged') return { wrong: { new_password: account.passwordSame } }
  if (code === 'wrong_current_password') return { wrong: { current_password: account.wrongPassword } }
  if (code === 'password_already_set' || code === 'no_password') return { bad: account.changedMeanwhile }
  return null
}

function passwordActs(api: Api, parts: AccountParts): void {
  addAct(api, parts, {
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
    async act(visit, passwords) {
      keep(visit, await changePassword(visit.ctx, passwords, { renewsSession: true }))
      return back(visit, path, 'password')
    },
    explain: explainPassword,
  })
  addAct(api, parts, {
    path: `${path}/first-password`,
    limit: 'credential',
    section,
    isTypedAgain: true,
    read({ texts }, typed) {
      const password = typed('new_password')
      const fault = wrongNewPassword(texts, password)
      return fault ? new Refused({ wrong: { new_password: fault } }) : { password }
    },
    async act(visit, { password }) {
      keep(visit, await setPassword(visit.ctx, password, { renewsSession: true }))
      return back(visit, path, 'passwordSet')
    },
    explain: explainPassword,
  })
}

function explainFactor({ texts }: AccountVisit, { code }: AuthError): Note | null {
  const { account, hosted } = texts
  if (code === 'email_verification_required') return { bad: account.verifyFirst, status: 403 }
  if (code === 'wrong_factor_code') return { wrong: { code: hosted.wrongCode } }
  if (code === 'totp_already_enrolled' || code === 'factor_unknown' || code === 'factor_needed')
    return { bad: account.changedMeanwhile }
  return null
}

function totpActs(api: Api, parts: AccountParts): void {
  const proving = { limit: 'credential', section, explain: explainFactor } as const
  addAct(api, parts, {
    ...proving,
    path: `${path}/totp`,
    read: () => ({}),
    async act(visit) {
      const { uri } = await proposeTotp(visit.ctx)
      return totpPage(visit, uri, {})
    },
  })
  addAct(api, parts, {
    ...proving,
    path: `${path}/totp/confirm`,
    read({ texts }, typed) {
      const code = readCode(typed('code').slice(0, 32))
      return /^\d{6}$/.test(code) ? { code } : new Refused({ wrong: { code: texts.hosted.badCode } })
    },
    act: async (visit, { code }) => codesPage(visit, await confirmTotp(visit.ctx, code), 'totp'),
    again: (visit, typed, note) => totpPage(visit, typed('uri'), note),
  })
  addAct(api, parts, {
    ...proving,
    path: `${path}/totp/remove`,
    read: () => ({}),
    async act(visit) {
      await removeTotp(visit.ctx)
      return back(visit, path, 'totpRemoved')
    },
  })
}

/** Registers the tab of security, but the passkeys. */
export function securityPages(api: Api, parts: AccountParts): void {
  addSection(api, parts, section)
  passwordActs(api, parts)
  totpActs(api, parts)
  addAct(api, parts, {
    path: `${path}/recovery-codes`,
    limit: 'credential',
    section,
    read: () => ({}),
    act: async (visit) => codesPage(visit, await renewRecoveryCodes(visit.ctx), 'renewed'),
    explain: explainFactor,
  })
  addAct(api, parts, {
    path: `${path}/trusted-devices/end`,
    limit: 'read',
    section,
    read: () => ({}),
    async act(visit) {
      await endTrustedDevices(visit.ctx)
      return back(visit, path, 'trustedEnded')
    },
  })
}
