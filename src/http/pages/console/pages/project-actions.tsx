// The actions on a project: rename, rotate the secret, archive and reopen.
import { change } from '../api.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { ask, Field } from '../parts/form.tsx'
import { toast } from '../parts/toasts.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { Project, ProjectWithSecret } from '../types.ts'
import { showProjectSecret } from './projects.tsx'

interface ActionsProps {
  project: Project
  changed: () => void
}

function askForName({ project, changed }: ActionsProps): void {
  ask({
    title: t('Rename project'),
    submit: t('Rename'),
    fields: <Field label={t('Name')} name="name" value={project.name} maxlength={100} required autofocus />,
    onSubmit: async ({ name }) => {
      await change('PATCH', `projects/${project.id}`, { name })
      changed()
      toast(t('The project is renamed.'))
    },
  })
}

function askToRotate({ project, changed }: ActionsProps): void {
  ask({
    title: t('New secret'),
    submit: t('Replace the secret'),
    isDanger: true,
    lead: t('The old secret ends at once: back ends that use it are refused until they have the new one.'),
    confirmation: project.name,
    onSubmit: async () => {
      const made = await change<ProjectWithSecret>('POST', `projects/${project.id}/rotate-secret`)
      changed()
      showProjectSecret(made)
    },
  })
}

function askToArchive({ project, changed }: ActionsProps): void {
  ask({
    title: t('Archive project'),
    submit: t('Archive'),
    isDanger: true,
    lead: t(
      'Nobody signs in any more, and no session, token or key of it is accepted. Nothing is deleted; you can open it again.',
    ),
    confirmation: project.name,
    onSubmit: async () => {
      await change('POST', `projects/${project.id}/archive`)
      changed()
      toast(t('The project is archived.'))
    },
  })
}

export function ProjectActions(props: ActionsProps) {
  const { project, changed } = props
  if (project.reserved) return null
  const mayArchive = can('projects.archive', project.id)
  return (
    <>
      {can('projects.rename', project.id) && (
        <button type="button" onClick={() => askForName(props)}>
          {t('Rename')}
        </button>
      )}
      {can('secret.rotate', project.id) && (
        <button type="button" onClick={() => askToRotate(props)}>
          {t('New secret')}
        </button>
      )}
      {mayArchive && !project.archived_at && (
        <button type="button" class="danger" onClick={() => askToArchive(props)}>
          {t('Archive')}
        </button>
      )}
      {mayArchive && project.archived_at && (
        <ActionButton
          work={async () => {
            await change('POST', `projects/${project.id}/open`)
            changed()
          }}
          done={t('The project is open again.')}
        >
          {t('Open again')}
        </ActionButton>
      )}
    </>
  )
}
