// Swagger UI at /docs from its own files, with a content-security policy that lets it load nothing else.
import swaggerUi from '@fastify/swagger-ui'
import type { Api } from '../typebox.ts'
import { plugin } from './plugin.ts'

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** On phones, wide parts get a line of their own. */
const narrow = `@media (max-width: 640px) {
  .swagger-ui .wrapper, .swagger-ui .opblock-body .opblock-section-header { padding-left: 12px; padding-right: 12px }
  .swagger-ui .opblock-tag { flex-wrap: wrap }
  .swagger-ui .opblock-tag small { flex-basis: 100%; order: 1; padding: 4px 0 0 }
  .swagger-ui .opblock .opblock-summary-operation-id { display: none }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; word-break: break-all }
  .swagger-ui .parameters-col_name { width: auto; min-width: 6em }
  .swagger-ui .parameters-col_description select, .swagger-ui .parameters-col_description input[type=text] { max-width: 100%; min-width: 0; width: 100% }
  .swagger-ui table tbody tr td { max-width: 60vw; overflow-wrap: anywhere }
  .swagger-ui table.headers { display: block; overflow-x: auto }
  .swagger-ui .response-col_links { display: none }
}
`

/** Errors of a documented answer: one line each, with their examples behind a click. */
const errors =
  '.swagger-ui .responses-table:not(.live-responses-table) tr.response:is([data-code^="4"], [data-code^="5"])'

const folded = `${errors} > .response-col_status[aria-expanded] { cursor: pointer }
${errors} > .response-col_status[aria-expanded]::after { content: " \\25be" }
${errors} > .response-col_status[aria-expanded="false"]::after { content: " \\25b8" }
${errors} > .response-col_status[aria-expanded="false"] ~ .response-col_description > :not(.response-col_description__inner) { display: none }
${errors} > .response-col_status[aria-expanded="false"] ~ .response-col_links { visibility: hidden }
${errors} > td { padding-top: 4px; padding-bottom: 4px }
.swagger-ui .playground-link { font: 600 14px system-ui, sans-serif; color: #2b6cb0 }
`

/** What the page does besides: Swagger UI draws anew at any time, so each part is looked after at every change. */
const behaviour = (
  playground: string | null,
) => `const errors = ${JSON.stringify(`${errors} > .response-col_status`)}
const playground = ${JSON.stringify(playground)}
function tidy() {
  for (const cell of document.querySelectorAll(errors + ':not([aria-expanded])')) {
    cell.setAttribute('aria-expanded', 'false')
    cell.setAttribute('role', 'button')
    cell.setAttribute('aria-label', 'Examples of status ' + cell.textContent.trim())
    cell.tabIndex = 0
  }
  const info = playground && document.querySelector('.swagger-ui .info')
  if (!info || info.querySelector('.playground-link')) return
  const link = document.createElement('a')
  link.href = playground
  link.textContent = 'Try every step in the playground'
  link.className = 'playground-link'
  info.append(link)
}
function toggle(event) {
  const cell = event.target instanceof Element && event.target.closest(errors)
  if (!cell || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return
  event.preventDefault()
  cell.setAttribute('aria-expanded', String(cell.getAttribute('aria-expanded') !== 'true'))
}
addEventListener('click', toggle)
addEventListener('keydown', toggle)
new MutationObserver(tidy).observe(document.body, { childList: true, subtree: true })
tidy()
`

/** The top bar holds the choice of the document in one line. */
const bar = `.swagger-ui .topbar { padding: 8px 0 }
.swagger-ui .topbar .link { display: none }
.swagger-ui .topbar .topbar-wrapper { align-items: center; flex-flow: row nowrap; justify-content: space-between }
.swagger-ui .topbar .download-url-wrapper { flex: 1; justify-content: flex-start; margin: 0; min-width: 0 }
.swagger-ui .topbar .download-url-wrapper .select-label { max-width: 420px; min-width: 0 }
.swagger-ui .topbar .download-url-wrapper .select-label span { flex: none }
.swagger-ui .topbar .download-url-wrapper .select-label select { min-width: 0 }
`

/** @fastify/swagger-ui has no setting for what else belongs into the head: without it, phones show a page of 980 pixels. */
const withViewport = (page: string) =>
  page.replace(
    /<meta charset="UTF-8">/i,
    '$&\n      <meta name="viewport" content="width=device-width, initial-scale=1">',
  )

export interface DocsOptions {
  /** The address of the playground, which the page links to; null: there is none. */
  readonly playground: string | null
  /** The documents to choose from; the first one is shown. */
  readonly documents: readonly { readonly name: string; readonly url: string }[]
}

export const docs = plugin<DocsOptions>('docs', async (api, { documents, playground }) => {
  // With one document alone there is nothing to choose, and no bar.
  const several = documents.length > 1
  await api.register(async (scope: Api) => {
    scope.addHook('onSend', (_request, reply, payload, done) => {
      const isPage =
        typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
      done(null, isPage ? withViewport(payload) : payload)
    })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: policy,
      theme: {
        title: 'Sallyport API',
        css: [
          { filename: 'narrow.css', content: narrow },
          { filename: 'bar.css', content: bar },
          { filename: 'errors.css', content: folded },
        ],
        js: [{ filename: 'behaviour.js', content: behaviour(playground) }],
      },
      uiConfig: {
        // The bar offers a choice of these documents; without a list it would offer to load some other one.
        ...(several ? { layout: 'StandaloneLayout', urls: [...documents] } : { layout: 'BaseLayout' }),
        // The logo is a picture with a style of its own, which the policy forbids.
        plugins: [{ components: { Logo: 'span' } }] as never,
        displayOperationId: true,
        displayRequestDuration: true,
        docExpansion: 'list',
        // The token of Authorize stays in this browser until its Logout: a reload would ask for it again.
        persistAuthorization: true,
        tryItOutEnabled: true,
        withCredentials: true,
        validatorUrl: null,
      },
    })
  })
})
