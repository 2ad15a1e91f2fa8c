// The Devices section: the sessions of the account, and signing them out.
import { html } from 'ghtml'
import { signOutEverywhere } from '../../../domain/accounts/sign-out-everywhere.ts'
import { revokeOtherSessions, revokeSession, signOut } from '../../../domain/sessions/revocation.ts'
import { listSessions } from '../../../domain/sessions/sessions.ts'
import { deviceWords } from '../../device.ts'
import type { Api } from '../../typebox.ts'
import { hrefOf, type Outcome } from '../hosted/visit.ts'
import { type AccountParts, addAction, addSection, readId, type Section } from './action.ts'
import { buttonForm, listOf, partOf, timeOf } from './elements.ts'
import { type AccountVisit, back, forgetSession, sectionPage } from './visit.ts'

const path = '/account/devices'
type Row = Awaited<ReturnType<typeof listSessions>>[number]

function rowOf(visit: AccountVisit, { id, userAgent, addressPrefix, createdAt, lastSeenAt }: Row): string {
  const { account } = visit.texts
  const isCurrent = id === visit.ctx.actor.sessionId
  const end = isCurrent
    ? buttonForm(visit, `${path}/sign-out`, account.signOut, 'second')
    : buttonForm(visit, `${path}/end`, account.sessionEnd, 'danger', { fields: { id } })
  const name = deviceWords(userAgent) || account.unknownDevice
  const tag = isCurrent ? html` <span class="tag good">${account.thisDevice}</span>` : ''
  const place = addressPrefix ? html`<bdi>${addressPrefix}</bdi> · ` : ''
  return html`<li><div class="what"><strong><bdi>${name}</bdi>!${tag}</strong>
<span class="quiet">!${place}${account.signedIn} !${timeOf(visit, createdAt)} · ${account.lastSeen} !${timeOf(visit, lastSeenAt)}</span></div>
!${end}</li>`
}

const devicesSection: Section = {
  path,
  async show(visit, note) {
    const { account } = visit.texts
    const all = await listSessions(visit.ctx)
    const current = all.filter(({ id }) => id === visit.ctx.actor.sessionId)
    const others = all.filter((row) => !current.includes(row))
    const rows = [...current, ...others].map((row) => rowOf(visit, row))
    const endOthers = buttonForm(visit, `${path}/end-others`, account.othersEnd, 'danger')
    const everywhere = buttonForm(visit, `${path}/sign-out-everywhere`, account.everywhere, 'danger')
    const content = html`!${listOf(rows)}
<div class="buttons pair">!${others.length > 0 ? endOthers : ''}!${everywhere}</div>`
    return sectionPage(visit, path, partOf(account.sessions, account.sessionsLead, content), note)
  },
}

/** Signs this browser out, and leads to the sign-in page. */
function leave(visit: AccountVisit): Outcome {
  forgetSession(visit)
  return { location: hrefOf(visit, '/sign-in') }
}

/** Registers the section. */
export function devicesPages(api: Api, parts: AccountParts): void {
  addSection(api, parts, devicesSection)
  const own = { section: devicesSection, limit: 'read' } as const
  addAction(api, parts, {
    ...own,
    path: `${path}/end`,
    read: readId,
    async run(visit, { id }) {
      await revokeSession(visit.ctx, id)
      return back(visit, path, 'session')
    },
    explain: ({ account }) => ({ session_unknown: { bad: account.changedMeanwhile } }),
  })
  addAction(api, parts, {
    ...own,
    path: `${path}/end-others`,
    async run(visit) {
      await revokeOtherSessions(visit.ctx)
      return back(visit, path, 'others')
    },
  })
  addAction(api, parts, {
    ...own,
    path: `${path}/sign-out`,
    async run(visit) {
      await signOut(visit.ctx)
      return leave(visit)
    },
  })
  addAction(api, parts, {
    ...own,
    path: `${path}/sign-out-everywhere`,
    async run(visit) {
      await signOutEverywhere(visit.ctx)
      return leave(visit)
    },
  })
}
