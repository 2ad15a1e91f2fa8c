// The session says what the statements rely on: no default of the role, the database or the server changes what they mean.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { DatabaseError, migrateDatabase } from '../../src/database/migrations.ts'
import { openPool } from '../../src/database/pool.ts'
import { checkDatabase } from '../../src/doctor/database.ts'
import { createLogger } from '../../src/observability/logging.ts'
import { exitCodeOf } from '../../src/operator-messages.ts'
import { bearer, freePort, startTestApp, type TestApp, testSecretKey } from '../support/app.ts'
import { createDatabase, serverUrl } from '../support/database.ts'
import { needs, startPgBouncer } from '../support/external-servers.ts'

async function asAdmin(t: Test, url: string, ...statements: readonly string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  for (const statement of statements) await sql.unsafe(statement)
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** Defaults with which each of our statements that relies on one would fail or, worse, mean something else. */
const hostile = {
  datestyle: "'German, DMY'",
  intervalstyle: "'iso_8601'",
  timezone: "'Asia/Kathmandu'",
  bytea_output: "'escape'",
  row_security: 'off',
  standard_conforming_strings: 'off',
  default_transaction_isolation: "'serializable'",
  search_path: "'elsewhere'",
  client_encoding: "'LATIN1'",
  statement_timeout: '0',
}

/** A database whose owner, a role of its own without rights over others, has these defaults. @returns its URL as that role */
async function hostileDatabase(t: Test): Promise<{ admin: string; url: string }> {
  const admin = await createDatabase(t, { template: false })
  const role = `hostile_${nameOf(admin)}`
  const set = Object.entries(hostile).map(([name, value]) => `alter role ${role} set ${name} = ${value}`)
  await asAdmin(
    t,
    admin,
    `create role ${role} login createrole password 'a-password'`,
    `alter database ${nameOf(admin)} owner to ${role}`,
    ...set,
  )
  t.teardown(async () => {
    await asAdmin(
      t,
      serverUrl(),
      `drop database if exists ${nameOf(admin)} with (force)`,
      `drop role if exists ${role}`,
    )
  })
  const url = new URL(admin)
  Object.assign(url, { username: role, password: 'a-password' })
  return { admin, url: url.href }
}

/** What touches dates, bytes, intervals, texts with backslashes, the wall between projects and the signing keys. */
async function works(t: Test, app: TestApp): Promise<void> {
  const born = await app.signUp({ first_name: 'Zo\\ë \u{1F511}' })
  t.equal(born.status, 201)
  const { body, status } = await app.api('POST', '/login', {
    body: { email: born.email, password: born.password },
  })
  t.equal(status, 200)
  const me = await app.api('GET', '/me', { headers: { authorization: `Bearer ${body.access_token}` } })
  t.match(me, { status: 200, body: { user: { first_name: 'Zo\\ë \u{1F511}' } } })
  t.ok(Math.abs(Date.parse(me.body.user.created_at) - Date.now()) < 60_000, 'an instant is that instant')
  const refreshed = await app.api('POST', '/refresh', { body: { refresh_token: body.refresh_token } })
  t.equal(refreshed.status, 200)
  const exported = await app.api('GET', '/me/export', { headers: bearer(refreshed) })
  t.match(exported, { status: 200, body: { sessions: [{}, {}] } })
  t.equal((await app.send('GET', '/health/ready')).status, 200)
}

t.test('hostile defaults of the role change nothing', async (t) => {
  const { admin, url } = await hostileDatabase(t)
  const app = await startTestApp(t, { databaseUrl: admin, env: { DATABASE_URL: url } })
  await works(t, app)
  const findings = await checkDatabase(url, app.config, [testSecretKey])
  t.same(
    findings.filter(({ verdict }) => verdict === 'bad'),
    [],
    'and doctor agrees',
  )
  t.match(
    findings.find(({ check }) => check === 'session'),
    { verdict: 'good' },
  )
})

t.test('nor do they behind a pooler in transaction mode', needs('pgbouncer'), async (t) => {
  const { admin, url } = await hostileDatabase(t)
  const pooler = await startPgBouncer(t, url)
  const env = { DATABASE_URL: `${pooler.through(url)}?pgbouncer=true`, DATABASE_MIGRATION_URL: url }
  const app = await startTestApp(t, { databaseUrl: admin, env })
  await works(t, app)
})

t.test(
  'a pooler that drops settings is told at the start, in a sentence, with code 78',
  needs('pgbouncer'),
  async (t) => {
    const url = await createDatabase(t)
    const lines =
      'ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout, search_path, row_security, bytea_output, IntervalStyle, default_transaction_isolation'
    const pooler = await startPgBouncer(t, url, lines)
    const error = await migrateDatabase(pooler.through(url)).catch((thrown: unknown) => thrown)
    t.match(error, { message: /DATABASE_POOLER=transaction/ })
    t.equal(exitCodeOf(error), 78)
  },
)

t.test('the schema is a setting: two installations share one database', async (t) => {
  const plain = await createDatabase(t, { template: false })
  const sql = postgres(plain, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const one = await startTestApp(t, {
    databaseUrl: `${plain}?search_path=auth`,
    env: { DATABASE_URL: plain, DATABASE_SCHEMA: 'auth' },
  })
  const two = await startTestApp(t, {
    databaseUrl: `${plain}?search_path=user`,
    env: { DATABASE_URL: `${plain}?schema=user` },
  })
  for (const app of [one, two]) await works(t, app)
  const schemas = await sql`select schemaname, count(*)::int as tables from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') group by 1 order by 1`
  t.same(
    schemas.map(({ schemaname }) => schemaname),
    ['auth', 'user'],
    'nothing of ours is elsewhere',
  )
  t.equal(schemas[0]?.tables, schemas[1]?.tables)
  const [foreign] = await sql`select count(*)::int as keys from pg_constraint
    where contype = 'f' and conrelid::regclass::text like 'auth.%' and confrelid::regclass::text not like 'auth.%'`
  t.equal(foreign?.keys, 0)
  const findings = await checkDatabase(`${plain}?schema=auth`, one.config, [testSecretKey])
  t.same(
    findings.filter(({ verdict }) => verdict !== 'good'),
    [],
  )
  t.equal(
    (await one.api('POST', '/login', { body: { email: 'nobody@example.com', password: 'x' } })).status,
    401,
  )
})

t.test(
  'a database whose encoding cannot hold every name is refused before anything is written',
  async (t) => {
    for (const encoding of ['LATIN1', 'SQL_ASCII']) {
      const name = `encoded_${encoding.toLowerCase()}_${process.pid}`
      await asAdmin(
        t,
        serverUrl(),
        `create database ${name} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' locale_provider libc template template0`,
      )
      t.teardown(() => asAdmin(t, serverUrl(), `drop database ${name} with (force)`))
      const url = new URL(serverUrl())
      url.pathname = `/${name}`
      const config = readConfig({
        DATABASE_URL: url.href,
        SECRET_KEY: testSecretKey,
        PORT: String(await freePort()),
        SMTP_URL: 'smtp://127.0.0.1:1',
      })
      const error = await startApp(config, createLogger('silent', { write: () => {} })).catch(
        (thrown: unknown) => thrown,
      )
      t.ok(error instanceof DatabaseError)
      t.match(error, { message: new RegExp(`has the encoding ${encoding}.*encoding 'UTF8'`) })
      t.equal(exitCodeOf(error), 78)
      const findings = await checkDatabase(url.href, config, [testSecretKey])
      t.match(
        findings.find(({ check }) => check === 'session'),
        { verdict: 'bad', says: new RegExp(encoding) },
      )
      const pool = openPool(url.href, { connections: 1 })
      t.teardown(() => pool.end({ timeout: 1 }))
      const [tables] = await pool`select count(*)::int as n from pg_tables where schemaname = 'public'`
      t.equal(tables?.n, 0)
    }
  },
)

/** A server that ends TLS before the test's PostgreSQL, with a certificate for `localhost` of an authority of its own. */
async function tlsServer(
  t: Test,
  { answer = 'S' } = {},
): Promise<{ url(host: string, settings: string): string; ca: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
  openssl(
    ...'req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.pem -subj /CN=Test-CA'.split(' '),
  )
  openssl(
    ...'req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost'.split(
      ' ',
    ),
  )
  openssl(
    ...'x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -out cert.pem -copy_extensions copy'.split(
      ' ',
    ),
  )
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(folder, name)))
  const target = new URL(serverUrl())
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (first) => {
      const back = createConnection(Number(target.port), target.hostname).on('error', () => {})
      t.teardown(() => back.destroy())
      const isRequest = first.length === 8 && first.readInt32BE(4) === 80877103
      if (!isRequest) {
        back.write(first)
        return void socket.pipe(back).pipe(socket)
      }
      socket.write(answer)
      if (answer !== 'S') return void socket.pipe(back).pipe(socket)
      const inner = new TLSSocket(socket, { isServer: true, key, cert } as never).on('error', () => {})
      inner.pipe(back).pipe(inner)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  return {
    ca: join(folder, 'ca.pem'),
    url: (host, settings) =>
      `postgres://${target.username}:${target.password}@${host}:${port}${target.pathname}?${settings}`,
  }
}

const asks = async (t: Test, url: string): Promise<unknown> => {
  const pool = openPool(url, { connections: 1, answerMs: 3000 })
  t.teardown(() => pool.end({ timeout: 0 }))
  return pool`select 1 as one`.then(
    ([row]) => row?.one,
    (error: Error) => error.message,
  )
}

t.test(
  'sslmode is kept: nothing is sent in clear, or to a stranger, where the URL forbids that',
  needs('openssl'),
  async (t) => {
    const { url, ca } = await tlsServer(t)
    for (const settings of [
      'sslmode=prefer',
      'sslmode=require',
      `sslmode=verify-ca&sslrootcert=${ca}`,
      `sslmode=verify-full&sslrootcert=${ca}`,
    ])
      t.equal(await asks(t, url('localhost', settings)), 1, settings)
    t.equal(
      await asks(t, url('127.0.0.1', `sslmode=require&sslrootcert=${ca}`)),
      1,
      'verify-ca asks for no name',
    )
    t.match(await asks(t, url('127.0.0.1', `sslmode=verify-full&sslrootcert=${ca}`)), /^TLS failed: .*IP/)
    for (const settings of ['sslmode=verify-full', 'sslmode=verify-ca', 'sslrootcert=system'])
      t.match(
        await asks(t, url('localhost', settings)),
        /^TLS failed: /,
        `${settings} trusts no unknown authority`,
      )

    const clear = await tlsServer(t, { answer: 'N' })
    t.equal(await asks(t, clear.url('localhost', 'sslmode=prefer')), 1)
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      t.match(await asks(t, clear.url('localhost', `sslmode=${mode}`)), /the server offers no TLS/)
    const injected = await tlsServer(t, { answer: 'SE' })
    t.match(await asks(t, injected.url('localhost', 'sslmode=require')), /does not speak the protocol/)
  },
)
