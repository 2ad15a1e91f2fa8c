// What is deprecated is announced by one table: in the answers (RFC 9745, RFC 8594), in the documents and in docs/upgrading.md.
import Fastify from 'fastify'
import t from 'tap'
import { deprecationsTable } from '../../src/cli/documentation.ts'
import { type Deprecation, deprecations } from '../../src/http/deprecations.ts'
import { generateDocuments } from '../../src/http/generate.ts'
import { deprecation } from '../../src/http/plugins/deprecation.ts'
import { createServer } from '../../src/http/server.ts'
import { routes } from '../traffic/coverage.ts'

const dates = { since: '2026-12-01', sunset: '2027-07-01', instead: 'Use another one.' }
const documents = 'https://auth.example.org/docs'

/** The shortest time between deprecation and sunset, in days. */
const shortestNoticeDays = 180

/**
 * Checks a table of deprecations.
 * @param now the time of the check
 * @returns a sentence for each entry that may not be released
 */
function deprecationProblems(table: readonly Deprecation[], now: Date): string[] {
  const dayMs = 86_400_000
  return table.flatMap(({ route, field, since, sunset }) => {
    const name = field ? `${field} of ${route}` : route
    const [from, to] = [Date.parse(since), Date.parse(sunset)]
    if (Number.isNaN(from) || Number.isNaN(to)) return [`${name}: a date is not YYYY-MM-DD.`]
    if (to <= now.getTime()) return [`${name}: its sunset has passed. Remove it, or set a later one.`]
    if (to - from < shortestNoticeDays * dayMs)
      return [`${name}: the notice is shorter than ${shortestNoticeDays} days.`]
    return []
  })
}

t.test(
  'a release has no deprecation past its sunset, none without notice, and none of a route that does not exist',
  async (t) => {
    t.same(deprecationProblems(deprecations, new Date()), [])
    const marks =
      Object.values(await generateDocuments())
        .join('')
        .match(/"deprecated": true/g) ?? []
    t.equal(marks.length, deprecations.length, 'each is marked once in a document')
    for (const { route } of deprecations)
      t.ok(
        routes.some((known) => known.route === route),
        route,
      )
  },
)

t.test('a sunset in the past, a short notice and a wrong date are found', async (t) => {
  const entry: Deprecation = { route: 'GET /x', ...dates }
  t.same(deprecationProblems([entry], new Date('2027-06-30')), [])
  t.match(deprecationProblems([entry], new Date('2027-07-01')), [/GET \/x: its sunset has passed/])
  t.match(deprecationProblems([{ ...entry, sunset: '2027-01-01' }], new Date('2026-12-02')), [
    /shorter than 180 days/,
  ])
  t.match(deprecationProblems([{ ...entry, since: 'soon', field: 'y' }], new Date('2026-12-02')), [
    /y of GET \/x: a date/,
  ])
})

t.test('answers of a deprecated route, and of requests that use a deprecated field, say so', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const table: Deprecation[] = [
    { route: 'GET /old', ...dates },
    { route: 'POST /things', field: 'former', ...dates },
  ]
  await app.register(deprecation as never, { table, documents } as never)
  app.get('/old', async (_request, reply) => reply.code(404).send({}))
  app.get('/new', async () => ({}))
  const properties = { former: { type: 'string' }, name: { type: 'string' } }
  app.post('/things', { schema: { body: { type: 'object', properties } } }, async () => ({}))
  const said = {
    deprecation: '@1796083200',
    sunset: 'Thu, 01 Jul 2027 00:00:00 GMT',
    link: '<https://auth.example.org/docs>; rel="deprecation"; type="text/html"',
  }
  t.match((await app.inject('/old')).headers, said, 'a refusal says so as well')
  t.notOk((await app.inject('/new')).headers.deprecation)
  const post = (payload: object) => app.inject({ method: 'POST', url: '/things', payload })
  t.match((await post({ former: 'x' })).headers, said)
  t.match((await post({ former: 1 })).headers, said, 'a value that is refused, too')
  t.notOk((await post({ name: 'x' })).headers.deprecation)
})

t.test('the documents mark the operation and the field, of every API', async (t) => {
  const table: Deprecation[] = [
    { route: 'GET /api/auth/me', ...dates },
    { route: 'POST /api/auth/login', field: 'password', ...dates },
    { route: 'POST /nora/auth/login', ...dates },
  ]
  const files = await generateDocuments((options) => createServer({ ...options, deprecations: table }))
  const before = await generateDocuments()
  const paths = (name: string, from = files) => JSON.parse(from[name] ?? '').paths
  t.equal(paths('auth.json')['/api/auth/me'].get.deprecated, true)
  t.notOk(paths('auth.json', before)['/api/auth/me'].get.deprecated)
  const body = paths('auth.json')['/api/auth/login'].post.requestBody.content['application/json'].schema
  t.equal(body.properties.password.deprecated, true)
  t.notOk(body.properties.email.deprecated)
  t.match(JSON.stringify(paths('nora.json')), /"deprecated":true/)
  t.match(
    deprecationsTable(table),
    '| `POST /api/auth/login` | `password` | 2026-12-01 | 2027-07-01 | Use another one. |',
  )
})
