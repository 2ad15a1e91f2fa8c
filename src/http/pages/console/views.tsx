// Which view an address names.
import type { ComponentChildren } from 'preact'
import type { Loaded } from './loading.ts'
import { Overview } from './pages/overview.tsx'
import { Projects } from './pages/projects.tsx'
import { User } from './pages/user.tsx'
import { Users } from './pages/users.tsx'
import { Empty, Skeleton, Trouble } from './parts/states.tsx'
import { View } from './parts/view.tsx'
import { type Route, to } from './route.ts'
import { t } from './texts.ts'
import type { List, Project } from './types.ts'

export interface ViewProps {
  readonly route: Route
  readonly projects: Loaded<List<Project>>
  readonly project: Project | null
}

function Missing() {
  return (
    <View title={t('Not found')}>
      <Empty icon="search" title={t('There is nothing at this address.')}>
        <a href={to(['projects'])}>{t('Go to the projects')}</a>
      </Empty>
    </View>
  )
}

/** The views of a project, by the third segment of the path. */
function projectView({ route, projects, project }: ViewProps): ComponentChildren {
  if (projects.error && !projects.data) return <Trouble error={projects.error} retry={projects.reload} />
  if (!projects.data) return <Skeleton lines={6} />
  const [, id, part, below] = route.path
  if (!project || project.id !== id) return <Missing />
  switch (part) {
    case undefined:
      return <Overview key={id} project={project} changed={projects.reload} />
    case 'users':
      return below === undefined ? (
        <Users key={id} project={project} route={route} />
      ) : (
        <User key={below} project={project} uuid={below} />
      )
    default:
      return <Missing />
  }
}

/** The view of an address. */
export function viewOf(props: ViewProps): ComponentChildren {
  const [area = 'projects', part] = props.route.path
  if (area === 'projects' && part !== undefined) return projectView(props)
  if (area === 'projects') return <Projects projects={props.projects} />
  return <Missing />
}
