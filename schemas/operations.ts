// Routes for operators and load balancers: health, metrics, and the keys that verify access tokens.
import { Type } from '@sinclair/typebox'
import { errorResponses } from './errors.ts'
import { exampleProjectId, ProjectId } from './primitives.ts'
import { json } from './responses.ts'
import { byAnyone } from './security.ts'

export const live = {
  operationId: 'live',
  tags: ['Operations'],
  summary: 'Check that the process runs',
  security: byAnyone,
  response: {
    200: json('The process runs.', Type.Object({ status: Type.Literal('ok') })),
    ...errorResponses(),
  },
}

export const ready = {
  operationId: 'ready',
  tags: ['Operations'],
  summary: 'Check that requests can be served: database, migrations, hash queue',
  security: byAnyone,
  response: {
    200: json(
      'Requests can be served.',
      Type.Object({
        status: Type.Literal('ok'),
        checks: Type.Object({
          database: Type.Literal('ok'),
          migrations: Type.Literal('ok'),
          hash_queue: Type.Literal('ok'),
        }),
      }),
    ),
    ...errorResponses('service_unavailable'),
  },
}

export const metrics = {
  operationId: 'metrics',
  tags: ['Operations'],
  summary: 'Get the metrics of the service',
  description:
    'For Prometheus, in its text format. With METRICS_TOKEN set, a client must send it as bearer token; otherwise only programs on the same machine are answered, without a proxy in between, and only where PUBLIC_URL is a loopback address. The metrics hold no personal data.',
  security: [{}, { metricsToken: [] }],
  response: {
    200: {
      description: 'The metrics of all workers of this instance.',
      content: {
        'text/plain': {
          schema: Type.String({
            examples: ['# TYPE sallyport_database_up gauge\nsallyport_database_up 1\n'],
          }),
        },
      },
    },
    ...errorResponses('unauthenticated', 'route_not_found', 'service_unavailable'),
  },
}

export const jwks = {
  operationId: 'jwks',
  tags: ['Operations'],
  summary: 'Get the keys that verify access tokens (RFC 7517)',
  security: byAnyone,
  response: {
    200: json(
      'A JWK set.',
      Type.Object({
        keys: Type.Array(
          Type.Object({
            kty: Type.String(),
            kid: Type.String(),
            alg: Type.Union([Type.Literal('ES256'), Type.Literal('EdDSA'), Type.Literal('RS256')]),
            use: Type.Literal('sig'),
            crv: Type.Optional(Type.String({ description: 'Of ES256 and EdDSA, with x.' })),
            x: Type.Optional(Type.String()),
            y: Type.Optional(Type.String({ description: 'Of ES256.' })),
            n: Type.Optional(Type.String({ description: 'Of RS256, with e.' })),
            e: Type.Optional(Type.String()),
          }),
        ),
      }),
    ),
    ...errorResponses('service_unavailable'),
  },
}

/** The members that both documents of an issuer have. */
const serverMembers = (issuer: string) => ({
  issuer: Type.String({ format: 'uri', examples: [issuer] }),
  jwks_uri: Type.String({
    format: 'uri',
    examples: ['https://auth.example.com/.well-known/jwks.json'],
  }),
  response_types_supported: Type.Array(Type.String(), { examples: [['none']] }),
  introspection_endpoint: Type.String({
    format: 'uri',
    examples: ['https://auth.example.com/api/auth/introspect'],
  }),
  introspection_endpoint_auth_methods_supported: Type.Array(Type.String(), {
    examples: [['client_secret_basic', 'client_secret_post']],
  }),
  service_documentation: Type.String({ format: 'uri', examples: ['https://auth.example.com/docs'] }),
})

/** The metadata of an authorization server. */
const serverMetadata = (issuer: string) =>
  json('The metadata of the authorization server.', Type.Object(serverMembers(issuer)))

/** The metadata of an OpenID provider, for its libraries. */
const issuerMetadata = (issuer: string) =>
  json(
    'The metadata of the issuer.',
    Type.Object({
      ...serverMembers(issuer),
      subject_types_supported: Type.Array(Type.String(), { examples: [['public']] }),
      id_token_signing_alg_values_supported: Type.Array(Type.String(), {
        examples: [['ES256', 'EdDSA', 'RS256']],
      }),
    }),
  )

export const authorizationServer = {
  operationId: 'authorizationServer',
  tags: ['Operations'],
  summary: 'Get the metadata of the OAuth authorization server (RFC 8414)',
  description:
    'The issuer of access tokens, the address of its keys, and introspection. There is no authorization or token endpoint: people sign in through this API.',
  security: byAnyone,
  response: {
    200: serverMetadata('https://auth.example.com'),
    ...errorResponses('service_unavailable'),
  },
}

export const projectAuthorizationServer = {
  operationId: 'projectAuthorizationServer',
  tags: ['Operations'],
  summary: 'Get the metadata of the OAuth authorization server of one project (RFC 8414)',
  description:
    'Only for a project whose policy sets `tokens.issuer` to `project`; any other project is a 404, like one that does not exist.',
  security: byAnyone,
  params: Type.Object({
    project_id: ProjectId,
  }),
  response: {
    200: serverMetadata(`https://auth.example.com/projects/${exampleProjectId}`),
    ...errorResponses('route_not_found', 'rate_limited', 'service_unavailable'),
  },
}

export const openidConfiguration = {
  operationId: 'openidConfiguration',
  tags: ['Operations'],
  summary: 'Get the issuer of access tokens and the address of its keys (RFC 8414)',
  description:
    'For libraries that find the keys by the issuer. There is no authorization endpoint: people sign in through this API.',
  security: byAnyone,
  response: {
    200: issuerMetadata('https://auth.example.com'),
    ...errorResponses('service_unavailable'),
  },
}

export const projectOpenidConfiguration = {
  operationId: 'projectOpenidConfiguration',
  tags: ['Operations'],
  summary: 'Get the issuer of the access tokens of one project (RFC 8414)',
  description:
    'Only for a project whose policy sets `tokens.issuer` to `project`; any other project is a 404, like one that does not exist. The keys are those of the installation.',
  security: byAnyone,
  params: Type.Object({
    project_id: ProjectId,
  }),
  response: {
    200: issuerMetadata(`https://auth.example.com/projects/${exampleProjectId}`),
    ...errorResponses('route_not_found', 'rate_limited', 'service_unavailable'),
  },
}
