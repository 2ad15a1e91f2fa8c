// Projects and policies by the admin API.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { operatorsProjectId } from '../../../src/domain/projects/operators-project.ts'
import { startTestApp } from '../../support/app.ts'
import { adminWith, basic, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t)
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])

t.test('an operator sees who they are, and the projects that their roles reach', async (t) => {
  const { id } = await app.project()
  const viewer = await newOperator(app, ['viewer', id])
  const me = await viewer.admin('GET', '/me')
  t.match(me.body, { kind: 'session', name: viewer.email, roles: [{ role: 'viewer', scope: id }] })
  t.ok(me.body.permissions.includes('users.read'))
  t.notOk(me.body.permissions.includes('users.write'))
  const seen = await viewer.admin('GET', '/projects')
  t.same(
    seen.body.data.map((project: { id: string }) => project.id),
    [id],
  )
  const all = await owner.admin('GET', '/projects')
  const ids = all.body.data.map((project: { id: string }) => project.id)
  for (const each of [id, app.projectId, operatorsProjectId]) t.ok(ids.includes(each), each)
})

t.test('a project without any role is answered like one that does not exist', async (t) => {
  const mine = await app.project()
  const viewer = await newOperator(app, ['viewer', mine.id])
  const secret = adminWith(app, basic(mine.id, mine.secret))
  for (const admin of [viewer.admin, secret])
    for (const id of [app.projectId, randomUUID(), 'no-uuid', operatorsProjectId]) {
      isProblem(t, await admin('GET', `/projects/${id}`), 'project_not_found')
      isProblem(t, await admin('PATCH', `/projects/${id}`, { body: { name: 'X' } }), 'project_not_found')
    }
  isProblem(
    t,
    await viewer.admin('PATCH', `/projects/${mine.id}`, { body: { name: 'X' } }),
    'insufficient_role',
  )
  isProblem(t, await viewer.admin('POST', '/projects', { body: { name: 'X' } }), 'insufficient_role')
  t.equal((await owner.admin('GET', `/projects/${randomUUID()}`)).status, 404)
})

t.test('tokens of other projects, foreign keys and wrong secrets open nothing', async (t) => {
  const user = await app.signUp()
  const { id, secret } = await app.project()
  const wrong = [
    { authorization: `Bearer ${user.body.access_token}` },
    { authorization: 'Bearer sok_garbage' },
    { authorization: `Bearer uak_${'a'.repeat(12)}_${'b'.repeat(49)}` },
    { authorization: 'Bearer' },
    {},
    basic(id, `${secret}x`),
    basic(randomUUID(), secret),
    basic(operatorsProjectId, secret),
  ]
  for (const headers of wrong) isProblem(t, await adminWith(app, headers)('GET', '/me'), 'unauthenticated')
  const answer = await app.api('GET', '/me', { headers: { authorization: `Bearer ${owner.token}` } })
  t.equal(answer.status, 401, 'and the token of an operator opens no other project')
})

t.test(
  'a project is created, renamed, archived and opened again; its secret acts as admin of it',
  async (t) => {
    const made = await owner.admin('POST', '/projects', { body: { name: ' </script>Shop ' } })
    t.equal(made.status, 201)
    t.equal(made.body.project.name, '</script>Shop', 'returned as it was written')
    const { id } = made.body.project
    const backEnd = adminWith(app, basic(id, made.body.secret))
    t.match((await backEnd('GET', '/me')).body, {
      kind: 'project_secret',
      roles: [{ role: 'admin', scope: id }],
    })
    t.equal((await backEnd('PATCH', `/projects/${id}`, { body: { name: 'Renamed' } })).body.name, 'Renamed')
    isProblem(t, await backEnd('POST', `/projects/${id}/archive`), 'insufficient_role')
    const rotated = await owner.admin('POST', `/projects/${id}/rotate-secret`)
    t.match(rotated.body.secret, /^sps_/)
    await app.running.awaitChanges()
    isProblem(t, await backEnd('GET', '/me'), 'unauthenticated')

    const headers = { 'project-id': id }
    const body = { email: 'ada@example.com', password: 'a good long password' }
    t.equal((await app.send('POST', '/api/auth/signup', { headers, body })).status, 201)
    t.ok((await owner.admin('POST', `/projects/${id}/archive`)).body.archived_at)
    await app.running.awaitChanges()
    t.equal((await app.send('POST', '/api/auth/login', { headers, body })).status, 404)
    isProblem(t, await adminWith(app, basic(id, rotated.body.secret))('GET', '/me'), 'unauthenticated')
    t.equal((await owner.admin('GET', `/projects/${id}`)).status, 200)
    t.notOk((await owner.admin('GET', '/projects')).body.data.some((one: { id: string }) => one.id === id))
    t.ok(
      (await owner.admin('GET', '/projects?archived=true')).body.data.some(
        (one: { id: string }) => one.id === id,
      ),
    )
    t.equal((await owner.admin('POST', `/projects/${id}/open`)).body.archived_at, null)
    await app.running.awaitChanges()
    t.equal((await app.send('POST', '/api/auth/login', { headers, body })).status, 200)
    const rows =
      await app.sql`select event, actor, details from security_log where project_id = ${id} order by id`
    t.match(
      rows.filter(({ actor }) => actor === 'operator').map(({ event }) => event),
      [
        'project_created',
        'project_renamed',
        'operator_refused',
        'project_secret_rotated',
        'project_archived',
      ],
    )
    t.equal(rows[0]?.details.by, owner.uuid, 'the log names the operator')
  },
)

t.test('the project of the operators is neither renamed, archived nor given a secret', async (t) => {
  const path = `/projects/${operatorsProjectId}`
  isProblem(t, await owner.admin('PATCH', path, { body: { name: 'X' } }), 'project_reserved')
  isProblem(t, await owner.admin('POST', `${path}/archive`), 'project_reserved')
  isProblem(t, await owner.admin('POST', `${path}/rotate-secret`), 'project_reserved')
  const everywhere = await newOperator(app, ['admin', null])
  isProblem(t, await everywhere.admin('GET', `${path}/policy`), 'insufficient_role')
  const body = { email: 'new@example.com', password: 'a good long password' }
  const headers = { 'project-id': operatorsProjectId }
  isProblem(t, await app.send('POST', '/api/auth/signup', { headers, body }), 'sign_up_closed')
})

t.test('a policy is changed from the state that was read', async (t) => {
  const { id } = await app.project()
  const path = `/projects/${id}/policy`
  const read = await owner.admin('GET', path)
  t.equal(read.body.effective.verification.mode, 'lenient')
  const etag = read.headers.get('etag') ?? ''
  const body = { verification: { mode: 'strict' } }
  isProblem(t, await owner.admin('PATCH', path, { body }), 'precondition_required')

  const preview = await owner.admin('PATCH', `${path}?preview=true`, { body })
  t.same(preview.body.changes, [
    { key: 'verification.mode', before: 'lenient', after: 'strict', reset: false },
  ])
  t.equal((await owner.admin('GET', path)).headers.get('etag'), etag, 'a preview changes nothing')

  const merged = await owner.admin('PATCH', path, { body, headers: { 'if-match': etag } })
  t.equal(merged.body.effective.verification.mode, 'strict')
  t.ok(merged.body.stored.limits, 'what the body does not name stays')
  const other = await newOperator(app, ['admin', null])
  isProblem(
    t,
    await other.admin('PATCH', path, { body, headers: { 'if-match': etag } }),
    'precondition_failed',
  )
  const put = await other.admin('PUT', path, {
    body: { sessions: { max_per_user: 3 } },
    headers: { 'if-match': merged.headers.get('etag') ?? '' },
  })
  t.equal(put.body.effective.verification.mode, 'lenient')
  t.ok(
    put.body.changes.some(
      ({ key, reset }: { key: string; reset: boolean }) => key === 'verification.mode' && reset,
    ),
  )
  t.equal((await owner.admin('GET', path)).headers.get('etag'), put.headers.get('etag'))
})

t.test('of two operators who edit one policy at once, one is told that it was changed', async (t) => {
  const { id } = await app.project()
  const path = `/projects/${id}/policy`
  const etag = (await owner.admin('GET', path)).headers.get('etag') ?? ''
  const admin = await newOperator(app, ['admin', id])
  const answers = await Promise.all(
    [owner, admin].map(({ admin }, at) =>
      admin('PATCH', path, { body: { sessions: { max_per_user: at + 1 } }, headers: { 'if-match': etag } }),
    ),
  )
  t.same(answers.map(({ status }) => status).sort(), [200, 412])
})

t.test('a policy is checked like that of the command line', async (t) => {
  const { id } = await app.project()
  const path = `/projects/${id}/policy`
  const headers = { 'if-match': '*' }
  const wrong = await owner.admin('PATCH', path, { headers, body: { verificaton: { mode: 'strict' } } })
  isProblem(t, wrong, 'validation_failed', ['verificaton'])
  t.match(wrong.body.errors.verificaton[0], /Did you mean verification\?/)
  const value = await owner.admin('PUT', path, { headers, body: { verification: { mode: 'never' } } })
  isProblem(t, value, 'validation_failed', ['verification.mode'])
  t.equal((await owner.admin('PATCH', path, { headers, body: [] })).status, 422)
  const large = { branding: { name: 'x'.repeat(65_000) } }
  t.equal((await owner.admin('PATCH', path, { headers, body: large })).status, 422)
  const schema = await owner.admin('GET', '/policy-schema')
  t.equal(schema.body.properties.verification.properties.mode.default, 'lenient')
})

t.test('a browser of another site cannot use the cookie of an operator', async (t) => {
  const cookie = `sallyport_access_${operatorsProjectId}=${owner.token}`
  const mine = adminWith(app, { cookie })
  t.equal((await mine('GET', '/me')).status, 200)
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  isProblem(
    t,
    await mine('POST', '/projects', { body: { name: 'X' }, headers: foreign }),
    'cross_site_request',
  )
  const own = { 'sec-fetch-site': 'same-origin' }
  t.equal((await mine('POST', '/projects', { body: { name: 'X' }, headers: own })).status, 201)
  const answer = await owner.admin('GET', '/me', { headers: { origin: 'https://evil.example' } })
  t.equal(
    answer.headers.get('access-control-allow-origin'),
    null,
    'and no page of another site reads an answer',
  )
})

t.test('a repeated POST with an Idempotency-Key makes one project, for each operator', async (t) => {
  const headers = { 'idempotency-key': randomUUID() }
  const body = { name: 'Once' }
  const first = await owner.admin('POST', '/projects', { headers, body })
  const again = await owner.admin('POST', '/projects', { headers, body })
  t.equal(again.body.project.id, first.body.project.id)
  t.equal(again.headers.get('idempotency-replayed'), 'true')
  const other = await newOperator(app, ['admin', null])
  const theirs = await other.admin('POST', '/projects', { headers, body })
  t.equal(theirs.status, 201)
  t.not(theirs.body.project.id, first.body.project.id)
})

t.test(
  'the admin API has limits of its own, and answers the pages that the policy of the operators lists',
  async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    const owner = await newOperator(app, ['owner', null])
    const path = `/projects/${operatorsProjectId}/policy`
    const body = {
      origins: ['https://console.example.com'],
      limits: { project: { max: 5, window_seconds: 60 } },
    }
    t.equal((await owner.admin('PATCH', path, { body, headers: { 'if-match': '*' } })).status, 200)
    await app.running.awaitChanges()
    const origin = 'https://console.example.com'
    const answer = await owner.admin('GET', '/me', { headers: { origin } })
    t.equal(answer.headers.get('access-control-allow-origin'), origin)
    const statuses: number[] = []
    for (let at = 0; at < 6; at++) statuses.push((await owner.admin('GET', '/me')).status)
    t.ok(statuses.includes(429), statuses.join())
    isProblem(t, await owner.admin('GET', '/me'), 'rate_limited')
    t.equal(
      (await app.api('POST', '/login', { body: { email: 'x@example.com', password: 'y' } })).status,
      401,
    )
  },
)

t.test('what concerns more than the project is changed by those who reach all of them', async (t) => {
  const { id, secret } = await app.project()
  const backEnd = adminWith(app, basic(id, secret))
  const scoped = await newOperator(app, ['admin', id])
  const everywhere = await newOperator(app, ['admin', null])
  const match = { 'if-match': '*' }
  const reserved = [
    { webhooks: { allow_private_network: true } },
    { passwords: { breached_range_url: 'http://127.0.0.1:3905/' } },
    { audit: { retention_days: 1 } },
    { limits: { mail: { max: 1_000_000 } } },
    { mail: { per_recipient_hour: 10_000 } },
    { lockout: { failures: 1000 } },
    { impersonation: { notify: false } },
    {
      import: {
        verify_url: 'https://old.evil.test/',
        verify_until: new Date(Date.now() + 86_400_000).toISOString(),
        verify_secret_env: 'IMPORT_SECRET_OTHER',
      },
    },
    {
      providers: {
        evil: {
          type: 'openid',
          issuer: 'https://idp.evil.test',
          client_ids: ['x'],
          client_secret_env: 'SOCIAL_SECRET_OTHER',
        },
      },
    },
  ]
  for (const body of reserved) {
    for (const admin of [backEnd, scoped.admin]) {
      isProblem(
        t,
        await admin('PATCH', `/projects/${id}/policy`, { headers: match, body }),
        'policy_key_reserved',
      )
      const preview = await admin('PATCH', `/projects/${id}/policy?preview=true`, { body })
      isProblem(t, preview, 'policy_key_reserved')
    }
    const allowed = await everywhere.admin('PATCH', `/projects/${id}/policy`, { headers: match, body })
    t.equal(allowed.status, 200, JSON.stringify(allowed.body))
  }
  // What was set by those stays with them, and everything else is the project's.
  const issuer = { providers: { evil: { issuer: 'https://other.evil.test' } } }
  isProblem(
    t,
    await backEnd('PATCH', `/projects/${id}/policy`, { headers: match, body: issuer }),
    'policy_key_reserved',
  )
  const own = { branding: { name: 'Shop' }, verification: { mode: 'strict' } }
  t.equal((await backEnd('PATCH', `/projects/${id}/policy`, { headers: match, body: own })).status, 200)
})

t.test('keys that every object has are refused by name', async (t) => {
  const path = `/projects/${app.projectId}/policy`
  for (const body of [{ constructor: 1 }, { toString: 1 }, { __proto__x: 1 }])
    isProblem(
      t,
      await owner.admin('PATCH', path, { headers: { 'if-match': '*' }, body }),
      'validation_failed',
    )
  isProblem(
    t,
    await owner.admin('POST', '/projects', { body: { name: 'X', policy: { constructor: {} } } }),
    'validation_failed',
  )
})
