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

export const docs = plugin('docs', async (api) => {
  await api.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: policy,
    theme: { title: 'Sallyport API', css: [{ filename: 'narrow.css', content: narrow }] },
    uiConfig: {
      // Without the bar on top, which offers to load some other document.
      layout: 'BaseLayout',
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
