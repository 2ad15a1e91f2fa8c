// What one instance acknowledges as ended is refused by itself at once and by every other in the next tenth of a second,
// though all of them cache sessions; also where the connection of the change feed is cut or falls silent.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { createProject } from '../../src/domain/projects/projects.ts'
import { type Answer, bearer, startTestApp, testSecretKey, wideLimits } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { createDatabase, storesOn } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/proxy.ts'
import { ask, startService, temporaryDataDir } from '../support/service.ts'

t.test('an instance refuses what it has acknowledged as ended, with its next answer', async (t) => {
  const app = await startTestApp(t)
  t.ok(await app.running.awaitChanges(), 'what changes is told')
  type Person = Awaited<ReturnType<typeof app.signUp>>
  const post = (who: Answer, path: string, body: unknown = {}) =>
    app.api('POST', path, { headers: bearer(who), body })
  const signIn = ({ email, password }: Person) => app.api('POST', '/login', { body: { email, password } })
  const me = (who: Answer) => app.api('GET', '/me', { headers: bearer(who) })
  /** Asks until an answer came from the cache; a machine too busy for heartbeats caches nothing for a while. */
  const untilCached = (of: 'sessions' | 'apiKeys', ask: () => Promise<Answer>) =>
    eventually(`${of} are cached`, async () => {
      const { hits } = app.running.cacheStats()[of]
      t.equal((await ask()).status, 200)
      return app.running.cacheStats()[of].hits > hits
    })
  const resetMail = (address: string) =>
    eventually('the mail', async () =>
      (await app.mailbox.all()).find(({ to, kind }) => to === address && kind === 'reset_password'),
    )

  /** What ends the session of `other`, who is the same person elsewhere. */
  const endings: Record<string, (person: Person, other: Answer) => Promise<Answer>> = {
    logout: (_person, other) => post(other, '/logout'),
    'logout-all': (person) => post(person, '/logout-all'),
    'change-password': (person) =>
      post(person, '/change-password', {
        current_password: person.password,
        new_password: 'another password',
      }),
    'revoke one': async (person, other) => {
      const list = await app.api('GET', '/sessions', { headers: bearer(other) })
      const own = list.body.data.find(({ current }: { current: boolean }) => current)
      return app.api('DELETE', `/sessions/${own.id}`, { headers: bearer(person) })
    },
    'revoke others': (person) => post(person, '/sessions/revoke-others'),
    'delete the account': (person) =>
      app.api('DELETE', '/me', { headers: bearer(person), body: { current_password: person.password } }),
    reset: async (person) => {
      await app.api('POST', '/forgot-password', { body: { email: person.email } })
      const token = (await resetMail(person.email))?.token
      return app.api('POST', '/reset-password', { body: { token, password: 'another password' } })
    },
    reuse: async (_person, other) => {
      const old = { refresh_token: other.body.refresh_token }
      const next = await app.api('POST', '/refresh', { body: old })
      await me(next)
      const last = await app.api('POST', '/refresh', { body: { refresh_token: next.body.refresh_token } })
      await me(last)
      return app.api('POST', '/refresh', { body: old })
    },
  }
  for (const [name, end] of Object.entries(endings))
    for (let round = 0; round < 2; round++) {
      const person = await app.signUp()
      const other = await signIn(person)
      await untilCached('sessions', () => me(other))
      const answer = await end(person, other)
      if (answer.status >= 300 && name !== 'reuse') t.fail(`${name}: ${answer.status}`)
      const after = await me(other)
      t.equal(after.status, 401, name)
    }

  for (let round = 0; round < 2; round++) {
    const person = await app.signUp()
    await untilCached('sessions', () => me(person))
    await app.api('PATCH', '/profile', { headers: bearer(person), body: { display_name: `Ada ${round}` } })
    t.equal((await me(person)).body.user.display_name, `Ada ${round}`, 'a changed profile is shown')
    const made = await post(person, '/api-keys', { name: 'one' })
    const byKey = () => app.api('GET', '/me', { headers: { 'x-api-key': made.body.plain_text_key } })
    await untilCached('apiKeys', byKey)
    await post(person, `/api-keys/${made.body.id}/revoke`)
    t.equal((await byKey()).status, 401, 'a revoked key is refused')
  }
})

t.test('switched off, nothing is cached and there is no change feed', async (t) => {
  const app = await startTestApp(t, { env: { SESSION_CACHE: 'off' } })
  const person = await app.signUp()
  for (let i = 0; i < 20; i++) t.equal((await app.api('GET', '/me', { headers: bearer(person) })).status, 200)
  t.match(app.running.cacheStats(), { sessions: { hits: 0 } })
  const [row] = await app.sql`select count(*)::int as count from pg_stat_activity
    where datname = current_database() and application_name = 'sallyport notices'`
  t.equal(row?.count, 0)
})

/** The promise, in milliseconds. */
const withinMs = 100

t.test('two instances: one ends, the other refuses', async (t) => {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} })
  t.teardown(() => sql.end())
  const { project, secret } = await createProject({ stores: storesOn(sql) }, 'Test', wideLimits)
  const env = {
    SECRET_KEY: testSecretKey,
    DEFAULT_PROJECT_ID: project.id,
    PUBLIC_URL: 'https://auth.example.com',
  }
  const [ending, asked] = await Promise.all(
    [databaseUrl, proxy.through(databaseUrl)].map(async (url) =>
      startService(t, { dataDir: await temporaryDataDir(t), env: { ...env, DATABASE_URL: url } }),
    ),
  )
  if (!ending || !asked) throw new Error('Two were started.')
  const hears = () => eventually('it hears', async () => asked.stdout().includes('tells what changes'))
  await hears()

  const headers = (token: string) => ({ authorization: `Bearer ${token}` })
  let people = 0
  async function signedUp() {
    const body = { email: `person-${++people}@example.com`, password: 'a good long password' }
    const answer = await ask(ending as { url: string }, 'POST', '/signup', { body })
    return { ...body, token: String(answer?.body.access_token), uuid: String(answer?.body.user.uuid) }
  }
  type Person = Awaited<ReturnType<typeof signedUp>>
  const status = async ({ token }: Person) =>
    (await ask(asked as { url: string }, 'GET', '/me', { headers: headers(token) }))?.status
  const introspected = async (token: string) => {
    const answer = await ask(asked as { url: string }, 'POST', '/introspect', {
      headers: { 'project-secret': secret },
      body: { token },
    })
    return answer?.body.active
  }

  /** Asks again and again, so that the other caches as well as it can, until `over`; then what it says from then on. */
  async function besieged(person: Person, end: () => Promise<unknown>): Promise<number | undefined> {
    for (let i = 0; i < 5; i++) t.equal(await status(person), 200)
    let over = false
    const siege = [0, 1].map(async () => {
      while (!over) {
        await status(person)
        await sleep(2)
      }
    })
    await end()
    await sleep(withinMs)
    const said = await status(person)
    over = true
    await Promise.all(siege)
    return said
  }
  const logout = ({ token }: Person) =>
    ask(ending as { url: string }, 'POST', '/logout', { headers: headers(token) })
  const cli = (...args: string[]) =>
    runCommand(['users', ...args, '--project', project.id], { ...env, DATABASE_URL: databaseUrl })

  await t.test('by its routes', async (t) => {
    const latencies: number[] = []
    for (let round = 0; round < 10; round++) {
      const person = await signedUp()
      const said = await besieged(person, async () => {
        if (round % 2) await logout(person)
        else await ask(ending, 'POST', '/logout-all', { headers: headers(person.token) })
      })
      t.equal(said, 401)
    }
    for (let round = 0; round < 10; round++) {
      const person = await signedUp()
      for (let i = 0; i < 5; i++) await status(person)
      await logout(person)
      const began = performance.now()
      while ((await status(person)) === 200) await sleep(1)
      latencies.push(performance.now() - began)
    }
    latencies.sort((a, b) => a - b)
    t.comment(`seen after ${latencies[5]?.toFixed(1)} ms, at most ${latencies.at(-1)?.toFixed(1)} ms`)
  })

  await t.test('by a command of an operator, and in what back ends are told', async (t) => {
    const person = await signedUp()
    t.equal(await introspected(person.token), true)
    t.equal(await introspected(person.token), true)
    t.equal(await besieged(person, () => cli('disable', '--email', person.email)), 401)
    t.equal(await introspected(person.token), false)
  })

  await t.test('with the listening connection ended by the server', async (t) => {
    for (let round = 0; round < 3; round++) {
      const person = await signedUp()
      const said = await besieged(person, async () => {
        await sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'sallyport notices' and datname = current_database()`
        await logout(person)
      })
      t.equal(said, 401)
    }
  })

  await t.test('with the listening connection silent: neither notice nor end arrives', async (t) => {
    const listens = () => {
      const said = asked.stdout()
      const last = (words: string) => said.lastIndexOf(words)
      return (
        last('tells what changes') > Math.max(last('hears what changes was lost'), last('does not arrive'))
      )
    }
    const lost = () => asked.stdout().split('hears what changes was lost').length - 1
    for (let round = 0; round < 3; round++) {
      await eventually('a connection that listens', async () => listens())
      const before = lost()
      const person = await signedUp()
      const said = await besieged(person, async () => {
        proxy.forget('sallyport notices')
        await logout(person)
      })
      t.equal(said, 401)
      t.equal(await status(await signedUp()), 200, 'while the database is asked')
      await eventually('the loss is noticed', async () => lost() > before)
    }
    await eventually('another connection', async () => listens())
  })
})
