// What belongs to one user, as operators see and end it: sessions, identities, keys, teams, activity, export, impersonation.
import { Type } from '@sinclair/typebox'
import { AccountExport, Activity } from '../account.ts'
import { ApiKey } from '../api-keys.ts'
import { adminActionErrors, adminReadErrors, adminWriteErrors } from '../errors.ts'
import { Identity } from '../identities.ts'
import { closed, Id, Instant, PathId, Secret, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { SessionEntry } from '../sessions.ts'
import { Team } from '../teams.ts'
import { User } from '../users.ts'
import {
  byOperators,
  byOperatorsOrSecret,
  pageOf,
  pageQuery,
  projectParams,
  unknownInPath,
  userParams,
} from './admin.ts'

const inTag = { tags: ['Users'], security: byOperatorsOrSecret, params: userParams }

export const listUserSessions = {
  ...inTag,
  operationId: 'listUserSessions',
  summary: 'List the living sessions of a user',
  response: {
    200: listOf('The sessions, the last used first.', Shared(SessionEntry)),
    ...adminReadErrors(...unknownInPath),
  },
}

export const endUserSession = {
  ...inTag,
  params: Type.Object({
    ...userParams.properties,
    session: PathId('UUID of the session.'),
  }),
  operationId: 'endUserSession',
  summary: 'End a session of a user; its tokens are refused at once',
  response: { 204: Type.Null({ description: 'It has ended.' }), ...adminActionErrors(...unknownInPath) },
}

export const endUserSessions = {
  ...inTag,
  operationId: 'endUserSessions',
  summary: 'End every session of a user',
  response: { 204: Type.Null({ description: 'They have ended.' }), ...adminActionErrors(...unknownInPath) },
}

export const listUserIdentities = {
  ...inTag,
  operationId: 'listUserIdentities',
  summary: 'List the sign-in providers of a user',
  response: { 200: listOf('The identities.', Shared(Identity)), ...adminReadErrors(...unknownInPath) },
}

export const listUserApiKeys = {
  ...inTag,
  operationId: 'listUserApiKeys',
  summary: 'List the API keys of a user, active ones first',
  response: {
    200: listOf('The keys, without their secrets.', Shared(ApiKey)),
    ...adminReadErrors(...unknownInPath),
  },
}

export const revokeUserApiKey = {
  ...inTag,
  params: Type.Object({
    ...userParams.properties,
    key: PathId('UUID of the key.'),
  }),
  operationId: 'revokeUserApiKey',
  summary: 'Revoke an API key of a user',
  response: { 204: Type.Null({ description: 'It has ended.' }), ...adminActionErrors(...unknownInPath) },
}

export const listUserTeams = {
  ...inTag,
  operationId: 'listUserTeams',
  summary: 'List the teams of a user, with their role in each',
  response: { 200: listOf('The teams.', Shared(Team)), ...adminReadErrors(...unknownInPath) },
}

export const listUserActivity = {
  ...inTag,
  operationId: 'listUserActivity',
  summary: 'List the events of an account, the newest first, as its owner sees them',
  querystring: Type.Object(pageQuery),
  response: {
    200: pageOf('A page of events.', Shared(Activity)),
    ...adminReadErrors('validation_failed', ...unknownInPath),
  },
}

export const exportUser = {
  ...inTag,
  operationId: 'exportUser',
  summary: 'Get everything that is stored about a user, without secrets',
  response: { 200: json('The export.', Shared(AccountExport)), ...adminReadErrors(...unknownInPath) },
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
    201: json('The session.', Shared(ImpersonationSession)),
    ...adminWriteErrors(...unknownInPath, 'impersonation_impossible'),
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
    session: PathId('UUID of the session.'),
  }),
  operationId: 'endImpersonation',
  summary: 'End an impersonation at once',
  response: { 204: Type.Null({ description: 'It has ended.' }), ...adminActionErrors(...unknownInPath) },
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
