// The Connections section: identities at providers, and API keys.
import { html } from 'ghtml'
import { listApiKeys, scopesOf } from '../../../domain/api-keys/api-keys.ts'
import { listIdentities } from '../../../domain/social/identities.ts'
import { fill } from '../../../formats.ts'
import { button, check, field, form } from '../controls.ts'
import { providersOf, titleOf } from '../hosted/providers.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Section } from './action.ts'
import { buttonForm, durationOf, listOf, partOf, timeOf } from './elements.ts'
import { type AccountVisit, type Note, sectionPage } from './visit.ts'

const path = '/account/connections'
/** Days until a key expires; 0: never. */
export const lifetimes = [30, 90, 365, 0] as const

async function identitiesPart(visit: AccountVisit): Promise<string> {
  const { account } = visit.texts
  const all = await listIdentities(visit.ctx)
  const rows = all.map(
    ({
      id,
      provider,
      email,
      createdAt,
    }) => html`<li><div class="what"><strong><bdi>${titleOf(provider)}</bdi></strong>
<span class="quiet">!${email ? html`<bdi>${email}</bdi> · ` : ''}${account.added} !${timeOf(visit, createdAt)}</span></div>
!${buttonForm(visit, `${path}/unlink`, account.unlink, 'danger', { fields: { id } })}</li>`,
  )
  const links = providersOf(visit.ctx.project)
    .filter(({ name }) => !all.some(({ provider }) => provider === name))
    .map(({ name, label, iconHtml }) =>
      buttonForm(visit, `${path}/link`, fill(account.link, { provider: label }), 'second', {
        fields: { provider: name },
        iconHtml,
      }),
    )
  const list = listOf(rows) || html`<p>${account.noProviders}</p>`
  const buttons = links.length > 0 ? html`<div class="buttons links">!${links.join('\n')}</div>` : ''
  return partOf(account.providers, account.providersLead, list + buttons)
}

async function keysPart(visit: AccountVisit, { wrong = {}, typed = {} }: Note): Promise<string> {
  const { account } = visit.texts
  const keys = (await listApiKeys(visit.ctx)).filter(({ revokedAt }) => revokedAt === null)
  const rows = keys.map((key) => {
    const { id, name, keyPrefix, createdAt, expiresAt } = key
    const until = expiresAt ? html` · ${account.until} !${timeOf(visit, expiresAt)}` : ''
    return html`<li><div class="what"><strong><bdi>${name}</bdi></strong>
<span class="quiet"><code dir="ltr">${keyPrefix}…</code> · <bdi>${scopesOf(key).join(', ')}</bdi> · ${account.added} !${timeOf(visit, createdAt)}!${until}</span></div>
!${buttonForm(visit, `${path}/keys/revoke`, account.keyRevoke, 'danger', { fields: { id } })}</li>`
  })
  const options = lifetimes.map((days) => {
    const isChosen = (typed.days ?? '90') === String(days)
    const label = days === 0 ? account.keyForever : durationOf(visit, days, 'day')
    return html`<option value="${String(days)}" !${isChosen ? 'selected' : ''}>${label}</option>`
  })
  const fields = [
    field({
      name: 'key_name',
      label: account.keyName,
      value: typed.key_name ?? '',
      wrong: wrong.key_name ?? null,
      attributesHtml: 'maxlength="255" autocomplete="off" required',
    }),
    html`<div class="field"><label for="days">${account.keyLife}</label><select id="days" name="days">!${options.join('')}</select></div>`,
    check('write', account.keyWrite, typed.write === 'yes'),
    button(account.keyAdd, 'second'),
  ]
  const newKey = form(hrefOf(visit, `${path}/keys`), {}, fields.join('\n'))
  return partOf(account.keys, account.keysLead, listOf(rows) + newKey)
}

export const connectionsSection: Section = {
  path,
  async show(visit, note) {
    const identities = await identitiesPart(visit)
    return sectionPage(visit, path, identities + (await keysPart(visit, note)), note)
  },
}
