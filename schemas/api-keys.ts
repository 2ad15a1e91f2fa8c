// API keys: made and revoked by their user in a session, used by their programs.
import { Type } from '@sinclair/typebox'
import { actionErrors, readErrors, repeatable, writeErrors } from './errors.ts'
import { idempotencyHeader, projectHeader, replayable } from './headers.ts'
import { Id, Instant, Nullable, Secret, Shared } from './primitives.ts'
import { saying } from './sessions.ts'

const Scope = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:/*-]{0,63}$',
  examples: ['me:read'],
})

const entry = {
  id: Id,
  name: Type.String({ examples: ['Nightly import'] }),
  key_prefix: Type.String({
    description: 'The first 16 characters of the key, to know it by.',
    examples: ['uak_3fK9sLq0ZtXa'],
  }),
  scopes: Type.Array(Type.String(), { examples: [['me:read', 'orders:write']] }),
  expires_at: Nullable(Instant, { description: 'null: until it is revoked.' }),
  last_used_at: Nullable(Instant, { description: 'Moves at most once a minute.', examples: [null] }),
  revoked_at: Nullable(Instant, { examples: [null] }),
  created_at: Instant,
}

export const ApiKey = Type.Object(entry, { $id: 'ApiKey', additionalProperties: false })

export const NewApiKey = Type.Object(
  {
    ...entry,
    plain_text_key: Secret(
      Type.String({
        description:
          'The key, shown this once. uak_, 12 characters, _, 49 characters, all of 0-9 A-Z a-z; the last six are the CRC-32 of what stands before them, in base 62.',
        examples: ['uak_3fK9sLq0ZtXa_AnExampleThatWasNeverAKeyOfAnybodyAtAllSoUs0DbRgT'],
      }),
    ),
  },
  { $id: 'NewApiKey', additionalProperties: false },
)

const session = [{ bearer: [] }, { cookie: [] }]

export const listApiKeys = {
  operationId: 'listApiKeys',
  tags: ['API keys'],
  summary: 'The keys of the user, the living ones first',
  description: 'Revoked and expired keys stay in the list for 30 days. No key can call this, only a session.',
  security: session,
  headers: Type.Object({ ...projectHeader }),
  response: {
    200: {
      description: 'The keys, without what is secret in them: only hashes rest.',
      content: {
        'application/json': {
          schema: Type.Object({ data: Type.Array(Shared(ApiKey)) }, { additionalProperties: false }),
        },
      },
    },
    ...readErrors('unauthenticated'),
  },
}

export const createApiKey = {
  operationId: 'createApiKey',
  tags: ['API keys'],
  summary: 'Make a key',
  description: `A key acts for its user without a session: as \`Authorization: Bearer uak_…\` or in \`x-api-key\`, and nowhere else. Its scopes say what it may:

| scope | routes |
|---|---|
| \`me:read\` | \`GET /me\` |
| \`sessions:read\` | \`GET /sessions\` |
| \`activity:read\` | \`GET /me/activity\` |
| \`teams:read\` | \`GET /teams\`, \`/teams/{id}\`, \`/teams/{id}/members\` |
| \`profile:write\` | \`PATCH /profile\`, \`PUT\` and \`DELETE /avatar\` |

\`read\` or \`write\` alone stand for all of their kind; without \`scopes\` a key has \`read\`. Any other scope is the application's own and is told by \`POST /introspect\`. No scope lets a key change the password or the address, end sessions, make or revoke keys, export or delete the account.

Its owner is told by mail, where the service sends mail. Revoking, expiry, a password reset, taking a change of address back and leaving end a key; changing the password and \`logout-all\` do not.`,
  security: session,
  headers: Type.Object({ ...projectHeader, ...idempotencyHeader }),
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255, examples: ['Nightly import'] }),
    scopes: Type.Optional(Type.Array(Scope, { maxItems: 50, examples: [['me:read', 'orders:write']] })),
    expires_at: Type.Optional(
      Nullable(Type.String({ format: 'date-time', maxLength: 64 }), {
        description: 'In the future; left out or null: until it is revoked.',
        examples: ['2099-01-01T00:00:00Z'],
      }),
    ),
  }),
  response: {
    201: replayable({
      description: 'The key, and this once all of it.',
      content: { 'application/json': { schema: Shared(NewApiKey) } },
    }),
    ...writeErrors('unauthenticated', 'api_key_limit_reached', ...repeatable),
  },
}

export const revokeApiKey = {
  operationId: 'revokeApiKey',
  tags: ['API keys'],
  summary: 'Revoke a key',
  description:
    'It is refused from the next request on. Revoking it again changes nothing. 404 for anything but a key of one’s own.',
  security: session,
  headers: Type.Object({ ...projectHeader }),
  params: Type.Object({
    id: Type.String({ description: 'Of the key.', examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'] }),
  }),
  response: {
    200: saying('API key revoked.'),
    ...actionErrors('unauthenticated', 'not_found'),
  },
}

export const apiKeySchemas = [ApiKey, NewApiKey]
