// A request to a hosted page, and how the outcome of a step becomes its answer.
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

/** What a step ends with: a page, or a redirect. */
export type Outcome = Page | { readonly location: string }

/** The URL of a page or a step, with the application's parameters. */
export function hrefOf(
  { parts, params }: HostedVisit,
  path: string,
  more: Record<string, string> = {},
): string {
  const query = new URLSearchParams([...new URLSearchParams(params.query), ...Object.entries(more)])
  return `${parts.basePath}${path}${query.size > 0 ? `?${query}` : ''}`
}

/** The names of the languages, each in itself. */
const languageNames: Readonly<Record<LanguageTag, string>> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
  zh: '中文',
  ar: 'العربية',
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

function lookOf({ ctx, texts, params, parts }: HostedVisit): Look {
  return {
    texts,
    brand: brandOf(ctx.project),
    ...(parts.script ? { script: parts.script } : {}),
    ...(params.redirectTo ? { formTargets: [params.redirectTo] } : {}),
  }
}

/** The facts for the script of the pages, as JSON. */
function factsOf({ ctx, texts, params, parts }: HostedVisit): string {
  const { show, hide, needsCookies, passkeyFailed } = texts.hosted
  const cookies = params.challenge === null
  const place = { project: ctx.project.id, base: parts.basePath }
  return JSON.stringify({ show, hide, needsCookies, passkeyFailed, cookies, ...place })
}

/** Sends an outcome. @param path of the page to which the links to other languages lead */
export function sendOutcome(
  visit: HostedVisit,
  outcome: Outcome,
  path: string,
  more: Pick<Look, 'hasPictures'> = {},
): FastifyReply {
  const { reply } = visit
  // Forms must post with their origin, for the CSRF check of browsers without Sec-Fetch-Site; other sites learn nothing.
  reply.header('referrer-policy', 'same-origin')
  if ('location' in outcome) return reply.redirect(outcome.location, 303)
  const foot = languageLinks(visit, path)
  return sendPage(reply, { foot, facts: factsOf(visit), ...outcome }, { ...lookOf(visit), ...more })
}

/** Ends a sign-in: redirects to the application with a code, or sets the cookies of the session and redirects. */
export async function finishSignIn(
  { request, reply, ctx, params, parts }: HostedVisit,
  grant: Grant,
): Promise<Outcome> {
  if (params.challenge !== null)
    return { location: returnUrl(params, { code: await mintExchangeCode(ctx, grant, params.challenge) }) }
  await parts.printOpened(request, reply, grant, 'cookie')
  return { location: destinationOf(ctx, params, parts) }
}

/** Characters of the longest query that is remembered: browsers refuse long cookies. */
const maxRemembered = 700
/** As long as the links of the mails are valid. */
const rememberedSeconds = 3600

/**
 * Stores the application's parameters in a cookie, so that the page of a mailed link can lead back to the sign-in. The pages check
 * them again.
 */
export function rememberParams({ reply, ctx, params, parts }: HostedVisit): void {
  const query = new URLSearchParams(params.query)
  query.set('project', ctx.project.id)
  if (params.redirectTo === null || query.toString().length > maxRemembered) return
  parts.returnCookie.set(reply, ctx.project, query.toString(), rememberedSeconds)
}

/** Where a person who is signed in by cookie is redirected: to the application, or to the account's page. */
export function destinationOf({ project }: Context, params: PageParams, { basePath }: HostedParts): string {
  if (params.redirectTo !== null) return returnUrl(params, {})
  const query = new URLSearchParams({ project: project.id })
  const locales = new URLSearchParams(params.query).get('ui_locales')
  if (locales) query.set('ui_locales', locales)
  return `${basePath}/account${params.section ? `/${params.section}` : ''}?${query}`
}

/** The texts of a visit, in the language of `ui_locales` (OpenID Connect Core §3.1.2.1), else of the browser, else in English. */
export function textsOfVisit(request: FastifyRequest, query: unknown = request.query): Texts {
  const { ui_locales: asked } = Object(query) as { ui_locales?: unknown }
  return textsOf(request, typeof asked === 'string' ? asked.split(/\s+/, 10) : [])
}
