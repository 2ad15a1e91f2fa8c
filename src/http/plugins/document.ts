// The OpenAPI 3.1 document of a scope, read from the schemas of its routes.
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import { plugin } from './plugin.ts'

type OpenApi = NonNullable<FastifyDynamicSwaggerOptions['openapi']>
export type SecuritySchemes = NonNullable<NonNullable<OpenApi['components']>['securitySchemes']>

export interface DocumentOptions {
  readonly title: string
  readonly description: string
  readonly version: string
  /** Schemas with an $id, which become components. */
  readonly shared: readonly TSchema[]
  readonly tags: readonly { name: string; description: string }[]
  /** How a caller may prove itself, by the names that routes use. */
  readonly securitySchemes: SecuritySchemes
  /** Where the paths begin; the first one is taken off them. */
  readonly servers: readonly { url: string; description: string }[]
}

export const document = plugin<DocumentOptions>(
  'document',
  async (api, { title, description, version, shared, tags, securitySchemes, servers }) => {
    await api.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title, description, version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
        servers: [...servers],
        tags: [...tags],
        components: { securitySchemes },
      },
      // Behind the first server's path; '/' takes nothing off.
      stripBasePath: true,
      refResolver: {
        buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `Schema${index}`),
      },
    })
    for (const schema of shared) api.addSchema(schema)
  },
)

/** How callers of the canonical API prove themselves. */
export const canonicalSchemes: SecuritySchemes = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token.' },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'A key of a user (`uak_…`), with the scope that the route names. As bearer token, too.',
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: 'sallyport_access_PROJECT',
    description:
      'Set by signing in with `session-transport: cookie`; `__Host-` in front where cookies are Secure.',
  },
  refreshCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: 'sallyport_refresh_PROJECT',
    description: 'Set together with the access cookie.',
  },
  metricsToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The value of METRICS_TOKEN, for `GET /metrics` alone.',
  },
  projectSecret: {
    type: 'apiKey',
    in: 'header',
    name: 'project-secret',
    description: 'Proves a back end of the application; shown once by `npx . projects create`.',
  },
}
