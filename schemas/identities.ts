// The identities of an account: who its owner is at which provider; and the first password beside them.
import { Type } from '@sinclair/typebox'
import { actionErrors, readErrors, writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { Id, Instant, NewPassword, Nullable, Password, Shared } from './primitives.ts'
import { saying } from './sessions.ts'
import { ProviderName, providerTokens } from './social.ts'

const security = [{ bearer: [] }, { cookie: [] }]

export const Identity = Type.Object(
  {
    id: Id,
    provider: Type.String({ examples: ['google'] }),
    email: Nullable(Type.String(), {
      description: 'What the provider said last; it opens nothing.',
      examples: ['ada@example.com'],
    }),
    created_at: Instant,
    last_used_at: Nullable(Instant),
  },
  { $id: 'Identity', additionalProperties: false },
)

export const listIdentities = {
  operationId: 'listIdentities',
  tags: ['Identities'],
  summary: 'The providers that open the account, the oldest first',
  security,
  headers: Type.Object({ ...projectHeader }),
  response: {
    200: {
      description: 'The identities.',
      content: {
        'application/json': {
          schema: Type.Object({ data: Type.Array(Shared(Identity)) }, { additionalProperties: false }),
        },
      },
    },
    ...readErrors('unauthenticated'),
  },
}

export const linkIdentity = {
  operationId: 'linkIdentity',
  tags: ['Identities'],
  summary: 'Let a provider open the account as well',
  description:
    'After a sign-in of the last minutes (policy `reauthentication`), or with the current password. The owner is told by mail. One that is linked already is answered as it is.',
  security,
  headers: Type.Object({ ...projectHeader }),
  params: Type.Object({ provider: ProviderName }),
  body: Type.Object({ ...providerTokens, current_password: Type.Optional(Password) }),
  response: {
    200: { description: 'Linked.', content: { 'application/json': { schema: Shared(Identity) } } },
    ...writeErrors('unauthenticated', 'invalid_social_login', 'too_many_attempts', 'provider_unavailable'),
  },
}

export const unlinkIdentity = {
  operationId: 'unlinkIdentity',
  tags: ['Identities'],
  summary: 'Let a provider open the account no longer',
  description: 'Never the last way in: a password or another provider that is in use must remain.',
  security,
  headers: Type.Object({ ...projectHeader }),
  params: Type.Object({
    id: Type.String({ description: 'Of the identity.', examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'] }),
  }),
  response: {
    204: Type.Null({ description: 'It opens the account no longer.' }),
    ...actionErrors('unauthenticated', 'not_found', 'validation_failed'),
  },
}

export const setPassword = {
  operationId: 'setPassword',
  tags: ['Password'],
  summary: 'Set the first password of an account that has none',
  description:
    'After a sign-in of the last minutes (policy `reauthentication`). Ends every other session of the user and keeps this one; the owner is told by mail.',
  security,
  headers: Type.Object({ ...projectHeader }),
  body: Type.Object({ new_password: NewPassword }),
  response: { 200: saying('Password set.'), ...writeErrors('unauthenticated') },
}
