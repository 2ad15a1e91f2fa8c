// The OpenAPI 3.1 document of a scope, generated from the schemas of its routes.
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { SessionCookies } from '../cookies.ts'
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
  /** The security schemes, by the names that routes use. */
  readonly securitySchemes: SecuritySchemes
  /** Base URLs of the paths; the first one is removed from them. */
  readonly servers: readonly { url: string; description: string }[]
}

/** Marks the bodies of operations with `x-optional-body` as optional; @fastify/swagger marks every body as required. */
function markOptionalBodies<T extends { paths?: object | undefined }>(made: T): T {
  for (const item of Object.values(made.paths ?? {}))
    for (const operation of Object.values(item ?? {}) as Record<string, unknown>[]) {
      if (!operation['x-optional-body']) continue
      delete operation['x-optional-body']
      Object.assign(operation.requestBody as object, { required: false })
    }
  return made
}

export const document = plugin<DocumentOptions>(
  'document',
  async (api, { title, description, version, shared, tags, securitySchemes, servers }) => {
    await api.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title,
          description,
          version,
          contact: { name: 'The operator of this installation' },
          license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        },
        servers: [...servers],
        tags: [...tags],
        components: { securitySchemes },
      },
      transformObject: (made) =>
        'openapiObject' in made ? markOptionalBodies(made.openapiObject) : made.swaggerObject,
      // Removes the path of the first server; for '/' nothing.
      stripBasePath: true,
      refResolver: {
        buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `Schema${index}`),
      },
    })
    for (const schema of shared) api.addSchema(schema)
  },
)

/** The project in the names of cookies where the installation has no default project: an arbitrary UUID. */
const exampleProjectId = '5e9f2e54-0000-4000-8000-000000000001'

/**
 * The security schemes of the canonical API.
 * @param cookies name the cookies of this installation, of its default project where there is one
 */
export const canonicalSchemes = (cookies: SessionCookies, projectId: string | null): SecuritySchemes => ({
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
    name: cookies.name({ id: projectId ?? exampleProjectId }, 'access'),
    description:
      'Set by signing in with `session-transport: cookie`. The name ends with the UUID of the project; `__Host-` is in front where cookies are Secure.',
  },
  refreshCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: cookies.name({ id: projectId ?? exampleProjectId }, 'refresh'),
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
  projectBasic: {
    type: 'http',
    scheme: 'basic',
    description: 'The same as an OAuth client: the UUID of the project and its secret.',
  },
})
