// A request to a page of the account by the person who is signed in, and the layout around each section.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import type { SignedInContext } from '../../../domain/context.ts'
import { AuthError } from '../../../domain/errors.ts'
import { isOperatorsProject } from '../../../domain/projects/operators-project.ts'
import { clearSiteData } from '../../cookies.ts'
import { signedIn } from '../../plugins/authenticate.ts'
import { avatarUrl } from '../../views.ts'
import { notice } from '../controls.ts'
import { accountSections } from '../hosted/params.ts'
import type { HostedParts } from '../hosted/parts.ts'
import { visitOf } from '../hosted/step.ts'
import { type HostedVisit, hrefOf, type Outcome, sendOutcome } from '../hosted/visit.ts'
import { findVisitor } from '../hosted/visitor.ts'
import type { Page } from '../layout.ts'
import type { Texts } from '../texts.ts'

export interface AccountVisit extends HostedVisit {
  readonly ctx: SignedInContext
}

/** What a page says about a form that was sent. */
export interface Note {
  /** Sentences by the name of the field. */
  readonly wrong?: Readonly<Record<string, string>>
  /** What was typed, by the name of the field; without secrets. */
  readonly typed?: Readonly<Record<string, string>>
  readonly bad?: string
  readonly status?: number
}

/** The result of reading a form that cannot be tried. */
export class Refused {
  readonly note: Note
  constructor(note: Note) {
    this.note = note
  }
}

/**
 * Opens the visit of the person who is signed in.
 * @param query default: that of the request
 * @returns null: the reply was sent, because the query is refused or the person must sign in
 * @throws AuthError impersonation_refused: the pages are for the owner of the account
 */
export async function openVisit(
  parts: HostedParts,
  request: FastifyRequest,
  reply: FastifyReply,
  query: unknown = request.query,
): Promise<AccountVisit | null> {
  const { visit, refused } = visitOf(parts, request, reply, query)
  if (!refused && parts.isImpersonated(request)) throw new AuthError('impersonation_refused')
  const visitor = refused ? null : await findVisitor(visit)
  if (!visitor) {
    sendAccount(visit, refused ?? signInAgain(visit), '/account')
    return null
  }
  request.principal = visitor
  return { ...visit, ctx: signedIn(request) }
}

const sectionIn = (path: string) => accountSections.find((section) => path.startsWith(`/account/${section}`))

/** The path of the section that a page or an action belongs to. */
export const sectionPathOf = (path: string): string =>
  `/account${sectionIn(path) ? `/${sectionIn(path)}` : ''}`

/** A redirect to the sign-in page, which leads back to the section. */
export function signInAgain(visit: HostedVisit): Outcome {
  const section = sectionIn(visit.request.routeOptions.url ?? '')
  return { location: hrefOf(visit, '/sign-in', section ? { section } : {}) }
}

/** A redirect to a section, which shows the sentence `account.done` of that key. */
export const back = (visit: HostedVisit, path: string, done: keyof Texts['account']['done']): Outcome => ({
  location: hrefOf(visit, path, { done }),
})

/** Keys of `account.done` that report a failure. */
const faults: ReadonlySet<string> = new Set(['linkTaken', 'linkFailed'])

/** The notice of `done` in the query, as HTML; empty: none. */
function doneNotice({ request, texts }: AccountVisit): string {
  const { done } = request.query as { done?: string }
  const sentences: Readonly<Record<string, string>> = texts.account.done
  if (request.method !== 'GET' || done === undefined || !Object.hasOwn(sentences, done)) return ''
  return notice(faults.has(done) ? 'bad' : 'good', sentences[done] ?? '')
}

/** The round picture of the account, or its first letter. */
export function avatarOf({ ctx, parts }: AccountVisit): string {
  const { displayName, email, avatarId } = ctx.actor.user
  const url = avatarUrl(parts.publicUrl, avatarId)
  if (url) return html`<img class="face" src="${url}" alt="" width="40" height="40">`
  return html`<span class="face" aria-hidden="true">${[...(displayName ?? email)][0]?.toUpperCase() ?? ''}</span>`
}

function personHtml(visit: AccountVisit): string {
  const { displayName, email } = visit.ctx.actor.user
  const small = displayName ? html`<small><bdi>${email}</bdi></small>` : ''
  return html`<div class="person">!${avatarOf(visit)}<span><bdi>${displayName ?? email}</bdi>!${small}</span></div>`
}

function tabLinks(visit: AccountVisit, path: string): string {
  const { account } = visit.texts
  const tabs = (['', ...accountSections] as const).map((section) => {
    const href = section === '' ? '/account' : `/account/${section}`
    const current = href === path ? ' aria-current="page"' : ''
    return html`<a href="${hrefOf(visit, href)}"!${current}>${account.tabs[section || 'profile']}</a>`
  })
  return html`<nav class="tabs" aria-label="${account.title}">!${tabs.join('')}</nav>`
}

/** The link back to the console, for operators; empty for users. */
function consoleLink({ ctx, parts, texts }: AccountVisit): string {
  if (!isOperatorsProject(ctx.project)) return ''
  return html`<a href="${parts.basePath}/console">${texts.account.console}</a>`
}

/** The page of a section. @param path of the section */
export function sectionPage(visit: AccountVisit, path: string, bodyHtml: string, note: Note = {}): Page {
  const { account } = visit.texts
  return {
    title: account.title,
    wide: true,
    status: note.status ?? 200,
    body: html`<h1 class="only-read">${account.title}</h1>
<div class="account-head">!${personHtml(visit)}!${consoleLink(visit)}</div>
!${tabLinks(visit, path)}
!${doneNotice(visit)}!${note.bad ? notice('bad', note.bad) : ''}
!${bodyHtml}`,
  }
}

/** A page below a section, with one question or message. */
export function innerPage(
  visit: AccountVisit,
  path: string,
  title: string,
  bodyHtml: string,
  note: Note = {},
): Page {
  return sectionPage(
    visit,
    path,
    html`<section class="narrow"><h2>${title}</h2>
!${bodyHtml}
</section>`,
    note,
  )
}

/** Removes the cookies of the session and the cached pages of the account from this browser. */
export function forgetSession({ parts, reply, ctx }: AccountVisit): void {
  parts.cookies.clear(reply, ctx.project)
  clearSiteData(reply)
}

/** What an action ends with: a page, a redirect, or a JSON file to download. */
export type AccountOutcome = Outcome | { readonly file: string; readonly name: string }

/** Sends an outcome. @param path of the page to which the links to other languages lead */
export function sendAccount(visit: HostedVisit, outcome: AccountOutcome, path: string): FastifyReply {
  if (!('file' in outcome)) return sendOutcome(visit, outcome, path, { hasPictures: true })
  return visit.reply
    .header('content-disposition', `attachment; filename="${outcome.name}"`)
    .type('application/json; charset=utf-8')
    .send(outcome.file)
}
