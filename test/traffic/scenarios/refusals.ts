// What every route refuses alike: a request without credentials, a body of the wrong type, a request for a project that is not there.
import { routes } from '../coverage.ts'
import { request, type Scenario, type ScriptStep } from '../steps.ts'

const isApi = (route: string) => / \/(?:api|nodeloom|credebl|nora)\//.test(route)
const own = { 'project-id': '{{project}}' }

/** Every route of the APIs, with an id that nothing has for each parameter. */
const asked = routes
  .filter(({ route }) => isApi(route))
  .map(({ route, access, hasBody }) => {
    const [method = '', path = ''] = route.split(' ')
    const canonical = path.startsWith('/api/auth/')
    return { line: `${method} ${path.replace(/:\w+/g, '{{unknown}}')}`, method, canonical, access, hasBody }
  })

const withoutCredentials: ScriptStep[] = asked
  .filter(({ access }) => access === 'user' || access === 'operator' || access === 'project')
  .map(({ line, canonical }) => request(`${line} 401`, canonical ? { headers: own } : {}))

const withoutProject: ScriptStep[] = asked
  // The provider sends the browser back without a project: the state has it.
  .filter(({ canonical, access, line }) => canonical && access !== 'open' && !line.endsWith('/callback'))
  .map(({ line }) => request(`${line} 404`, { headers: { 'project-id': '{{unknown}}' } }))

const malformed: ScriptStep[] = asked
  .filter(({ access, hasBody }) => access === 'public' && hasBody)
  .map(({ line, canonical }) => request(`${line} 400`, { ...(canonical ? { headers: own } : {}), body: '{' }))

export const refusals: Scenario[] = [
  { name: 'refusals-credentials', steps: withoutCredentials },
  { name: 'refusals-project', steps: withoutProject },
  { name: 'refusals-malformed', steps: malformed },
]
