// The database goes away, is cut off, falls silent, turns read-only, refuses connections: requests are refused with 503
// within a bounded time, nothing crashes, and the service recovers by itself.
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { openPool } from '../../src/database/pool.ts'
import { type Answer, bearer, startTestApp, type TestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type FaultyProxy, startProxy } from '../support/proxy.ts'

/** No request may take longer: the wait for a connection, the wait for an answer, and some for a busy machine. */
const boundMs = 14_000

async function startBehindProxy(t: Test, env = {}): Promise<{ app: TestApp; proxy: FaultyProxy }> {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const app = await startTestApp(t, {
    databaseUrl,
    env: { ...env, DATABASE_URL: proxy.through(databaseUrl) },
  })
  return { app, proxy }
}

async function timed(request: Promise<Answer>): Promise<Answer & { ms: number }> {
  const since = performance.now()
  const answer = await request
  return { ...answer, ms: performance.now() - since }
}

let strangers = 0
const freshAddress = () => `stranger-${process.pid}-${++strangers}@example.com`

/** One request for every route that needs the database, as a user who is signed in. */
function everyRequest(app: TestApp, user: Answer & { email: string; password: string }) {
  const { email, password } = user
  const headers = bearer(user)
  const send = (method: string, path: string, options: Parameters<TestApp['api']>[2] = {}) =>
    [`${method} ${path}`, () => timed(app.api(method, path, options))] as const
  return [
    send('POST', '/signup', { body: { email: freshAddress(), password } }),
    send('POST', '/login', { body: { email, password } }),
    send('POST', '/refresh', { body: { refresh_token: user.body.refresh_token } }),
    send('GET', '/me', { headers }),
    send('POST', '/change-password', {
      headers,
      body: { current_password: password, new_password: 'another good password' },
    }),
    send('POST', '/logout', { headers }),
    send('POST', '/logout-all', { headers }),
    send('POST', '/verify-email/resend', { body: { email } }),
    send('POST', '/verify-email/confirm', { body: { token: 'x'.repeat(40) } }),
  ] as const
}

function isRefusal(t: Test, what: string, answer: Answer & { ms: number }): void {
  t.equal(answer.status, 503, `${what} answers 503`)
  t.equal(answer.body.code, 'service_unavailable', `${what} names the reason`)
  t.ok(Number(answer.headers.get('retry-after')) >= 1, `${what} says when to come back`)
  t.equal(answer.body.retry_after, Number(answer.headers.get('retry-after')), `${what} says it twice alike`)
  t.ok(answer.ms < boundMs, `${what} answers in time`, { ms: answer.ms })
}

async function isSickButAlive(t: Test, app: TestApp): Promise<void> {
  const ready = await timed(app.send('GET', '/health/ready'))
  t.equal(ready.status, 503, 'ready says no')
  t.ok(ready.headers.get('retry-after'))
  t.ok(ready.ms < 5000, 'within the patience of a probe', { ms: ready.ms })
  const live = await app.send('GET', '/health/live')
  t.equal(live.status, 200, 'live says yes')
}

const recovers = (app: TestApp) =>
  eventually('ready again', async () => (await app.send('GET', '/health/ready')).status === 200)

t.test(
  'while the database is away every route answers 503 with Retry-After, and recovers by itself',
  async (t) => {
    const { app, proxy } = await startBehindProxy(t)
    const user = await app.signUp()
    const requests = everyRequest(app, user)

    await proxy.refuse()
    for (const [name, request] of requests) isRefusal(t, name, await request())
    await eventually('the end of the last good answer', async () => {
      return (await app.send('GET', '/health/ready')).status === 503
    })
    await isSickButAlive(t, app)

    await proxy.restore()
    await recovers(app)
    const me = await app.api('GET', '/me', { headers: bearer(user) })
    t.equal(me.status, 200, 'the token of before opens /me')
    const refreshed = await app.api('POST', '/refresh', { body: { refresh_token: user.body.refresh_token } })
    t.equal(refreshed.status, 200, 'the refused refresh has used nothing up')
    const { email, password } = user
    t.equal(
      (await app.api('POST', '/login', { body: { email, password } })).status,
      200,
      'nor the refused others',
    )
  },
)

// Three that mostly wait, each on a database of its own.
const beside = { buffered: true }
t.jobs = 3

t.test('a database that accepts connections and says nothing costs a bounded wait', beside, async (t) => {
  const { app, proxy } = await startBehindProxy(t)
  const user = await app.signUp()
  const requests = everyRequest(app, user)

  proxy.stall()
  // More at once than there are connections, so that some wait for one.
  const answers = await Promise.all([...requests, ...requests, ...requests].map(([, request]) => request()))
  for (const [index, answer] of answers.entries())
    isRefusal(t, requests[index % requests.length]?.[0] ?? '', answer)
  await isSickButAlive(t, app)

  await proxy.restore()
  await recovers(app)
  const { email, password } = user
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 200)
})

t.test('connections that fell silent for good are given up, and new ones made', beside, async (t) => {
  const { app, proxy } = await startBehindProxy(t, { SESSION_CACHE: 'off' })
  const user = await app.signUp()
  const headers = bearer(user)
  await Promise.all(Array.from({ length: 20 }, () => app.api('GET', '/me', { headers })))
  t.ok(proxy.connections > 1, 'several connections are open', { open: proxy.connections })

  proxy.forget()
  const ask = () => timed(app.api('GET', '/me', { headers }))
  const answers = await Promise.all(Array.from({ length: 20 }, ask))
  for (const { status, ms } of answers) {
    t.ok(status === 503 || status === 200, 'answered or refused', { status })
    t.ok(ms < boundMs, 'in time', { ms })
  }
  await recovers(app)
  for (const { status } of await Promise.all(Array.from({ length: 20 }, ask))) t.equal(status, 200)
})

t.test('a statement that the server never finishes is a 503 within a bounded time', beside, async (t) => {
  const app = await startTestApp(t)
  const user = await app.signUp()
  const blocker = await app.sql.reserve()
  await blocker`begin`
  await blocker`lock table sessions in access exclusive mode`
  try {
    isRefusal(t, 'GET /me', await timed(app.api('GET', '/me', { headers: bearer(user) })))
  } finally {
    await blocker`rollback`
    blocker.release()
  }
  t.equal((await app.api('GET', '/me', { headers: bearer(user) })).status, 200, 'and recovers')
})

/**
 * Sign-ups, refreshes, reads and mail requests from 16 clients; `disturb` eight times, each after some were answered
 * since the last. Counts what came back.
 */
async function underLoad(app: TestApp, disturb: () => unknown) {
  const [user, ...others] = await Promise.all(Array.from({ length: 17 }, () => app.signUp()))
  if (!user) throw new Error('There is nobody.')
  const counts: Record<string, number> = {}
  let slowestMs = 0
  let open = true
  const disturbing = (async () => {
    for (let round = 0; round < 8; round++) {
      const { 200: ok = 0, 201: made = 0 } = counts
      await eventually('answers between two cuts', async () => {
        return (counts[200] ?? 0) > ok + 4 && (counts[201] ?? 0) > made
      })
      await disturb()
    }
    open = false
  })()
  const client = async (other: Answer, index: number) => {
    let refreshToken: string = other.body.refresh_token
    while (open) {
      const kinds = [
        () => app.signUp(),
        () => app.api('GET', '/me', { headers: bearer(user) }),
        () => app.api('POST', '/verify-email/resend', { body: { email: freshAddress() } }),
        () => app.api('POST', '/refresh', { body: { refresh_token: refreshToken } }),
      ]
      const answer = await timed((kinds[index % 4] ?? kinds[0])?.() as Promise<Answer>)
      if (index % 4 === 3 && answer.status === 200) refreshToken = answer.body.refresh_token
      counts[answer.status] = (counts[answer.status] ?? 0) + 1
      slowestMs = Math.max(slowestMs, answer.ms)
      if (answer.status === 503) await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await Promise.all([disturbing, ...others.map(client)])
  return { counts, slowestMs }
}

for (const [how, disturbance] of [
  [
    'ended by the server (pg_terminate_backend)',
    (app: TestApp) => app.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'sallyport' and datname = current_database()`,
  ],
  ['cut by the network', (_: TestApp, proxy: FaultyProxy) => proxy.cut()],
] as const)
  t.test(`connections ${how} under load cost a 503, never a 500, and no refresh token`, async (t) => {
    const { app, proxy } = await startBehindProxy(t)
    const { counts, slowestMs } = await underLoad(app, () => disturbance(app, proxy))
    const { 200: ok = 0, 201: made = 0, 503: refused = 0, ...others } = counts
    t.same(others, {}, 'no answer but 200, 201 and 503')
    t.ok(ok > 0 && made > 0, 'and some of each of those', { ...counts })
    t.ok(refused > 0, 'the cuts were felt', { ...counts })
    t.ok(slowestMs < boundMs, 'in time', { slowestMs })
    await recovers(app)
    // One after another: a busy machine may well refuse twenty at once, and that is another promise.
    const after = []
    for (let i = 0; i < 10; i++) after.push(await app.signUp())
    t.same(new Set(after.map(({ status }) => status)), new Set([201]), 'all is well afterwards')
    const halves = await app.sql`
      select u.id from users u where not exists (select from sessions s where s.user_id = u.id)`
    t.equal(halves.length, 0, 'no sign-up was committed by half')
    t.same(
      app.logs.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
      'nothing unexpected was logged',
    )
  })

t.test('a read-only database answers reads and refuses writes with 503', async (t) => {
  const app = await startTestApp(t)
  const user = await app.signUp()
  const headers = bearer(user)
  t.equal((await app.api('GET', '/me', { headers })).status, 200, 'the first use of a token writes')
  const readOnly = async (on: boolean) => {
    const name = new URL(app.databaseUrl).pathname.slice(1)
    await app.sql.unsafe(`alter database ${name} set default_transaction_read_only = ${on ? 'on' : 'off'}`)
    await app.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'sallyport' and datname = current_database()`
  }
  await readOnly(true)
  const me = await eventually('a connection that is read-only', async () => {
    const answer = await app.api('GET', '/me', { headers })
    return answer.status === 200 ? answer : null
  })
  t.equal(me?.status, 200)
  const { email, password } = user
  const refused = {
    'POST /signup': await timed(app.api('POST', '/signup', { body: { email: freshAddress(), password } })),
    'POST /login': await timed(app.api('POST', '/login', { body: { email, password } })),
    'POST /refresh': await timed(
      app.api('POST', '/refresh', { body: { refresh_token: user.body.refresh_token } }),
    ),
  }
  for (const [name, answer] of Object.entries(refused)) isRefusal(t, name, answer)

  await readOnly(false)
  await recovers(app)
  await eventually('a sign-up', async () => (await app.signUp()).status === 201)
  const answer = await app.api('POST', '/refresh', { body: { refresh_token: user.body.refresh_token } })
  t.equal(answer.status, 200, 'the refused refresh has used nothing up')
})

t.test('a database with no connection left to give (53300) is a 503, never a 500', async (t) => {
  const databaseUrl = await createDatabase(t)
  const owner = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const role = `limited_${process.pid}`
  await owner.unsafe(`create role ${role} login password 'limited' connection limit 5`)
  const url = new URL(databaseUrl)
  url.username = role
  url.password = 'limited'
  const app = await startTestApp(t, {
    databaseUrl,
    env: { DATABASE_URL: url.href, DATABASE_MIGRATION_URL: databaseUrl },
  })
  t.teardown(async () => {
    await app.close()
    await owner.unsafe(`drop owned by ${role}`)
    await owner.unsafe(`drop role ${role}`)
    await owner.end()
  })

  const statuses = new Set<number>()
  for (let round = 0; round < 3; round++)
    for (const { status } of await Promise.all(Array.from({ length: 24 }, () => app.signUp())))
      statuses.add(status)
  t.ok(statuses.has(201), 'some are served')
  statuses.delete(201)
  statuses.delete(503)
  t.same([...statuses], [], 'and others refused')

  await owner.unsafe(`alter role ${role} connection limit -1`)
  await recovers(app)
  const after = await Promise.all(Array.from({ length: 24 }, () => app.signUp()))
  t.same(new Set(after.map(({ status }) => status)), new Set([201]), 'all are served once there is room')
})

t.test('the pool', async (t) => {
  const url = await createDatabase(t)

  t.test('rolls a transaction back when its connection is lost, and runs none of it elsewhere', async (t) => {
    const proxy = await startProxy(url)
    t.teardown(() => proxy.close())
    const direct = openPool(url)
    const pool = openPool(proxy.through(url))
    await direct`create table marks (name text)`
    const stray = t.rejects(
      pool.transaction('', null, async (tx) => {
        await tx`insert into marks values ('before')`
        proxy.cut()
        await new Promise((resolve) => setTimeout(resolve, 50))
        // Another statement makes the pool connect anew, in the middle of the transaction.
        await pool`select 1`
        await tx`insert into marks values ('after')`
      }),
      { code: 'CONNECTION_CLOSED' },
    )
    await stray
    t.same(await direct`select name from marks`, [])
    await Promise.all([pool.end(), direct.end()])
  })

  t.test('fails a transaction in which a statement failed, even if the work took no notice', async (t) => {
    const pool = openPool(url)
    await pool`create table notes (id int primary key)`
    const work = pool.transaction('', null, async (tx) => {
      await tx`insert into notes values (1)`
      await tx`insert into notes values (1)`.catch(() => {})
    })
    await t.rejects(work, { code: '23505' })
    t.same(await pool`select id from notes`, [])
    await pool.end()
  })

  t.test('gives every transaction a connection of its own, and statements go on beside them', async (t) => {
    const pool = openPool(url, { connections: 3 })
    const pids = new Set<number>()
    let inside = 0
    let most = 0
    const transactions = Array.from({ length: 12 }, () =>
      pool.transaction('', null, async (tx) => {
        const [row] = await tx`select pg_backend_pid() as pid, txid_current() as id`
        pids.add(Number(row?.pid))
        most = Math.max(most, ++inside)
        await tx`select pg_sleep(0.02)`
        const [again] = await tx`select txid_current() as id`
        t.equal(again?.id, row?.id, 'one transaction from begin to end')
        inside--
      }),
    )
    const statements = Array.from({ length: 50 }, () => pool`select 1 as one`)
    await Promise.all([...transactions, ...statements])
    t.ok(pids.size <= 3 && most <= 3, 'no more than there are connections')
    await pool.end()
  })

  t.test('refuses what waits too long for a connection, and what comes after its end', async (t) => {
    const pool = openPool(url, { connections: 1, waitMs: 100 })
    const long = pool.transaction('', null, (tx) => tx`select pg_sleep(0.4)`)
    await t.rejects(Promise.resolve(pool`select 1`), { code: 'CONNECT_TIMEOUT' })
    await long
    await pool.end()
    await t.rejects(Promise.resolve(pool`select 1`), { code: 'CONNECTION_ENDED' })
  })

  t.test('ends what is under way first', async (t) => {
    const pool = openPool(url)
    const slow = pool`select pg_sleep(0.3), 'done' as said`
    await new Promise((resolve) => setTimeout(resolve, 100))
    await pool.end()
    t.same((await slow)[0]?.said, 'done')
  })

  t.test('cuts at its end what takes too long', async (t) => {
    const pool = openPool(url)
    const slow = t.rejects(Promise.resolve(pool`select pg_sleep(4)`), { code: 'CONNECTION_DESTROYED' })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await pool.end({ timeout: 0.2 })
    await slow
  })
})
