// Elements that the pages of the account share. Every function returns HTML.
import { html } from 'ghtml'
import { type ButtonKind, button, form } from '../controls.ts'
import { type HostedVisit, hrefOf } from '../hosted/visit.ts'

/** A titled part of a section. @param tagHtml HTML beside the title */
export const partOf = (title: string, lead: string, contentHtml: string, tagHtml = ''): string =>
  html`<section><h2>${title}!${tagHtml && ` ${tagHtml}`}</h2>
<p class="quiet">${lead}</p>
!${contentHtml}
</section>`

/** A list of `<li>`; empty without any. */
export const listOf = (rows: readonly string[]): string =>
  rows.length > 0 ? html`<ul class="rows">!${rows.join('\n')}</ul>` : ''

/** The form of an action that needs no input. @param path of the action @param fields hidden */
export const buttonForm = (
  visit: HostedVisit,
  path: string,
  text: string,
  kind: ButtonKind,
  { fields = {}, iconHtml = '' }: { fields?: Readonly<Record<string, string>>; iconHtml?: string } = {},
): string => form(hrefOf(visit, path), fields, button(text, kind, iconHtml))

/** The link back to a section. @param path of the section */
export const cancelLink = (visit: HostedVisit, path: string): string =>
  html`<p class="quiet end"><a href="${hrefOf(visit, path)}">${visit.texts.account.cancel}</a></p>`

/** A time in the language of the page, in UTC. */
export function timeOf({ texts }: HostedVisit, at: Date | string): string {
  const date = new Date(at)
  const format = new Intl.DateTimeFormat(texts.tag, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  })
  return html`<time datetime="${date.toISOString()}">${format.format(date)} UTC</time>`
}

/** A duration in the language of the page, such as "90 days". */
export const durationOf = ({ texts }: HostedVisit, value: number, unit: 'day' | 'hour'): string =>
  new Intl.NumberFormat(texts.tag, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
