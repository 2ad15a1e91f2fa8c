// Projects and their policies, as operators manage them.
import { Type } from '@sinclair/typebox'
import { adminActionErrors, adminReadErrors, adminWriteErrors, idempotencyCodes } from '../errors.ts'
import { idempotencyHeader, replayable } from '../headers.ts'
import { closed, Id, Instant, Nullable, Secret, Shared } from '../primitives.ts'
import { json, listOf } from '../responses.ts'
import { byOperators, byOperatorsOrSecret, etagHeader, ifMatchHeader, projectParams } from './admin.ts'

const ProjectName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '\\S',
  examples: ['Shop'],
})

export const AdminProject = Type.Object(
  {
    id: Id,
    name: Type.String({ examples: ['Shop'] }),
    reserved: Type.Boolean({ description: 'True for the built-in project of the operators.' }),
    has_secret: Type.Boolean(),
    archived_at: Nullable(Instant, { examples: [null] }),
    created_at: Instant,
  },
  { $id: 'AdminProject', ...closed },
)

const Policy = Type.Record(Type.String(), Type.Unknown(), {
  description: 'The keys of a policy: docs/operate.md lists them, `GET /policy-schema` is their JSON Schema.',
  examples: [{ verification: { mode: 'strict' } }],
})

const PolicyState = Type.Object(
  {
    stored: { ...Policy, description: 'What was set.' },
    effective: { ...Policy, description: 'The same over the defaults: what is in force.' },
  },
  { $id: 'PolicyState', ...closed },
)

const PolicyChange = Type.Object(
  {
    key: Type.String({ examples: ['verification.mode'] }),
    before: Type.Unknown({ examples: ['lenient'] }),
    after: Type.Unknown({ examples: ['strict'] }),
    reset: Type.Boolean({ description: 'True where it was set, and has its default again.' }),
  },
  { $id: 'PolicyChange', ...closed },
)

const PolicyResult = Type.Object(
  {
    stored: { ...Policy, description: 'What is set.' },
    effective: { ...Policy, description: 'The same over the defaults.' },
    changes: Type.Array(Shared(PolicyChange), { description: 'What changes in what is in force.' }),
    preview: Type.Boolean({ description: 'True: nothing was changed.' }),
  },
  { $id: 'PolicyResult', ...closed },
)

const ProjectWithSecret = Type.Object(
  {
    project: Shared(AdminProject),
    secret: Secret(
      Type.String({
        description: 'Shown this once.',
        examples: ['sps_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
      }),
    ),
  },
  { $id: 'ProjectWithSecret', ...closed },
)

export const projectSchemas = [AdminProject, PolicyState, PolicyChange, PolicyResult, ProjectWithSecret]

const inTag = { tags: ['Projects'], params: projectParams }

export const listProjects = {
  operationId: 'listProjects',
  tags: ['Projects'],
  summary: 'List the projects that the operator has a role for',
  security: byOperatorsOrSecret,
  querystring: Type.Object({
    archived: Type.Optional(Type.Boolean({ description: 'Whether archived ones are listed too.' })),
  }),
  response: {
    200: listOf('The projects, the oldest first.', Shared(AdminProject)),
    ...adminReadErrors('validation_failed'),
  },
}

export const createProject = {
  operationId: 'createProject',
  tags: ['Projects'],
  summary: 'Create a project',
  security: byOperators,
  headers: Type.Object(idempotencyHeader),
  body: Type.Object({ name: ProjectName, policy: Type.Optional(Policy) }),
  response: {
    201: replayable(
      json('The project, and its secret, which is shown this once.', Shared(ProjectWithSecret)),
    ),
    ...adminWriteErrors(...idempotencyCodes),
  },
}

export const getProject = {
  ...inTag,
  operationId: 'getProject',
  summary: 'Get a project',
  security: byOperatorsOrSecret,
  response: { 200: json('The project.', Shared(AdminProject)), ...adminReadErrors('project_not_found') },
}

export const renameProject = {
  ...inTag,
  operationId: 'renameProject',
  summary: 'Rename a project',
  security: byOperatorsOrSecret,
  body: Type.Object({ name: ProjectName }),
  response: {
    200: json('The project.', Shared(AdminProject)),
    ...adminWriteErrors('project_not_found', 'project_reserved'),
  },
}

export const archiveProject = {
  ...inTag,
  operationId: 'archiveProject',
  summary: 'Archive a project',
  description:
    'From then on every other API answers as if the project did not exist: nobody signs in, no session, token or key is accepted. Nothing is deleted, operators still see everything, and `open` takes it back.',
  security: byOperators,
  response: {
    200: json('The project.', Shared(AdminProject)),
    ...adminActionErrors('project_not_found', 'project_reserved', 'project_in_use'),
  },
}

export const openProject = {
  ...inTag,
  operationId: 'openProject',
  summary: 'Open an archived project again',
  security: byOperators,
  response: {
    200: json('The project.', Shared(AdminProject)),
    ...adminActionErrors('project_not_found', 'project_reserved'),
  },
}

export const rotateSecret = {
  ...inTag,
  operationId: 'rotateProjectSecret',
  summary: 'Give a project a new secret; the old one ends at once',
  security: byOperatorsOrSecret,
  response: {
    200: json('The project, and its secret, which is shown this once.', Shared(ProjectWithSecret)),
    ...adminActionErrors('project_not_found', 'project_reserved'),
  },
}

export const getPolicy = {
  ...inTag,
  operationId: 'getPolicy',
  summary: 'Get the policy of a project',
  security: byOperatorsOrSecret,
  response: {
    200: json('The policy.', Shared(PolicyState), etagHeader),
    ...adminReadErrors('project_not_found'),
  },
}

const changing = {
  ...inTag,
  security: byOperatorsOrSecret,
  headers: Type.Object(ifMatchHeader),
  querystring: Type.Object({
    preview: Type.Optional(
      Type.Boolean({ description: 'True: tells what would change, and changes nothing; needs no If-Match.' }),
    ),
  }),
  body: Policy,
  response: {
    200: json('The policy, and what changes.', Shared(PolicyResult), etagHeader),
    ...adminWriteErrors(
      'project_not_found',
      'policy_key_reserved',
      'precondition_failed',
      'precondition_required',
    ),
  },
}

export const putPolicy = {
  ...changing,
  operationId: 'replacePolicy',
  summary: 'Replace the policy of a project; what is left out has its default again',
}

export const patchPolicy = {
  ...changing,
  operationId: 'mergePolicy',
  summary: 'Change what the body names in the policy of a project; lists are replaced whole',
}

export const policySchema = {
  operationId: 'getPolicySchema',
  tags: ['Projects'],
  summary: 'Get the JSON Schema of a policy, with every default and bound',
  security: byOperatorsOrSecret,
  response: {
    200: json(
      'A JSON Schema.',
      Type.Record(Type.String(), Type.Unknown(), { examples: [{ type: 'object' }] }),
    ),
    ...adminReadErrors(),
  },
}
