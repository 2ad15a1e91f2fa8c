// The user, as every route returns it.
import { Type } from '@sinclair/typebox'
import { readErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { Id, Instant, Name, Nullable, Shared } from './primitives.ts'

export const User = Type.Object(
  {
    id: Type.Integer({ examples: [42] }),
    uuid: Id,
    email: Type.String({ examples: ['ada@example.com'] }),
    display_name: Nullable(Type.String(), { examples: ['Ada'] }),
    email_verified_at: Nullable(Instant, { examples: [null] }),
    metadata: Type.Record(Type.String(), Type.Unknown(), { examples: [{ plan: 'free' }] }),
    first_name: Nullable(Type.String(), { examples: ['Ada'] }),
    last_name: Nullable(Type.String(), { examples: ['Lovelace'] }),
    role: Type.Union([Type.Literal('user'), Type.Literal('admin')], { examples: ['user'] }),
    provider: Nullable(Type.String(), { examples: [null] }),
    avatar_url: Nullable(Type.String(), { examples: [null] }),
    created_at: Instant,
  },
  { $id: 'User', additionalProperties: false },
)

/** Fields of the profile that both sign-up and PATCH /profile take. */
export const profileFields = {
  display_name: Type.Optional(Nullable(Name)),
  first_name: Type.Optional(Nullable(Name)),
  last_name: Type.Optional(Nullable({ ...Name, examples: ['Lovelace'] })),
}

export const me = {
  operationId: 'getCurrentUser',
  tags: ['Session'],
  summary: 'Get the signed-in user',
  security: [{ bearer: [] }, { cookie: [] }, { apiKey: [] }],
  headers: Type.Object({ ...projectHeader }),
  response: {
    200: {
      description: 'The user.',
      content: {
        'application/json': {
          schema: Type.Object({ user: Shared(User) }, { additionalProperties: false }),
        },
      },
    },
    ...readErrors('unauthenticated', 'insufficient_scope'),
  },
}
