// GET /sessions, DELETE /sessions/{id}, POST /sessions/revoke-others: the owner sees every device and ends any.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'

const signIn = (user: { email: string; password: string }, headers: Record<string, string> = {}) =>
  app.api('POST', '/login', { headers, body: { email: user.email, password: user.password } })
const list = (session: Answer) => app.api('GET', '/sessions', { headers: bearer(session) })
const end = (session: Answer, id: string) =>
  app.api('DELETE', `/sessions/${id}`, { headers: bearer(session) })
const isAlive = async (session: Answer) =>
  (await app.api('GET', '/me', { headers: bearer(session) })).status === 200
const idOf = (session: Answer): string =>
  JSON.parse(Buffer.from(session.body.access_token.split('.')[1], 'base64url').toString()).sid

t.test('GET /sessions · 200 · every living session of one’s own, with its device and no token', async (t) => {
  const user = await app.signUp()
  await signIn(user, { 'user-agent': firefox, 'x-forwarded-for': '203.0.113.77' })
  const phone = await signIn(user, { 'user-agent': iphone, 'x-forwarded-for': '2001:db8:1:2:3::4' })
  const { status, body } = await list(phone)
  t.equal(status, 200)
  t.equal(body.data.length, 3)
  const current = body.data.filter((entry: { current: boolean }) => entry.current)
  t.match(current, [
    {
      id: idOf(phone),
      device: { browser: 'Safari', os: 'iOS', kind: 'mobile' },
      address_prefix: '2001:db8:1::/48',
    },
  ])
  const desktop = body.data.find(
    (entry: { address_prefix: string }) => entry.address_prefix === '203.0.113.0/24',
  )
  t.match(desktop, { current: false, device: { browser: 'Firefox', os: 'Linux', kind: 'desktop' } })
  t.notMatch(JSON.stringify(body), /srt_|eyJ/)
})

t.test(
  'GET /sessions · 200 · instants in full, whatever zeros they end with, and agents of any text',
  async (t) => {
    const user = await app.signUp()
    const own = (await app.api('GET', '/sessions', { headers: bearer(user) })).body.data[0].id
    const agent = '"\\ ä 日本\t'
    for (const instant of [
      '2099-01-02 03:04:05+00',
      '2099-01-02 03:04:05.1+00',
      '2099-01-02 03:04:05.010+00',
    ]) {
      await app.sql`update sessions set last_seen_at = ${instant}, expires_at = ${instant}, created_at = ${instant},
      user_agent = ${agent} where id = ${own}`
      const { status, body } = await app.api('GET', '/sessions', { headers: bearer(user) })
      t.equal(status, 200)
      const iso = new Date(instant).toISOString()
      t.match(body.data[0], { created_at: iso, last_seen_at: iso, expires_at: iso })
    }
  },
)

t.test('GET /sessions · 401 · only for the signed-in', async (t) => {
  isProblem(t, await app.api('GET', '/sessions'), 'unauthenticated')
})

t.test('GET /sessions · ended, expired and past-epoch sessions are not listed', async (t) => {
  const user = await app.signUp()
  const [kept, ended, expired] = [await signIn(user), await signIn(user), await signIn(user)]
  await app.api('POST', '/logout', { headers: bearer(ended) })
  await app.sql`update sessions set expires_at = now() - interval '1 second' where id = ${idOf(expired)}`
  t.same(
    (await list(kept)).body.data.map(({ id }: { id: string }) => id).sort(),
    [idOf(user), idOf(kept)].sort(),
  )
})

t.test('DELETE /sessions/{id} · 204 · its tokens die at once, the others live', async (t) => {
  const user = await app.signUp()
  const [mine, lost] = [await signIn(user), await signIn(user)]
  t.equal((await end(mine, idOf(lost))).status, 204)
  t.notOk(await isAlive(lost))
  const body = { refresh_token: lost.body.refresh_token }
  isProblem(t, await app.api('POST', '/refresh', { body }), 'invalid_refresh_token')
  t.ok(await isAlive(mine))
  t.equal((await end(mine, idOf(mine))).status, 204, 'one’s own session can be ended too')
  t.notOk(await isAlive(mine))
})

t.test(
  'DELETE /sessions/{id} · 404 · another user’s, another project’s, unknown, ended, or no id at all',
  async (t) => {
    const user = await app.signUp()
    const stranger = await app.signUp()
    const ended = await signIn(user)
    await end(user, idOf(ended))
    for (const id of [idOf(stranger), idOf(ended), randomUUID(), 'no-uuid', '%00', "1' or '1'='1"]) {
      const answer = await end(user, encodeURIComponent(id))
      isProblem(t, answer, 'not_found')
    }
    t.ok(await isAlive(stranger))
  },
)

t.test('POST /sessions/revoke-others · 200 · all but this one, of this user alone', async (t) => {
  const user = await app.signUp()
  const stranger = await app.signUp()
  const [mine, second] = [await signIn(user), await signIn(user)]
  const answer = await app.api('POST', '/sessions/revoke-others', { headers: bearer(mine) })
  t.same([answer.status, answer.body.revoked], [200, 2])
  t.same(await Promise.all([mine, second, user, stranger].map(isAlive)), [true, false, false, true])
})

t.test('last_seen_at moves at most once in five minutes', async (t) => {
  const user = await app.signUp()
  const seen = async () => (await list(user)).body.data[0].last_seen_at
  const first = await seen()
  t.equal(await seen(), first)
  await app.sql`update sessions set last_seen_at = now() - interval '6 minutes' where id = ${idOf(user)}`
  const [aged] = await app.sql`select last_seen_at from sessions where id = ${idOf(user)}`
  t.ok(new Date(await seen()) > new Date(aged?.last_seen_at))
})

t.test('policy sessions.max_per_user: the oldest session ends', async (t) => {
  const project = await app.project({ sessions: { max_per_user: 2 } })
  const headers = { 'project-id': project.id }
  const body = { email: 'many@example.com', password: 'a good long password' }
  const first = await app.api('POST', '/signup', { headers, body })
  const second = await app.api('POST', '/login', { headers, body })
  const third = await app.api('POST', '/login', { headers, body })
  const statuses = []
  for (const session of [first, second, third])
    statuses.push((await app.api('GET', '/me', { headers: { ...headers, ...bearer(session) } })).status)
  t.same(statuses, [401, 200, 200])
})

t.test('a sign-in from a new device is told by mail, one from a known device is not', async (t) => {
  const user = await app.signUp()
  const told = async () =>
    (await app.mailbox.all()).filter((m) => m.to === user.email && m.kind === 'new_device')
  const strange = { 'user-agent': iphone, 'x-forwarded-for': '198.51.100.7' }
  await signIn(user)
  await signIn(user, strange)
  const mails = await app.mailbox.waitFor(user.email, { count: 2 })
  const notice = mails.find(({ kind }) => kind === 'new_device')
  t.match(notice?.text, /Safari on iOS/)
  t.match(notice?.text, /198\.51\.100\.0\/24/)
  await signIn(user, strange)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  t.equal((await told()).length, 1)
})

t.test('policy sessions.notify_new_device: false sends none', async (t) => {
  const project = await app.project({ sessions: { notify_new_device: false } })
  const headers = { 'project-id': project.id }
  const body = { email: 'quiet@example.com', password: 'a good long password' }
  await app.api('POST', '/signup', { headers, body })
  await app.api('POST', '/login', { headers: { ...headers, 'x-forwarded-for': '192.0.2.9' }, body })
  const [owed] = await app.sql`select count(*)::int as mails from outbox
    where project_id = ${project.id} and kind = 'new_device'`
  t.equal(owed?.mails, 0)
})
