// Token introspection (RFC 7662), for back ends of the application.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader, projectSecretHeader } from './headers.ts'
import { closed, exampleProjectId, Id, Secret, Shared } from './primitives.ts'

const seconds = (description: string, example: number) => Type.Integer({ description, examples: [example] })

export const Introspection = Type.Object(
  {
    active: Type.Boolean({
      description: 'Whether the token is valid now; if not, there are no other members.',
    }),
    sub: Type.Optional(Type.String({ format: 'uuid', description: 'UUID of the user.' })),
    scope: Type.Optional(
      Type.String({
        description:
          'The scopes of an API key, separated by spaces. A session is not limited by scopes and has none.',
      }),
    ),
    token_type: Type.Optional(Type.Literal('Bearer')),
    exp: Type.Optional(seconds('When it expires. Absent: valid until it is revoked.', 1795176000)),
    iat: Type.Optional(seconds('When it was issued.', 1795175100)),
    iss: Type.Optional(
      Type.String({
        description: 'The issuer of the access token; for an API key, the current issuer of its project.',
      }),
    ),
    aud: Type.Optional(Type.String({ format: 'uuid', description: 'UUID of the project.' })),
    sid: Type.Optional(Type.String({ format: 'uuid', description: 'The session of an access token.' })),
    client_id: Type.Optional(
      Type.String({ description: 'The API that opened the session.', examples: ['canonical'] }),
    ),
    jti: Type.Optional(Type.String({ description: 'The id of the access token.' })),
    auth_time: Type.Optional(seconds('When the user was authenticated last (RFC 9470).', 1795175100)),
    acr: Type.Optional(Type.String({ description: '2: with a second factor; else 1.', examples: ['1'] })),
    amr: Type.Optional(
      Type.Array(Type.String(), {
        description: 'How (RFC 8176): pwd, otp, hwk, swk, user, mfa, or fed for a sign-in provider.',
        examples: [['pwd']],
      }),
    ),
    act: Type.Optional(
      Type.Object(
        { sub: Type.String({ description: 'UUID of the operator.' }) },
        { ...closed, description: 'Who acts as the user (RFC 8693 §4.1).' },
      ),
    ),
    key_id: Type.Optional(Type.String({ format: 'uuid', description: 'The id of an API key.' })),
    email: Type.Optional(Type.String()),
    email_verified: Type.Optional(Type.Boolean()),
    role: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('admin')])),
  },
  { $id: 'Introspection', ...closed },
)

const [uuid] = Id.examples as [string]

const about = {
  active: true,
  sub: uuid,
  token_type: 'Bearer',
  iat: 1795175100,
  exp: 1795176000,
  iss: 'http://127.0.0.1:3000',
  aud: exampleProjectId,
  email: 'ada@example.com',
  email_verified: true,
  role: 'user',
}

export const introspect = {
  operationId: 'introspectToken',
  tags: ['API keys'],
  summary: 'Check whether a token is valid (RFC 7662)',
  description:
    'For back ends of the application, with the project secret: in the header `project-secret`, by HTTP Basic with the project’s id as user, or as `client_id` and `client_secret` of a form (RFC 6749 §2.3.1). Takes API keys and access tokens, sees a revocation at once, and counts as a use of the token. Every other token gets only `active: false`: expired, revoked, of another project, or a refresh token (which a back end should never receive).',
  security: [{ projectSecret: [] }, { projectBasic: [] }],
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
        description: 'Accepted and ignored: the kind of a token is recognised from the token.',
        examples: ['access_token'],
      }),
    ),
    client_id: Type.Optional(
      Type.String({ description: 'In a form: the UUID of the project, where client_secret proves it.' }),
    ),
    client_secret: Type.Optional(Secret(Type.String({ description: 'In a form: the project secret.' }))),
  }),
  response: {
    200: {
      description: 'The state of the token.',
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
