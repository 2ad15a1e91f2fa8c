// What an operator began ends with their right: sessions in which they act as users, and keys that they made.
import t from 'tap'
import { operatorsProjectId } from '../../../src/domain/projects/operators-project.ts'
import { setPolicy } from '../../../src/domain/projects/projects.ts'
import { startTestApp, wideLimits } from '../../support/app.ts'
import { adminWith, domainOf, inOperators, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t, { policy: { sessions: { notify_new_device: false } } })
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])
const accounts = `/projects/${operatorsProjectId}/users`
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
const bearing = (token: string) => ({ authorization: `Bearer ${token}` })
type Admin = typeof owner.admin

/** Acts as a new user. */
async function begin(admin: Admin) {
  const user = await app.signUp()
  const path = `/projects/${app.projectId}/users/${user.body.user.uuid}/impersonate`
  const answer = await admin('POST', path, { body: { reason: 'Ticket 4711' } })
  t.equal(answer.status, 201)
  const headers = bearing(answer.body.access_token)
  const status = async () => (await app.api('GET', '/me', { headers })).status
  t.equal(await status(), 200)
  return { ...answer.body, status }
}

async function makeKey(
  admin: Admin,
  role: string,
  expires_at = inSeconds(3600),
  scope: string | null = null,
) {
  const made = await admin('POST', '/operator-keys', { body: { name: 'Key', role, scope, expires_at } })
  t.equal(made.status, 201)
  const key = adminWith(app, bearing(made.body.plain_text_key))
  return { id: made.body.key.id, admin: key, status: async () => (await key('GET', '/me')).status }
}

/** Lets accounts of operators wait for their deletion. */
async function withGrace() {
  const { services } = domainOf(app)
  await setPolicy(services, operatorsProjectId, {
    ...wideLimits,
    sign_up: 'closed',
    factors: { required: 'never' },
    sessions: { notify_new_device: false },
    deletion: { grace_seconds: 3600 },
  })
  await app.running.awaitChanges()
}

t.test('acting as a user ends when the operator is signed out everywhere', async (t) => {
  const other = await newOperator(app, ['admin', app.projectId])
  const acts = await begin(other.admin)
  t.equal((await owner.admin('DELETE', `${accounts}/${other.uuid}/sessions`)).status, 204)
  t.equal(await acts.status(), 401)
  const self = await newOperator(app, ['admin', app.projectId])
  const own = await begin(self.admin)
  const left = await inOperators(app, 'POST', '/logout-all', { headers: bearing(self.token) })
  t.ok(left.status < 300)
  t.equal(await own.status(), 401)
})

t.test('acting as a user by a key ends with the key', async (t) => {
  const key = await makeKey(owner.admin, 'admin', inSeconds(4), app.projectId)
  const { expires_in, session_id } = await begin(key.admin)
  t.ok(expires_in <= 4, `${expires_in} seconds`)
  const [row] = await app.sql`select sessions.expires_at <= operator_keys.expires_at as short
    from sessions, operator_keys where sessions.id = ${session_id} and operator_keys.id = ${key.id}`
  t.equal(row?.short, true)
  const revoked = await makeKey(owner.admin, 'admin')
  const acts = await begin(revoked.admin)
  t.equal((await owner.admin('POST', `/operator-keys/${revoked.id}/revoke`)).status, 200)
  t.equal(await acts.status(), 401)
})

t.test('a right that is being taken opens no session', async (t) => {
  const other = await newOperator(app, ['admin', app.projectId])
  const user = await app.signUp()
  const path = `/projects/${app.projectId}/users/${user.body.user.uuid}/impersonate`
  const answers: Promise<{ status: number }>[] = []
  await app.sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(7255979171::bigint)`
    await tx`delete from operator_roles where user_id = (select id from users where uuid = ${other.uuid})`
    answers.push(other.admin('POST', path, { body: { reason: 'Ticket' } }))
    await new Promise((resolve) => setTimeout(resolve, 500))
  })
  const [answer] = await Promise.all(answers)
  isProblem(t, answer as never, 'impersonation_impossible')
  const [row] = await app.sql`select count(*)::int as living from sessions where impersonator = ${other.uuid}`
  t.equal(row?.living, 0)
})

t.test('keys end with the role that their maker had', async (t) => {
  const maker = await newOperator(app, ['owner', null])
  const [wide, narrow] = [await makeKey(maker.admin, 'owner'), await makeKey(maker.admin, 'viewer')]
  const made = await makeKey(wide.admin, 'owner')
  const acts = await begin(wide.admin)
  const role = { body: { role: 'viewer' } }
  t.equal((await owner.admin('PUT', `/operators/${maker.uuid}/roles`, role)).status, 200)
  t.equal(await wide.status(), 401, 'a key that may more than its maker')
  t.equal(await made.status(), 401, 'a key that such a key made')
  t.equal(await acts.status(), 401, 'a session in which such a key acts')
  t.equal(await narrow.status(), 200, 'a key that may no more stays')
  t.equal((await owner.admin('DELETE', `/operators/${maker.uuid}`)).status, 200)
  t.equal(await narrow.status(), 401)
  const log = await app.sql`select details from security_log where event = 'operator_key_revoked'
    and details->>'key_id' in ${app.sql([wide.id, made.id, narrow.id])}`
  t.equal(log.length, 3)
  t.ok(log.every(({ details }) => details.by === owner.uuid))
})

t.test('keys and sessions end when their operator is disabled or deleted, at once or later', async (t) => {
  await withGrace()
  const ways = [
    ({ uuid }: { uuid: string }) => owner.admin('POST', `${accounts}/${uuid}/disable`),
    ({ uuid }: { uuid: string }) => owner.admin('DELETE', `${accounts}/${uuid}`),
    ({ uuid }: { uuid: string }) => owner.admin('DELETE', `${accounts}/${uuid}?now=true`),
    ({ token, password }: { token: string; password: string }) =>
      inOperators(app, 'DELETE', '/me', { headers: bearing(token), body: { current_password: password } }),
  ]
  for (const [at, way] of ways.entries()) {
    const maker = await newOperator(app, ['owner', null])
    const key = await makeKey(maker.admin, 'admin')
    const acts = [await begin(maker.admin), await begin(key.admin)]
    t.ok((await way(maker)).status < 300)
    t.equal(await key.status(), 401, `way ${at}`)
    for (const act of acts) t.equal(await act.status(), 401, `way ${at}`)
  }
})

t.test('a key lives for at most a year', async (t) => {
  const body = { name: 'Key', role: 'viewer' }
  for (const expires_at of ['9999-01-01T00:00:00Z', inSeconds(367 * 86_400)])
    isProblem(
      t,
      await owner.admin('POST', '/operator-keys', { body: { ...body, expires_at } }),
      'validation_failed',
      ['expires_at'],
    )
  await makeKey(owner.admin, 'viewer', inSeconds(364 * 86_400))
})

t.test('a session makes operators and keys only after a recent proof; a key does so by itself', async (t) => {
  const maker = await newOperator(app, ['owner', null])
  const key = await makeKey(maker.admin, 'owner')
  await app.sql`update sessions set auth_time = now() - interval '10 minutes'
    where user_id = (select id from users where uuid = ${maker.uuid})`
  const viewer = { role: 'viewer', scope: app.projectId }
  const requests = [
    ['POST', '/operator-keys', { name: 'Key', role: 'viewer', expires_at: inSeconds(3600) }],
    ['POST', '/operators', { email: 'late@example.com', ...viewer }],
    ['PUT', `/operators/${maker.uuid}/roles`, viewer],
  ] as const
  for (const [method, path, body] of requests) {
    const refused = await maker.admin(method, path, { body })
    isProblem(t, refused, 'step_up_required')
    t.ok(refused.body.factors.includes('password'))
  }
  t.equal((await maker.admin('GET', '/operators')).status, 200)
  t.equal((await key.admin('PUT', `/operators/${maker.uuid}/roles`, { body: viewer })).status, 200)
  const proof = { method: 'password', password: maker.password }
  const proven = await inOperators(app, 'POST', '/step-up', { headers: bearing(maker.token), body: proof })
  t.equal(proven.status, 200)
  const again = adminWith(app, bearing(proven.body.access_token))
  for (const [method, path, body] of requests) t.ok((await again(method, path, { body })).status < 300, path)
})
