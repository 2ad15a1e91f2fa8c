// A backup is whole though row-level security is on, a restore is all or nothing, and the people in it sign in afterwards.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { writeBackup } from '../../src/database/backup.ts'
import { verifyBackup } from '../../src/database/backup-file.ts'
import { restoreBackup } from '../../src/database/restore.ts'
import { checkDatabase } from '../../src/doctor/database.ts'
import { bearer, startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { createDatabase, serverUrl } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { runProgram } from '../support/service.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-backup-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

async function asAdmin(url: string, ...statements: readonly string[]) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    for (const statement of statements) await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}

/** An empty database that belongs to an ordinary role, for which row-level security holds. */
async function ordinaryDatabase(t: Test): Promise<{ admin: string; url: string }> {
  const admin = await createDatabase(t, { template: false })
  const name = new URL(admin).pathname.slice(1)
  await asAdmin(
    admin,
    `create role ${name} login createrole password 'a-password'`,
    `alter database ${name} owner to ${name}`,
  )
  t.teardown(() =>
    asAdmin(serverUrl(), `drop database if exists ${name} with (force)`, `drop role if exists ${name}`),
  )
  const url = Object.assign(new URL(admin), { username: name, password: 'a-password' })
  return { admin, url: url.href }
}

/** The issuer of tokens is the same after the move. */
const PUBLIC_URL = 'https://auth.example.com'

/** Every row of every table, in one text. */
async function contentOf(url: string): Promise<Record<string, string>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const tables =
      await sql`select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`
    const found: Record<string, string> = {}
    for (const { relname } of tables) {
      const [row] = await sql.unsafe(
        `select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as sum from ${relname} t`,
      )
      found[relname] = row?.sum
    }
    return found
  } finally {
    await sql.end()
  }
}

t.test(
  'what a backup holds is restored into an empty database, and everybody is at home there',
  async (t) => {
    const old = await ordinaryDatabase(t)
    const app = await startTestApp(t, { databaseUrl: old.admin, env: { DATABASE_URL: old.url, PUBLIC_URL } })
    const people = await Promise.all(
      ['Zo\\ë\t\u2028 "quoted"', '\\.', 'line\\nbreak', '{"table":"users"}'].map((first_name) =>
        app.signUp({ first_name }),
      ),
    )
    const [first] = people
    if (!first) throw new Error('Four were asked.')
    const team = await app.api('POST', '/teams', { headers: bearer(first), body: { name: 'The team' } })
    t.equal(team.status, 201)
    const stay = await app.api('POST', '/login', { body: { email: first.email, password: first.password } })
    const findings = await checkDatabase(old.url, app.config, [testSecretKey])
    t.match(
      findings.find(({ check }) => check === 'backup'),
      { verdict: 'good', says: /pg_dump by this role does not/ },
    )

    const file = join(folder, 'whole')
    // Mail jobs go on beside a backup; stopped, so that both databases can be compared.
    await app.close()
    await writeBackup(old.url, file, { pooled: false })
    t.equal(statSync(file).mode & 0o777, 0o600)

    const fresh = await ordinaryDatabase(t)
    t.match(await restoreBackup(fresh.url, file, { pooled: false, serviceUrl: null }), {
      sallyport_backup: 1,
    })
    const [before, after] = [await contentOf(old.admin), await contentOf(fresh.admin)]
    t.ok(Number(before.users?.split(' ')[0]) >= people.length)
    t.same(after, before, 'row by row')
    const home = await startTestApp(t, {
      databaseUrl: fresh.admin,
      env: { DATABASE_URL: fresh.url, PUBLIC_URL },
    })
    const headers = { 'project-id': app.projectId }
    for (const { email, password } of people)
      t.equal((await home.api('POST', '/login', { headers, body: { email, password } })).status, 200)
    const me = await home.api('GET', '/me', { headers: { ...headers, ...bearer(stay) } })
    t.match(
      me,
      { status: 200, body: { user: { first_name: 'Zo\\ë\t\u2028 "quoted"' } } },
      'a token from before',
    )
    const refresh = { headers, body: { refresh_token: stay.body.refresh_token } }
    t.equal((await home.api('POST', '/refresh', refresh)).status, 200, 'and its session')
    const born = await home.api('POST', '/signup', {
      headers,
      body: { email: 'new@example.com', password: 'a good long password' },
    })
    t.equal(born.status, 201, 'counters go on where they were')

    await t.test('a database that is not empty is refused', async (t) => {
      await t.rejects(restoreBackup(fresh.url, file, { pooled: false, serviceUrl: null }), {
        name: 'BackupError',
        message: /not empty/,
      })
      t.equal(
        (
          await home.api('POST', '/login', {
            headers,
            body: { email: first.email, password: first.password },
          })
        ).status,
        200,
      )
    })

    await t.test('a file that is cut, changed or none changes nothing', async (t) => {
      const empty = await ordinaryDatabase(t)
      const text = gunzipSync(readFileSync(file)).toString('utf8')
      const lines = text.split('\n')
      const bad: Record<string, Buffer> = {
        cut: readFileSync(file).subarray(0, -40),
        shorter: gzipSync(lines.slice(0, -3).join('\n')),
        changed: gzipSync(text.replace('The team', 'Our team')),
        noSum: gzipSync(lines.slice(0, -2).join('\n')),
        text: Buffer.from('hello'),
        empty: Buffer.alloc(0),
        other: gzipSync('{"a":1}\n'),
        newer: readFileSync(file),
      }
      for (const [name, content] of Object.entries(bad)) {
        if (name === 'newer') continue
        writeFileSync(join(folder, name), content)
        await t.rejects(
          restoreBackup(empty.url, join(folder, name), { pooled: false, serviceUrl: null }),
          { name: 'BackupError' },
          name,
        )
      }
      await t.rejects(verifyBackup(join(folder, 'nothing')), { name: 'BackupError', message: /ENOENT/ })
      t.same(await contentOf(empty.admin), {})
    })
  },
)

t.test('a backup goes on after tables whose rows arrive faster than they are written', async (t) => {
  const url = await createDatabase(t)
  await asAdmin(
    url,
    `insert into events (project_id, type, subject, data)
      select gen_random_uuid(), 'user.created', gen_random_uuid(), jsonb_build_object('n', n, 'text', repeat(md5(n::text), 4))
        from generate_series(1, 150000) n`,
  )
  const file = join(folder, 'many')
  const written = runCommand(['backup', '--to', file], { DATABASE_URL: url, SECRET_KEY: testSecretKey })
  const ended = await Promise.race([written, setTimeout(30_000, null, { ref: false })])
  t.match(ended, { code: 0 })
  t.match(await verifyBackup(file), { sallyport_backup: 1 })
})

t.test('a backup that is interrupted leaves nothing', async (t) => {
  const url = await createDatabase(t)
  const lock = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => lock.end())
  const file = join(folder, 'interrupted')
  const drafts = () => readdirSync(folder).filter((name) => name.startsWith('interrupted'))
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    await lock.begin(async (sql) => {
      await sql`lock table webhooks in access exclusive mode`
      const env = { DATABASE_URL: url, SECRET_KEY: testSecretKey }
      const program = runProgram('command', ['backup', '--to', file], { env })
      await eventually('it writes', async () => drafts().length === 1)
      program.signal(signal)
      t.match(await program.ended, { code, signal: null, stdout: '', stderr: '' })
      t.same(drafts(), [])
    })
})

t.test('a role that does not see every row gets no backup, and doctor says so', async (t) => {
  const { admin, url } = await ordinaryDatabase(t)
  const app = await startTestApp(t, { databaseUrl: admin, env: { DATABASE_URL: url } })
  const reader = `reader_${process.pid}`
  await asAdmin(
    admin,
    `create role ${reader} login password 'a-password'`,
    `grant usage on schema public, drizzle to ${reader}`,
    `grant select on all tables in schema public, drizzle to ${reader}`,
  )
  t.teardown(() => asAdmin(serverUrl(), `drop role if exists ${reader}`))
  t.teardown(() => asAdmin(admin, `drop owned by ${reader}`))
  const stranger = Object.assign(new URL(url), { username: reader }).href
  const file = join(folder, 'partial')
  await t.rejects(writeBackup(stranger, file, { pooled: false }), {
    name: 'BackupError',
    message: /users.*DATABASE_MIGRATION_URL/,
  })
  t.notOk(statSync(file, { throwIfNoEntry: false }), 'nothing is left')
  t.match(
    (await checkDatabase(stranger, app.config, [testSecretKey])).find(({ check }) => check === 'backup'),
    { verdict: 'warning', says: /does not see every row/ },
  )
})

t.test('by the command line', async (t) => {
  const app = await startTestApp(t)
  const { email, password } = await app.signUp()
  const fresh = await createDatabase(t, { template: false })
  const file = join(folder, 'by-command')
  const env = (url: string) => ({ DATABASE_URL: url, SECRET_KEY: testSecretKey })
  const written = await runCommand(['backup', '--to', file], env(app.databaseUrl))
  t.equal(written.code, 0, written.err)
  const again = await runCommand(['restore', '--from', file], env(app.databaseUrl))
  t.match(again, { code: 1, err: /not empty/ })
  const restored = await runCommand(['restore', '--from', file], env(fresh))
  t.match(restored, { code: 0, out: /^Restored / })
  const home = await startTestApp(t, { databaseUrl: fresh })
  const headers = { 'project-id': app.projectId }
  t.equal((await home.api('POST', '/login', { headers, body: { email, password } })).status, 200)
  t.match(await runCommand(['backup', '--to', '/nowhere/at/all'], env(fresh)), {
    code: 1,
    err: /cannot be written \(ENOENT\)/,
  })
})
