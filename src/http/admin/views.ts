// How the admin API shows projects, users and operators.
import { type Static, Type } from '@sinclair/typebox'
import { AdminMail, SigningKey } from '../../../schemas/admin/operations.ts'
import { OperatorKey } from '../../../schemas/admin/operator-keys.ts'
import type { OperatorEntry } from '../../../schemas/admin/operators.ts'
import { AdminProject } from '../../../schemas/admin/projects.ts'
import { AdminTeam } from '../../../schemas/admin/teams.ts'
import { Impersonation } from '../../../schemas/admin/user-details.ts'
import { UserFactors } from '../../../schemas/admin/user-factors.ts'
import { AdminUser } from '../../../schemas/admin/users.ts'
import type { ShownFactors } from '../../domain/operators/factors.ts'
import type { OperatorEntry as Entry } from '../../domain/operators/operators.ts'
import { isOperatorsProject } from '../../domain/projects/operators-project.ts'
import type { Project } from '../../domain/projects/projects.ts'
import type { ListedMail } from '../../repositories/mail/listed-mails.ts'
import type { AdminUserRow } from '../../repositories/operators/user-search.ts'
import type { ImpersonationRow } from '../../repositories/sessions/impersonation.ts'
import { viewOf } from '../schema-view.ts'
import { avatarUrl } from '../views.ts'

const showProject = viewOf(AdminProject)

export const projectView = (project: Project): Static<typeof AdminProject> =>
  showProject({
    ...project,
    reserved: isOperatorsProject(project),
    hasSecret: project.secretHash !== null,
  })

/** The kinds of second factors of an account. */
const factorsOf = ({ secondFactors }: { readonly secondFactors: string }): string[] =>
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

const showUser = viewOf(Type.Omit(AdminUser, ['metadata']))

export type AdminUserView = (user: AdminUserRow) => Static<typeof AdminUser>

/** Builds the view of a user. @param publicUrl where the address of their picture begins */
export function adminUserView(publicUrl: string): AdminUserView {
  return (user) => ({
    ...showUser({
      ...user,
      avatarUrl: avatarUrl(publicUrl, user.avatarId),
      secondFactors: factorsOf(user),
    }),
    metadata: user.metadata,
  })
}

const showFactors = viewOf(UserFactors)

/** The passkeys and second factors of a user. */
export const userFactorsView = ({ enrolled, ...others }: ShownFactors): Static<typeof UserFactors> =>
  showFactors({ totp: enrolled.includes('totp'), ...others })

const showImpersonation = viewOf(Impersonation)

export const impersonationView = ({ user, email, impersonator, ...session }: ImpersonationRow) =>
  showImpersonation({ ...session, userUuid: user, userEmail: email, impersonator: impersonator ?? '' })

export const adminTeamView = viewOf(AdminTeam)

export const signingKeyView = viewOf(SigningKey)

const showMail = viewOf(AdminMail)

export const mailView = (mail: ListedMail): Static<typeof AdminMail> =>
  showMail({ ...mail, nextAttemptAt: mail.deadAt ? null : mail.nextAttemptAt })
