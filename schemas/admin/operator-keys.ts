// Operator keys, and the set-up of an operator's account by a link.
import { Type } from '@sinclair/typebox'
import {
  adminActionErrors,
  adminReadErrors,
  adminWriteErrors,
  errorResponses,
  idempotencyCodes,
} from '../errors.ts'
import { idempotencyHeader, replayable, transportHeader } from '../headers.ts'
import { closed, Email, Id, Instant, NewPassword, Nullable, PathId, Secret, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { byAnyone } from '../security.ts'
import { sessionResponse } from '../sessions.ts'
import { byOperators } from './admin.ts'
import { Role, RoleBody, Scope } from './operators.ts'

export const OperatorKey = Type.Object(
  {
    id: Id,
    name: Type.String({ examples: ['Nightly export'] }),
    key_prefix: Type.String({ examples: ['sok_4fG7hJ2kL9mN'] }),
    role: Role,
    scope: Scope,
    created_by: Nullable(Id, {
      description: 'UUID of the operator who made it, also by a key of theirs; null: the command line.',
    }),
    created_at: Instant,
    expires_at: Instant,
    last_used_at: Nullable(Instant, { examples: [null] }),
    revoked_at: Nullable(Instant, { examples: [null] }),
  },
  { $id: 'OperatorKey', ...closed },
)

const NewOperatorKey = Type.Object(
  {
    key: Shared(OperatorKey),
    plain_text_key: Secret(
      Type.String({ description: 'Shown this once.', examples: ['sok_4fG7hJ2kL9mN_0123456789'] }),
    ),
  },
  { $id: 'NewOperatorKey', ...closed },
)

export const operatorKeySchemas = [OperatorKey, NewOperatorKey]

export const listOperatorKeys = {
  tags: ['Operator keys'],
  security: byOperators,
  operationId: 'listOperatorKeys',
  summary: 'List the operator keys, active ones first',
  response: {
    200: listOf('The keys.', Shared(OperatorKey)),
    ...adminReadErrors(),
  },
}

export const createOperatorKey = {
  tags: ['Operator keys'],
  security: byOperators,
  operationId: 'createOperatorKey',
  summary: 'Create an operator key',
  headers: Type.Object(idempotencyHeader),
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255, pattern: '\\S', examples: ['Nightly export'] }),
    ...RoleBody,
    expires_at: { ...Instant, description: 'At most one year ahead.' },
  }),
  response: {
    201: replayable(json('The key, which is shown this once.', Shared(NewOperatorKey))),
    ...adminWriteErrors('step_up_required', ...idempotencyCodes),
  },
}

export const revokeOperatorKey = {
  tags: ['Operator keys'],
  security: byOperators,
  operationId: 'revokeOperatorKey',
  summary: 'Revoke an operator key; it ends at once',
  params: Type.Object({
    key: PathId('UUID of the key.'),
  }),
  response: {
    200: json('The key.', Shared(OperatorKey)),
    ...adminActionErrors('step_up_required', 'not_found'),
  },
}

export const completeSetup = {
  tags: ['Operators'],
  operationId: 'completeSetup',
  summary: 'Set the password of an operator by a set-up link, and sign in',
  description:
    'The first link of an installation, which is in its log, makes the first owner, with the address in the body. The session is for enrolling a passkey or an authenticator.',
  security: byAnyone,
  headers: Type.Object(transportHeader),
  body: Type.Object({
    token: Secret(
      Type.String({ minLength: 1, maxLength: 128, description: 'What is behind the # of the link.' }),
    ),
    email: Type.Optional(Email),
    password: NewPassword,
  }),
  response: {
    200: sessionResponse('Signed in.'),
    ...errorResponses(
      'cross_site_request',
      'second_factor_required',
      'body_too_large',
      'unsupported_media_type',
      'validation_failed',
      'project_not_found',
      'rate_limited',
      'service_unavailable',
    ),
  },
}
