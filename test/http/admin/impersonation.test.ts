// An operator acts as a user: what the user sees, and every route that refuses.
import t from 'tap'
import { generateDocuments } from '../../../src/http/generate.ts'
import { bearer, startTestApp } from '../../support/app.ts'
import { mailOfKind } from '../../support/factors.ts'
import { adminWith, basic, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t, { policy: { sessions: { notify_new_device: false } } })
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])
const project = `/projects/${app.projectId}`
const uuidOf = (answer: { body: { user: { uuid: string } } }) => answer.body.user.uuid

async function begin(admin: typeof owner.admin = owner.admin) {
  const user = await app.signUp()
  const answer = await admin('POST', `${project}/users/${uuidOf(user)}/impersonate`, {
    body: { reason: 'Ticket 4711' },
  })
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  return { ...answer.body, user, headers: { authorization: `Bearer ${answer.body.access_token}` } }
}
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

t.test('the token names the operator, and lives for at most 15 minutes without a refresh', async (t) => {
  const { user, access_token, session_id, expires_in, headers } = await begin()
  t.ok(expires_in <= 900 && expires_in >= 898)
  const claims = claimsOf(access_token)
  t.match(claims, { sub: uuidOf(user), act: { sub: owner.uuid }, sid: session_id })
  t.ok(claims.exp - claims.iat <= 900)
  t.equal((await app.api('GET', '/me', { headers })).body.user.email, user.email)
  const [row] =
    await app.sql`select expires_at <= created_at + interval '15 minutes 1 second' as short from sessions where id = ${session_id}`
  t.equal(row?.short, true)
  const shown = await app.api('POST', '/introspect', {
    headers: { 'project-secret': app.projectSecret },
    body: { token: access_token },
  })
  t.match(shown.body, { active: true, act: { sub: owner.uuid } })
  const longer = { body: { reason: 'Ticket', seconds: 901 } }
  isProblem(
    t,
    await owner.admin('POST', `${project}/users/${uuidOf(user)}/impersonate`, longer),
    'validation_failed',
    ['seconds'],
  )
  const silent = { body: { reason: '   ' } }
  isProblem(
    t,
    await owner.admin('POST', `${project}/users/${uuidOf(user)}/impersonate`, silent),
    'validation_failed',
    ['reason'],
  )
})

t.test('the user sees it in their activity, and is told by mail; the log has the reason', async (t) => {
  const { user, headers } = await begin()
  const events = (await app.api('GET', '/me/activity', { headers: bearer(user) })).body.data
  t.equal(events[0].event, 'impersonated')
  t.ok(await mailOfKind(app, user.email, 'impersonated'))
  await app.api('PATCH', '/profile', { headers, body: { display_name: 'Changed' } })
  const log =
    await app.sql`select event, actor, details from security_log where account = ${uuidOf(user)} order by id`
  t.match(
    log.find(({ event }) => event === 'impersonated'),
    {
      actor: 'operator',
      details: { reason: 'Ticket 4711', by: owner.uuid },
    },
  )
  const quiet = await app.project({ impersonation: { notify: false } })
  const made = await owner.admin('POST', `/projects/${quiet.id}/users`, {
    body: { email: 'quiet@example.com' },
  })
  await owner.admin('POST', `/projects/${quiet.id}/users/${made.body.uuid}/impersonate`, {
    body: { reason: 'Ticket' },
  })
  const [mail] = await app.sql`select 1 from outbox where project_id = ${quiet.id} and kind = 'impersonated'`
  t.equal(mail, undefined)
})

/** Every route of the canonical API that an impersonator may call; all others where a token is looked at refuse. */
const allowed = [
  'DELETE /api/auth/avatar',
  'GET /api/auth/me',
  'GET /api/auth/me/activity',
  'GET /api/auth/teams',
  'GET /api/auth/teams/:id',
  'GET /api/auth/teams/:id/members',
  'PATCH /api/auth/profile',
  'POST /api/auth/logout',
  'PUT /api/auth/avatar',
]

t.test('every other route of the canonical API and of every contract refuses', async (t) => {
  const { user, access_token, headers } = await begin()
  const lines = ((await generateDocuments())['routes.txt'] ?? '').trimEnd().split('\n')
  const routes = lines
    .map((line) => line.split(/ +/))
    .map(([method = '', path = '', access = '']) => ({ method, path, access }))
  const looking = routes.filter(({ access }) =>
    ['user', 'leaving', 'optional', 'recognized'].includes(access),
  )
  t.ok(looking.length > 50, `${looking.length} routes look at tokens`)
  const accepted: string[] = []
  const id = '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'
  for (const { method, path } of looking) {
    const name = `${method} ${path}`
    if (allowed.includes(name)) {
      accepted.push(name)
      continue
    }
    const url = path.replace(/:\w+/g, id)
    const body =
      method === 'GET'
        ? undefined
        : { token: 'x', current_password: user.password, new_password: 'another good one' }
    const cookie = `nodeloom_session=${access_token}; sallyport_access_${app.projectId}=${access_token}`
    for (const credentials of [headers, { cookie }] as Record<string, string>[]) {
      // The products take a token in one way each.
      const sent = await app.send(method, url, {
        headers: { 'project-id': app.projectId, 'sec-fetch-site': 'same-origin', ...credentials },
        body,
      })
      if (path.startsWith('/api/')) t.equal(sent.body.code, 'impersonation_refused', name)
      // The pages look at the cookie of the project that their query names (test/http/account-page.test.ts).
      else if (/ \/account(?:\/|$)/.test(name)) t.ok([303, 403].includes(sent.status), name)
      else if (name === 'POST /nodeloom/api/auth/logout')
        t.ok(sent.status === 200 || sent.status === 401, name)
      else t.ok([400, 401, 403, 404].includes(sent.status), `${name}: ${sent.status}`)
    }
  }
  t.same(accepted.sort(), allowed)
  t.equal((await app.api('GET', '/me', { headers })).status, 200, 'and the session is still there')
  t.equal(
    (await app.api('POST', '/login', { body: { email: user.email, password: user.password } })).status,
    200,
  )
})

t.test('it is listed, and ends at once by the operator or by signing out', async (t) => {
  const { session_id, headers, user } = await begin()
  const listed = await owner.admin('GET', `${project}/impersonations`)
  t.match(
    listed.body.data.find((one: { id: string }) => one.id === session_id),
    { user_uuid: uuidOf(user), impersonator: owner.uuid },
  )
  t.equal((await owner.admin('DELETE', `${project}/impersonations/${session_id}`)).status, 204)
  t.equal((await app.api('GET', '/me', { headers })).status, 401)
  isProblem(t, await owner.admin('DELETE', `${project}/impersonations/${session_id}`), 'not_found')
  const other = await begin()
  isProblem(
    t,
    await owner.admin('DELETE', `${project}/impersonations/${claimsOf(user.body.access_token).sid}`),
    'not_found',
  )
  t.equal((await app.api('POST', '/logout', { headers: other.headers })).status, 200)
  t.equal((await app.api('GET', '/me', { headers: other.headers })).status, 401)
})

t.test('it ends when the operator loses the role, is disabled or deleted', async (t) => {
  const ways = [
    (uuid: string) =>
      owner.admin('PUT', `/operators/${uuid}/roles`, { body: { role: 'viewer', scope: app.projectId } }),
    (uuid: string) => owner.admin('DELETE', `/operators/${uuid}`),
    (uuid: string) =>
      owner.admin('POST', `/projects/5a11b09e-0000-4000-8000-000000000001/users/${uuid}/disable`),
    (uuid: string) => owner.admin('DELETE', `/projects/5a11b09e-0000-4000-8000-000000000001/users/${uuid}`),
  ]
  for (const way of ways) {
    const admin = await newOperator(app, ['admin', app.projectId])
    const { headers } = await begin(admin.admin)
    t.equal((await app.api('GET', '/me', { headers })).status, 200)
    t.ok((await way(admin.uuid)).status < 300)
    t.equal((await app.api('GET', '/me', { headers })).status, 401)
  }
})

t.test('one that a back end began ends when its secret is replaced', async (t) => {
  const { id, secret } = await app.project({ sessions: { notify_new_device: false } })
  const backEnd = adminWith(app, basic(id, secret))
  const made = await backEnd('POST', `/projects/${id}/users`, { body: { email: 'theirs@example.com' } })
  const path = `/projects/${id}/users/${made.body.uuid}/impersonate`
  const begun = await backEnd('POST', path, { body: { reason: 'Ticket' } })
  t.equal(claimsOf(begun.body.access_token).act.sub, id)
  const headers = { authorization: `Bearer ${begun.body.access_token}`, 'project-id': id }
  t.equal((await app.send('GET', '/api/auth/me', { headers })).status, 200)
  t.equal((await backEnd('POST', `/projects/${id}/rotate-secret`)).status, 200)
  t.equal((await app.send('GET', '/api/auth/me', { headers })).status, 401)
})

t.test('operators, disabled and unproven accounts cannot be impersonated', async (t) => {
  const path = '/projects/5a11b09e-0000-4000-8000-000000000001/users'
  const body = { reason: 'Ticket' }
  isProblem(
    t,
    await owner.admin('POST', `${path}/${owner.uuid}/impersonate`, { body }),
    'impersonation_impossible',
  )
  const user = await app.signUp()
  const its = `${project}/users/${uuidOf(user)}`
  await owner.admin('POST', `${its}/disable`)
  isProblem(t, await owner.admin('POST', `${its}/impersonate`, { body }), 'impersonation_impossible')
  const support = await newOperator(app, ['support', app.projectId])
  isProblem(t, await support.admin('POST', `${its}/impersonate`, { body }), 'insufficient_role')
})
