// The views with their addresses and permissions. An operator without the permission sees “Not found”.
import type { ComponentChildren } from 'preact'
import type { Permission } from '../../../domain/operators/roles.ts'
import type { Loaded } from './loading.ts'
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
import type { IconName } from './parts/icons.tsx'
import { Empty, ErrorMessage, Skeleton } from './parts/states.tsx'
import { View } from './parts/view.tsx'
import { can, canEverywhere } from './permissions.ts'
import { linkTo, type Route } from './route.ts'
import { t } from './texts.ts'
import type { List, Project } from './types.ts'

export interface ViewProps {
  readonly route: Route
  readonly projects: Loaded<List<Project>>
  readonly project: Project | null
}

/** A view in the navigation, which is for operators whose roles have its permission. */
export interface NamedView {
  readonly name: string
  readonly icon: IconName
  readonly permission: Permission
}

interface ProjectViewEntry extends NamedView {
  /** @param below the fourth segment of the path */
  readonly show: (project: Project, props: ViewProps, below: string | undefined) => ComponentChildren
}

/** The views of a project, by the third segment of the path. The overview has none. */
export const projectViews: Readonly<Record<string, ProjectViewEntry>> = {
  '': {
    name: 'Overview',
    icon: 'overview',
    permission: 'projects.read',
    show: (project, { projects }) => <Overview project={project} changed={projects.reload} />,
  },
  users: {
    name: 'Users',
    icon: 'users',
    permission: 'users.read',
    show: (project, { route }, below) =>
      below === undefined ? (
        <Users project={project} route={route} />
      ) : (
        <User project={project} uuid={below} />
      ),
  },
  teams: {
    name: 'Teams',
    icon: 'teams',
    permission: 'teams.read',
    show: (project, _props, below) =>
      below === undefined ? <TeamList project={project} /> : <Team project={project} id={below} />,
  },
  mails: {
    name: 'Mails',
    icon: 'mails',
    permission: 'mails.read',
    show: (project, { route }) => <MailList project={project} route={route} />,
  },
  webhooks: {
    name: 'Webhooks',
    icon: 'webhooks',
    permission: 'webhooks.read',
    show: (project, _props, below) =>
      below === undefined ? <Webhooks project={project} /> : <Webhook project={project} id={below} />,
  },
  events: {
    name: 'Events',
    icon: 'events',
    permission: 'events.read',
    show: (project) => <Events project={project} />,
  },
  log: {
    name: 'Security log',
    icon: 'log',
    permission: 'audit.read',
    show: (project, { route }) => <Log title={t('Security log')} project={project.id} route={route} />,
  },
  policy: {
    name: 'Policy',
    icon: 'policy',
    permission: 'policy.read',
    show: (project) => <PolicyPage project={project} />,
  },
}

interface InstallationViewEntry extends NamedView {
  readonly show: (props: ViewProps) => ComponentChildren
}

/** The views of the installation, by the second segment of the path. */
export const installationViews: Readonly<Record<string, InstallationViewEntry>> = {
  operators: {
    name: 'Operators',
    icon: 'operators',
    permission: 'operators.read',
    show: ({ projects }) => <Operators projects={projects.data?.data ?? []} />,
  },
  'operator-keys': {
    name: 'Operator keys',
    icon: 'keys',
    permission: 'operators.read',
    show: ({ projects }) => <OperatorKeys projects={projects.data?.data ?? []} />,
  },
  'signing-keys': {
    name: 'Signing keys',
    icon: 'keys',
    permission: 'keys.read',
    show: ({ projects }) => (projects.data ? <SigningKeys projects={projects.data.data} /> : <Skeleton />),
  },
  log: {
    name: 'Installation log',
    icon: 'log',
    permission: 'audit.read',
    show: ({ route }) => <Log title={t('Installation log')} project={null} route={route} />,
  },
}

function Missing() {
  return (
    <View title={t('Not found')}>
      <Empty icon="search" title={t('There is nothing at this address.')}>
        <a href={linkTo(['projects'])}>{t('Go to the projects')}</a>
      </Empty>
    </View>
  )
}

function ProjectView(props: ViewProps) {
  const { route, projects, project } = props
  const [, id, part = '', below] = route.path
  if (projects.error && !projects.data) return <ErrorMessage error={projects.error} retry={projects.reload} />
  if (!projects.data) return <Skeleton lines={6} />
  if (!project || project.id !== id) return <Missing />
  const view = Object.hasOwn(projectViews, part) ? projectViews[part] : undefined
  // The overview is for every operator to whom the project is listed.
  if (!view || (part !== '' && !can(view.permission, project.id))) return <Missing />
  return <>{view.show(project, props, below)}</>
}

function InstallationView(props: ViewProps) {
  const part = props.route.path[1] ?? ''
  const view = Object.hasOwn(installationViews, part) ? installationViews[part] : undefined
  if (!view || !canEverywhere(view.permission)) return <Missing />
  return <>{view.show(props)}</>
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
