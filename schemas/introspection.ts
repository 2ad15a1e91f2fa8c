// Token introspection (RFC 7662): what a token is worth now, for back ends of the application.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { Id, Secret, Shared } from './primitives.ts'

const seconds = (description: string, example: number) => Type.Integer({ description, examples: [example] })

export const Introspection = Type.Object(
  {
    active: Type.Boolean({ description: 'Whether the token is alive now; if not, nothing else is said.' }),
    sub: Type.Optional(Type.String({ format: 'uuid', description: 'UUID of the user.' })),
    scope: Type.Optional(
      Type.String({
        description:
          'Of an API key: its scopes, with spaces between. A session has no such bounds, and no scope.',
      }),
    ),
    token_type: Type.Optional(Type.Literal('Bearer')),
    exp: Type.Optional(seconds('Absent: until it is revoked.', 1795176000)),
    iat: Type.Optional(seconds('When it was issued.', 1795175100)),
    iss: Type.Optional(
      Type.String({
        description: 'Of an access token: its own; of an API key: the issuer of its project now.',
      }),
    ),
    aud: Type.Optional(Type.String({ format: 'uuid', description: 'UUID of the project.' })),
    sid: Type.Optional(Type.String({ format: 'uuid', description: 'Of an access token: its session.' })),
    key_id: Type.Optional(Type.String({ format: 'uuid', description: 'Of an API key.' })),
    email: Type.Optional(Type.String()),
    email_verified: Type.Optional(Type.Boolean()),
    role: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('admin')])),
  },
  { $id: 'Introspection', additionalProperties: false },
)

const [uuid] = Id.examples as [string]

const about = {
  active: true,
  sub: uuid,
  token_type: 'Bearer',
  iat: 1795175100,
  exp: 1795176000,
  iss: 'http://127.0.0.1:3000',
  aud: '5e9f2e54-0000-4000-8000-000000000001',
  email: 'ada@example.com',
  email_verified: true,
  role: 'user',
}

export const introspect = {
  operationId: 'introspectToken',
  tags: ['API keys'],
  summary: 'What a token is worth now (RFC 7662)',
  description:
    'For back ends of the application, with the project secret. Answers for API keys and access tokens alike and sees a revocation at once; asking counts as a use. Whatever is not alive, a token of another project or a refresh token (which no back end should be shown) included, is `active: false` and no more.',
  security: [{ projectSecret: [] }],
  headers: Type.Object({ ...projectHeader, ...projectSecretHeader }),
  consumes: ['application/json', 'application/x-www-form-urlencoded'],
  body: Type.Object({
    token: Secret(
      Type.String({
        minLength: 1,
        examples: ['uak_3fK9sLq0ZtXa_AnExampleThatWasNeverAKeyOfAnybodyAtAllSoUs0DbRgT'],
      }),
    ),
    token_type_hint: Type.Optional(
      Type.String({
        description: 'Taken and not needed: a token tells what it is.',
        examples: ['access_token'],
      }),
    ),
  }),
  response: {
    200: {
      description: 'What it is worth.',
      content: {
        'application/json': {
          schema: Shared(Introspection),
          examples: {
            key: { value: { ...about, scope: 'me:read orders:write', key_id: uuid } },
            access_token: { value: { ...about, sid: uuid } },
            dead: { value: { active: false } },
          },
        },
      },
    },
    ...writeErrors('invalid_project_secret'),
  },
}
