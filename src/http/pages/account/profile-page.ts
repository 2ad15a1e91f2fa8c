// The Profile section: names, picture and e-mail address.
import { html } from 'ghtml'
import { isAddressProven } from '../../../domain/accounts/verification.ts'
import { fill } from '../../../formats.ts'
import { button, codeField, field, form, notice } from '../controls.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { withValue } from '../texts.ts'
import type { Section } from './action.ts'
import { buttonForm, cancelLink } from './elements.ts'
import { type AccountVisit, avatarOf, innerPage, type Note, sectionPage } from './visit.ts'

export const nameFields = ['display_name', 'first_name', 'last_name'] as const

function namesForm(visit: AccountVisit, { wrong = {}, typed = {} }: Note): string {
  const { account } = visit.texts
  const { displayName, firstName, lastName } = visit.ctx.actor.user
  const saved = { display_name: displayName, first_name: firstName, last_name: lastName }
  const autocomplete = { display_name: 'nickname', first_name: 'given-name', last_name: 'family-name' }
  const fields = nameFields.map((name) =>
    field({
      name,
      label: account[name],
      value: typed[name] ?? saved[name] ?? '',
      wrong: wrong[name] ?? null,
      attributesHtml: html`autocomplete="${autocomplete[name]}" maxlength="255"`,
    }),
  )
  return html`<section><h2>${account.names}</h2>
!${form(hrefOf(visit, '/account/names'), {}, fields.join('\n') + button(account.save))}
</section>`
}

function pictureForm(visit: AccountVisit, { wrong = {} }: Note): string {
  const { account } = visit.texts
  const fault = wrong.picture
  const removal = visit.ctx.actor.user.avatarId
    ? buttonForm(visit, '/account/picture/remove', account.pictureRemove, 'danger')
    : ''
  return html`<section><h2>${account.picture}</h2>
<div class="picture">!${avatarOf(visit)}
<form method="post" action="${hrefOf(visit, '/account/picture')}" enctype="multipart/form-data">
<div class="field"><label for="picture">${account.pictureLabel}</label>
<input id="picture" name="picture" type="file" accept="image/png,image/jpeg,image/gif,image/webp" required aria-describedby="picture-hint" !${fault ? 'aria-invalid="true" autofocus' : ''}>
!${fault ? html`<p class="wrong" role="alert">${fault}</p>` : ''}<p class="hint" id="picture-hint">${account.pictureHint}</p></div>
!${button(account.pictureSave, 'second')}
</form></div>
!${removal}
</section>`
}

function addressForm(visit: AccountVisit, { wrong = {}, typed = {} }: Note): string {
  const { account, hosted } = visit.texts
  const { email, emailVerifiedAt } = visit.ctx.actor.user
  const tag = emailVerifiedAt
    ? html`<span class="tag good">${account.verified}</span>`
    : html`<span class="tag">${account.unverified}</span>`
  const proof = isAddressProven(visit.ctx)
    ? ''
    : html`<p class="quiet">${account.proveLead}</p>
!${buttonForm(visit, '/account/email/verification', account.prove, 'second')}`
  const input = field({
    name: 'new_email',
    label: account.newEmail,
    type: 'email',
    value: typed.new_email ?? '',
    wrong: wrong.new_email ?? null,
    hint: account.newEmailHint,
    attributesHtml: 'autocomplete="email" maxlength="255" autocapitalize="none" spellcheck="false" required',
  })
  return html`<section><h2>${hosted.email}</h2>
<p><bdi>${email}</bdi> !${tag}</p>
!${proof}
!${form(hrefOf(visit, '/account/email'), {}, input + button(account.changeEmail, 'second'))}
</section>`
}

export const profileSection: Section = {
  path: '/account',
  show: (visit, note): Page =>
    sectionPage(
      visit,
      '/account',
      namesForm(visit, note) + pictureForm(visit, note) + addressForm(visit, note),
      note,
    ),
}

/** The page for the code that was mailed to a new address. */
export function confirmEmailPage(visit: AccountVisit, email: string, note: Note): Page {
  const { account, hosted } = visit.texts
  const input = codeField('code', hosted.code, note.wrong?.code ?? null)
  return innerPage(
    visit,
    '/account',
    hosted.checkTitle,
    html`<p>!${withValue(account.emailSent, 'email', email)}</p>
!${form(hrefOf(visit, '/account/email/confirm'), { email }, input + button(hosted.continue))}
!${notice('info', fill(account.emailStays, { email: visit.ctx.actor.user.email }))}
!${form(hrefOf(visit, '/account/email/cancel'), {}, html`<p class="end">!${button(account.emailCancel, 'plain')}</p>`)}`,
    note,
  )
}

/** The page for the code that was mailed to the address of the account. */
export function verifyPage(visit: AccountVisit, note: Note): Page {
  const { account, hosted } = visit.texts
  const { email } = visit.ctx.actor.user
  const input = codeField('code', hosted.code, note.wrong?.code ?? null)
  return innerPage(
    visit,
    '/account',
    hosted.checkTitle,
    html`<p>!${withValue(account.emailSent, 'email', email)}</p>
!${form(hrefOf(visit, '/account/email/verify'), {}, input + button(hosted.continue))}
!${form(hrefOf(visit, '/account/email/verification'), {}, html`<p class="end">!${button(hosted.resend, 'plain')}</p>`)}
!${cancelLink(visit, '/account')}`,
    note,
  )
}
