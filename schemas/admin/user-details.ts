// What belongs to one user, as operators see and end it: sessions, identities, keys, teams, activity, export, impersonation.
import { Type } from '@sinclair/typebox'
import { AccountExport, Activity } from '../account.ts'
import { ApiKey } from '../api-keys.ts'
import { adminActionErrors, adminReadErrors, adminWriteErrors } from '../errors.ts'
import { Identity } from '../identities.ts'
import { Id, Instant, Secret, Shared } from '../primitives.ts'
import { SessionEntry } from '../sessions.ts'
import { Team } from '../teams.ts'
import { User } from '../users.ts'
import {
  byOperators,
  byOperatorsOrSecret,
  nextCursor,
  ok,
  pageQuery,
  projectParams,
  userParams,
} from './admin.ts'

const closed = { additionalProperties: false } as const
const inTag = { tags: ['Users'], security: byOperatorsOrSecret, params: userParams }
const unknown = ['project_not_found', 'not_found'] as const
const listOf = <T>(description: string, schema: T) =>
  ok(description, Type.Object({ data: Type.Array(schema as never) }, closed))

export const listUserSessions = {
  ...inTag,
  operationId: 'listUserSessions',
  summary: 'List the living sessions of a user',
  response: {
    200: listOf('The sessions, the last used first.', Shared(SessionEntry)),
    ...adminReadErrors(...unknown),
  },
}

export const endUserSession = {
  ...inTag,
  params: Type.Object({
    ...userParams.properties,
    session: Type.String({
      description: 'UUID of the session.',
      examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'],
    }),
  }),
  operationId: 'endUserSession',
  summary: 'End a session of a user; its tokens are refused at once',
  response: { 204: Type.Null({ description: 'It has ended.' }), ...adminActionErrors(...unknown) },
}

export const endUserSessions = {
  ...inTag,
  operationId: 'endUserSessions',
  summary: 'End every session of a user',
  response: { 204: Type.Null({ description: 'They have ended.' }), ...adminActionErrors(...unknown) },
}

export const listUserIdentities = {
  ...inTag,
  operationId: 'listUserIdentities',
  summary: 'List the sign-in providers of a user',
  response: { 200: listOf('The identities.', Shared(Identity)), ...adminReadErrors(...unknown) },
}

export const listUserApiKeys = {
  ...inTag,
  operationId: 'listUserApiKeys',
  summary: 'List the API keys of a user, active ones first',
  response: {
    200: listOf('The keys, without their secrets.', Shared(ApiKey)),
    ...adminReadErrors(...unknown),
  },
}

export const revokeUserApiKey = {
  ...inTag,
  params: Type.Object({
    ...userParams.properties,
    key: Type.String({ description: 'UUID of the key.', examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'] }),
  }),
  operationId: 'revokeUserApiKey',
  summary: 'Revoke an API key of a user',
  response: { 204: Type.Null({ description: 'It has ended.' }), ...adminActionErrors(...unknown) },
}

export const listUserTeams = {
  ...inTag,
  operationId: 'listUserTeams',
  summary: 'List the teams of a user, with their role in each',
  response: { 200: listOf('The teams.', Shared(Team)), ...adminReadErrors(...unknown) },
}

export const listUserActivity = {
  ...inTag,
  operationId: 'listUserActivity',
  summary: 'List the events of an account, the newest first, as its owner sees them',
  querystring: Type.Object(pageQuery),
  response: {
    200: ok(
      'A page of events.',
      Type.Object({ data: Type.Array(Shared(Activity)), next_cursor: nextCursor }, closed),
    ),
    ...adminReadErrors('validation_failed', ...unknown),
  },
}

export const exportUser = {
  ...inTag,
  operationId: 'exportUser',
  summary: 'Get everything that is stored about a user, without secrets',
  response: { 200: ok('The export.', Shared(AccountExport)), ...adminReadErrors(...unknown) },
}

export const Impersonation = Type.Object(
  {
    id: { ...Id, description: 'UUID of the session.' },
    user_uuid: Id,
    user_email: Type.String({ examples: ['ada@example.com'] }),
    impersonator: {
      ...Id,
      description: 'UUID of the operator’s account or key, or of the project whose secret acted.',
    },
    created_at: Instant,
    expires_at: Instant,
  },
  { $id: 'Impersonation', ...closed },
)

const ImpersonationSession = Type.Object(
  {
    session_id: Id,
    access_token: Secret(
      Type.String({ description: 'JWT with the claim `act` (RFC 8693); there is no refresh.' }),
    ),
    token_type: Type.Literal('Bearer'),
    expires_at: Instant,
    expires_in: Type.Integer({ examples: [900] }),
    user: Shared(User),
  },
  { $id: 'ImpersonationSession', ...closed },
)

export const impersonate = {
  ...inTag,
  operationId: 'impersonateUser',
  summary: 'Act as a user for at most 15 minutes',
  description:
    'The session cannot see or change what proves who the owner is: credentials, factors, the address, API keys; nor export or delete the account. The user sees it in their activity, and is told by mail where the policy says so (`impersonation.notify`). It ends with the operator’s role, and at once on request.',
  body: Type.Object({
    reason: Type.String({
      minLength: 3,
      maxLength: 500,
      pattern: '\\S',
      description: 'Kept in the security log.',
      examples: ['Ticket 4711: the invoice page is empty'],
    }),
    seconds: Type.Optional(Type.Integer({ minimum: 30, maximum: 900, default: 900 })),
  }),
  response: {
    201: ok('The session.', Shared(ImpersonationSession)),
    ...adminWriteErrors(...unknown, 'impersonation_impossible'),
  },
}

export const listImpersonations = {
  tags: ['Impersonation'],
  security: byOperators,
  params: projectParams,
  operationId: 'listImpersonations',
  summary: 'List the impersonations that live, the newest first',
  response: {
    200: listOf('The impersonations.', Shared(Impersonation)),
    ...adminReadErrors('project_not_found'),
  },
}

export const endImpersonation = {
  tags: ['Impersonation'],
  security: byOperators,
  params: Type.Object({
    ...projectParams.properties,
    session: Type.String({
      description: 'UUID of the session.',
      examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'],
    }),
  }),
  operationId: 'endImpersonation',
  summary: 'End an impersonation at once',
  response: { 204: Type.Null({ description: 'It has ended.' }), ...adminActionErrors(...unknown) },
}

export const detailSchemas = [
  SessionEntry,
  Identity,
  ApiKey,
  Team,
  Activity,
  AccountExport,
  Impersonation,
  ImpersonationSession,
]
