// The profile of the signed-in user: names, metadata and language.
import { Type } from '@sinclair/typebox'
import { writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { closed, Nullable, optionalBody, Shared } from './primitives.ts'
import { json } from './responses.ts'
import { bySessionOrKey } from './security.ts'
import { MetadataPatch, profileFields, User } from './users.ts'

/** A 200 with the user as they are now. */
export function userResponse(description: string) {
  return json(description, Type.Object({ user: Shared(User) }, closed))
}

export const updateProfile = {
  operationId: 'updateProfile',
  tags: ['Profile'],
  summary: 'Change the profile',
  description:
    'Changes the fields in the body and keeps the others; at least one field is required. Concurrent requests are applied one after the other, so none undoes another.',
  security: bySessionOrKey,
  headers: Type.Object(projectHeader),
  ...optionalBody,
  body: Type.Object(
    {
      ...profileFields,
      metadata: Type.Optional(
        MetadataPatch({
          description:
            'A merge patch (RFC 7396): objects are merged, null removes a key, any other value replaces. The result may be at most 16 KiB of JSON.',
          examples: [{ plan: 'pro', trial_ends: null }],
        }),
      ),
      locale: Type.Optional(
        Nullable(
          Type.String({
            maxLength: 35,
            description: 'The language of mail to the user (BCP 47). null: English.',
            examples: ['de-AT'],
          }),
        ),
      ),
    },
    { examples: [{ display_name: 'Ada', metadata: { plan: 'pro' }, locale: 'de' }] },
  ),
  response: {
    200: userResponse('The user as changed.'),
    ...writeErrors('unauthenticated', 'insufficient_scope'),
  },
}
