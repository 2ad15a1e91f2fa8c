// Swagger UI at /docs, from its own files, under a content-security policy that lets it load nothing else.
import swaggerUi from '@fastify/swagger-ui'
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

/** What is too wide for a phone goes on a line of its own. The link is dark enough on white, the page's only colour. */
const narrow = `.playground-link { display: block; max-width: 1460px; margin: 0 auto; padding: 12px 20px; font: 600 16px system-ui, sans-serif }
@media (max-width: 640px) {
  .swagger-ui .opblock-tag { flex-wrap: wrap }
  .swagger-ui .opblock-tag small { flex-basis: 100%; order: 1; padding: 4px 0 0 }
  .swagger-ui .opblock .opblock-summary-operation-id { display: none }
}
`

/** The bar on top holds the choice of the document in one line. */
const bar = `.swagger-ui .topbar { padding: 8px 0 }
.swagger-ui .topbar .link { display: none }
.swagger-ui .topbar .topbar-wrapper { align-items: center; flex-flow: row nowrap; justify-content: space-between }
.swagger-ui .topbar .download-url-wrapper { flex: 1; justify-content: flex-start; margin: 0; min-width: 0 }
.swagger-ui .topbar .download-url-wrapper .select-label { max-width: 420px; min-width: 0 }
.swagger-ui .topbar .download-url-wrapper .select-label span { flex: none }
.swagger-ui .topbar .download-url-wrapper .select-label select { min-width: 0 }
`

/** A link to the playground above everything else, where there is one. */
const link = `const link = document.createElement('a')
link.href = '/playground'
link.textContent = 'Try every step in the playground'
link.className = 'playground-link'
document.body.prepend(link)
`

export interface DocsOptions {
  /** Whether there is a playground to lead to. */
  readonly playground: boolean
  /** What can be read there, the first one first. */
  readonly documents: readonly { readonly name: string; readonly url: string }[]
}

export const docs = plugin<DocsOptions>('docs', async (api, { documents, playground }) => {
  // With one document alone there is nothing to choose, and no bar.
  const several = documents.length > 1
  await api.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: policy,
    theme: {
      title: 'Sallyport API',
      css: [
        { filename: 'narrow.css', content: narrow },
        { filename: 'bar.css', content: bar },
      ],
      ...(playground ? { js: [{ filename: 'playground.js', content: link }] } : {}),
    },
    uiConfig: {
      // The bar offers a choice of these documents; without a list it would offer to load some other one.
      ...(several ? { layout: 'StandaloneLayout', urls: [...documents] } : { layout: 'BaseLayout' }),
      // The logo is a picture with a style of its own, which the policy forbids.
      plugins: [{ components: { Logo: 'span' } }] as never,
      displayOperationId: true,
      displayRequestDuration: true,
      docExpansion: 'list',
      persistAuthorization: false,
      tryItOutEnabled: true,
      withCredentials: true,
      validatorUrl: null,
    },
  })
})
