// Operators, their roles, keys and set-up links, by the admin API.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { operatorsProjectId } from '../../../src/domain/projects/operators-project.ts'
import { startTestApp } from '../../support/app.ts'
import { enrolTotp, renewSteps } from '../../support/factors.ts'
import { adminWith, inOperators, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t)
const password = 'chosen by an operator'

/** The link that the log has. */
const loggedLink = () => {
  const line = app.logs.map(({ msg }) => String(msg)).find((msg) => msg.includes('/operators/setup#'))
  return /\S+\/operators\/setup#(\S+)$/.exec(line ?? '')?.[1] ?? ''
}
const tokenOf = (url: string) => url.split('#')[1] ?? ''
const setUp = (body: object, headers = {}) => app.send('POST', '/api/admin/setup', { body, headers })

t.test('an empty installation: the link of the log makes the first owner, once', async (t) => {
  const token = loggedLink()
  t.match(token, /^sos_/, 'the log has the link of this start')
  t.notOk(
    (await app.sql`select * from operator_setups`).some((row) => JSON.stringify(row).includes(token)),
    'only its hash rests',
  )
  isProblem(t, await setUp({ token, password }), 'validation_failed', ['email'])
  isProblem(
    t,
    await setUp({ token, password: 'password1', email: 'root@example.com' }),
    'validation_failed',
    ['password'],
  )
  isProblem(
    t,
    await setUp({ token: 'sos_other', password, email: 'root@example.com' }),
    'validation_failed',
    ['token'],
  )
  const done = await setUp({ token, password, email: ' Root@example.com' })
  t.equal(done.status, 200)
  t.equal(done.body.user.email, 'root@example.com')
  const headers = { authorization: `Bearer ${done.body.access_token}` }
  const me = await adminWith(app, headers)('GET', '/me')
  t.match(me.body.roles, [{ role: 'owner', scope: null }])
  isProblem(t, await setUp({ token, password, email: 'other@example.com' }), 'validation_failed', ['token'])

  const enrolled = await inOperators(app, 'POST', '/factors/totp', { headers })
  t.equal(enrolled.status, 201, 'the session is recent, and the address proven: a factor can be enrolled')
  const options = await inOperators(app, 'POST', '/passkeys/registration-options', { headers })
  t.equal(options.status, 200)

  const again = await inOperators(app, 'POST', '/login', { body: { email: 'root@example.com', password } })
  isProblem(t, again, 'second_factor_required')
  t.same(again.body.factors, ['email_code'], 'by default a password alone does not sign an operator in')
})

t.test('a later start of an installation with an operator logs no link', async (t) => {
  const next = await startTestApp(t, { databaseUrl: app.databaseUrl })
  t.notOk(next.logs.some(({ msg }) => String(msg).includes('/operators/setup#')))
  await next.close()
})

t.test('an owner makes operators, changes their roles and removes them', async (t) => {
  await sparingFactors(app)
  const owner = await newOperator(app, ['owner', null])
  const made = await owner.admin('POST', '/operators', {
    body: { email: 'sam@example.com', role: 'support', scope: app.projectId },
  })
  t.equal(made.status, 201)
  const { uuid } = made.body.operator
  const token = tokenOf(made.body.setup_url)
  const signedIn = await setUp({ token, password })
  t.equal(signedIn.status, 200)
  const sam = adminWith(app, { authorization: `Bearer ${signedIn.body.access_token}` })
  t.match((await sam('GET', '/me')).body.roles, [{ role: 'support', scope: app.projectId }])
  isProblem(t, await sam('GET', '/operators'), 'insufficient_role')
  isProblem(t, await setUp({ token, password: 'another good one' }), 'validation_failed', ['token'])

  const viewer = { role: 'viewer', scope: app.projectId }
  const changed = await owner.admin('PUT', `/operators/${uuid}/roles`, { body: viewer })
  t.same(changed.body.roles, [viewer])
  t.equal((await sam('GET', `/projects/${app.projectId}`)).status, 200)
  const wider = await owner.admin('PUT', `/operators/${uuid}/roles`, { body: { role: 'auditor' } })
  t.equal(wider.body.roles.length, 2)
  const narrowed = await owner.admin('DELETE', `/operators/${uuid}/roles?scope=${app.projectId}`)
  t.same(narrowed.body.roles, [{ role: 'auditor', scope: null }])
  t.same((await owner.admin('DELETE', `/operators/${uuid}`)).body.roles, [])
  isProblem(t, await sam('GET', '/me'), 'insufficient_role', undefined)
  isProblem(t, await owner.admin('GET', `/operators/${uuid}`), 'not_found')
  isProblem(t, await owner.admin('GET', `/operators/${randomUUID()}`), 'not_found')
  isProblem(t, await owner.admin('GET', '/operators/no-uuid'), 'not_found')
  const wrong = { email: 'x@example.com', role: 'viewer', scope: randomUUID() }
  isProblem(t, await owner.admin('POST', '/operators', { body: wrong }), 'validation_failed', ['scope'])
  const reserved = { ...wrong, scope: operatorsProjectId }
  isProblem(t, await owner.admin('POST', '/operators', { body: reserved }), 'validation_failed', ['scope'])
  const unknown = { ...wrong, role: 'god', scope: null }
  isProblem(t, await owner.admin('POST', '/operators', { body: unknown }), 'validation_failed', ['role'])
  const log = await app.sql`select event, details from security_log
    where account = ${uuid} and event like 'operator%' order by id`
  t.ok(log.every(({ details }) => details.by === owner.uuid))
  t.equal(log.length, 5)
})

t.test('a set-up link of an account with a factor sets the password, and asks for the factor', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const other = await newOperator(app, ['viewer', null])
  const signedIn = await inOperators(app, 'POST', '/login', {
    body: { email: other.email, password: other.password },
  })
  const api = {
    ...app,
    api: (method: string, path: string, options = {}) => inOperators(app, method, path, options),
  }
  const authenticator = await enrolTotp(api, signedIn, other.email)
  const { setup_url } = (await owner.admin('POST', `/operators/${other.uuid}/setup-link`)).body
  const due = await setUp({ token: tokenOf(setup_url), password })
  isProblem(t, due, 'second_factor_required')
  isProblem(t, await other.admin('GET', '/me'), 'unauthenticated')
  await renewSteps(app, other.email)
  const completed = await inOperators(app, 'POST', '/login/second-factor', {
    body: { challenge: due.body.challenge, method: 'totp', code: authenticator.code() },
  })
  t.equal(completed.status, 200)
})

t.test('a link is void once a newer one is made, or after a day', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const other = await newOperator(app, ['viewer', null])
  const path = `/operators/${other.uuid}/setup-link`
  const first = tokenOf((await owner.admin('POST', path)).body.setup_url)
  const second = tokenOf((await owner.admin('POST', path)).body.setup_url)
  isProblem(t, await setUp({ token: first, password }), 'validation_failed', ['token'])
  await app.sql`update operator_setups set expires_at = now() - interval '1 second' where used_at is null`
  isProblem(t, await setUp({ token: second, password }), 'validation_failed', ['token'])
})

t.test('the page of the link uses nothing up until its form is sent', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const other = await newOperator(app, ['viewer', null])
  const { setup_url } = (await owner.admin('POST', `/operators/${other.uuid}/setup-link`)).body
  const token = tokenOf(setup_url)
  const page = await app.send('GET', '/operators/setup')
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), /script-src 'self'/)
  t.match((await app.send('GET', '/operators/setup.js')).body, /location/)
  const post = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.send('POST', '/operators/setup', {
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
  t.equal((await post({ token, password: 'short' })).status, 422)
  t.equal((await post({ token: 'sos_wrong', password })).status, 422)
  const markup = await post({ token: '"><script>', email: '</script>', password: 'short' })
  t.notOk(markup.body.includes('"><script>'), 'what was typed is escaped')
  const foreign = await post(
    { token, password },
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  )
  t.equal(foreign.status, 403, 'a page of another origin signs nobody in')
  t.same(foreign.cookies, {})
  const done = await post({ token, password }, { 'sec-fetch-site': 'same-origin' })
  t.equal(done.status, 200)
  const cookie = Object.entries(done.cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
  t.equal((await adminWith(app, { cookie })('GET', '/me')).body.id, other.uuid, 'the browser is signed in')
  t.equal((await post({ token, password })).status, 422)
  t.notOk(
    app.logs.some((line) => JSON.stringify(line).includes(token)),
    'the token is in no log line',
  )
})

t.test('an operator key has one role, an end, and can be revoked', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  const body = { name: '</script>', role: 'viewer', scope: app.projectId, expires_at }
  const made = await owner.admin('POST', '/operator-keys', { body })
  t.equal(made.status, 201)
  t.equal(made.body.key.name, '</script>')
  const { id } = made.body.key
  const key = adminWith(app, { authorization: `Bearer ${made.body.plain_text_key}` })
  t.match((await key('GET', '/me')).body, {
    kind: 'key',
    id,
    roles: [{ role: 'viewer', scope: app.projectId }],
  })
  t.equal((await key('GET', `/projects/${app.projectId}`)).status, 200)
  isProblem(t, await key('PATCH', `/projects/${app.projectId}`, { body: { name: 'X' } }), 'insufficient_role')
  isProblem(t, await key('GET', `/projects/${(await app.project()).id}`), 'project_not_found')
  const api = await app.api('GET', '/me', {
    headers: { authorization: `Bearer ${made.body.plain_text_key}` },
  })
  t.equal(api.status, 401, 'it opens nothing elsewhere')
  const listed = await owner.admin('GET', '/operator-keys')
  t.ok(listed.body.data.find((one: { id: string }) => one.id === id).last_used_at)
  t.notOk(JSON.stringify(listed.body).includes(made.body.plain_text_key))
  t.notOk(JSON.stringify(await app.sql`select * from operator_keys`).includes(made.body.plain_text_key))
  const revoked = await owner.admin('POST', `/operator-keys/${id}/revoke`)
  t.ok(revoked.body.revoked_at)
  isProblem(t, await key('GET', '/me'), 'unauthenticated')
  isProblem(t, await owner.admin('POST', `/operator-keys/${randomUUID()}/revoke`), 'not_found')
  const past = { ...body, expires_at: new Date(Date.now() - 1000).toISOString() }
  isProblem(t, await owner.admin('POST', '/operator-keys', { body: past }), 'validation_failed', [
    'expires_at',
  ])
  const soon = await owner.admin('POST', '/operator-keys', { body })
  await app.sql`update operator_keys set expires_at = now() - interval '1 second' where id = ${soon.body.key.id}`
  const expired = adminWith(app, { authorization: `Bearer ${soon.body.plain_text_key}` })
  isProblem(t, await expired('GET', '/me'), 'unauthenticated')
})

t.test('the last owner of all cannot go, by any way', async (t) => {
  await app.sql`delete from operator_roles`
  const owner = await newOperator(app, ['owner', null])
  const other = await newOperator(app, ['owner', app.projectId], ['admin', null])
  const self = `/operators/${owner.uuid}`
  isProblem(t, await owner.admin('DELETE', self), 'last_owner')
  isProblem(t, await owner.admin('DELETE', `${self}/roles`), 'last_owner')
  isProblem(t, await owner.admin('PUT', `${self}/roles`, { body: { role: 'admin' } }), 'last_owner')
  const leave = () =>
    inOperators(app, 'DELETE', '/me', {
      headers: { authorization: `Bearer ${owner.token}` },
      body: { current_password: owner.password },
    })
  isProblem(t, await leave(), 'last_owner')
  t.equal((await owner.admin('GET', '/me')).status, 200, 'nothing was changed')

  const second = await newOperator(app, ['owner', null])
  await app.sql`update users set disabled_at = now() where uuid = ${second.uuid}`
  isProblem(t, await leave(), 'last_owner')
  await app.sql`update users set disabled_at = null where uuid = ${second.uuid}`
  t.equal((await leave()).status, 204, 'another owner who can sign in is enough')
  t.equal((await other.admin('GET', '/me')).status, 200)
})

t.test('an owner who removes their own right has none from the next request on', async (t) => {
  const owner = await newOperator(app, ['owner', null])
  const path = `/operators/${owner.uuid}`
  t.equal((await owner.admin('PUT', `${path}/roles`, { body: { role: 'viewer' } })).status, 200)
  isProblem(t, await owner.admin('PUT', `${path}/roles`, { body: { role: 'owner' } }), 'insufficient_role')
})
