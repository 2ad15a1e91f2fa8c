// What the admin API refuses: wrong credentials and missing roles, which are logged, and texts that cannot be stored.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { operatorsProjectId } from '../../../src/domain/projects/operators-project.ts'
import { startTestApp } from '../../support/app.ts'
import { adminWith, basic, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t)
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])
const project = `/projects/${app.projectId}`
const logged = (projectId: string, event: string) =>
  app.sql`select outcome, actor, details from security_log
    where project_id = ${projectId} and event = ${event} order by id`

t.test('a wrong secret is a row of its project', async (t) => {
  isProblem(t, await adminWith(app, basic(app.projectId, 'sps_wrong'))('GET', '/me'), 'unauthenticated')
  const rows = await logged(app.projectId, 'project_secret_refused')
  t.match(rows, [{ outcome: 'refused', actor: 'none', details: { reason: 'invalid_project_secret' } }])
  isProblem(t, await adminWith(app, basic(randomUUID(), 'sps_wrong'))('GET', '/me'), 'unauthenticated')
  t.equal((await adminWith(app, basic(app.projectId, app.projectSecret))('GET', '/me')).status, 200)
  t.equal((await logged(app.projectId, 'project_secret_refused')).length, 1)
})

t.test('a wrong key is a row of the project of the operators', async (t) => {
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  const made = await owner.admin('POST', '/operator-keys', {
    body: { name: 'Key', role: 'viewer', expires_at },
  })
  const plain: string = made.body.plain_text_key
  const wrong = ['sok_wrong', `${plain.slice(0, -4)}aaaa`, plain]
  await owner.admin('POST', `/operator-keys/${made.body.key.id}/revoke`)
  for (const key of wrong)
    isProblem(t, await adminWith(app, { authorization: `Bearer ${key}` })('GET', '/me'), 'unauthenticated')
  const rows = await logged(operatorsProjectId, 'operator_refused')
  const refused = { outcome: 'refused', actor: 'none', details: { reason: 'invalid_operator_key' } }
  t.match(rows, [refused, refused, refused])
  t.notOk(JSON.stringify(rows).includes(plain.slice(4)))
})

t.test('a query that names a project beyond the role is logged', async (t) => {
  const third = await app.project()
  const other = await newOperator(app, ['auditor', app.projectId], ['viewer', third.id])
  isProblem(t, await other.admin('GET', `/audit?project=${third.id}`), 'insufficient_role')
  t.match(await logged(third.id, 'operator_refused'), [{ details: { reason: 'audit.read', by: other.uuid } }])
  isProblem(t, await other.admin('GET', '/audit?project=installation'), 'insufficient_role')
  const [row] = await logged('00000000-0000-0000-0000-000000000000', 'operator_refused')
  t.match(row, { details: { reason: 'audit.read', by: other.uuid } })
})

t.test('accounts and operators are named by UUID alone', async (t) => {
  const user = await app.signUp()
  for (const act of ['disable', 'enable'])
    isProblem(t, await owner.admin('POST', `${project}/users/${user.email}/${act}`), 'not_found')
  const [row] = await app.sql`select disabled_at from users where uuid = ${user.body.user.uuid}`
  t.equal(row?.disabled_at, null)
  t.equal((await owner.admin('POST', `${project}/users/${user.body.user.uuid}/disable`)).status, 200)
  isProblem(t, await owner.admin('GET', `/operators/${owner.email}`), 'not_found')
})

t.test('NUL in a path is nothing that exists', async (t) => {
  const body = { role: 'viewer' }
  const requests = [
    ['GET', '/operators/%00'],
    ['DELETE', '/operators/%00'],
    ['PUT', '/operators/%00/roles', { body }],
    ['DELETE', '/operators/a%00b%40example.com/roles'],
    ['POST', '/operators/%00/setup-link'],
    ['POST', '/operator-keys/%00/revoke'],
    ['GET', `${project}/users/%00`],
    ['DELETE', `${project}/users/%00`],
    ['POST', `${project}/users/%00/disable`],
    ['POST', `${project}/users/%00/enable`],
    ['GET', `${project}/teams/%00`],
    ['POST', `${project}/mails/%00/retry`],
  ] as const
  for (const [method, path, options] of requests)
    isProblem(t, await owner.admin(method, path, options), 'not_found')
  isProblem(t, await owner.admin('GET', '/projects/%00'), 'project_not_found')
})

t.test('NUL in a query names its field', async (t) => {
  const log = `project=${app.projectId}`
  const queries = [
    [`${project}/users?email=%00`, 'email'],
    [`${project}/users?name=a%00`, 'name'],
    [`${project}/users?uuid=%00`, 'uuid'],
    ...['/audit', '/audit/export'].flatMap((path) =>
      ['event', 'by', 'user', 'address'].map((field) => [`${path}?${log}&${field}=%00`, field]),
    ),
    ['/audit?project=%00', 'project'],
  ]
  for (const [path = '', field = ''] of queries)
    isProblem(t, await owner.admin('GET', path), 'validation_failed', [field])
  const role = `/operators/${owner.uuid}/roles?scope=%00`
  isProblem(t, await owner.admin('DELETE', role), 'validation_failed', ['scope'])
})

t.test('the year 0 is no instant', async (t) => {
  const log = `project=${app.projectId}`
  for (const instant of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00%2B01:00']) {
    for (const field of ['since', 'until'])
      for (const path of ['/audit', '/audit/export'])
        isProblem(t, await owner.admin('GET', `${path}?${log}&${field}=${instant}`), 'validation_failed', [
          field,
        ])
    const search = `${project}/users?created_since=${instant}`
    isProblem(t, await owner.admin('GET', search), 'validation_failed', ['created_since'])
    const body = { name: 'Key', role: 'viewer', expires_at: decodeURIComponent(instant) }
    isProblem(t, await owner.admin('POST', '/operator-keys', { body }), 'validation_failed', ['expires_at'])
  }
  t.equal((await owner.admin('GET', `/audit?${log}&since=0001-01-01T00:00:00Z`)).status, 200)
})
