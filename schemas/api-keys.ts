// API keys: created and revoked by their user in a session, used by the user's programs.
import { Type } from '@sinclair/typebox'
import { actionErrors, idempotencyCodes, readErrors, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, replayable } from './headers.ts'
import { closed, Id, Instant, Nullable, PathId, Secret, Shared } from './primitives.ts'
import { json, listOf } from './responses.ts'
import { bySession } from './security.ts'
import { messageResponse } from './sessions.ts'

const Scope = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:/*-]{0,63}$',
  examples: ['me:read'],
})

const entry = {
  id: Id,
  name: Type.String({ examples: ['Nightly import'] }),
  key_prefix: Type.String({
    description: 'The first 16 characters of the key, which identify it.',
    examples: ['uak_3fK9sLq0ZtXa'],
  }),
  scopes: Type.Array(Type.String(), { examples: [['me:read', 'orders:write']] }),
  expires_at: Nullable(Instant, { description: 'null: valid until it is revoked.' }),
  last_used_at: Nullable(Instant, { description: 'Updated at most once a minute.', examples: [null] }),
  revoked_at: Nullable(Instant, { examples: [null] }),
  created_at: Instant,
}

export const ApiKey = Type.Object(entry, { $id: 'ApiKey', ...closed })

const NewApiKey = Type.Object(
  {
    ...entry,
    plain_text_key: Secret(
      Type.String({
        description:
          'The key, shown only in this answer: uak_, 12 characters, _, 49 characters, all of 0-9 A-Z a-z; the last six are the CRC-32 of the preceding characters, in base 62.',
        examples: ['uak_3fK9sLq0ZtXa_AnExampleThatWasNeverAKeyOfAnybodyAtAllSoUs0DbRgT'],
      }),
    ),
  },
  { $id: 'NewApiKey', ...closed },
)

export const listApiKeys = {
  operationId: 'listApiKeys',
  tags: ['API keys'],
  summary: 'List the API keys of the user, active ones first',
  description:
    'Revoked and expired keys stay in the list for 30 days. This needs a session; an API key cannot call it.',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: listOf('The keys, without their secret part: only hashes are stored.', Shared(ApiKey)),
    ...readErrors('unauthenticated'),
  },
}

export const createApiKey = {
  operationId: 'createApiKey',
  tags: ['API keys'],
  summary: 'Create an API key',
  description: `A key acts for its user without a session: as \`Authorization: Bearer uak_…\` or in \`x-api-key\`, and nowhere else. Its scopes say which routes it may call:

| scope | routes |
|---|---|
| \`me:read\` | \`GET /me\` |
| \`sessions:read\` | \`GET /sessions\` |
| \`activity:read\` | \`GET /me/activity\` |
| \`teams:read\` | \`GET /teams\`, \`/teams/{id}\`, \`/teams/{id}/members\` |
| \`profile:write\` | \`PATCH /profile\`, \`PUT\` and \`DELETE /avatar\` |

\`read\` and \`write\` include all scopes of their kind; without \`scopes\` a key has \`read\`. Any other scope is the application's own, and \`POST /introspect\` returns it. No scope allows a key to change the password or the address, end sessions, create or revoke keys, or export or delete the account.

An account with a second factor proves it first, by a sign-in or step-up within the time of the policy (401 \`step_up_required\`). Where the service sends mail, the owner is notified by mail. A key ends when it is revoked or expires, by a password reset, when a change of address is undone, and with the account; changing the password and \`logout-all\` do not end it.`,
  security: bySession,
  headers: Type.Object({ ...projectHeader, ...idempotencyHeader }),
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255, examples: ['Nightly import'] }),
    scopes: Type.Optional(Type.Array(Scope, { maxItems: 50, examples: [['me:read', 'orders:write']] })),
    expires_at: Type.Optional(
      Nullable(Type.String({ format: 'date-time', maxLength: 64 }), {
        description: 'In the future; absent or null: valid until it is revoked.',
        examples: ['2099-01-01T00:00:00Z'],
      }),
    ),
  }),
  response: {
    201: replayable(json('The whole key, shown only in this answer.', Shared(NewApiKey))),
    ...writeErrors('unauthenticated', 'step_up_required', 'api_key_limit_reached', ...idempotencyCodes),
  },
}

export const revokeApiKey = {
  operationId: 'revokeApiKey',
  tags: ['API keys'],
  summary: 'Revoke an API key',
  description:
    'The key is refused from the next request on. Revoking it again changes nothing. An id that is not a key of the user is a 404.',
  security: bySession,
  headers: Type.Object(projectHeader),
  params: Type.Object({
    id: PathId('The id of the key.'),
  }),
  response: {
    200: messageResponse('API key revoked.'),
    ...actionErrors('unauthenticated', 'not_found'),
  },
}

export const apiKeySchemas = [ApiKey, NewApiKey]
