// Mails that wait, and the keys that sign access tokens.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors } from '../errors.ts'
import { closed, Id, Instant, Nullable, OneOf, PathId, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { byOperators, byOperatorsOrSecret, projectParams } from './admin.ts'

export const AdminMail = Type.Object(
  {
    id: Id,
    kind: Type.String({ examples: ['verify_email'] }),
    to: Nullable(Type.String(), { examples: ['ada@example.com'] }),
    attempts: Type.Integer({ examples: [2] }),
    created_at: Instant,
    next_attempt_at: Nullable(Instant, { description: 'Null: it was given up.', examples: [null] }),
    dead_at: Nullable(Instant, { examples: [null] }),
    last_error: Nullable(Type.String(), { examples: ['The server cannot be reached.'] }),
  },
  { $id: 'AdminMail', ...closed },
)

export const SigningKey = Type.Object(
  {
    kid: Type.String({ examples: ['a-key-id'] }),
    algorithm: Type.String({ examples: ['ES256'] }),
    state: OneOf(['next', 'current', 'previous'], {
      description: '`next` is published and signs nothing yet, `current` signs, `previous` only verifies.',
      examples: ['current'],
    }),
    created_at: Instant,
  },
  { $id: 'SigningKey', ...closed },
)

export const operationSchemas = [AdminMail, SigningKey]

export const listMails = {
  tags: ['Mails'],
  security: byOperatorsOrSecret,
  params: projectParams,
  operationId: 'listMails',
  summary: 'List mails that wait, or were given up, the oldest first',
  querystring: Type.Object({
    state: Type.Optional(
      OneOf(['owed', 'dead'], { description: '`owed` (default): waits to be sent. `dead`: was given up.' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  }),
  response: {
    200: json(
      'The mails, and how many there are in all.',
      Type.Object({ data: Type.Array(Shared(AdminMail)), total: Type.Integer({ examples: [1] }) }, closed),
    ),
    ...adminReadErrors('validation_failed', 'project_not_found'),
  },
}

export const retryMail = {
  tags: ['Mails'],
  security: byOperatorsOrSecret,
  params: Type.Object({
    ...projectParams.properties,
    mail: PathId('UUID of the mail.'),
  }),
  operationId: 'retryMail',
  summary: 'Send a mail again, with all its attempts',
  response: {
    204: Type.Null({ description: 'It is due now.' }),
    ...adminActionErrors('project_not_found', 'not_found'),
  },
}

const keys = { tags: ['Signing keys'], security: byOperators, params: projectParams }

export const listKeys = {
  ...keys,
  operationId: 'listSigningKeys',
  summary: 'List the keys that sign access tokens; all projects share them',
  response: {
    200: listOf('The keys.', Shared(SigningKey)),
    ...adminReadErrors('project_not_found'),
  },
}

export const rotateKeys = {
  ...keys,
  operationId: 'rotateSigningKeys',
  summary: 'Let the next keys sign from now on',
  body: Type.Object({
    force: Type.Optional(
      Type.Boolean({
        description:
          'Whether also within ten minutes of publishing them, when other services may not have them yet.',
        examples: [false],
      }),
    ),
  }),
  response: {
    200: listOf('The keys.', Shared(SigningKey)),
    ...adminWriteErrors('project_not_found', 'signing_key_too_young'),
  },
}

export const revokeKey = {
  ...keys,
  params: Type.Object({
    ...projectParams.properties,
    kid: Type.String({ description: 'The id of the key.', examples: ['a-key-id'] }),
  }),
  operationId: 'revokeSigningKey',
  summary: 'End a signing key at once, everywhere: its tokens are refused',
  response: {
    200: listOf('The keys.', Shared(SigningKey)),
    ...adminActionErrors('project_not_found', 'not_found'),
  },
}
