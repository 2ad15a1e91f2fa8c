// The actions of connections: identities are unlinked, API keys are created and revoked.
import { html } from 'ghtml'
import { type ApiKeyWish, createApiKey, revokeApiKey } from '../../../domain/api-keys/api-keys.ts'
import { unlinkIdentity } from '../../../domain/social/identities.ts'
import type { Api } from '../../typebox.ts'
import { buttonLink, notice } from '../controls.ts'
import { isName, type Typed } from '../hosted/typed.ts'
import { hrefOf } from '../hosted/visit.ts'
import type { Page } from '../layout.ts'
import { type AccountParts, addAction, addSection, readId } from './action.ts'
import { connectionsSection, lifetimes } from './connections-page.ts'
import { linkAction } from './link.ts'
import { type AccountVisit, back, innerPage, Refused } from './visit.ts'

const { path } = connectionsSection
/** Scopes of the routes of this service. Scopes of the application's own are chosen on its own pages. */
const scopes = ['read', 'write'] as const

/** The page of a new key. It is the only one that shows the key. */
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

function readKey({ texts }: AccountVisit, typed: Typed): ApiKeyWish | Refused {
  const name = typed('key_name').trim()
  const days = lifetimes.find((known) => String(known) === typed('days')) ?? 90
  if (name === '' || !isName(name, 255)) return new Refused({ wrong: { key_name: texts.account.badName } })
  const expiresAt = days === 0 ? null : new Date(Date.now() + days * 86_400_000)
  return { name, scopes: scopes.slice(0, typed('write') === 'yes' ? 2 : 1), expiresAt }
}

/** Registers the section. */
export function connectionsPages(api: Api, parts: AccountParts): void {
  const section = connectionsSection
  addSection(api, parts, section)
  linkAction(api, parts)
  addAction(api, parts, {
    path: `${path}/unlink`,
    section,
    limit: 'read',
    fields: ['id'],
    read: readId,
    async run(visit, { id }) {
      await unlinkIdentity(visit.ctx, id)
      return back(visit, path, 'unlinked')
    },
    explain: ({ account }) => ({
      last_way_in: { bad: account.lastWayIn, status: 409 },
      identity_unknown: { bad: account.changedMeanwhile },
    }),
  })
  addAction(api, parts, {
    path: `${path}/keys`,
    section,
    limit: 'credential',
    fields: ['key_name', 'days', 'write'],
    read: readKey,
    run: async (visit, key) => keyPage(visit, (await createApiKey(visit.ctx, key)).plain),
    explain: ({ account }) => ({ api_key_limit_reached: { bad: account.keyLimit } }),
  })
  addAction(api, parts, {
    path: `${path}/keys/revoke`,
    section,
    limit: 'read',
    read: readId,
    async run(visit, { id }) {
      await revokeApiKey(visit.ctx, id)
      return back(visit, path, 'keyRevoked')
    },
    explain: ({ account }) => ({ api_key_unknown: { bad: account.changedMeanwhile } }),
  })
}
