// The profile of the signed-in user: what they say about themselves.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { Name, Nullable, Shared } from './primitives.ts'
import { User } from './users.ts'

/** A 200 that shows the user as they are now. */
export function showingUser(description: string) {
  return {
    description,
    content: {
      'application/json': {
        schema: Type.Object({ user: Shared(User) }, { additionalProperties: false }),
      },
    },
  }
}

export const updateProfile = {
  operationId: 'updateProfile',
  tags: ['Profile'],
  summary: 'Change the profile',
  description:
    'Changes what is named and leaves the rest; at least one field must be there. Requests that meet are applied one after the other, so that none undoes another.',
  security: [{ bearer: [] }, { cookie: [] }, { apiKey: [] }],
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object(
    {
      display_name: Type.Optional(Nullable(Name)),
      first_name: Type.Optional(Nullable(Name)),
      last_name: Type.Optional(Nullable({ ...Name, examples: ['Lovelace'] })),
      metadata: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), {
          // The patch may name what it removes; what counts is the size of the result.
          'x-max-json-bytes': 65_536,
          description:
            'A merge patch (RFC 7396): objects are merged, null removes a key, anything else replaces. The result may be at most 16 KiB of JSON.',
          examples: [{ plan: 'pro', trial_ends: null }],
        }),
      ),
      locale: Type.Optional(
        Nullable(
          Type.String({
            maxLength: 35,
            description: 'BCP 47: the language of the mail we send. null: English.',
            examples: ['de-AT'],
          }),
        ),
      ),
    },
    { examples: [{ display_name: 'Ada', metadata: { plan: 'pro' }, locale: 'de' }] },
  ),
  response: {
    200: showingUser('The user as changed.'),
    ...writeErrors('unauthenticated', 'insufficient_scope'),
  },
}
