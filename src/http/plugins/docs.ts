// Swagger UI at /docs from its own files, with a content-security policy that lets it load nothing else.
import swaggerUi from '@fastify/swagger-ui'
import { html } from 'ghtml'
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

/** Styles for narrow screens. */
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
`

/** The script that folds the errors. Swagger UI renders again at any time, so it runs after every change of the page. */
const behaviour = `const errors = ${JSON.stringify(`${errors} > .response-col_status`)}
function tidy() {
  for (const cell of document.querySelectorAll(errors + ':not([aria-expanded])')) {
    cell.setAttribute('aria-expanded', 'false')
    cell.setAttribute('role', 'button')
    cell.setAttribute('aria-label', 'Examples of status ' + cell.textContent.trim())
    cell.tabIndex = 0
  }
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

/** The links to our other pages, and below them the choice of the document in one line, in the colours of those pages. */
const bar = `.pages { display: flex; flex-wrap: wrap; align-items: center; gap: 0 20px; box-sizing: border-box; max-width: 1460px; margin: 0 auto; padding: 4px 20px; font: 16px/1.5 system-ui, sans-serif }
.pages strong { color: #1b1b1f }
.pages a { display: inline-flex; align-items: center; min-height: 40px; color: #1f5fbf; text-decoration: none }
.pages a:hover { text-decoration: underline }
.pages a[aria-current] { color: #1b1b1f; font-weight: 600; box-shadow: inset 0 -2px #1f5fbf }
.pages a:focus-visible { outline: 3px solid #1f5fbf; outline-offset: 2px }
.swagger-ui .topbar { padding: 8px 0; background: #f1f3f6; border-block: 1px solid #d9dbe0 }
.swagger-ui .topbar .link { display: none }
.swagger-ui .topbar .topbar-wrapper { align-items: center; flex-flow: row nowrap; justify-content: space-between }
.swagger-ui .topbar .download-url-wrapper { flex: 1; justify-content: flex-start; margin: 0; min-width: 0 }
.swagger-ui .topbar .download-url-wrapper .select-label { max-width: 420px; min-width: 0; color: #1b1b1f }
.swagger-ui .topbar .download-url-wrapper .select-label span { flex: none; padding-right: 12px }
.swagger-ui .topbar .download-url-wrapper .select-label select { min-width: 0; border: 1px solid #8a8d94; box-shadow: none }
@media (max-width: 640px) { .pages { gap: 0 14px; padding: 4px 12px } }
.swagger-ui .topbar .dark-mode-toggle button svg { fill: #5c5f66 }
html.dark-mode body { background: #16171b }
html.dark-mode .pages :is(strong, a[aria-current]) { color: #ececf1 }
html.dark-mode .pages a { color: #8ab4ff }
html.dark-mode .swagger-ui .topbar { background: #1d1f24; border-color: #33363d }
html.dark-mode .swagger-ui .topbar .download-url-wrapper .select-label { color: #ececf1 }
html.dark-mode .swagger-ui .topbar .dark-mode-toggle button svg { fill: #e4e6e6 }
`

/** The bar as HTML, this page's own link first. */
const barOf = (
  links: DocsOptions['links'],
) => html`<nav class="pages" aria-label="Pages"><strong>Sallyport</strong>
!${links.map(({ name, url }, at) => html`<a href="${url}"!${at === 0 ? ' aria-current="page"' : ''}>${name}</a>`).join('\n')}
</nav>`

/** Adds the viewport and the bar, for which @fastify/swagger-ui has no setting. Without a viewport phones render 980 pixels. */
const completed = (page: string, bar: string) =>
  page
    .replace(
      /<meta charset="UTF-8">/i,
      '$&\n      <meta name="viewport" content="width=device-width, initial-scale=1">',
    )
    .replace(/<body[^>]*>/i, (body) => `${body}\n${bar}`)

interface DocsOptions {
  /** Our pages that the bar links to, this one first. */
  readonly links: readonly { readonly name: string; readonly url: string }[]
  /** The documents to choose from; the first one is shown. */
  readonly documents: readonly { readonly name: string; readonly url: string }[]
}

export const docs = plugin<DocsOptions>('docs', async (api, { documents, links }) => {
  const linkBar = barOf(links)
  await api.register(async (scope: Api) => {
    scope.addHook('onSend', (_request, reply, payload, done) => {
      const isPage =
        typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
      done(null, isPage ? completed(payload, linkBar) : payload)
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
        js: [{ filename: 'behaviour.js', content: behaviour }],
      },
      uiConfig: {
        layout: 'StandaloneLayout',
        urls: [...documents],
        // The logo has an inline style, which the policy forbids.
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
