// What operators and load balancers ask: health, and the keys that verify access tokens.
import { Type } from '@sinclair/typebox'
import { errorResponses } from './errors.ts'

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
    ...errorResponses(),
  },
}
