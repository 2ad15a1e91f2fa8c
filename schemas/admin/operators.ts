// Operators: who asks, their roles, keys and set-up links.
import { Type } from '@sinclair/typebox'
import { adminReadErrors } from '../errors.ts'
import { Id, Instant, Nullable, Shared } from '../primitives.ts'
import { byOperatorsOrSecret, ok } from './admin.ts'

/** As an enum, so that Swagger UI and generators show the choices. */
export const Role = Type.Unsafe<'owner' | 'admin' | 'support' | 'auditor' | 'viewer'>({
  type: 'string',
  enum: ['owner', 'admin', 'support', 'auditor', 'viewer'],
  examples: ['admin'],
})

export const Scope = Nullable(Id, {
  description: 'UUID of the project that the role is for; null: every project.',
  examples: [null],
})

export const HeldRole = Type.Object(
  { role: Role, scope: Scope },
  { $id: 'HeldRole', additionalProperties: false },
)

export const Me = Type.Object(
  {
    kind: Type.Unsafe<'session' | 'key' | 'project_secret'>({
      type: 'string',
      enum: ['session', 'key', 'project_secret'],
      examples: ['session'],
    }),
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
  { $id: 'Me', additionalProperties: false },
)

export const me = {
  operationId: 'getOperator',
  tags: ['Operators'],
  summary: 'Get who asks, and what they may do',
  security: byOperatorsOrSecret,
  response: { 200: ok('The operator.', Shared(Me)), ...adminReadErrors() },
}
