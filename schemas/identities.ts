// Linked sign-in providers, and the first password of an account that has only those.
import { Type } from '@sinclair/typebox'
import { actionErrors, readErrors, writeErrors } from './errors.ts'
import { projectHeader } from './headers.ts'
import { closed, Id, Instant, Nullable, Password, PathId, Shared } from './primitives.ts'
import { json, listOf } from './responses.ts'
import { bySession } from './security.ts'
import { ProviderName, providerTokens } from './social.ts'

export const Identity = Type.Object(
  {
    id: Id,
    provider: Type.String({ examples: ['google'] }),
    email: Nullable(Type.String(), {
      description: 'The provider’s latest address; it plays no part in signing in.',
      examples: ['ada@example.com'],
    }),
    created_at: Instant,
    last_used_at: Nullable(Instant),
  },
  { $id: 'Identity', ...closed },
)

export const listIdentities = {
  operationId: 'listIdentities',
  tags: ['Identities'],
  summary: 'List the linked providers of the account, the oldest first',
  security: bySession,
  headers: Type.Object(projectHeader),
  response: {
    200: listOf('The identities.', Shared(Identity)),
    ...readErrors('unauthenticated'),
  },
}

export const linkIdentity = {
  operationId: 'linkIdentity',
  tags: ['Identities'],
  summary: 'Link a provider to the account',
  description:
    'Needs a password sign-in or a step-up within the time that the policy `reauthentication` sets, or the current password. The owner is notified by mail. An identity that is linked already is returned unchanged.',
  security: bySession,
  headers: Type.Object(projectHeader),
  params: Type.Object({
    identity: { ...ProviderName, description: 'The provider to link, as the policy names it.' },
  }),
  body: Type.Object({ ...providerTokens, current_password: Type.Optional(Password) }),
  response: {
    200: json('Linked.', Shared(Identity)),
    ...writeErrors(
      'unauthenticated',
      'step_up_required',
      'invalid_social_login',
      'too_many_attempts',
      'provider_unavailable',
    ),
  },
}

export const unlinkIdentity = {
  operationId: 'unlinkIdentity',
  tags: ['Identities'],
  summary: 'Unlink a provider from the account',
  description:
    'Needs a password sign-in or a step-up within the time that the policy `reauthentication` sets. The last way to sign in cannot be removed: the account must keep a password or another enabled provider. The owner is notified by mail.',
  security: bySession,
  headers: Type.Object(projectHeader),
  params: Type.Object({
    identity: PathId('The id of the identity.'),
  }),
  response: {
    204: Type.Null({ description: 'The provider is unlinked.' }),
    ...actionErrors('unauthenticated', 'step_up_required', 'not_found', 'validation_failed'),
  },
}
