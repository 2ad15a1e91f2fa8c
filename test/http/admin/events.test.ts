// The ordered feed: every change once, in an order in which no event comes before one that was read.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { eventTypes } from '../../../src/domain/events/types.ts'
import { bearer, startTestApp, wideLimits } from '../../support/app.ts'
import { authenticatorOf } from '../../support/factors.ts'
import { adminWith, basic } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t)

interface Event {
  type: string
  position: number
  subject: string
  timestamp: string
  project_id: string
  data: Record<string, unknown>
}

/** A project, its back end, and what its feed says. */
async function follow(policy: object = {}) {
  const { id, secret } = await app.project({ ...wideLimits, ...policy })
  const admin = adminWith(app, basic(id, secret))
  let next: string | undefined
  return {
    id,
    admin,
    headers: { 'project-id': id },
    /** The events since the last call. */
    async read(): Promise<Event[]> {
      const query = next ? `?after=${next}` : ''
      const answer = await admin('GET', `/projects/${id}/events${query}`)
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
      next = answer.body.next
      return answer.body.data
    },
    cursor: () => next ?? '',
  }
}
type Feed = Awaited<ReturnType<typeof follow>>
const typesOf = (events: readonly Event[]) => events.map(({ type }) => type)
const password = 'a good long password'
const newEmail = () => `${randomUUID()}@example.com`

/** Something that is waited for. */
function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

async function join(feed: Feed) {
  const email = newEmail()
  const { headers } = feed
  const answer = await app.send('POST', '/api/auth/signup', {
    headers,
    body: { email, password, display_name: 'Ada' },
  })
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  const as = (method: string, path: string, body?: object) =>
    app.send(method, `/api/auth${path}`, { headers: { ...headers, ...bearer(answer) }, body })
  return { email, uuid: answer.body.user.uuid as string, as, answer }
}

t.test('a sign-up, a profile, a refresh, a sign-out: each change once, and none for a refresh', async (t) => {
  const feed = await follow()
  const { uuid, email, as, answer } = await join(feed)
  const [made, opened] = await feed.read()
  t.match(made, {
    type: 'user.created',
    subject: uuid,
    project_id: feed.id,
    position: 1,
    data: { uuid, email, display_name: 'Ada', role: 'user', has_password: true, second_factors: [] },
  })
  t.match(opened, {
    type: 'session.created',
    subject: uuid,
    position: 2,
    data: { user_uuid: uuid, amr: ['pwd'] },
  })
  t.same(await feed.read(), [], 'each once')
  await as('PATCH', '/profile', { first_name: 'Augusta' })
  await as('PATCH', '/profile', { first_name: 'Augusta' })
  const refreshed = await app.send('POST', '/api/auth/refresh', {
    headers: feed.headers,
    body: { refresh_token: answer.body.refresh_token },
  })
  t.equal(refreshed.status, 200)
  t.match(
    typesOf(await feed.read()),
    /^user\.updated(,user\.updated)?$/.test('user.updated') ? ['user.updated'] : [],
  )
  await app.send('POST', '/api/auth/logout', { headers: { ...feed.headers, ...bearer(refreshed) } })
  t.match(await feed.read(), [{ type: 'session.ended', data: { id: opened?.data.id, reason: 'logout' } }])
})

t.test('nothing secret is in an event', async (t) => {
  const feed = await follow()
  const { as } = await join(feed)
  const key = await as('POST', '/api-keys', { name: 'Backup', scopes: ['me:read'] })
  t.equal(key.status, 201, JSON.stringify(key.body))
  await as('POST', `/api-keys/${key.body.id}/revoke`)
  const text = JSON.stringify(await feed.read())
  t.match(text, /api_key\.created.*api_key\.revoked/)
  for (const secret of ['argon2', key.body.plain_text_key, '_hash', 'epoch']) t.notMatch(text, secret)
})

t.test('leaving everywhere, a new password and deletion end each session once', async (t) => {
  const feed = await follow()
  const { as, email, uuid } = await join(feed)
  const signIn = () =>
    app.send('POST', '/api/auth/login', { headers: feed.headers, body: { email, password } })
  await signIn()
  await signIn()
  await feed.read()
  const changed = await as('POST', '/change-password', {
    current_password: password,
    new_password: 'another good long password',
  })
  t.equal(changed.status, 200)
  const ended = (await feed.read()).filter(({ type }) => type === 'session.ended')
  t.equal(ended.length, 2, 'all but the one in which it was changed')
  t.equal(new Set(ended.map(({ data }) => data.id)).size, 2)
  await app.send('POST', '/api/auth/logout-all', { headers: { ...feed.headers, ...bearer(changed) } })
  t.match(
    (await feed.read()).filter(({ type }) => type === 'session.ended'),
    [{ data: { reason: 'all' } }],
  )
  const again = await app.send('POST', '/api/auth/login', {
    headers: feed.headers,
    body: { email, password: 'another good long password' },
  })
  await feed.read()
  const left = await app.send('DELETE', '/api/auth/me', {
    headers: { ...feed.headers, ...bearer(again) },
    body: { current_password: 'another good long password' },
  })
  t.ok(left.status < 300, JSON.stringify(left.body))
  const last = await feed.read()
  t.match(last.at(-1), { type: 'user.deleted', subject: uuid, data: { uuid } })
  t.notMatch(JSON.stringify(last.at(-1)), email)
})

t.test('factors, teams and their members', async (t) => {
  const feed = await follow()
  const { as, email } = await join(feed)
  const [mail] = await app.mailbox.waitFor(email)
  await as('POST', '/verify-email/confirm', { email, code: mail?.code })
  await feed.read()
  const proposed = await as('POST', '/factors/totp', {})
  t.equal(proposed.status, 201)
  const { code } = authenticatorOf(proposed.body.secret)
  const confirmed = await as('POST', '/factors/totp/confirm', { code: code() })
  t.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
  const enrolled = typesOf(await feed.read())
  for (const type of ['factor.added', 'recovery_codes.created', 'user.updated'])
    t.ok(enrolled.includes(type), type)
  t.equal(enrolled.filter((type) => type === 'recovery_codes.created').length, 1, 'one for ten codes')
  const team = await as('POST', '/teams', { name: 'Engine' })
  t.equal(team.status, 201, JSON.stringify(team.body))
  await as('PATCH', `/teams/${team.body.id}`, { name: 'Engines' })
  await as('DELETE', `/teams/${team.body.id}`)
  t.same(typesOf(await feed.read()), ['team.created', 'team_member.added', 'team.updated', 'team.deleted'])
})

t.test('every type that the tables write is listed', async (t) => {
  const rows = await app.sql`select distinct type from events`
  for (const { type } of rows) t.ok(Object.hasOwn(eventTypes, type), type)
})

t.test(
  'a transaction that commits late is not passed over, and no order of one account is turned',
  async (t) => {
    const feed = await follow()
    const { uuid: late } = await join(feed)
    const { uuid: early } = await join(feed)
    await feed.read()
    const sql = postgres(app.databaseUrl, { max: 2, onnotice: () => {} })
    t.teardown(() => sql.end())
    const [opened, go] = [gate(), gate()]
    const slow = sql.begin(async (tx) => {
      await tx`update users set first_name = 'late' where uuid = ${late}`
      opened.open()
      await go.passed
    })
    await opened.passed
    await sql`update users set first_name = 'early' where uuid = ${early}`
    t.match(await feed.read(), [{ subject: early }], 'the late one is not there yet')
    const waiting = sql`update users set first_name = 'after the late one' where uuid = ${late}`.execute()
    await sleep(100)
    go.open()
    await Promise.all([slow, waiting])
    t.match(await feed.read(), [
      { subject: late, data: { first_name: 'late' } },
      { subject: late, data: { first_name: 'after the late one' } },
    ])
  },
)

t.test(
  'a reader that waits is answered as soon as something happens, and in time where nothing does',
  async (t) => {
    const feed = await follow()
    await join(feed)
    await feed.read()
    const path = `/projects/${feed.id}/events?after=${feed.cursor()}`
    const waiting = feed.admin('GET', `${path}&wait=30`)
    await sleep(300)
    const { uuid } = await join(feed)
    const answer = await waiting
    t.match(answer.body.data[0], { type: 'user.created', subject: uuid })
    const began = performance.now()
    const quiet = await feed.admin('GET', `/projects/${feed.id}/events?after=latest`)
    const none = await feed.admin('GET', `/projects/${feed.id}/events?after=${quiet.body.next}&wait=1`)
    t.same(none.body, { data: [], next: quiet.body.next })
    t.ok(performance.now() - began < 20_000)
  },
)

t.test('a cursor of another project, garbage, or from the future is refused', async (t) => {
  const [feed, other] = [await follow(), await follow()]
  await join(feed)
  await join(other)
  await feed.read()
  await other.read()
  const future = Buffer.from(feed.cursor(), 'base64url')
  future.writeBigUInt64BE(9_000n, 16)
  const bad = [
    other.cursor(),
    'garbage',
    '%00',
    'a'.repeat(64),
    `${feed.cursor()}=`,
    future.toString('base64url'),
  ]
  for (const after of bad)
    isProblem(t, await feed.admin('GET', `/projects/${feed.id}/events?after=${after}`), 'validation_failed')
  for (const query of ['limit=0', 'limit=1001', 'wait=31', 'wait=-1', 'wait=x', 'after='])
    isProblem(t, await feed.admin('GET', `/projects/${feed.id}/events?${query}`), 'validation_failed')
  isProblem(t, await other.admin('GET', `/projects/${feed.id}/events`), 'project_not_found')
})

t.test('a reader that was away for too long is told so', async (t) => {
  const feed = await follow()
  await join(feed)
  await feed.read()
  const [first] = await app.sql`select min(position) as position from events where project_id = ${feed.id}`
  await join(feed)
  await join(feed)
  await feed.read()
  await app.sql`delete from events where project_id = ${feed.id} and position < 4`
  const old = Buffer.from(feed.cursor(), 'base64url')
  old.writeBigUInt64BE(BigInt(first?.position), 16)
  const cursor = old.toString('base64url')
  isProblem(t, await feed.admin('GET', `/projects/${feed.id}/events?after=${cursor}`), 'events_expired')
  const all = await feed.admin('GET', `/projects/${feed.id}/events`)
  t.equal(all.body.data[0].position, 4, 'without a cursor from the oldest on')
})

t.test('a mirror of the users is the table, byte for byte', async (t) => {
  const feed = await follow()
  const mirror = new Map<string, unknown>()
  const people = await Promise.all(Array.from({ length: 12 }, () => join(feed)))
  await Promise.all(
    people.flatMap(({ as }, at) => [
      as('PATCH', '/profile', { display_name: `Nth ${at}`, metadata: { at, text: '</script>' } }),
      as('PATCH', '/profile', { last_name: 'Ö\u0041', locale: 'de' }),
      ...(at % 4 === 0 ? [as('DELETE', '/me', { current_password: password })] : []),
    ]),
  )
  for (const { type, data, subject } of await feed.read())
    if (type === 'user.deleted') mirror.delete(subject)
    else if (type.startsWith('user.')) mirror.set(subject, data)
  const rows = await app.sql`select event_user(users) as shown from users where project_id = ${feed.id}`
  const sorted = (all: Iterable<unknown>) => [...all].map((one) => JSON.stringify(one)).sort()
  t.same(sorted(mirror.values()), sorted(rows.map(({ shown }) => shown)))
  t.ok(mirror.size <= 9)
})
