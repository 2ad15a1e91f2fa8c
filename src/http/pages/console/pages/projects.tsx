// The projects of the installation.
import { create } from '../api.ts'
import type { Loaded } from '../loading.ts'
import { NewButton } from '../parts/buttons.tsx'
import { ask, Field } from '../parts/form.tsx'
import { Empty } from '../parts/states.tsx'
import { type Column, ListTable } from '../parts/table.tsx'
import { Badge, Id, NameLink, showSecret, When } from '../parts/text.tsx'
import { Card, View } from '../parts/view.tsx'
import { canEverywhere } from '../permissions.ts'
import { go } from '../route.ts'
import { t } from '../texts.ts'
import type { List, Project, ProjectWithSecret } from '../types.ts'

/** Shows the secret of a project. No later answer has it. */
export const showProjectSecret = ({ project, secret }: ProjectWithSecret, onClose?: () => void): void =>
  showSecret(
    t('Secret of {name}', { name: project.name }),
    t('Back ends prove the project by it. Store it where your other secrets are.'),
    secret,
    onClose,
  )

function askForProject(created: () => void): void {
  ask({
    title: t('New project'),
    submit: t('Create project'),
    lead: t('A project has accounts, a policy and a secret of its own. Nothing is shared between projects.'),
    fields: <Field label={t('Name')} name="name" maxlength={100} required autofocus />,
    onSubmit: async ({ name }) => {
      const made = await create<ProjectWithSecret>('projects', { name })
      created()
      showProjectSecret(made, () => go(['projects', made.project.id]))
    },
  })
}

/** The state of a project. */
export function ProjectBadge({ project }: { project: Project }) {
  if (project.archived_at) return <Badge tone="warn">{t('Archived')}</Badge>
  if (project.reserved) return <Badge>{t('Built in')}</Badge>
  return <Badge tone="good">{t('Open')}</Badge>
}

const columns: readonly Column<Project>[] = [
  {
    label: t('Name'),
    kind: 'wide',
    show: ({ id, name }) => <NameLink path={['projects', id]} text={name} />,
  },
  { label: t('State'), show: (project) => <ProjectBadge project={project} /> },
  { label: t('Id'), show: ({ id }) => <Id text={id} /> },
  { label: t('Created'), show: ({ created_at }) => <When at={created_at} /> },
]

export function Projects({ projects }: { projects: Loaded<List<Project>> }) {
  const actions = canEverywhere('projects.create') && (
    <NewButton label={t('New project')} open={() => askForProject(projects.reload)} />
  )
  return (
    <View
      title={t('Projects')}
      lead={t('Each project is a wall: its accounts are known to it alone.')}
      actions={actions}
    >
      <Card isFlush>
        <ListTable
          label={t('Projects')}
          list={projects}
          columns={columns}
          id={({ id }) => id}
          empty={
            <Empty icon="projects" title={t('No project yet')}>
              {t('Your roles reach none. Ask an owner for a role.')}
            </Empty>
          }
        />
      </Card>
    </View>
  )
}
