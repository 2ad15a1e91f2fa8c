// The form fields of an operator's role and its project.
import { type FormValues, Select } from '../parts/form.tsx'
import { t } from '../texts.ts'
import type { Project, Role } from '../types.ts'

const meanings: readonly (readonly [role: Role, meaning: string])[] = [
  ['viewer', t('Viewer: looks at projects, users and figures')],
  ['auditor', t('Auditor: reads the security log')],
  ['support', t('Support: sees users, ends sessions, sends resets, verifies')],
  ['admin', t('Admin: settings and users of projects')],
  ['owner', t('Owner: everything, operators included')],
]

/** The body of a request about a role. @param values of the form; an empty scope stands for all projects */
export const roleOf = ({ role, scope }: FormValues): { role?: string; scope: string | null } => ({
  ...(role === undefined ? {} : { role }),
  scope: scope ? scope : null,
})

export function RoleFields({ projects }: { projects: readonly Project[] }) {
  return (
    <>
      <Select label={t('Role')} name="role" value="support" options={meanings} />
      <Select
        label={t('For')}
        name="scope"
        value=""
        options={[
          ['', t('All projects')],
          ...projects.filter(({ reserved }) => !reserved).map(({ id, name }) => [id, name] as const),
        ]}
      />
    </>
  )
}
