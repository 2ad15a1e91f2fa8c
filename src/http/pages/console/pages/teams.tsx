// The teams of a project.
import { create } from '../api.ts'
import { useRead } from '../loading.ts'
import { NewButton } from '../parts/buttons.tsx'
import { ask, Field } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { ListTable } from '../parts/table.tsx'
import { NameLink, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { go } from '../route.ts'
import { t } from '../texts.ts'
import type { AdminTeam, List, Project } from '../types.ts'

function askForTeam(project: string): void {
  ask({
    title: t('New team'),
    submit: t('Create team'),
    fields: <Field label={t('Name')} name="name" maxlength={100} required autofocus />,
    onSubmit: async ({ name }) => {
      const { id } = await create<AdminTeam>(`projects/${project}/teams`, { name })
      go(['projects', project, 'teams', id])
    },
  })
}

export function TeamList({ project }: { project: Project }) {
  const teams = useRead<List<AdminTeam>>(`projects/${project.id}/teams`)
  return (
    <View
      title={t('Teams')}
      actions={
        can('teams.write', project.id) && (
          <NewButton label={t('New team')} open={() => askForTeam(project.id)} />
        )
      }
    >
      <Card isFlush>
        <ListTable
          label={t('Teams')}
          list={teams}
          id={({ id }) => id}
          columns={[
            {
              label: t('Name'),
              kind: 'wide',
              show: ({ id, name }) => <NameLink path={['projects', project.id, 'teams', id]} text={name} />,
            },
            { label: t('Members'), kind: 'end', show: ({ member_count }) => member_count },
            { label: t('Created'), show: ({ created_at }) => <When at={created_at} /> },
          ]}
          empty={
            <Empty icon="teams" title={t('No team yet')}>
              {t('Users make teams in your application, or you create one here.')}
            </Empty>
          }
        />
      </Card>
    </View>
  )
}
