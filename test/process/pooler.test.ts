// The service behind PgBouncer in transaction mode, where the next statement may meet another session of PostgreSQL.
import postgres from 'postgres'
import t from 'tap'
import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/observability/logging.ts'
import { bearer, cookieHeader, startTestApp, testSecretKey } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { needs, startPgBouncer } from '../support/external-servers.ts'

const password = 'a good long password'
const env = { DATABASE_POOLER: 'transaction', PUBLIC_URL: 'https://auth.example.com' }

t.test(
  'two instances behind it migrate an empty database together and are one service',
  needs('pgbouncer'),
  async (t) => {
    const direct = await createDatabase(t, { template: false })
    const pooler = await startPgBouncer(t, direct)
    const through = pooler.through(direct)
    const start = () => startTestApp(t, { databaseUrl: direct, env: { ...env, DATABASE_URL: through } })
    const [one, two] = await Promise.all([start(), start()])
    const project = { 'project-id': one.projectId }

    await t.test('sign-up, sign-in, refresh by both at once, revocation, sign-out', async (t) => {
      const { body: first, email } = await one.signUp()
      const refresh = { headers: project, body: { refresh_token: first.refresh_token } }
      const pair = await Promise.all([one, two, one, two].map((app) => app.api('POST', '/refresh', refresh)))
      for (const answer of pair) t.equal(answer.status, 200)
      t.equal(new Set(pair.map(({ body }) => body.refresh_token)).size, 1, 'all converge on one token')
      const second = await two.api('POST', '/login', {
        headers: { ...project, 'session-transport': 'cookie' },
        body: { email, password },
      })
      t.equal(second.status, 200)
      const cookie = { headers: { ...project, ...cookieHeader(second) } }
      t.equal((await one.api('GET', '/me', cookie)).status, 200)
      const [newest] = pair
      if (!newest) throw new Error('Four were asked.')
      const token = { headers: { ...project, ...bearer(newest) } }
      t.equal((await one.api('POST', '/sessions/revoke-others', token)).status, 200)
      t.equal((await two.api('GET', '/me', cookie)).status, 401, 'seen by the other')
      t.equal((await two.api('POST', '/logout', token)).status, 200)
      for (const app of [one, two]) t.equal((await app.api('GET', '/me', token)).status, 401)
      const mails = await Promise.race([one, two].map((app) => app.mailbox.waitFor(email)))
      t.ok(mails.length > 0, 'and mail is sent')
    })

    await t.test('a crowd on three sessions: each gets its own answer', async (t) => {
      const people = await Promise.all(Array.from({ length: 6 }, () => one.signUp()))
      const asked = Array.from({ length: 240 }, (_, turn) => people[turn % people.length])
      const answers = await Promise.all(
        asked.map((person, turn) =>
          (turn % 2 ? one : two).send('GET', '/api/auth/me', {
            headers: { ...project, ...bearer(person as (typeof people)[0]) },
          }),
        ),
      )
      answers.forEach(({ status, body }, turn) => {
        if (status !== 200 || body.user.email !== asked[turn]?.email)
          t.fail('another answer', { status, turn })
      })
      const teams = await Promise.all(
        people.map((person) =>
          one.api('POST', '/teams', { headers: bearer(person), body: { name: person.email } }),
        ),
      )
      for (const [turn, team] of teams.entries())
        t.match(team, { status: 201, body: { name: people[turn]?.email } })
      const out = await Promise.all(
        people.map((person) =>
          two.send('GET', '/api/auth/me/export', {
            headers: { ...project, ...bearer(person) },
          }),
        ),
      )
      for (const [turn, { status, body }] of out.entries())
        t.match({ status, body }, { status: 200, body: { teams: [{ name: people[turn]?.email }] } })
    })

    await t.test('nothing is left in its sessions: neither what was prepared nor what was set', async (t) => {
      const raw = postgres(through, { max: 3, prepare: false })
      t.teardown(() => raw.end())
      // Three transactions at once hold all three.
      let held = 0
      const looks = Array.from({ length: 3 }, () =>
        raw.begin(async (sql) => {
          const [left] =
            await sql`select pg_backend_pid() as pid, current_setting('statement_timeout') as timeout,
            (select count(*)::int from pg_prepared_statements where name <> '') as prepared,
            (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`
          held++
          await eventually('all are held', async () => held === 3)
          return left
        }),
      )
      const found = await Promise.all(looks)
      t.equal(new Set(found.map((left) => left?.pid)).size, 3)
      for (const left of found) t.match(left, { timeout: '0', prepared: 0, locks: 0 })
      t.ok(
        one.logs.some(({ msg, level }) => level === 'warn' && /may run for ever/.test(String(msg))),
        'the log says that nothing limits statements here',
      )
    })
  },
)

t.test(
  'without the switch the start is refused in a sentence that names it',
  needs('pgbouncer'),
  async (t) => {
    const direct = await createDatabase(t)
    const kept = 'ignore_startup_parameters = statement_timeout,idle_in_transaction_session_timeout'
    for (const settings of [[], [kept]]) {
      const pooler = await startPgBouncer(t, direct, ...settings)
      const config = readConfig({ DATABASE_URL: pooler.through(direct), SECRET_KEY: testSecretKey })
      await t.rejects(
        startApp(config, createLogger('silent')),
        {
          name: 'DatabaseError',
          message: /^Between Sallyport and PostgreSQL stands a pooler.*set DATABASE_POOLER=transaction/,
        },
        settings.join() || 'as it comes',
      )
    }
  },
)
