// How the admin API shows projects, users and operators.
import type { Static } from '@sinclair/typebox'
import { type OperatorEntry, OperatorKey } from '../../../schemas/admin/operators.ts'
import type { AdminProject } from '../../../schemas/admin/projects.ts'
import type { OperatorEntry as Entry } from '../../domain/operators/operators.ts'
import { isOperatorsProject } from '../../domain/projects/operators-project.ts'
import type { Project } from '../../domain/projects/projects.ts'
import { viewOf } from '../schema-view.ts'

export const projectView = (project: Project): Static<typeof AdminProject> => ({
  id: project.id,
  name: project.name,
  reserved: isOperatorsProject(project),
  has_secret: project.secretHash !== null,
  archived_at: project.archivedAt?.toISOString() ?? null,
  created_at: project.createdAt.toISOString(),
})

/** The kinds of second factors of an account. */
export const factorsOf = ({ secondFactors }: { readonly secondFactors: string }): string[] =>
  secondFactors === '' ? [] : secondFactors.split(' ')

export const operatorView = ({ user, held }: Entry): Static<typeof OperatorEntry> => ({
  uuid: user.uuid,
  email: user.email,
  display_name: user.displayName,
  roles: held.map(({ role, scope }) => ({ role, scope })),
  second_factors: factorsOf(user),
  disabled_at: user.disabledAt?.toISOString() ?? null,
  created_at: user.createdAt.toISOString(),
})

export const operatorKeyView = viewOf(OperatorKey)
