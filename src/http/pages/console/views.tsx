// Which view an address names. A view that the operator's roles do not reach is like one that does not exist.
import type { ComponentChildren } from 'preact'
import type { Permission } from '../../../domain/operators/roles.ts'
import type { Loaded } from './loading.ts'
import { can, canEverywhere } from './may.ts'
import { Events } from './pages/events.tsx'
import { Log } from './pages/log.tsx'
import { MailList } from './pages/mails.tsx'
import { OperatorKeys } from './pages/operator-keys.tsx'
import { Operators } from './pages/operators.tsx'
import { Overview } from './pages/overview.tsx'
import { PolicyPage } from './pages/policy.tsx'
import { Projects } from './pages/projects.tsx'
import { SigningKeys } from './pages/signing-keys.tsx'
import { Team } from './pages/team.tsx'
import { TeamList } from './pages/teams.tsx'
import { User } from './pages/user.tsx'
import { Users } from './pages/users.tsx'
import { Webhook } from './pages/webhook.tsx'
import { Webhooks } from './pages/webhooks.tsx'
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

interface Shown {
  readonly permission: Permission
  /** @param below the fourth segment of the path */
  readonly show: (project: Project, route: Route, below: string | undefined) => ComponentChildren
}

/** The views of a project, by the third segment of the path. */
const ofProject: Readonly<Record<string, Shown>> = {
  users: {
    permission: 'users.read',
    show: (project, route, below) =>
      below === undefined ? (
        <Users project={project} route={route} />
      ) : (
        <User project={project} uuid={below} />
      ),
  },
  teams: {
    permission: 'teams.read',
    show: (project, _route, below) =>
      below === undefined ? <TeamList project={project} /> : <Team project={project} id={below} />,
  },
  mails: {
    permission: 'mails.read',
    show: (project, route) => <MailList project={project} route={route} />,
  },
  webhooks: {
    permission: 'webhooks.read',
    show: (project, _route, below) =>
      below === undefined ? <Webhooks project={project} /> : <Webhook project={project} id={below} />,
  },
  events: { permission: 'events.read', show: (project) => <Events project={project} /> },
  log: {
    permission: 'audit.read',
    show: (project, route) => <Log title={t('Security log')} project={project.id} route={route} />,
  },
  policy: { permission: 'policy.read', show: (project) => <PolicyPage project={project} /> },
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

function ProjectView({ route, projects, project }: ViewProps) {
  const [, id, part, below] = route.path
  if (projects.error && !projects.data) return <Trouble error={projects.error} retry={projects.reload} />
  if (!projects.data) return <Skeleton lines={6} />
  if (!project || project.id !== id) return <Missing />
  if (part === undefined) return <Overview project={project} changed={projects.reload} />
  const shown = Object.hasOwn(ofProject, part) ? ofProject[part] : undefined
  if (!shown || !can(shown.permission, project.id)) return <Missing />
  return <>{shown.show(project, route, below)}</>
}

function InstallationView({ route, projects }: ViewProps) {
  const all = projects.data?.data ?? []
  const part = route.path[1] ?? ''
  if (part === 'operators' && canEverywhere('operators.read')) return <Operators projects={all} />
  if (part === 'operator-keys' && canEverywhere('operators.read')) return <OperatorKeys projects={all} />
  if (part === 'signing-keys' && canEverywhere('keys.read'))
    return projects.data ? <SigningKeys projects={all} /> : <Skeleton />
  if (part === 'log' && canEverywhere('audit.read'))
    return <Log title={t('Installation log')} project={null} route={route} />
  return <Missing />
}

/** The view of an address. Another address is another view, with a state of its own. */
export function viewOf(props: ViewProps): ComponentChildren {
  const { path } = props.route
  const [area = 'projects'] = path
  const key = path.join('/')
  if (area === 'projects' && path.length > 1) return <ProjectView key={key} {...props} />
  if (area === 'projects') return <Projects key="projects" projects={props.projects} />
  if (area === 'installation') return <InstallationView key={key} {...props} />
  return <Missing key="missing" />
}
