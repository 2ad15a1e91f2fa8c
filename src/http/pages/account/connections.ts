// The acts of connections: identities that are unlinked, API keys that are made and revoked.
import { html } from 'ghtml'
import { type ApiKeyWish, createApiKey, revokeApiKey } from '../../../domain/api-keys/api-keys.ts'
import { unlinkIdentity } from '../../../domain/social/identities.ts'
import { isUuid } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { buttonLink, notice } from '../controls.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { type AccountParts, addAct, addSection, type Typed } from './act.ts'
import { connectionsSection, lifetimes } from './connections-page.ts'
import { linkAct } from './link.ts'
import { type AccountVisit, back, innerPage, Refused } from './visit.ts'

const { path } = connectionsSection
/** Of our own routes; the application's own are for its own pages. */
const scopes = ['read', 'write'] as const

/** The page of a new key, which is shown once. */
function keyPage(visit: AccountVisit, plain: string): Page {
  const { account } = visit.texts
  return innerPage(
    visit,
    path,
    account.keyTitle,
    html`!${notice('good', account.keyDone)}
<pre dir="ltr"><code>${plain}</code></pre>
!${buttonLink(hrefOf(visit, path), account.keyKept)}`,
  )
}

function readWish({ texts }: AccountVisit, typed: Typed): ApiKeyWish | Refused {
  const name = typed('key_name').trim()
  const days = lifetimes.find((known) => String(known) === typed('days')) ?? 90
  if (name === '' || [...name].length > 255 || /\p{Cc}/u.test(name) || !name.isWellFormed())
    return new Refused({ wrong: { key_name: texts.account.badName } })
  const expiresAt = days === 0 ? null : new Date(Date.now() + days * 86_400_000)
  return { name, scopes: scopes.slice(0, typed('write') === 'yes' ? 2 : 1), expiresAt }
}

const idIn = ({ texts }: AccountVisit, typed: Typed) =>
  isUuid(typed('id'))
    ? { id: typed('id').toLowerCase() }
    : new Refused({ bad: texts.account.changedMeanwhile })

/** Registers the tab. */
export function connectionsPages(api: Api, parts: AccountParts): void {
  const section = connectionsSection
  addSection(api, parts, section)
  linkAct(api, parts)
  addAct(api, parts, {
    ...{ path: `${path}/unlink`, section, limit: 'read', fields: ['id'] },
    read: idIn,
    async act(visit, { id }) {
      await unlinkIdentity(visit.ctx, id)
      return back(visit, path, 'unlinked')
    },
    explain({ texts }, { code }) {
      if (code === 'last_way_in') return { bad: texts.account.lastWayIn, status: 409 }
      return code === 'identity_unknown' ? { bad: texts.account.changedMeanwhile } : null
    },
  })
  addAct(api, parts, {
    ...{ path: `${path}/keys`, section, limit: 'credential', fields: ['key_name', 'days', 'write'] },
    read: readWish,
    act: async (visit, wish) => keyPage(visit, (await createApiKey(visit.ctx, wish)).plain),
    explain: ({ texts }, { code }) =>
      code === 'api_key_limit_reached' ? { bad: texts.account.keyLimit } : null,
  })
  addAct(api, parts, {
    ...{ path: `${path}/keys/revoke`, section, limit: 'read' },
    read: idIn,
    async act(visit, { id }) {
      await revokeApiKey(visit.ctx, id)
      return back(visit, path, 'keyRevoked')
    },
    explain: ({ texts }, { code }) =>
      code === 'api_key_unknown' ? { bad: texts.account.changedMeanwhile } : null,
  })
}
