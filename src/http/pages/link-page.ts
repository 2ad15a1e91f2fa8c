// Pages of the links in mails. GET and HEAD change nothing, because mail scanners open links; the POST of a form confirms.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import type { Principal } from '../../domain/actor.ts'
import type { Context, Services } from '../../domain/context.ts'
import { AuthError, type AuthErrorCode } from '../../domain/errors.ts'
import type { Project } from '../../domain/projects/projects.ts'
import { onRedirectList } from '../../domain/projects/redirects.ts'
import { isUuid, type LanguageTag, languageTagOf } from '../../formats.ts'
import { visitorContext } from '../caller.ts'
import type { ProjectCookie } from '../cookies.ts'
import { RequestProblem } from '../refusal.ts'
import type { Api } from '../typebox.ts'
import { button, buttonLink, field, form } from './controls.ts'
import { brandOf, type Look, type Page, pageRoute, sendPage, titled } from './layout.ts'
import { type Texts, textsFor } from './texts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The path of PUBLIC_URL, without a slash at its end; usually empty. */
    basePath: string
  }
}

/** A request to the page of a complete link. */
export interface Visit {
  /** The path of PUBLIC_URL; usually empty. */
  readonly basePath: string
  readonly projectId: string
  readonly token: string
  /** As typed into the form; null: the form has none. */
  readonly password: string | null
  /** The name of the form that was sent; null: the main one. */
  readonly answer: string | null
  /** The sentences of the page, in its language. */
  readonly texts: Texts
  /** The language in the link; null: none. */
  readonly lang: LanguageTag | null
  /** HTML of a button that leads back to the sign-in in which this browser requested the mail; empty: it did not. */
  readonly backHtml: string
  /** Builds the context of the link's project, with the visitor as its actor. */
  context(): Promise<Context>
}

/** Makes the page. Null and every refusal except `overloaded` are shown as a link that no longer works. */
type MakePage = (visit: Visit) => Promise<Page | null>

/** The page of a link that no longer works. It is the same for every reason and reveals nothing about the account. */
const deadLink = ({ dead }: Texts): Page =>
  titled(
    dead.title,
    html`<p>${dead.why}</p>
<p class="quiet">${dead.next}</p>`,
    422,
  )

/** Finds the user who is signed in to the context's project by the session cookie of a request; null: none. */
export type FindVisitor = (request: FastifyRequest, ctx: Context) => Promise<Principal | null>

interface LinkPage {
  readonly path: string
  readonly show: MakePage
  readonly submit: MakePage
  /** The cookie from which `backHtml` is made. Default: none. */
  readonly returnCookie?: ProjectCookie
  /** Default: the context has no actor. */
  readonly findVisitor?: FindVisitor
}

/**
 * The button that leads back to the sign-in. A sign-in that ends with a code starts again in the application: the code verifier
 * (RFC 7636) is in the tab in which it began, and a mailed link opens another tab.
 * @param query the parameters of the application's sign-in, from the browser's cookie
 */
function backLink({ hosted }: Texts, basePath: string, project: Project, query: string): string {
  const asked = new URLSearchParams(query)
  if (asked.get('project')?.toLowerCase() !== project.id) return ''
  if (!asked.has('code_challenge')) return buttonLink(`${basePath}/sign-in?${asked}`, hosted.backToSignIn)
  const page = onRedirectList(project, asked.get('redirect_to') ?? '')
  return page ? buttonLink(page.href, hosted.continue) : ''
}

/** Registers the page of a link: `show` answers GET, `submit` the POST of its form. */
export function linkPage(
  api: Api,
  services: Services,
  { path, show, submit, findVisitor, returnCookie }: LinkPage,
): void {
  async function answer(
    request: FastifyRequest,
    fields: unknown,
    make: MakePage,
  ): Promise<{ readonly page: Page; readonly look: Look }> {
    // Links of CREDEBL clients name the token `verificationCode`.
    const given: Record<string, unknown> = Object(fields)
    const { project, verificationCode, token = verificationCode, password, answer: chosen, lang } = given
    const texts = textsFor(request, lang)
    const dead = { page: deadLink(texts), look: { texts } }
    if (typeof project !== 'string' || !isUuid(project) || typeof token !== 'string' || token === '')
      return dead
    const projectId = project.toLowerCase()
    const found = await services.projects.get(projectId).catch(nullIfRefused)
    if (!found) return dead
    const look = { texts, brand: brandOf(found) }
    const context = async () => {
      const ctx = visitorContext(services, found, request)
      return { ...ctx, actor: (await findVisitor?.(request, ctx)) ?? null }
    }
    const text = (value: unknown) => (typeof value === 'string' ? value : null)
    const typed = { password: text(password), answer: text(chosen), lang: languageTagOf(text(lang)) }
    const query = returnCookie && request.cookies[returnCookie.name(found)]
    const backHtml = query ? backLink(texts, api.basePath, found, query) : ''
    const visit = { basePath: api.basePath, projectId, token, ...typed, texts, backHtml, context }
    return { page: (await make(visit).catch(nullIfRefused)) ?? dead.page, look }
  }
  const send = async (reply: FastifyReply, answered: ReturnType<typeof answer>) => {
    const { page, look } = await answered
    return sendPage(reply, page, look)
  }
  api.get(path, pageRoute, async (request, reply) => send(reply, answer(request, request.query, show)))
  api.post(path, pageRoute, async (request, reply) => send(reply, answer(request, request.body, submit)))
}

/** Turns every refusal except `overloaded` into null. */
function nullIfRefused(error: unknown): null {
  if (error instanceof AuthError && error.code !== 'overloaded') return null
  throw error
}

/** The form of a link's page, which posts to its own address, below the path of PUBLIC_URL. @param fields HTML */
export const linkForm = (
  path: string,
  { basePath, projectId, token, lang }: Visit,
  label: string,
  fields = '',
): string => form(`${basePath}${path}`, { project: projectId, token, lang }, fields + button(label))

/** The field for a password, which has the focus. @param wrong a sentence about the password that was refused */
export const passwordField = (
  label: string,
  attributes: string,
  wrong: string | null,
  demand: 'required' | '' = 'required',
) =>
  field({
    name: 'password',
    label,
    type: 'password',
    wrong,
    attributesHtml: `${attributes} ${demand} ${wrong ? '' : 'autofocus'}`,
  })

/** Sentences for refusals that the person can act on, by code. */
export type Complaints = Partial<Record<AuthErrorCode, readonly [status: number, sentence: string]>>

/** Runs `act`. A refusal with a complaint is shown on the page of `again`; every other one is thrown. */
export async function actOrComplain(
  complaints: Complaints,
  act: () => Promise<Page>,
  again: (
    complaint: readonly [status: number, sentence: string],
    code: AuthErrorCode,
  ) => Page | Promise<Page>,
): Promise<Page> {
  try {
    return await act()
  } catch (error) {
    const complaint = error instanceof AuthError ? complaints[error.code] : undefined
    if (!complaint) throw error
    return again(complaint, (error as AuthError).code)
  }
}

/** Registers the parser for HTML forms in a scope. A form that holds a field twice with two values is refused as malformed. */
export function acceptForms(api: Api, bodyLimit = 4096): void {
  api.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit },
    (_request, body, done) => {
      const fields = new URLSearchParams(String(body))
      for (const name of new Set(fields.keys()))
        if (new Set(fields.getAll(name)).size > 1) return done(new RequestProblem('malformed_request'))
      done(null, Object.fromEntries(fields))
    },
  )
}
