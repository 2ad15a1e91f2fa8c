// Logs: what is secret is censored by the schemas' own marks, and errors of the database leave their data behind.
import { createRequire } from 'node:module'
import postgres from 'postgres'
import t from 'tap'
import { generateDocuments } from '../src/http/generate.ts'
import { createLogger, loggedError, prettyPrinter, redactedNames } from '../src/observability/logging.ts'
import { findUserByEmail, insertUser } from '../src/repositories/accounts/users.ts'
import { createDatabase, storesOn } from './support/database.ts'

function logged(write: (log: ReturnType<typeof createLogger>) => void): {
  line: string
  parsed: Record<string, unknown>
} {
  const lines: string[] = []
  write(createLogger('trace', { write: (line) => lines.push(line) }))
  const line = lines.join('')
  return { line, parsed: JSON.parse(lines[0] ?? '{}') }
}

t.test('the list of redacted names is kept golden', async (t) => {
  const golden = [
    'access_token',
    'authorization',
    'challenge',
    'client_secret',
    'code',
    'code_verifier',
    'cookie',
    'currentPassword',
    'current_password',
    'device_token',
    'id_token',
    'newPassword',
    'new_password',
    'oauthAccessToken',
    'oauthIdToken',
    'oldPassword',
    'otpauth_uri',
    'password',
    'plain_text_key',
    'project-secret',
    'qr_svg',
    'recovery_codes',
    'refreshToken',
    'refresh_token',
    'secret',
    'sessionToken',
    'set-cookie',
    'setup_url',
    'token',
    'verificationCode',
    'verification_token',
    'x-api-key',
  ]
  t.same(redactedNames, golden)
})

t.test('every property that a document marks as secret is redacted', async (t) => {
  const documents = Object.entries(await generateDocuments()).filter(([name]) => name.endsWith('.json'))
  const marked = new Set<string>()
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, property] of Object.entries((value as { properties?: object }).properties ?? {}))
      if ((property as Record<string, unknown>)?.['x-secret']) marked.add(name)
    for (const entry of Object.values(value)) walk(entry)
  }
  for (const [, document] of documents) walk(JSON.parse(document))
  t.ok(documents.length > 1)
  t.ok(marked.size >= 6, `${[...marked]}`)
  t.same(
    [...marked].filter((name) => !redactedNames.includes(name)),
    [],
  )
})

t.test('a secret is censored at the top of a line and one level below', async (t) => {
  for (const name of redactedNames)
    for (const facts of [
      { [name]: 'hunter2!' },
      { body: { [name]: 'hunter2!' } },
      { headers: { [name]: 'hunter2!' } },
    ]) {
      const { line } = logged((log) => log.info(facts, 'something'))
      t.notMatch(line, /hunter2/, JSON.stringify(facts))
      t.match(line, /\[secret\]/)
    }
})

t.test('a line is one JSON object with its level in words and the time in ISO 8601', async (t) => {
  const { line, parsed } = logged((log) => log.warn({ kind: 'x' }, 'Said'))
  t.match(line, /^\{[^\n]*\}\n$/)
  t.same(Object.keys(parsed).sort(), ['kind', 'level', 'msg', 'time'], 'no process id, no host name')
  t.equal(parsed.level, 'warn')
  t.equal(new Date(String(parsed.time)).toISOString(), parsed.time)
})

t.test(
  'an error of the database is logged by code and constraint, without the row or the query',
  async (t) => {
    const sql = postgres(await createDatabase(t), { max: 1, onnotice: () => {} })
    t.teardown(() => sql.end())
    const projectId = '5e9f2e54-0000-4000-8000-000000000001'
    const stores = storesOn(sql)
    const store = stores.forProject(projectId)
    await sql`insert into projects (id, name) values (${projectId}, 'Mine')`
    const sentinel = 'hunter2-sentinel'
    const thrown = async (work: () => Promise<unknown>): Promise<Error> => {
      try {
        await work()
      } catch (error) {
        return error as Error
      }
      throw new Error('It did not fail.')
    }
    const user = {
      uuid: '5e9f2e54-0000-4000-8000-000000000002',
      email: `${sentinel}@example.com`,
      passwordHash: sentinel,
      displayName: sentinel,
      firstName: null,
      lastName: null,
      metadata: { sentinel },
    }
    await insertUser(store, user)
    const failures = [
      await thrown(() => insertUser(store, { ...user, email: `2${user.email}` })),
      await thrown(() => findUserByEmail(stores.forProject(sentinel), sentinel)),
      await thrown(() => sql`select ${sentinel}::int`),
    ]
    for (const error of failures) {
      t.match(
        `${error.message} ${JSON.stringify(error)} ${JSON.stringify(error.cause)} ${(error as { detail?: string }).detail}`,
        sentinel,
        'the error itself holds it',
      )
      const { line } = logged((log) => log.error({ err: error }, 'Unexpected error'))
      t.notMatch(line, sentinel)
      t.notMatch(line, /insert into|select /i, 'nor the query')
      // The whole run compiles the tests to dist/test and follows no source maps.
      t.match(line, /"stack":"[^"]*(?:logging\.test\.ts|dist\/test\/)/, 'but where it happened')
    }
    const codes = failures.map((error) =>
      JSON.stringify(logged((log) => log.error({ err: error })).parsed.err),
    )
    for (const [index, code] of ['23505', '22P02', '22P02'].entries())
      t.match(codes[index], code, 'and what kind it was')
    t.match(codes[0], 'users_project_uuid')
  },
)

t.test('the code of a failure can be read in its line', async (t) => {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
  const { line } = logged((log) => log.warn({ err: error }, 'A part of the service is unavailable'))
  t.match(line, /"errorCode":"ECONNREFUSED"/)
  t.match(line, 'connect ECONNREFUSED 127.0.0.1:5432', 'an error of ours or of Node keeps its message')
})

t.test('what is thrown and is no error is logged by its type alone', async (t) => {
  for (const thrown of ['hunter2', { password: 'hunter2' }, 7, null, undefined])
    t.same(loggedError(thrown), { type: typeof thrown })
})

t.test('an error is logged with what caused it', async (t) => {
  const inner = new RangeError('inner')
  t.match(loggedError(new Error('outer', { cause: inner })), {
    type: 'Error',
    message: 'outer',
    cause: { type: 'RangeError', message: 'inner' },
  })
})

t.test('a line for people has its facts behind the message, and its secrets stay redacted', async (t) => {
  const isLoaded = () =>
    Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('/pino-pretty/'))
  t.notOk(isLoaded(), 'nothing else loads pino-pretty')
  const print = await prettyPrinter(false)
  t.ok(isLoaded())
  const pretty = (write: (log: ReturnType<typeof createLogger>) => void) => print(logged(write).line)
  t.match(
    pretty((log) =>
      log.info(
        { reqId: 'an-id', method: 'GET', route: '/api/auth/me', status: 200, ms: 1.2, project: 'a-project' },
        'answered',
      ),
    ),
    /^\[\d\d:\d\d:\d\d\] INFO: GET \/api\/auth\/me 200 1\.2 ms \{"reqId":"an-id","project":"a-project"\}\n$/,
  )
  t.match(
    pretty((log) => log.warn({ password: 'hunter2!', kind: 'a kind' }, 'Said')),
    /^\S+ WARN: Said \{"password":"\[secret\]","kind":"a kind"\}\n$/,
  )
  const failed = pretty((log) =>
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'Failed'),
  )
  t.match(
    failed,
    /^\S+ ERROR: Failed\s*\n {4}err: [\s\S]*"message": "outer"[\s\S]*\n +at [\s\S]*"message": "inner"/,
  )
  t.notMatch(failed, /\n(?! {4}| *$)/, 'what belongs to a line is below it')
})

t.test('no value forges a line or moves the cursor of a terminal', async (t) => {
  const print = await prettyPrinter(false)
  const hostile = 'x\n12:00:00 info Forged\u001b[2J\u0007\u2028\u009b1m'
  const error = Object.assign(new Error(hostile), { code: hostile })
  error.stack = `Error: x\n    at ${hostile}`
  for (const facts of [
    { agent: hostile, [hostile]: 1, err: error },
    { name: hostile, caller: hostile },
  ]) {
    const line = print(logged((log) => log.warn(facts, hostile)).line)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    t.notMatch(line, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/)
    t.notMatch(line, /^12:00:00/m)
    t.notMatch(line, /\n(?! {4}| *$)/, 'every further line is indented')
  }
})
