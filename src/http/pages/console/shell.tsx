// The frame of the console: the navigation and the view of the current address.
import { useEffect, useState } from 'preact/hooks'
import { type Loaded, useRead } from './loading.ts'
import { Navigation } from './navigation.tsx'
import { Icon, Logo } from './parts/icons.tsx'
import { currentOperator } from './permissions.ts'
import { type Route, useRoute } from './route.ts'
import { t } from './texts.ts'
import type { List, Project } from './types.ts'
import { viewOf } from './views.tsx'

/** Has the key `/` focus the search field of the view. */
function useSearchKey(): void {
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).closest?.('input, textarea, select, dialog')
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return
      const search = document.querySelector<HTMLInputElement>('input[type=search]')
      if (!search) return
      event.preventDefault()
      search.focus()
    }
    addEventListener('keydown', focus)
    return () => removeEventListener('keydown', focus)
  }, [])
}

/** The project of the view; on views of the installation, the project that was open before. */
function useProject(route: Route, projects: Loaded<List<Project>>): Project | null {
  const [last, setLast] = useState<string | null>(null)
  const named = route.path[0] === 'projects' ? (route.path[1] ?? null) : null
  useEffect(() => {
    if (named) setLast(named)
  }, [named])
  const id = named ?? last
  return projects.data?.data.find((project) => project.id === id) ?? null
}

export function Shell({ leave }: { leave: () => void }) {
  const route = useRoute()
  const [isOpen, setOpen] = useState(false)
  const projects = useRead<List<Project>>('projects', { archived: true })
  const project = useProject(route, projects)
  useSearchKey()
  const place = route.path.join('/')
  useEffect(() => {
    setOpen(false)
    scrollTo(0, 0)
  }, [place])
  useEffect(() => {
    const close = (event: KeyboardEvent) => event.key === 'Escape' && setOpen(false)
    addEventListener('keydown', close)
    return () => removeEventListener('keydown', close)
  }, [])
  return (
    <div class="shell" data-open={isOpen}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {t('Skip to the content')}
      </button>
      <div class="top">
        <button
          type="button"
          class="bare"
          aria-expanded={isOpen}
          aria-controls="navigation"
          aria-label={t('Menu')}
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name={isOpen ? 'close' : 'menu'} />
        </button>
        <span class="brand">
          <Logo /> Sallyport
        </span>
      </div>
      <Navigation
        route={route}
        project={project}
        projects={projects.data?.data ?? []}
        who={currentOperator().name}
        leave={leave}
      />
      <main id="main" tabIndex={-1}>
        {viewOf({ route, projects, project })}
      </main>
    </div>
  )
}
