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

/** What is too wide for a phone goes on a line of its own. */
const narrow = `@media (max-width: 640px) {
  .swagger-ui .opblock-tag { flex-wrap: wrap }
  .swagger-ui .opblock-tag small { flex-basis: 100%; order: 1; padding: 4px 0 0 }
  .swagger-ui .opblock .opblock-summary-operation-id { display: none }
}
`

/** The bar on top holds the choice of the document, and nothing else to look at. */
const bar = `.swagger-ui .topbar { padding: 8px 0 }
.swagger-ui .topbar .link { display: none }
.swagger-ui .topbar .download-url-wrapper { justify-content: flex-start }
.swagger-ui .topbar .download-url-wrapper .select-label { max-width: 400px }
@media (max-width: 640px) {
  .swagger-ui .topbar .download-url-wrapper .select-label > span { flex: none }
}
`

export interface DocsOptions {
  /** What can be read there, the first one first. */
  readonly documents: readonly { readonly name: string; readonly url: string }[]
}

export const docs = plugin<DocsOptions>('docs', async (api, { documents }) => {
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
    },
    uiConfig: {
      // The bar offers a choice of these documents; without a list it would offer to load some other one.
      ...(several ? { layout: 'StandaloneLayout', urls: [...documents] } : { layout: 'BaseLayout' }),
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
