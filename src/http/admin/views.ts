// How the admin API shows projects, users and operators.
import type { Static } from '@sinclair/typebox'
import type { AdminProject } from '../../../schemas/admin/projects.ts'
import { isOperatorsProject } from '../../domain/projects/operators-project.ts'
import type { Project } from '../../domain/projects/projects.ts'

export const projectView = (project: Project): Static<typeof AdminProject> => ({
  id: project.id,
  name: project.name,
  reserved: isOperatorsProject(project),
  has_secret: project.secretHash !== null,
  archived_at: project.archivedAt?.toISOString() ?? null,
  created_at: project.createdAt.toISOString(),
})
