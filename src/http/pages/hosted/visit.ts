// A request to one of the pages to sign in with: what is known of it, and how a step of a form becomes an answer.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import type { Context } from '../../../domain/context.ts'
import { mintExchangeCode } from '../../../domain/sessions/exchange.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { type LanguageTag, languages, languageTagOf } from '../../../formats.ts'
import { brandOf, type Look, type Page, sendPage } from '../layout.ts'
import { type Texts, textsOf } from '../texts.ts'
import { type PageParams, returnUrl } from './params.ts'
import type { HostedParts } from './parts.ts'

export interface HostedVisit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly ctx: Context
  readonly texts: Texts
  readonly params: PageParams
  readonly parts: HostedParts
}

/** What a step ends with: another page, or an address to go to. */
export type Outcome = Page | { readonly location: string }

/** The address of a page or a step, with what the application asked for. */
export function hrefOf(
  { parts, params }: HostedVisit,
  path: string,
  more: Record<string, string> = {},
): string {
  const query = new URLSearchParams([...new URLSearchParams(params.query), ...Object.entries(more)])
  return `${parts.basePath}${path}${query.size > 0 ? `?${query}` : ''}`
}

/** Languages as those who read them call them. */
const languageNames: Readonly<Record<LanguageTag, string>> = {
  ...{ en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', zh: '中文', ar: 'العربية' },
}

/** Links to the same page in the other languages. */
function languageLinks(visit: HostedVisit, path: string): string {
  const links = languages.map((tag) => {
    const name = html`<bdi lang="${tag}">${languageNames[tag]}</bdi>`
    if (tag === languageTagOf(visit.texts.tag)) return html`<span aria-current="true">!${name}</span>`
    const query = new URLSearchParams(visit.params.query)
    query.set('ui_locales', tag)
    return html`<a href="${visit.parts.basePath}${path}?${query}" hreflang="${tag}">!${name}</a>`
  })
  return html`<nav aria-label="${visit.texts.hosted.languages}">!${links.join('\n')}</nav>`
}

/** How the pages of a visit look. */
function lookOf({ ctx, texts, params, parts }: HostedVisit): Look {
  return {
    ...{ texts, brand: brandOf(ctx.project) },
    ...(parts.script ? { script: parts.script } : {}),
    ...(params.redirectTo ? { formTargets: [params.redirectTo] } : {}),
  }
}

/** What the script of the pages is told. */
function factsOf({ ctx, texts, params, parts }: HostedVisit): string {
  const { show, hide, needsCookies, passkeyFailed } = texts.hosted
  const cookies = params.challenge === null
  const place = { project: ctx.project.id, base: parts.basePath }
  return JSON.stringify({ show, hide, needsCookies, passkeyFailed, cookies, ...place })
}

/** Sends what a step ended with. @param path of the page whose other languages are offered */
export function sendOutcome(
  visit: HostedVisit,
  outcome: Outcome,
  path: string,
  more: Pick<Look, 'hasPictures'> = {},
): FastifyReply {
  const { reply } = visit
  // Forms post with their origin, by which browsers without Sec-Fetch-Site are known; other sites learn nothing.
  reply.header('referrer-policy', 'same-origin')
  if ('location' in outcome) return reply.redirect(outcome.location, 303)
  const foot = languageLinks(visit, path)
  return sendPage(reply, { foot, facts: factsOf(visit), ...outcome }, { ...lookOf(visit), ...more })
}

/** The address to which a person goes who is signed in: with a code for the application, or with cookies that are set here. */
export async function finish(
  { request, reply, ctx, params, parts }: HostedVisit,
  grant: Grant,
): Promise<Outcome> {
  if (params.challenge !== null)
    return { location: returnUrl(params, { code: await mintExchangeCode(ctx, grant, params.challenge) }) }
  await parts.printOpened(request, reply, grant, 'cookie')
  return { location: destinationOf(ctx, params, parts) }
}

/** A cookie that a browser may refuse for its size is not set. */
const maxRemembered = 700
/** As long as the links of the mails are good. */
const rememberedSeconds = 3600

/**
 * Remembers in this browser what the application asked for, so that the page of a mailed link can lead back to it. It is no proof
 * of anything: the pages check it again.
 */
export function rememberParams({ reply, ctx, params, parts }: HostedVisit): void {
  const query = new URLSearchParams(params.query)
  query.set('project', ctx.project.id)
  if (params.redirectTo === null || query.toString().length > maxRemembered) return
  parts.returnCookie.set(reply, ctx.project, query.toString(), rememberedSeconds)
}

/** Where a person goes who is signed in by cookie. */
export function destinationOf({ project }: Context, params: PageParams, { basePath }: HostedParts): string {
  if (params.redirectTo !== null) return returnUrl(params, {})
  const query = new URLSearchParams({ project: project.id })
  const locales = new URLSearchParams(params.query).get('ui_locales')
  if (locales) query.set('ui_locales', locales)
  return `${basePath}/account${params.section ? `/${params.section}` : ''}?${query}`
}

/** The language of a visit: of `ui_locales` (OpenID Connect Core §3.1.2.1), else the browser's, else English. */
export function textsOfVisit(request: FastifyRequest, query: unknown = request.query): Texts {
  const { ui_locales: asked } = Object(query) as { ui_locales?: unknown }
  return textsOf(request, typeof asked === 'string' ? asked.split(/\s+/, 10) : [])
}
