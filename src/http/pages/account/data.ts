// The Data section: activity, export and deletion of the account.
import { html } from 'ghtml'
import { listActivity } from '../../../domain/accounts/activity.ts'
import { deleteAccount } from '../../../domain/accounts/deletion.ts'
import { exportAccount } from '../../../domain/accounts/export.ts'
import { fill } from '../../../formats.ts'
import { printCursor, readCursor } from '../../cursor.ts'
import { deviceWords } from '../../device.ts'
import { exportView } from '../../export-view.ts'
import type { Api } from '../../typebox.ts'
import { userView } from '../../views.ts'
import { button, buttonLink, check, form } from '../controls.ts'
import { hrefOf } from '../hosted/visit.ts'
import { type Page, titled } from '../layout.ts'
import { type AccountParts, addAction, addSection, type Section } from './action.ts'
import { buttonForm, durationOf, listOf, partOf, timeOf } from './elements.ts'
import { type AccountVisit, forgetSession, type Note, Refused, sectionPage } from './visit.ts'

const path = '/account/data'
/** Events of a page. */
const pageLength = 20

type Event = Awaited<ReturnType<typeof listActivity>>['events'][number]

function eventRow(
  visit: AccountVisit,
  { event, outcome, userAgent, addressPrefix, createdAt }: Event,
): string {
  const { account } = visit.texts
  const known: Readonly<Record<string, string>> = account.events
  const isKnown = Object.hasOwn(known, event)
  const name = isKnown
    ? html`${known[event] ?? ''}`
    : html`<bdi lang="en">${event.replaceAll('_', ' ')}</bdi>`
  const tag = outcome === 'refused' ? html` <span class="tag bad">${account.refusedEvent}</span>` : ''
  const from = [deviceWords(userAgent), addressPrefix ?? '']
    .filter(Boolean)
    .map((word) => html` · <bdi>${word}</bdi>`)
  return html`<li><div class="what"><strong>!${name}!${tag}</strong>
<span class="quiet">!${timeOf(visit, createdAt)}!${from.join('')}</span></div></li>`
}

/** The id before which the page of events ends; null: the newest page, as for an invalid cursor. */
function beforeIn({ request }: AccountVisit): number | null {
  const { cursor } = request.query as { cursor?: string }
  try {
    return readCursor(cursor)
  } catch {
    return null
  }
}

async function activityPart(visit: AccountVisit): Promise<string> {
  const { account } = visit.texts
  const { events, before } = await listActivity(visit.ctx, { before: beforeIn(visit), limit: pageLength })
  const cursor = printCursor(before)
  const more = cursor ? html`<p><a href="${hrefOf(visit, path, { cursor })}">${account.older}</a></p>` : ''
  const rows = events.map((event) => eventRow(visit, event))
  return partOf(account.activity, account.activityLead, listOf(rows) + more)
}

function exportPart(visit: AccountVisit): string {
  const { account } = visit.texts
  const download = buttonForm(visit, `${path}/export`, account.exportButton, 'second')
  return partOf(account.export, account.exportLead, download)
}

/** The time until an account is deleted, in the language of the page; null: it is deleted at once. */
function waitOf(visit: AccountVisit): string | null {
  const seconds = visit.ctx.project.policy.deletion.grace_seconds
  if (seconds === 0) return null
  const [value, unit] =
    seconds >= 86_400
      ? ([Math.round(seconds / 86_400), 'day'] as const)
      : ([Math.ceil(seconds / 3600), 'hour'] as const)
  return durationOf(visit, value, unit)
}

function leavePart(visit: AccountVisit, { wrong = {} }: Note): string {
  const { account } = visit.texts
  const wait = waitOf(visit)
  const lead = wait ? fill(account.leaveWait, { wait }) : account.leaveNow
  const fault = wrong.sure ? html`<p class="wrong" role="alert">${wrong.sure}</p>` : ''
  return html`<section><h2>${account.leave}</h2>
<p>${lead}</p>
!${form(hrefOf(visit, `${path}/delete`), {}, check('sure', account.leaveSure) + fault + button(account.leaveButton, 'danger'))}
</section>`
}

const dataSection: Section = {
  path,
  async show(visit, note) {
    const activity = await activityPart(visit)
    return sectionPage(visit, path, activity + exportPart(visit) + leavePart(visit, note), note)
  },
}

function leftPage(visit: AccountVisit): Page {
  const { account, hosted } = visit.texts
  const wait = waitOf(visit)
  return titled(
    account.leftTitle,
    html`<p>${wait ? fill(account.leftWait, { wait }) : account.leftNow}</p>
!${buttonLink(hrefOf(visit, '/sign-in'), hosted.backToSignIn, 'second')}`,
  )
}

/** Registers the section. */
export function dataPages(api: Api, parts: AccountParts): void {
  addSection(api, parts, dataSection)
  addAction(api, parts, {
    path: `${path}/export`,
    section: dataSection,
    limit: 'credential',
    // A download after the step-up would leave the browser on the step-up page.
    isTypedAgain: true,
    async run(visit) {
      const exported = await exportAccount(visit.ctx)
      const text = JSON.stringify(exportView(exported, userView(parts.publicUrl)), null, 2)
      return { file: text, name: `account-${exported.user.uuid}.json` }
    },
  })
  addAction(api, parts, {
    path: `${path}/delete`,
    section: dataSection,
    limit: 'credential',
    fields: ['sure'],
    read: ({ texts }, typed) =>
      typed('sure') === 'yes' ? {} : new Refused({ wrong: { sure: texts.account.leaveUnsure } }),
    async run(visit) {
      await deleteAccount(visit.ctx)
      forgetSession(visit)
      return leftPage(visit)
    },
    explain: ({ account }) => ({
      team_admin_needed: { bad: account.teamFirst, status: 409 },
      last_owner: { bad: account.lastOwner, status: 409 },
    }),
  })
}
