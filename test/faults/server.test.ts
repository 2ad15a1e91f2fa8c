// The whole database server, not a connection: it is restarted, comes back as a hot standby, is promoted, has no
// connection left to give, and is slow. Requests are refused with 503 or answered, and all of it heals by itself.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import t from 'tap'
import { startEmbedded } from '../../src/database/embedded/embedded.ts'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/proxy.ts'
import { postmasterPid } from '../support/service.ts'

/** Connections that the server has for everybody. */
const seats = 24
const dataDir = await mkdtemp(join(tmpdir(), 'sallyport-server-'))
const server = await startEmbedded({ dataDir, settings: { max_connections: String(seats) } })
t.teardown(async () => {
  await server.stop()
  await rm(dataDir, { recursive: true, force: true })
})
// The service is given a URL, as an operator would; the server it leads to happens to be this one.
const app = await startTestApp(t, { databaseUrl: server.url })
const user = await app.signUp()
const { email, password } = user
let newest = user.body.refresh_token as string

const isReady = async () => (await app.send('GET', '/health/ready')).status === 200
const me = () => app.api('GET', '/me', { headers: bearer(user) })
const signIn = () => app.api('POST', '/login', { body: { email, password } })
async function refresh(): Promise<Answer> {
  const answer = await app.api('POST', '/refresh', { body: { refresh_token: newest } })
  if (answer.status === 200) newest = answer.body.refresh_token
  return answer
}
const made = new Set<string>([email])
async function signUp(): Promise<Answer> {
  const answer = await app.signUp()
  if (answer.status === 201) made.add(answer.email)
  return answer
}

/** A restart in order, as `pg_ctl restart -m fast` does it; over when the server takes connections. */
async function restart(): Promise<void> {
  const before = postmasterPid(dataDir)
  if (before === null) throw new Error('There is no postmaster.')
  process.kill(before, 'SIGINT')
  await eventually('another postmaster', async () => ![null, before].includes(postmasterPid(dataDir)), 60_000)
  // Not by /health/ready, which remembers for a second what it saw before.
  await eventually('it takes connections', () => app.sql`select 1`, 60_000)
}

t.test('a server that is restarted under load costs a 503 and nothing that was acknowledged', async (t) => {
  const statuses: Record<string, number> = {}
  let over = false
  const client = (ask: () => Promise<Answer>) => async () => {
    while (!over) {
      const { status } = await ask()
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 503) await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const load = Promise.all([client(refresh)(), client(signUp)(), client(me)(), client(me)()])
  for (let round = 0; round < 2; round++) {
    const { 201: before = 0 } = statuses
    await eventually('sign-ups', async () => (statuses[201] ?? 0) > before + 1, 60_000)
    await restart()
    await eventually('ready again', isReady, 60_000)
  }
  over = true
  await load
  const { 200: ok = 0, 201: signedUp = 0, 503: refused = 0, ...others } = statuses
  t.same(others, {}, 'no answer but 200, 201 and 503')
  t.ok(ok > 0 && signedUp > 0 && refused > 0, 'and some of each', { ...statuses })
  const rows = await app.sql`select email from users`
  const there = new Set(rows.map((row) => row.email))
  t.same(
    [...made].filter((one) => !there.has(one)),
    [],
    'every acknowledged sign-up is there',
  )
  await eventually(
    'the newest acknowledged refresh token works',
    async () => (await refresh()).status === 200,
  )
})

t.test(
  'a hot standby answers reads, refuses writes with 503, and serves as soon as it is promoted',
  async (t) => {
    writeFileSync(join(dataDir, 'postgres', 'standby.signal'), '')
    await restart()
    await eventually('reads', async () => (await me()).status === 200, 60_000)
    const [state] = await app.sql`select pg_is_in_recovery() as standby`
    t.equal(state?.standby, true)
    for (const [what, answer] of [
      ['a sign-in', await signIn()],
      ['a sign-up', await signUp()],
      ['a refresh', await refresh()],
      ['a mail', await app.api('POST', '/verify-email/resend', { body: { email } })],
    ] as const) {
      t.equal(answer.status, 503, what)
      t.equal(answer.body.code, 'service_unavailable', what)
      t.ok(Number(answer.headers.get('retry-after')) >= 1, what)
    }
    await app.sql`select pg_promote()`
    await eventually('a refresh', async () => (await refresh()).status === 200, 30_000)
    t.equal((await signIn()).status, 200)
    t.equal((await signUp()).status, 201)
  },
)

t.test('no connection left to give is a 503 with Retry-After, until others let go of theirs', async (t) => {
  const greedy: Sql[] = []
  t.teardown(() => Promise.all(greedy.map((sql) => sql.end({ timeout: 1 }))))
  /** Takes every connection that is free; those of the service are ended first, so that it needs new ones. */
  await app.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sallyport%'`
  for (let taken = true; taken; ) {
    const sql = postgres(server.url, { max: 1, idle_timeout: 0, max_lifetime: null, onnotice: () => {} })
    greedy.push(sql)
    taken = await sql`select 1`.then(
      () => true,
      (error) => {
        if (error.code !== '53300') throw error
        return false
      },
    )
  }
  t.ok(greedy.length > seats / 2, 'others have them', { connections: greedy.length })
  const answers = await Promise.all([signIn(), signUp(), refresh(), ...Array.from({ length: 20 }, signUp)])
  const refused = answers.filter(({ status }) => status === 503)
  t.ok(refused.length > 0, 'somebody is refused')
  for (const { body, headers } of refused) {
    t.equal(body.code, 'service_unavailable')
    t.ok(Number(headers.get('retry-after')) >= 1)
  }
  t.same(
    answers.map(({ status }) => status).filter((status) => ![200, 201, 503].includes(status)),
    [],
    'and nobody is told anything else',
  )
  await Promise.all(greedy.splice(0).map((sql) => sql.end({ timeout: 1 })))
  await eventually('ready again', isReady, 30_000)
  // The server takes its time to notice who has left.
  await eventually('a sign-in', async () => (await signIn()).status === 200)
  await eventually('a refresh', async () => (await refresh()).status === 200)
})

t.test('a slow database makes answers late and none of them wrong', async (t) => {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const slow = await startTestApp(t, { databaseUrl, env: { DATABASE_URL: proxy.through(databaseUrl) } })
  const somebody = await slow.signUp()
  proxy.delay(150)
  const credentials = { email: somebody.email, password: somebody.password }
  const asks = [
    () => slow.api('POST', '/login', { body: credentials }),
    () => slow.api('GET', '/me', { headers: bearer(somebody) }),
    () => slow.signUp(),
  ]
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => (asks[i % 3] ?? slow.signUp)()))
  t.same(
    answers.map(({ status }) => status).filter((status) => ![200, 201, 503].includes(status)),
    [],
    'answered or refused',
  )
  t.ok(answers.some(({ status }) => status === 200) && answers.some(({ status }) => status === 201))
  proxy.delay(0)
  t.equal((await asks[0]?.())?.status, 200, 'and quick again')
  t.equal((await slow.signUp()).status, 201)
})
