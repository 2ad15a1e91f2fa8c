// /projects, their names, policies and secrets.
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as schemas from '../../../../schemas/admin/projects.ts'
import {
  editPolicy,
  listReachable,
  type PolicyOutcome,
  previewPolicy,
  storedPolicy,
} from '../../../domain/operators/projects.ts'
import { allowsEverywhere } from '../../../domain/operators/roles.ts'
import { mergePolicy, policySchema } from '../../../domain/projects/policy.ts'
import * as projects from '../../../domain/projects/projects.ts'
import type { Api } from '../../typebox.ts'
import { actingOf, may, mayOnce, onProject, operatorOf } from '../authorize.ts'
import { etagOf, ifMatch } from '../etag.ts'
import type { AdminParts } from '../parts.ts'
import { projectView } from '../views.ts'

export async function projectRoutes(api: Api, { services }: AdminParts): Promise<void> {
  api.get('/projects', { schema: schemas.listProjects, config: may('projects.list') }, async (request) => {
    const all = await listReachable(services, operatorOf(request), request.query.archived ?? false)
    return { data: all.map(projectView) }
  })

  api.post(
    '/projects',
    { schema: schemas.createProject, config: mayOnce('projects.create') },
    async (request, reply) => {
      const { name, policy = {} } = request.body
      const made = await projects.createProject(services, name.trim(), policy, actingOf(request))
      return reply.code(201).send({ project: projectView(made.project), secret: made.secret })
    },
  )

  api.get('/projects/:id', { schema: schemas.getProject, config: may('projects.read') }, async (request) =>
    projectView(onProject(request, services).project),
  )

  api.patch(
    '/projects/:id',
    { schema: schemas.renameProject, config: may('projects.rename') },
    async (request) => {
      const { project } = onProject(request, services)
      const name = request.body.name.trim()
      return projectView(await projects.renameProject(services, project.id, name, actingOf(request)))
    },
  )

  const archive = (archived: boolean) => async (request: FastifyRequest) => {
    const { project } = onProject(request, services)
    return projectView(await projects.setProjectArchived(services, project.id, archived, actingOf(request)))
  }
  api.post(
    '/projects/:id/archive',
    { schema: schemas.archiveProject, config: may('projects.archive') },
    archive(true),
  )
  api.post(
    '/projects/:id/open',
    { schema: schemas.openProject, config: may('projects.archive') },
    archive(false),
  )

  api.post(
    '/projects/:id/rotate-secret',
    { schema: schemas.rotateSecret, config: may('secret.rotate') },
    async (request) => {
      const { project } = onProject(request, services)
      const made = await projects.rotateProjectSecret(services, project.id, actingOf(request))
      return { project: projectView(made.project), secret: made.secret }
    },
  )
}

/** The policy of a project: read, replaced, merged, and its schema. */
export async function policyRoutes(api: Api, { services }: AdminParts): Promise<void> {
  api.get(
    '/policy-schema',
    { schema: schemas.policySchema, config: may('me.read') },
    async () => policySchema,
  )

  api.get(
    '/projects/:id/policy',
    { schema: schemas.getPolicy, config: may('policy.read') },
    async (request, reply) => {
      const stored = await storedPolicy(onProject(request, services))
      reply.header('etag', etagOf(stored))
      return { stored, effective: mergePolicy(stored) }
    },
  )

  const answer = (reply: FastifyReply, { stored, effective, changes }: PolicyOutcome, preview: boolean) => {
    if (!preview) reply.header('etag', etagOf(stored))
    return { stored, effective, changes, preview }
  }
  const change =
    (merges: boolean) =>
    async (
      request: FastifyRequest<{ Querystring: { preview?: boolean }; Body: Record<string, unknown> }>,
      reply: FastifyReply,
    ) => {
      const ctx = onProject(request, services)
      const { preview = false } = request.query
      const reachesInstallation = allowsEverywhere(operatorOf(request).held, 'policy.write')
      const matches = preview ? null : ifMatch(request)
      const edit = { merges, written: request.body, matches, reachesInstallation }
      return answer(reply, await (preview ? previewPolicy : editPolicy)(ctx, edit), preview)
    }
  const config = may('policy.write')
  api.put('/projects/:id/policy', { schema: schemas.putPolicy, config }, change(false) as never)
  api.patch('/projects/:id/policy', { schema: schemas.patchPolicy, config }, change(true) as never)
}
