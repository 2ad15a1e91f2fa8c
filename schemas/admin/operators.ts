// Operators: the operator of the request, operators with their roles, and set-up links.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors, idempotencyCodes } from '../errors.ts'
import { idempotencyHeader, replayable } from '../headers.ts'
import { closed, Email, Id, Instant, Nullable, OneOf, PathId, Secret, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { byOperators, byOperatorsOrSecret } from './admin.ts'

export const Role = OneOf(['owner', 'admin', 'support', 'auditor', 'viewer'], { examples: ['admin'] })

export const Scope = Nullable(Id, {
  description: 'UUID of the project that the role is for; null: every project.',
  examples: [null],
})

const HeldRole = Type.Object({ role: Role, scope: Scope }, { $id: 'HeldRole', ...closed })

const Me = Type.Object(
  {
    kind: OneOf(['session', 'key', 'project_secret'], { examples: ['session'] }),
    id: { ...Id, description: 'UUID of the account, of the key, or of the project.' },
    name: Type.String({
      description: 'The address, or the name of the key or project.',
      examples: ['ada@example.com'],
    }),
    roles: Type.Array(Shared(HeldRole)),
    permissions: Type.Array(Type.String(), {
      description: 'What these roles allow, for the projects that each is for.',
      examples: [['projects.list', 'users.read']],
    }),
    operators_project_id: { ...Id, description: 'The project in which operators sign in.' },
    server_time: Instant,
  },
  { $id: 'Me', ...closed },
)

export const me = {
  operationId: 'getOperator',
  tags: ['Operators'],
  summary: 'Get who asks, and what they may do',
  security: byOperatorsOrSecret,
  response: { 200: json('The operator.', Shared(Me)), ...adminReadErrors() },
}

export const OperatorEntry = Type.Object(
  {
    uuid: Id,
    email: Type.String({ examples: ['ada@example.com'] }),
    display_name: Nullable(Type.String(), { examples: ['Ada'] }),
    roles: Type.Array(Shared(HeldRole)),
    second_factors: Type.Array(Type.String(), { examples: [['totp']] }),
    disabled_at: Nullable(Instant, { examples: [null] }),
    created_at: Instant,
  },
  { $id: 'OperatorEntry', ...closed },
)

const SetupUrl = Secret(
  Type.String({
    description:
      'The link by which the operator sets a password, within a day and once. Hand it to nobody else.',
    examples: ['https://auth.example.com/operators/setup#sos_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
  }),
)

const NewOperator = Type.Object(
  {
    operator: Shared(OperatorEntry),
    setup_url: Nullable(SetupUrl, { description: 'Null: the account was there already.' }),
  },
  { $id: 'NewOperator', ...closed },
)

export const operatorSchemas = [Me, HeldRole, OperatorEntry, NewOperator]

export const RoleBody = { role: Role, scope: Type.Optional(Scope) }
const operatorParams = Type.Object({
  user: PathId('UUID of the operator.'),
})
const inTag = { tags: ['Operators'], security: byOperators }
const entry = json('The operator.', Shared(OperatorEntry))

export const listOperators = {
  ...inTag,
  operationId: 'listOperators',
  summary: 'List the operators',
  response: {
    200: listOf('The operators.', Shared(OperatorEntry)),
    ...adminReadErrors(),
  },
}

export const createOperator = {
  ...inTag,
  operationId: 'createOperator',
  summary: 'Make an account an operator, and the account where there is none',
  headers: Type.Object(idempotencyHeader),
  body: Type.Object({ email: Email, ...RoleBody }),
  response: {
    201: replayable(
      json('The operator, and the link to set the password of a new account.', Shared(NewOperator)),
    ),
    ...adminWriteErrors('step_up_required', 'last_owner', ...idempotencyCodes),
  },
}

export const getOperatorEntry = {
  ...inTag,
  operationId: 'getOperatorEntry',
  summary: 'Get an operator',
  params: operatorParams,
  response: { 200: entry, ...adminReadErrors('not_found') },
}

export const putOperatorRole = {
  ...inTag,
  operationId: 'setOperatorRole',
  summary: 'Give an operator a role for a project, or for all',
  params: operatorParams,
  body: Type.Object(RoleBody),
  response: { 200: entry, ...adminWriteErrors('step_up_required', 'not_found', 'last_owner') },
}

export const deleteOperatorRole = {
  ...inTag,
  operationId: 'removeOperatorRole',
  summary: 'Take the role of an operator for a project, or for all',
  params: operatorParams,
  querystring: Type.Object({
    scope: Type.Optional(
      Type.String({ description: 'UUID of the project; absent: the role for all projects.' }),
    ),
  }),
  response: { 200: entry, ...adminWriteErrors('step_up_required', 'not_found', 'last_owner') },
}

export const removeOperator = {
  ...inTag,
  operationId: 'removeOperator',
  summary: 'Take every role of an operator; the account stays',
  params: operatorParams,
  response: { 200: entry, ...adminActionErrors('step_up_required', 'not_found', 'last_owner') },
}

export const renewSetupLink = {
  ...inTag,
  operationId: 'renewSetupLink',
  summary: 'Make a link by which an operator sets a password anew; earlier links end',
  params: operatorParams,
  response: {
    200: json('The link.', Type.Object({ setup_url: SetupUrl }, closed)),
    ...adminActionErrors('step_up_required', 'not_found'),
  },
}
