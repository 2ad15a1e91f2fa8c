// /inbox: the captured mails, for a developer at this machine, and previews of every kind.
//
// These mails hold links and codes that open accounts, so the inbox is a secret. It is served only if mails are captured, the
// service is for this machine alone, and NODE_ENV is not production (`config.inbox`). Even then it answers only programs on this
// machine: the peer is a loopback address, no proxy added a header, and Host is a loopback name, which prevents DNS rebinding. A
// page of another origin, even one on this machine, is refused by Sec-Fetch-Site and gets no CORS header. No sign-in is needed: the
// same user can read the files in DATA_DIR, and the log shows the links.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type LanguageTag, languages } from '../../formats.ts'
import type { CapturedMail, Inbox } from '../../mail/inbox.ts'
import { isNeighbour } from '../neighbour.ts'
import { declaredAccess } from '../plugins/access.ts'
import { RequestProblem } from '../refusal.ts'
import { readHeader } from '../request-headers.ts'
import type { Api } from '../typebox.ts'
import { assetRoute, readAsset } from './assets.ts'
import { inboxPage, listOf, previewsPage } from './inbox-views.ts'
import { pageRoute } from './layout.ts'

/** Mails on a page, and in an answer to a program. */
const pageLimit = 100
const apiLimit = 1000

const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The policy of a mail's own document: no script, nothing of this origin, and images from anywhere, for the project's logo. */
const mailPolicy =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

const assets = new Set(['main.js', 'style.css'])

/** Whether a page of another origin sent the request by a script, an element or a frame. A link that a person opens is allowed. */
function isForeign(request: FastifyRequest): boolean {
  const site = readHeader(request, 'sec-fetch-site') ?? 'none'
  if (site === 'same-origin' || site === 'none') return false
  return readHeader(request, 'sec-fetch-dest') !== 'document'
}

interface Query {
  readonly to?: unknown
  readonly mail?: unknown
  readonly lang?: unknown
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')

const languageOf = (value: unknown): LanguageTag => languages.find((known) => known === value) ?? 'en'

/** A mail's HTML as a document of its own, whose links open in another tab. */
function sendMail(reply: FastifyReply, mailHtml: string): FastifyReply {
  return reply
    .headers({ 'content-security-policy': mailPolicy, 'x-frame-options': 'SAMEORIGIN' })
    .type('text/html; charset=utf-8')
    .send(mailHtml.replace('<head>', '<head>\n<base target="_blank">'))
}

/** A mail as JSON, which `@sallyport/testing` reads. */
const mailView = ({ at, ...mail }: CapturedMail) => ({ ...mail, at: at.toISOString() })

/** Registers the pages in a scope of their own, without a rate limit. */
export async function inboxPages(app: FastifyInstance, inbox: Inbox): Promise<void> {
  await app.register(async (scope: Api) => {
    await scope.register(declaredAccess, {})
    let hasWarned = false
    scope.addHook('onRequest', async (request) => {
      if (isNeighbour(request) && !isForeign(request)) return
      if (!hasWarned)
        request.log.warn(
          'A request to /inbox was refused: it answers this machine alone, under a loopback name such as 127.0.0.1 or localhost, without a proxy in between, and no page of another origin',
        )
      hasWarned = true
      throw new RequestProblem('route_not_found')
    })
    routes(scope, inbox)
  })
}

function routes(api: Api, inbox: Inbox): void {
  const { basePath } = api
  const sendPage = (reply: FastifyReply, page: string) =>
    reply.header('content-security-policy', pagePolicy).type('text/html; charset=utf-8').send(page)

  api.get('/inbox', pageRoute, async (request, reply) => {
    const { to, mail } = request.query as Query
    const mails = await inbox.list(text(to), pageLimit)
    const open = (await inbox.find(text(mail))) ?? null
    return sendPage(reply, inboxPage(basePath, { to: text(to), mails, open }))
  })
  api.get('/inbox/list', pageRoute, async (request, reply) => {
    const { to, mail } = request.query as Query
    const mails = await inbox.list(text(to), pageLimit)
    return sendPage(reply, listOf(basePath, { to: text(to), mails, openId: text(mail) }))
  })
  api.get('/inbox/messages', pageRoute, async (request) => {
    const { to } = request.query as Query
    return { messages: (await inbox.list(text(to), apiLimit)).map(mailView) }
  })
  api.get('/inbox/messages/:id/html', pageRoute, async (request, reply) => {
    const mail = await inbox.find((request.params as { id: string }).id)
    if (!mail) throw new RequestProblem('route_not_found')
    return sendMail(reply, mail.html)
  })
  api.get('/inbox/previews', pageRoute, async (request, reply) => {
    const language = languageOf((request.query as Query).lang)
    return sendPage(reply, previewsPage(basePath, { kinds: inbox.kinds, language, open: null }))
  })
  api.get('/inbox/previews/:kind', pageRoute, async (request, reply) => {
    const { kind } = request.params as { kind: string }
    const language = languageOf((request.query as Query).lang)
    const open = inbox.preview(kind, language)
    if (!open) throw new RequestProblem('route_not_found')
    return sendPage(reply, previewsPage(basePath, { kinds: inbox.kinds, language, open: { kind, ...open } }))
  })
  api.get('/inbox/previews/:kind/html', pageRoute, async (request, reply) => {
    const { kind } = request.params as { kind: string }
    const preview = inbox.preview(kind, languageOf((request.query as Query).lang))
    if (!preview) throw new RequestProblem('route_not_found')
    return sendMail(reply, preview.html)
  })
  assetRoute(api, '/inbox/assets/:file', (file) => (assets.has(file) ? readAsset(`inbox/${file}`) : null))
}
