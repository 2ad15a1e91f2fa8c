// The user, as every route returns it.
import { type SchemaOptions, Type } from '@sinclair/typebox'
import { readErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { closed, Id, Instant, Name, Nullable, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { bySessionOrKey } from './security.ts'

/** Data of the application about an account. */
export const Metadata = (options: SchemaOptions) => Type.Record(Type.String(), Type.Unknown(), options)

/** A merge patch (RFC 7396). It may also name keys that it removes, so the limit of 16 KiB is on the result. */
export const MetadataPatch = (options: SchemaOptions) => Metadata({ 'x-max-json-bytes': 65_536, ...options })

export const User = Type.Object(
  {
    id: Type.Integer({ examples: [42] }),
    uuid: Id,
    email: Type.String({ examples: ['ada@example.com'] }),
    display_name: Nullable(Type.String(), { examples: ['Ada'] }),
    email_verified_at: Nullable(Instant, { examples: [null] }),
    metadata: Metadata({ examples: [{ plan: 'free' }] }),
    first_name: Nullable(Type.String(), { examples: ['Ada'] }),
    last_name: Nullable(Type.String(), { examples: ['Lovelace'] }),
    role: Type.Union([Type.Literal('user'), Type.Literal('admin')], { examples: ['user'] }),
    provider: Nullable(Type.String(), { examples: [null] }),
    avatar_url: Nullable(Type.String(), { examples: [null] }),
    created_at: Instant,
  },
  { $id: 'User', ...closed },
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
  security: bySessionOrKey,
  headers: Type.Object(projectHeader),
  response: {
    200: json('The user.', Type.Object({ user: Shared(User) }, closed)),
    ...readErrors('unauthenticated', 'insufficient_scope'),
  },
}
