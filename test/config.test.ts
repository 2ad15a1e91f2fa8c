// The configuration: every problem is reported at once in a sentence, and nothing starts with a wrong one.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { withTables } from '../src/cli/documentation.ts'
import { ConfigError, exitConfig, readConfig } from '../src/config/config.ts'
import { variablesTable } from '../src/config/documentation.ts'
import { variables } from '../src/config/variables.ts'
import { tuneProcess, tunings } from '../src/tuning.ts'
import { freePort } from './support/app.ts'
import { runProgram } from './support/service.ts'

const secret = 'a secret of more than thirty-two bytes'
const given = { DATABASE_URL: 'postgres://user:pass@db:5432/auth', SECRET_KEY: secret }

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

const admin = { ADMIN_EMAIL: 'root@example.com', ADMIN_PASSWORD: 'a good long password' }

t.test('nothing configured is a service on this machine', async (t) => {
  const config = readConfig({})
  t.match(config, {
    host: '127.0.0.1',
    port: 3000,
    databaseUrl: null,
    secretKey: null,
    previousSecretKey: null,
    defaultProjectId: null,
    contracts: ['nodeloom', 'credebl', 'nora'],
    contractProjectId: null,
    publicUrl: 'http://127.0.0.1:3000',
    trustedProxies: [],
    redisUrl: null,
    cookieSecure: false,
    nodeloomCookie: 'nodeloom_session',
    logLevel: 'info',
    smtpUrl: null,
    mailFrom: 'no-reply@localhost',
  })
  t.match(config.dataDir, /\/\.data$/)
  t.ok(config.hashSlots >= 1)
  t.match(config, { workers: 1, databaseConnections: 10 })
  t.ok(Object.isFrozen(config))
})

t.test('workers share connections and hash slots', async (t) => {
  const share = (env: Record<string, string>) => readConfig(env).databaseConnections
  t.same(
    ['1', '2', '3', '64'].map((WORKERS) => share({ WORKERS })),
    [10, 5, 4, 2],
  )
  t.equal(share({ WORKERS: '3', DATABASE_CONNECTIONS: '20' }), 6)
  t.equal(readConfig({ WORKERS: 'auto' }).workers, availableParallelism())
  t.equal(readConfig({ WORKERS: 'auto' }).hashSlots, 1)
})

t.test('hashes fill no more than a quarter of the memory, and there is always one', async (t) => {
  const slots = (megabytes: number, env: Record<string, string> = {}) =>
    readConfig({ UV_THREADPOOL_SIZE: '64', ...env }, { memoryBytes: megabytes * 2 ** 20 }).hashSlots
  t.equal(slots(64), 1)
  t.equal(slots(32), 1)
  t.equal(slots(4096), availableParallelism())
  t.equal(slots(160), Math.min(2, availableParallelism()))
  t.equal(slots(4096, { UV_THREADPOOL_SIZE: '1' }), 1, 'nor more threads than there are')
})

t.test('threads beside the hashes: set unless they were chosen, or in use already', async (t) => {
  const size = (environment: Record<string, string>, node: string) =>
    readConfig(environment, { node, cores: 6 }).threadPoolSize
  t.equal(size({}, '22.3.0'), 10)
  t.equal(size({ UV_THREADPOOL_SIZE: '7' }, '24.0.0'), 7)
  t.equal(size({}, '20.9.0'), 4)
  t.equal(size({ WORKERS: '1' }, '20.9.0'), 4)
  t.equal(size({ WORKERS: '2' }, '20.9.0'), 10)
  t.equal(size({ TUNING: 'collector' }, '22.3.0'), 4)
})

t.test('TUNING chooses what is applied', async (t) => {
  const applied = (TUNING: string) => tuneProcess(readConfig({ TUNING }, { node: '22.3.0', cores: 6 }))
  t.same(readConfig({}).tunings, tunings)
  t.same(applied(''), { UV_THREADPOOL_SIZE: '10', MALLOC_ARENA_MAX: '1' })
  t.same(applied('arena, hash-priority'), { MALLOC_ARENA_MAX: '1' })
  t.same(applied('off'), {})
})

t.test('every variable of the interface is read', async (t) => {
  const config = readConfig({
    ...given,
    HOST: '0.0.0.0',
    PORT: '8080',
    DATA_DIR: '/var/lib/sallyport',
    SECRET_KEY_PREVIOUS: `${secret}, the older`,
    DEFAULT_PROJECT_ID: '7C1F7A52-4F0B-4D8E-9C58-0B1F6F1E2A3D',
    CONTRACTS: 'nora, nodeloom',
    CONTRACT_PROJECT_ID: '7C1F7A52-4F0B-4D8E-9C58-0B1F6F1E2A3E',
    PUBLIC_URL: 'https://auth.example.com/',
    TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1 ,::1',
    NODELOOM_COOKIE: '__Host-loom',
    REDIS_URL: 'rediss://user:pass@redis:6380/2',
    LOG_LEVEL: 'debug',
    SMTP_URL: 'smtps://user:pass@mail:465',
    MAIL_FROM: 'Example <no-reply@example.com>',
  })
  t.match(config, {
    host: '0.0.0.0',
    port: 8080,
    contracts: ['nodeloom', 'nora'],
    contractProjectId: '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3e',
    databaseUrl: given.DATABASE_URL,
    dataDir: '/var/lib/sallyport',
    secretKey: secret,
    previousSecretKey: `${secret}, the older`,
    defaultProjectId: '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d',
    publicUrl: 'https://auth.example.com',
    trustedProxies: ['10.0.0.0/8', '127.0.0.1', '::1'],
    redisUrl: 'rediss://user:pass@redis:6380/2',
    cookieSecure: true,
    nodeloomCookie: '__Host-loom',
    logLevel: 'debug',
    smtpUrl: 'smtps://user:pass@mail:465',
    mailFrom: 'Example <no-reply@example.com>',
  })
})

t.test('cookies are Secure where the public URL is https, unless said otherwise', async (t) => {
  t.equal(readConfig({ PUBLIC_URL: 'https://a.example' }).cookieSecure, true)
  t.equal(readConfig({ PUBLIC_URL: 'https://a.example', COOKIE_SECURE: 'false' }).cookieSecure, false)
  t.equal(readConfig({ COOKIE_SECURE: 'true' }).cookieSecure, true)
})

t.test('the public URL follows host and port where it is not given', async (t) => {
  t.equal(readConfig({ HOST: '::', PORT: '80' }).publicUrl, 'http://127.0.0.1')
  t.equal(readConfig({ HOST: '::1', PORT: '4000' }).publicUrl, 'http://[::1]:4000')
  t.equal(readConfig({ HOST: 'auth.internal' }).publicUrl, 'http://auth.internal:3000')
})

t.test('an empty variable counts as unset, but an empty list of contracts is none', async (t) => {
  const empty = Object.fromEntries(
    ['HOST', 'PORT', 'DATABASE_URL', 'SECRET_KEY', 'SMTP_URL', 'PUBLIC_URL', 'LOG_LEVEL', 'CONTRACTS'].map(
      (name) => [name, ''],
    ),
  )
  t.same(readConfig(empty), { ...readConfig({}), contracts: [] })
})

t.test('every problem is told at once, each in a sentence that names the variable', async (t) => {
  const wrong: Record<string, string> = {
    PORT: '70000',
    DATABASE_URL: 'mysql://hunter2@db/auth',
    WORKERS: 'hunter2',
    DATABASE_CONNECTIONS: 'hunter2',
    DATABASE_POOLER: 'hunter2',
    DATABASE_READ_URL: 'http://hunter2',
    DATABASE_MIGRATION_URL: 'mysql://hunter2@db/auth',
    SECRET_KEY: 'hunter2',
    SECRET_KEY_PREVIOUS: 'hunter2-previous',
    DEFAULT_PROJECT_ID: 'hunter2-project',
    CONTRACTS: 'nora,hunter2',
    CONTRACT_PROJECT_ID: 'hunter2-contract',
    PUBLIC_URL: 'https://hunter2.example/?path',
    TRUSTED_PROXIES: '10.0.0.0/8,hunter2',
    REDIS_URL: 'http://hunter2',
    COOKIE_SECURE: 'hunter2',
    NODELOOM_COOKIE: 'hunter2 hunter2',
    LOG_LEVEL: 'hunter2',
    SMTP_URL: 'http://hunter2',
    MAIL_FROM: 'hunter2 at example',
    ADMIN_EMAIL: 'hunter2',
    ADMIN_PASSWORD: 'hunter2',
    ADMIN_FIRST_NAME: 'hunter2'.repeat(40),
    ADMIN_LAST_NAME: 'hunter2'.repeat(40),
  }
  const problems = problemsOf(wrong)
  for (const name of Object.keys(wrong)) {
    const said = problems.filter((line) => line.startsWith(`${name} `))
    t.equal(said.length, 1, name)
    t.match(said[0], /^[A-Z_]+ (?:must|is) .+\.$/)
  }
  t.equal(problems.length, Object.keys(wrong).length)
  t.notMatch(
    problems.join('\n'),
    /hunter2|70000/,
    'no value is repeated: it may be a secret in the wrong place',
  )
})

t.test('each variable alone is refused for what it cannot be', async (t) => {
  const wrong: [name: string, ...values: string[]][] = [
    ['PORT', '-1', '65536', '80a', '0x50', '3000.5', ' 80'],
    ['DATABASE_URL', 'db', 'http://db', '//db/auth'],
    ['SECRET_KEY', 'x'.repeat(31), 'é'.repeat(15)],
    ['DEFAULT_PROJECT_ID', 'None', '123', '7c1f7a52-4f0b-4d8e-9c58'],
    [
      'PUBLIC_URL',
      'auth.example.com',
      'ftp://a.example',
      'https://a.example/?a=b',
      'https://u@a.example',
      'https://a.example/#x',
      'https://a.example/a//b',
    ],
    ['TRUSTED_PROXIES', 'proxy.internal', '10.0.0.0/33', '10.0.0', '10/8', '0x0a.0.0.0/8'],
    ['COOKIE_SECURE', 'yes', '1', 'TRUE'],
    ['NODELOOM_COOKIE', 'a b', 'a=b', 'a;b', 'a"b', 'é', 'x'.repeat(65), '__Host-loom', '__secure-loom'],
    ['LOG_LEVEL', 'verbose', 'INFO'],
    ['LOG_FORMAT', 'xml', 'PRETTY'],
    ['TUNING', 'on', 'arena,hunter2'],
    ['UV_THREADPOOL_SIZE', '0', 'four', '1025'],
    ['METRICS_TOKEN', 'too-short', 'with a space in the midst of it'],
    ['MAX_EVENT_LOOP_DELAY_MS', 'soon', '-1', '1.5'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', 'grpc://collector:4317'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', '/v1/traces'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a name alone', 'a=%zz', 'a=%ff', 'a b=c'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2', '-0.1', 'half'],
    ['SMTP_URL', 'mail:25', 'https://mail'],
    ['ADMIN_EMAIL', 'root', 'root@localhost', 'a b@example.com', 'é@example.com'],
    ['ADMIN_PASSWORD', 'short', 'x'.repeat(256)],
    ['MAIL_FROM', 'nobody', 'a@b c@d', 'A <a@b>\r\nBcc: <c@d>'],
  ]
  for (const [name, ...values] of wrong)
    for (const value of values)
      t.match(
        problemsOf({ ...given, ...admin, [name]: value }),
        [new RegExp(`^${name} `)],
        `${name}=${JSON.stringify(value)}`,
      )
})

t.test('the first admin needs an address and a password, and may have a name', async (t) => {
  t.equal(readConfig({}).firstAdmin, null)
  t.same(readConfig(admin).firstAdmin, {
    email: 'root@example.com',
    password: 'a good long password',
    firstName: null,
    lastName: null,
  })
  const names = { ADMIN_FIRST_NAME: 'Grace', ADMIN_LAST_NAME: 'Hopper' }
  t.match(readConfig({ ...admin, ...names }).firstAdmin, { firstName: 'Grace', lastName: 'Hopper' })
  for (const name of ['ADMIN_EMAIL', 'ADMIN_PASSWORD'] as const)
    t.match(problemsOf({ [name]: admin[name] }), [/^ADMIN_EMAIL and ADMIN_PASSWORD must be set together/])
  t.match(problemsOf(names), [/^ADMIN_EMAIL and ADMIN_PASSWORD must be set together/])
  t.same(problemsOf({ ADMIN_EMAIL: '', ADMIN_PASSWORD: '' }), [], 'empty is unset')
})

t.test('a given database needs a given secret', async (t) => {
  t.match(problemsOf({ DATABASE_URL: given.DATABASE_URL }), [
    /^SECRET_KEY must be set together with DATABASE_URL/,
  ])
  t.same(problemsOf(given), [])
  t.same(problemsOf({ SECRET_KEY: secret }), [], 'a secret may be given for the embedded one too')
})

t.test('values on the edge are fine', async (t) => {
  t.equal(readConfig({ PORT: '0' }).port, 0)
  t.equal(readConfig({ PORT: '65535' }).port, 65_535)
  t.same(problemsOf({ SECRET_KEY: 'é'.repeat(16) }), [], 'bytes are counted, not characters')
  t.equal(readConfig({ DEFAULT_PROJECT_ID: 'none' }).defaultProjectId, 'none')
})

t.test('a wrong configuration ends the process with 78, all its problems, and nothing started', async (t) => {
  const port = await freePort()
  const dataDir = join(t.testdir(), 'data')
  const env = {
    DATA_DIR: dataDir,
    PORT: String(port),
    SECRET_KEY: 'hunter2',
    LOG_LEVEL: 'hunter2',
    COOKIE_SECURE: 'hunter2',
  }
  const { code, stdout: out, stderr: err } = await runProgram('service', [], { env }).ended
  t.equal(code, 78)
  t.equal(exitConfig, 78)
  t.equal(out, '')
  t.match(err, /^The configuration needs a change:\n(?: {2}- [A-Z_]+ must [^\n]+\.\n){3}$/)
  for (const name of ['SECRET_KEY', 'LOG_LEVEL', 'COOKIE_SECURE']) t.match(err, name)
  t.notMatch(err, /hunter2|\n +at /, 'neither a value nor a stack')
  t.notOk(existsSync(dataDir), 'no data folder was made')
  await t.rejects(fetch(`http://127.0.0.1:${port}/health/live`), 'and nobody listens')
})

t.test(
  'the table names every variable with its default and its sentence, and stands between its markers',
  async (t) => {
    const table = variablesTable()
    const rows = table.split('\n').slice(2)
    t.equal(rows.length, Object.keys(variables).length + 2, 'and SOCIAL_SECRET_…, IMPORT_SECRET_…')
    for (const row of rows) t.match(row, /^\| `[A-Z_]+…?` \| [^|]+ \| [A-Z`][^|]+\. \|$/)
    t.equal(
      withTables('before\n<!-- variables -->\nold\n<!-- /variables -->\nafter\n', {
        variables: variablesTable,
      }),
      `before\n<!-- variables -->\n${table}\n<!-- /variables -->\nafter\n`,
    )
    t.throws(
      () => withTables('no markers', { variables: variablesTable }),
      /no markers for the table variables/,
    )
  },
)

t.test('traces go where the standard variables say', (t) => {
  const read = (env: Record<string, string>) => readConfig(env).tracing
  t.equal(read({}), null)
  t.equal(read({ OTEL_SERVICE_NAME: 'auth' }), null)
  t.same(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' }), {
    url: 'http://127.0.0.1:4318/v1/traces',
    headers: {},
    serviceName: 'sallyport',
    sampler: 'parentbased_always_on',
    ratio: 1,
  })
  t.same(
    read({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example.com/in',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-tenant = one=two',
      OTEL_SERVICE_NAME: 'auth',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    }),
    {
      url: 'https://traces.example.com/in',
      headers: { authorization: 'Bearer abc', 'x-tenant': 'one=two' },
      serviceName: 'auth',
      sampler: 'traceidratio',
      ratio: 0.25,
    },
  )
  t.end()
})
