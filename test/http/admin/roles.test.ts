// The table of roles, whole: ten operators with the five roles at three projects, a key and a secret; every route × role × project.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Role, roles } from '../../../src/domain/operators/roles.ts'
import { packageRoot } from '../../../src/package.ts'
import { startTestApp } from '../../support/app.ts'
import {
  adminWith,
  basic,
  type Held,
  newOperator,
  sparingFactors,
  type TestOperator,
} from '../../support/operators.ts'

/** The lines of the golden file: what a route needs, and the roles that have it. */
const routes = readFileSync(join(packageRoot, 'openapi/roles.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [method = '', path = '', permission = '', reach = '', ...marks] = line.split(/ +/)
    return { method, path, permission, reach, allowed: new Set(marks) }
  })

const app = await startTestApp(t)
await sparingFactors(app)
const projects = [await app.project(), await app.project(), await app.project()]
const [one, two] = projects.map(({ id }) => id) as [string, string, string]

interface Asker {
  readonly name: string
  readonly held: readonly Held[]
  readonly admin: TestOperator['admin']
}

const holdings: readonly (readonly Held[])[] = [
  ...roles.map((role): readonly Held[] => [[role, one]]),
  ...roles.map((role): readonly Held[] => [[role, null]]),
  [],
  [
    ['viewer', one],
    ['admin', two],
  ],
]
const askers: Asker[] = []
for (const held of holdings) {
  const { admin } = await newOperator(app, ...held)
  askers.push({ name: held.map((each) => each.join(' of ')).join(', ') || 'nobody', held, admin })
}
const owner = await newOperator(app, ['owner', null])
const expires_at = new Date(Date.now() + 3_600_000).toISOString()
const made = await owner.admin('POST', '/operator-keys', {
  body: { name: 'Fuzz', role: 'support', scope: one, expires_at },
})
const key = adminWith(app, { authorization: `Bearer ${made.body.plain_text_key}` })
askers.push({ name: 'a key', held: [['support', one]], admin: key })
const secret = adminWith(app, basic(two, projects[1]?.secret ?? ''))
askers.push({ name: 'a secret', held: [['admin', two]], admin: secret })

/** What the table says: the codes that a refusal has; null: it is none of roles. */
function verdict({ reach, allowed }: (typeof routes)[number], held: readonly Held[], id: string | null) {
  const has = (role: Role) => allowed.has(role)
  const here = held.filter(([, scope]) => scope === null || scope === id)
  if (id !== null && here.length === 0) return 'project_not_found'
  if (reach === 'installation')
    return held.some(([role, scope]) => scope === null && has(role)) ? null : 'insufficient_role'
  return (id === null ? held : here).some(([role]) => has(role)) ? null : 'insufficient_role'
}

/** An id that nothing has: whoever may, is told that there is no such thing, or that a field is missing. */
const nothing = '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'
/** What every role may try here without a change that the other tries would see. */
const harmless = new Set([
  'POST /api/admin/projects/:id/archive',
  'POST /api/admin/projects/:id/rotate-secret',
])

t.test('every route × role × project is as openapi/roles.txt says', async (t) => {
  let tried = 0
  const wrong: string[] = []
  for (const route of routes)
    for (const asker of askers)
      for (const id of route.path.includes('/projects/:id') ? projects.map((each) => each.id) : [null]) {
        const expected = verdict(route, asker.held, id)
        const name = `${route.method} ${route.path}`
        if (expected === null && harmless.has(name)) continue
        const path = route.path
          .replace('/api/admin', '')
          .replace(':id', id ?? '')
          .replace(/:\w+/g, nothing)
        const needsProject = /\/(?:audit|stats)/.test(path)
        const query = needsProject ? `?project=${one}` : ''
        const body = route.method === 'GET' ? undefined : {}
        const answer = await asker.admin(route.method, `${path}${query}`, { body })
        const mine =
          needsProject && expected === null
            ? verdict({ ...route, reach: 'project' }, asker.held, one)
            : expected
        const { code } = Object(answer.body)
        const isRefused = answer.status === 403 || code === 'project_not_found' || answer.status === 401
        tried++
        if (mine === null ? isRefused || answer.status >= 500 : code !== mine)
          wrong.push(
            `${name} by ${asker.name} at ${projects.findIndex((each) => each.id === id)}: ${answer.status} ${code}, not ${mine}`,
          )
      }
  t.ok(tried > 1500, `${tried} requests`)
  t.same(wrong, [])
})

t.test('nobody without a right can do anything', async (t) => {
  for (const { method, path } of routes) {
    const answer = await adminWith(app, {})(
      method,
      path.replace('/api/admin', '').replace(/:\w+/g, nothing),
      { body: method === 'GET' ? undefined : {} },
    )
    t.equal(answer.status, 401, `${method} ${path}`)
  }
})
