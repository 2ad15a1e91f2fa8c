// Swagger UI at /docs, from its own files, under a content-security policy that lets it load nothing else.
import swaggerUi from '@fastify/swagger-ui'
import { plugin } from './plugin.ts'

export const docs = plugin('docs', async (api) => {
  await api.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    theme: { title: 'Sallyport API' },
    uiConfig: {
      url: '/openapi/auth.json',
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
