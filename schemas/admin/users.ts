// Users of a project, as operators search, create and change them.
import { Type } from '@sinclair/typebox'
import {
  adminActionErrors,
  adminReadErrors,
  adminWriteErrors,
  idempotencyCodes,
  type ProblemCode,
} from '../errors.ts'
import { idempotencyHeader, replayable } from '../headers.ts'
import { closed, Email, Id, Instant, NewPassword, Nullable, OneOf, Secret, Shared } from '../primitives.ts'
import { json } from '../responses.ts'
import { MetadataPatch, profileFields, User } from '../users.ts'
import {
  byOperatorsOrSecret,
  etagHeader,
  ifMatchHeader,
  pageOf,
  pageQuery,
  projectParams,
  unknownInPath,
  userParams,
} from './admin.ts'

const UserRole = OneOf(['user', 'admin'], { examples: ['user'] })

export const AdminUser = Type.Object(
  {
    id: Type.Integer({ examples: [42] }),
    uuid: Id,
    email: Type.String({ examples: ['ada@example.com'] }),
    email_verified_at: Nullable(Instant, { examples: [null] }),
    email_proof: Nullable(Type.String(), {
      description:
        'Who has proven the address: `holder`, `claim` or `mailbox`; docs/security.md explains them.',
      examples: ['holder'],
    }),
    display_name: Nullable(Type.String(), { examples: ['Ada'] }),
    first_name: Nullable(Type.String(), { examples: ['Ada'] }),
    last_name: Nullable(Type.String(), { examples: ['Lovelace'] }),
    locale: Nullable(Type.String(), { examples: ['en'] }),
    role: UserRole,
    provider: Nullable(Type.String(), { examples: [null] }),
    avatar_url: Nullable(Type.String(), { examples: [null] }),
    metadata: User.properties.metadata,
    has_password: Type.Boolean(),
    second_factors: Type.Array(Type.String(), { examples: [['totp']] }),
    passkeys: Type.Integer({ description: 'How many passkeys the user has.', examples: [1] }),
    providers: Type.Array(Type.String(), {
      description: 'The sign-in providers that are linked.',
      examples: [['google']],
    }),
    last_sign_in_at: Nullable(Instant, {
      description:
        'The newest sign-in or sign-up that the activity of the account has; null: none. No part of the `ETag`.',
      examples: [null],
    }),
    factors_reset_due_at: Nullable(Instant, { examples: [null] }),
    disabled_at: Nullable(Instant, { examples: [null] }),
    deletion_due_at: Nullable(Instant, { examples: [null] }),
    created_at: Instant,
    updated_at: Instant,
  },
  { $id: 'AdminUser', ...closed },
)

/** Users that one request may name by their UUIDs. */
const maxNamed = 50

const inTag = { tags: ['Users'], security: byOperatorsOrSecret }
const oneUser = { ...inTag, params: userParams }
const theUser = json('The user.', Shared(AdminUser), etagHeader)

export const searchUsers = {
  ...inTag,
  params: projectParams,
  operationId: 'searchUsers',
  summary: 'Search the users of a project',
  description:
    'By address they come in its order, by name in the order of the words found, else the newest first. A page may have fewer entries than its limit, or none, and still be followed by another: `next_cursor` says so.',
  querystring: Type.Object({
    email: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'The beginning of the address.' }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Words, each the beginning of a word of the names, whatever the order and case.',
      }),
    ),
    uuid: Type.Optional(
      Type.String({
        maxLength: 37 * maxNamed,
        description: `The UUID of one user, or of up to ${maxNamed}, with commas between them.`,
      }),
    ),
    state: Type.Optional(OneOf(['active', 'disabled', 'unverified', 'deleting'])),
    created_since: Type.Optional(Type.String({ format: 'date-time', maxLength: 40 })),
    ...pageQuery,
  }),
  response: {
    200: pageOf('A page of users.', Shared(AdminUser)),
    ...adminReadErrors('validation_failed', 'project_not_found'),
  },
}

export const createUser = {
  ...inTag,
  params: projectParams,
  operationId: 'createUser',
  summary: 'Create a user, without a sign-up and without a mail',
  headers: Type.Object(idempotencyHeader),
  body: Type.Object({
    email: Email,
    password: Type.Optional(
      Nullable(NewPassword, { description: 'Absent or null: none; a reset sets one.' }),
    ),
    ...profileFields,
    role: Type.Optional(UserRole),
    verified: Type.Optional(Type.Boolean({ description: 'Whether you vouch for the address; default: no.' })),
  }),
  response: {
    201: replayable(json('The user.', Shared(AdminUser))),
    ...adminWriteErrors('project_not_found', ...idempotencyCodes),
  },
}

export const getUser = {
  ...oneUser,
  operationId: 'getUser',
  summary: 'Get a user',
  response: { 200: theUser, ...adminReadErrors(...unknownInPath) },
}

export const updateUser = {
  ...oneUser,
  operationId: 'updateUser',
  summary: 'Change the names, language, metadata or role of a user',
  description: 'Only what the body names changes; `metadata` is a merge patch (RFC 7396).',
  headers: Type.Object(ifMatchHeader),
  body: Type.Object({
    ...profileFields,
    locale: Type.Optional(
      Nullable(
        Type.String({
          pattern: '^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$',
          maxLength: 35,
          examples: ['de'],
        }),
      ),
    ),
    metadata: Type.Optional(MetadataPatch({ examples: [{ plan: 'free' }] })),
    role: Type.Optional(UserRole),
  }),
  response: {
    200: theUser,
    ...adminWriteErrors(...unknownInPath, 'precondition_failed', 'precondition_required'),
  },
}

const acting = (operationId: string, summary: string, ...codes: readonly ProblemCode[]) => ({
  ...oneUser,
  operationId,
  summary,
  response: { 200: theUser, ...adminActionErrors(...unknownInPath, ...codes) },
})

export const disableUser = acting(
  'disableUser',
  'Disable a user: sessions and keys end, and no sign-in works',
  'team_admin_needed',
  'last_owner',
)
export const enableUser = acting('enableUser', 'Enable a disabled user')
export const restoreUser = acting('restoreUser', 'Take the pending deletion of a user back')
export const verifyUser = acting('verifyUser', 'Vouch for the address of a user, as proven by its holder')

export const deleteUser = {
  ...oneUser,
  operationId: 'deleteUser',
  summary: 'Delete a user, at once or after the grace period of the policy',
  querystring: Type.Object({
    now: Type.Optional(Type.Boolean({ description: 'True: at once, whatever the policy says.' })),
  }),
  response: {
    200: json('The user, who waits for the deletion.', Shared(AdminUser)),
    204: Type.Null({ description: 'The user is deleted.' }),
    ...adminWriteErrors(...unknownInPath, 'team_admin_needed', 'last_owner'),
  },
}

export const sendReset = {
  ...oneUser,
  operationId: 'sendReset',
  summary: 'Send the mail with which a user chooses a new password',
  body: Type.Object({
    redirect_to: Type.Optional(
      Type.String({ minLength: 1, maxLength: 2048, examples: ['https://app.example.com/reset'] }),
    ),
  }),
  response: {
    202: json(
      'The mail is queued, unless one was sent within the cooldown.',
      Type.Object(
        {
          message: Type.String({ examples: ['The mail is on its way.'] }),
          token: Type.Optional(
            Secret(
              Type.String({ description: 'For the project’s secret, where the application delivers mail.' }),
            ),
          ),
        },
        closed,
      ),
    ),
    ...adminWriteErrors(...unknownInPath),
  },
}
