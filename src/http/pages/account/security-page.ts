// The Security section: password, authenticator app, recovery codes, passkeys and trusted devices.
import { html } from 'ghtml'
import { type Factors, listFactors } from '../../../domain/accounts/factors.ts'
import { hasPassword } from '../../../domain/accounts/password-change.ts'
import { fill } from '../../../formats.ts'
import { button, field, form } from '../controls.ts'
import { newPasswordField } from '../hosted/fields.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import type { Section } from './action.ts'
import { buttonForm, listOf, partOf, timeOf } from './elements.ts'
import { type AccountVisit, type Note, sectionPage } from './visit.ts'

const path = '/account/security'

function passwordForm(visit: AccountVisit, has: boolean, { wrong = {} }: Note): string {
  const { texts } = visit
  const { account, password } = texts
  const current = field({
    name: 'current_password',
    label: account.currentPassword,
    type: 'password',
    wrong: wrong.current_password ?? null,
    attributesHtml: 'autocomplete="current-password" maxlength="1024" required',
  })
  // Password managers store a new password with the user name in its form.
  const name = html`<input type="text" name="username" autocomplete="username" value="${visit.ctx.actor.user.email}" readonly hidden>`
  const [action, lead, label] = has
    ? [`${path}/password`, account.passwordLead, account.passwordChange]
    : [`${path}/first-password`, account.passwordNone, account.passwordSet]
  const fields = [
    name,
    has ? current : '',
    newPasswordField(visit, wrong.new_password ?? null, {
      name: 'new_password',
      label: texts.reset.password,
    }),
    button(label),
  ]
  return partOf(password, lead, form(hrefOf(visit, action), {}, fields.join('\n')))
}

function totpPart(visit: AccountVisit, { enrolled }: Factors): string {
  const { account } = visit.texts
  const isOn = enrolled.includes('totp')
  const tag = isOn
    ? html`<span class="tag good">${account.on}</span>`
    : html`<span class="tag">${account.off}</span>`
  const action = isOn
    ? buttonForm(visit, `${path}/totp/remove`, account.totpRemove, 'danger')
    : buttonForm(visit, `${path}/totp`, account.totpAdd, 'second')
  return partOf(account.totp, account.totpLead, action, tag)
}

function recoveryPart(visit: AccountVisit, { enrolled, recoveryCodesLeft }: Factors): string {
  const { account } = visit.texts
  if (enrolled.length === 0) return ''
  const isShort = recoveryCodesLeft < 3
  const left = html`<p><span class="tag !${isShort ? 'bad' : 'good'}">${fill(account.codesLeft, { count: String(recoveryCodesLeft) })}</span></p>`
  const renew = buttonForm(visit, `${path}/recovery-codes`, account.codesNew, 'second')
  return partOf(account.codes, account.codesLead, left + renew)
}

function passkeyPart(visit: AccountVisit, { passkeys }: Factors): string {
  const { account } = visit.texts
  const rows = passkeys.map(({ id, name, createdAt, lastUsedAt }) => {
    const rename = form(
      hrefOf(visit, `${path}/passkeys/rename`),
      { id },
      html`<label for="name-${id}">${account.passkeyName}</label>
<input id="name-${id}" name="name" value="${name}" maxlength="100" required autocomplete="off">
!${button(account.save, 'second')}`,
    )
    const used = lastUsedAt ? html` · ${account.lastUsed} !${timeOf(visit, lastUsedAt)}` : ''
    return html`<li><div class="what"><strong><bdi>${name}</bdi></strong>
<span class="quiet">${account.added} !${timeOf(visit, createdAt)}!${used}</span>
<details><summary>${account.rename}</summary>!${rename}</details></div>
!${buttonForm(visit, `${path}/passkeys/remove`, account.remove, 'danger', { fields: { id } })}</li>`
  })
  const add = buttonForm(visit, `${path}/passkeys/new`, account.passkeyAdd, 'second')
  return partOf(account.passkeys, account.passkeysLead, listOf(rows) + add)
}

function trustedPart(visit: AccountVisit, { trustedDevices }: Factors): string {
  const { account } = visit.texts
  if (trustedDevices.length === 0) return ''
  const rows = trustedDevices.map(
    ({ device, addressPrefix, createdAt, expiresAt }) => html`<li><div class="what">
<strong><bdi>${device || account.unknownDevice}</bdi></strong>
<span class="quiet">!${addressPrefix ? html`<bdi>${addressPrefix}</bdi> · ` : ''}${account.added} !${timeOf(visit, createdAt)} · ${account.until} !${timeOf(visit, expiresAt)}</span></div></li>`,
  )
  const end = buttonForm(visit, `${path}/trusted-devices/end`, account.trustedEnd, 'danger')
  return partOf(account.trusted, account.trustedLead, listOf(rows) + end)
}

export const securitySection: Section = {
  path,
  async show(visit, note): Promise<Page> {
    const has = await hasPassword(visit.ctx)
    const factors = await listFactors(visit.ctx)
    const parts = [totpPart, recoveryPart, passkeyPart, trustedPart].map((part) => part(visit, factors))
    return sectionPage(visit, path, passwordForm(visit, has, note) + parts.join('\n'), note)
  },
}
