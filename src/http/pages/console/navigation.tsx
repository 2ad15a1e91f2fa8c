// The navigation: links to the views that the operator may see, in the current project and in the installation.
import type { Permission } from '../../../domain/operators/roles.ts'
import { base, withQuery } from './api.ts'
import { Icon, type IconName, Logo } from './parts/icons.tsx'
import { Truncated } from './parts/text.tsx'
import { can, canEverywhere, operatorsProjectId } from './permissions.ts'
import { go, linkTo, type Route } from './route.ts'
import { t } from './texts.ts'
import type { Project } from './types.ts'
import { installationViews, type NamedView, projectViews } from './views.tsx'

interface Entry {
  readonly name: string
  readonly icon: IconName
  readonly path: readonly string[]
}

/** The entries of the views that the operator may see. @param at the path above them */
const entriesOf = (
  views: Readonly<Record<string, NamedView>>,
  at: readonly string[],
  isAllowed: (permission: Permission) => boolean,
): readonly Entry[] =>
  Object.entries(views)
    .filter(([, { permission }]) => isAllowed(permission))
    .map(([part, { name, icon }]) => ({ name, icon, path: part === '' ? at : [...at, part] }))

const projectEntries = (id: string): readonly Entry[] =>
  entriesOf(projectViews, ['projects', id], (permission) => can(permission, id))

const installationEntries = (): readonly Entry[] => [
  { name: 'Projects', icon: 'projects', path: ['projects'] },
  ...entriesOf(installationViews, ['installation'], canEverywhere),
]

/** The operator's own account page, in the project of the operators. It uses the console's session cookies. */
const ownAccount = withQuery(`${base}account/security`, { project: operatorsProjectId })

interface NavigationProps {
  route: Route
  project: Project | null
  projects: readonly Project[]
  who: string
  leave: () => void
}

/** True if the entry leads to the open view or to a view above it. */
function isCurrent({ path }: Entry, route: Route): boolean {
  const at = route.path.length === 0 ? ['projects'] : route.path
  if (path[0] === 'projects' && path.length < 3) return at.length === path.length && at[1] === path[1]
  return path.every((segment, index) => at[index] === segment)
}

function Entries({ of, route }: { of: readonly Entry[]; route: Route }) {
  return (
    <ul>
      {of.map((entry) => (
        <li key={entry.path.join('/')}>
          <a href={linkTo(entry.path)} aria-current={isCurrent(entry, route) ? 'page' : undefined}>
            <Icon name={entry.icon} />
            {t(entry.name)}
          </a>
        </li>
      ))}
    </ul>
  )
}

export function Navigation({ route, project, projects, who, leave }: NavigationProps) {
  return (
    <nav id="navigation" class="navigation" aria-label={t('Main')}>
      <a class="brand" href={linkTo(['projects'])}>
        <Logo /> Sallyport
      </a>
      {projects.length > 0 && (
        <label class="switcher">
          <span>{t('Project')}</span>
          <select value={project?.id ?? ''} onChange={(event) => go(['projects', event.currentTarget.value])}>
            {!project && <option value="">{t('Choose a project')}</option>}
            {projects.map(({ id, name, archived_at }) => (
              <option key={id} value={id}>
                {archived_at ? t('{name} (archived)', { name }) : name}
              </option>
            ))}
          </select>
        </label>
      )}
      {project && <Entries of={projectEntries(project.id)} route={route} />}
      <h2>{t('Installation')}</h2>
      <Entries of={installationEntries()} route={route} />
      <div class="who">
        <a href={ownAccount} title={t('Password, second factors, passkeys and devices')}>
          <strong>{t('Your account')}</strong>
          <Truncated text={who} />
        </a>
        <button type="button" class="bare" aria-label={t('Sign out')} title={t('Sign out')} onClick={leave}>
          <Icon name="leave" />
        </button>
      </div>
    </nav>
  )
}
