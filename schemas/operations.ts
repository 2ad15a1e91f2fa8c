// What operators and load balancers ask: health, and the keys that verify access tokens.
import { Type } from '@sinclair/typebox'
import { errorResponses } from './errors.ts'

const projectId = '5e9f2e54-0000-4000-8000-000000000001'

export const live = {
  operationId: 'live',
  tags: ['Operations'],
  summary: 'Whether the process runs',
  security: [{}],
  response: {
    200: {
      description: 'It does.',
      content: { 'application/json': { schema: Type.Object({ status: Type.Literal('ok') }) } },
    },
    ...errorResponses(),
  },
}

export const ready = {
  operationId: 'ready',
  tags: ['Operations'],
  summary: 'Whether requests can be answered: database, migrations, hash queue',
  security: [{}],
  response: {
    200: {
      description: 'They can.',
      content: {
        'application/json': {
          schema: Type.Object({
            status: Type.Literal('ok'),
            checks: Type.Object({
              database: Type.Literal('ok'),
              migrations: Type.Literal('ok'),
              hash_queue: Type.Literal('ok'),
            }),
          }),
        },
      },
    },
    ...errorResponses('service_unavailable'),
  },
}

export const metrics = {
  operationId: 'metrics',
  tags: ['Operations'],
  summary: 'What the service does, in numbers',
  description:
    'For Prometheus, in its text format. With METRICS_TOKEN set, for who sends it as bearer token; otherwise for direct neighbours on a loopback or private address, and for nobody who comes through a proxy. No number tells of a single person.',
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
  summary: 'The keys that verify access tokens (RFC 7517)',
  security: [{}],
  response: {
    200: {
      description: 'A JWK set.',
      content: {
        'application/json': {
          schema: Type.Object({
            keys: Type.Array(
              Type.Object({
                kty: Type.String(),
                crv: Type.String(),
                x: Type.String(),
                kid: Type.String(),
                alg: Type.Literal('EdDSA'),
                use: Type.Literal('sig'),
              }),
            ),
          }),
        },
      },
    },
    ...errorResponses('service_unavailable'),
  },
}

/** The metadata of an issuer. */
const issuerMetadata = (issuer: string) => ({
  description: 'The metadata of the issuer.',
  content: {
    'application/json': {
      schema: Type.Object({
        issuer: Type.String({ format: 'uri', examples: [issuer] }),
        jwks_uri: Type.String({
          format: 'uri',
          examples: ['https://auth.example.com/.well-known/jwks.json'],
        }),
        response_types_supported: Type.Array(Type.String(), { examples: [['none']] }),
        subject_types_supported: Type.Array(Type.String(), { examples: [['public']] }),
        id_token_signing_alg_values_supported: Type.Array(Type.String(), { examples: [['EdDSA']] }),
        introspection_endpoint: Type.String({
          format: 'uri',
          examples: ['https://auth.example.com/api/auth/introspect'],
        }),
      }),
    },
  },
})

export const openidConfiguration = {
  operationId: 'openidConfiguration',
  tags: ['Operations'],
  summary: 'Who issues access tokens, and where their keys are (RFC 8414)',
  description:
    'For libraries that verify access tokens by the issuer alone. There is no authorization endpoint: people sign in by this API.',
  security: [{}],
  response: {
    200: issuerMetadata('https://auth.example.com'),
    ...errorResponses('service_unavailable'),
  },
}

export const projectOpenidConfiguration = {
  operationId: 'projectOpenidConfiguration',
  tags: ['Operations'],
  summary: 'Who issues the access tokens of one project (RFC 8414)',
  description:
    'Where the policy of the project says `tokens.issuer` `project`. A project without it is answered like one that does not exist. The keys are those of the installation.',
  security: [{}],
  params: Type.Object({
    project_id: Type.String({ description: 'UUID of the project.', examples: [projectId] }),
  }),
  response: {
    200: issuerMetadata(`https://auth.example.com/projects/${projectId}`),
    ...errorResponses('route_not_found', 'rate_limited', 'service_unavailable'),
  },
}
