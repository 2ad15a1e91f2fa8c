// The Devices section: the sessions of the account, and signing them out.
import { html } from 'ghtml'
import { signOutEverywhere } from '../../../domain/accounts/sign-out-everywhere.ts'
import { revokeOtherSessions, revokeSession, signOut } from '../../../domain/sessions/revocation.ts'
import { listSessions } from '../../../domain/sessions/sessions.ts'
import { clearSiteData } from '../../cookies.ts'
import { deviceWords } from '../../device.ts'
import type { Api } from '../../typebox.ts'
import { button, form } from '../controls.ts'
import { hrefOf, type Outcome } from '../hosted/visit.ts'
import { type AccountParts, addAction, addSection, readId, type Section } from './action.ts'
import { type AccountVisit, back, sectionPage, timeOf } from './visit.ts'

const path = '/account/devices'
type Row = Awaited<ReturnType<typeof listSessions>>[number]

function rowOf(visit: AccountVisit, { id, userAgent, addressPrefix, createdAt, lastSeenAt }: Row): string {
  const { account } = visit.texts
  const isCurrent = id === visit.ctx.actor.sessionId
  const end = isCurrent
    ? form(hrefOf(visit, `${path}/sign-out`), {}, button(account.signOut, 'second'))
    : form(hrefOf(visit, `${path}/end`), { id }, button(account.sessionEnd, 'danger'))
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
    const endOthers = form(hrefOf(visit, `${path}/end-others`), {}, button(account.othersEnd, 'danger'))
    const everywhere = form(
      hrefOf(visit, `${path}/sign-out-everywhere`),
      {},
      button(account.everywhere, 'danger'),
    )
    return sectionPage(
      visit,
      path,
      html`<section><h2>${account.sessions}</h2>
<p class="quiet">${account.sessionsLead}</p>
<ul class="rows">!${rows.join('\n')}</ul>
<div class="buttons pair">!${others.length > 0 ? endOthers : ''}!${everywhere}</div>
</section>`,
      note,
    )
  },
}

/** Removes the session's cookies and cached pages from this browser, and leads to `href`. */
function clearBrowser({ parts, reply, ctx }: AccountVisit, href: string): Outcome {
  parts.cookies.clear(reply, ctx.project)
  clearSiteData(reply)
  return { location: href }
}

/** Registers the section. */
export function devicesPages(api: Api, parts: AccountParts): void {
  addSection(api, parts, devicesSection)
  const own = { section: devicesSection, limit: 'read' } as const
  addAction(api, parts, {
    ...{ ...own, path: `${path}/end` },
    read: readId,
    async run(visit, { id }) {
      await revokeSession(visit.ctx, id)
      return back(visit, path, 'session')
    },
    explain: ({ account }) => ({ session_unknown: { bad: account.changedMeanwhile } }),
  })
  addAction(api, parts, {
    ...{ ...own, path: `${path}/end-others` },
    async run(visit) {
      await revokeOtherSessions(visit.ctx)
      return back(visit, path, 'others')
    },
  })
  addAction(api, parts, {
    ...{ ...own, path: `${path}/sign-out` },
    async run(visit) {
      await signOut(visit.ctx)
      return clearBrowser(visit, hrefOf(visit, '/sign-in'))
    },
  })
  addAction(api, parts, {
    ...{ ...own, path: `${path}/sign-out-everywhere` },
    async run(visit) {
      await signOutEverywhere(visit.ctx)
      return clearBrowser(visit, hrefOf(visit, '/sign-in'))
    },
  })
}
