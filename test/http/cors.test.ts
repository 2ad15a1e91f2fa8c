// CORS: pages of a project's own origins may call it and read the answers; all others may not.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const friend = 'https://app.example.com'
const neighbour = 'http://localhost:5173'
const stranger = 'https://evil.example'
const app = await startTestApp(t, { policy: { origins: [friend, neighbour] } })
const other = await app.project({ origins: ['https://other.example'] })

const preflight = (path: string, origin: string, method = 'POST', headers = 'content-type, project-id') =>
  app.send('OPTIONS', `/api/auth${path}`, {
    headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
  })
const allowed = (answer: Answer) => answer.headers.get('access-control-allow-origin')
const list = (answer: Answer, name: string) =>
  (answer.headers.get(name) ?? '').toLowerCase().split(/, */).filter(Boolean)

type Test = Parameters<typeof isProblem>[0]
function isClosed(t: Test, answer: Answer): void {
  for (const name of ['origin', 'credentials', 'methods', 'headers'])
    t.equal(answer.headers.get(`access-control-allow-${name}`), null, name)
}

const paths = [
  '/signup',
  '/login',
  '/refresh',
  '/change-password',
  '/logout',
  '/logout-all',
  '/verify-email/resend',
  '/verify-email/confirm',
]

t.test(
  'preflight · an allowed origin may send what the API needs, with credentials, to every route',
  async (t) => {
    for (const [path, method] of [...paths.map((path) => [path, 'POST']), ['/me', 'GET']] as [
      string,
      string,
    ][])
      for (const origin of [friend, neighbour]) {
        const answer = await preflight(path, origin, method)
        t.equal(answer.status, 204, path)
        t.equal(allowed(answer), origin)
        t.equal(answer.headers.get('access-control-allow-credentials'), 'true')
        t.ok(list(answer, 'access-control-allow-methods').includes(method.toLowerCase()))
        for (const name of [
          'authorization',
          'content-type',
          'idempotency-key',
          'project-id',
          'session-transport',
          'x-api-key',
          'x-request-id',
          'x-correlation-id',
          'traceparent',
          'tracestate',
          'baggage',
          'if-none-match',
          'accept-language',
        ])
          t.ok(list(answer, 'access-control-allow-headers').includes(name), name)
        t.ok(Number(answer.headers.get('access-control-max-age')) >= 60)
      }
  },
)

t.test('preflight · below a product’s prefix its client may send what it asks for', async (t) => {
  const ask = (path: string, asked: string) =>
    app.send('OPTIONS', path, {
      headers: {
        origin: friend,
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      },
    })
  for (const path of ['/credebl/auth/signin', '/nora/auth/login', '/nodeloom/api/auth/login']) {
    const answer = await ask(path, 'content-type,x-client-version, x-anything')
    t.equal(answer.status, 204)
    t.same(list(answer, 'access-control-allow-headers'), ['content-type', 'x-client-version', 'x-anything'])
  }
  for (const odd of ['a b', 'x,,y', `x${'-y'.repeat(2000)}`, '"quoted"'])
    t.ok(
      list(await ask('/nora/auth/login', odd), 'access-control-allow-headers').includes('traceparent'),
      odd,
    )
})

t.test('the service reads no request header that this list lacks', async (t) => {
  const folder = join(packageRoot, 'src/http')
  const readers = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'request-headers.ts')
    .filter((name) =>
      /\b(?:request|req|this)\.headers\b|\{[^}]*\bheaders\b[^}]*\} = request\b/.test(
        readFileSync(join(folder, name), 'utf8'),
      ),
    )
  t.same(readers, [])
})

t.test('requests · every header of an answer can be read, whichever contract it is', async (t) => {
  const headers = { origin: friend }
  const { email } = await app.signUp()
  const answers = [
    await app.api('GET', '/me', { headers }),
    await app.api('PUT', '/me', { headers }),
    await app.api('POST', '/login', { headers, body: { email, password: 'a wrong password' } }),
    await app.send('POST', '/nora/auth/login', { headers, body: { email, password: 'a wrong password' } }),
    await app.send('GET', '/nora/auth/me', { headers }),
    await app.send('POST', '/nodeloom/api/auth/login', { headers, body: {} }),
    await app.send('POST', '/credebl/auth/signin', { headers, body: {} }),
  ]
  for (const answer of answers) {
    t.equal(allowed(answer), friend)
    const readable = new Set([
      ...list(answer, 'access-control-expose-headers'),
      // WHATWG Fetch: safelisted, or not ours to show.
      ...['cache-control', 'content-language', 'content-length', 'content-type', 'expires', 'last-modified'],
      ...['pragma', 'connection', 'keep-alive', 'date', 'transfer-encoding'],
    ])
    answer.headers.forEach((_value, name) => {
      if (!name.startsWith('access-control-')) t.ok(readable.has(name), name)
    })
  }
  t.ok(list(answers[3] as Answer, 'access-control-expose-headers').includes('x-correlation-id'))
})

t.test('key set, discovery and documents are open to every origin, without cookies', async (t) => {
  for (const path of [
    '/.well-known/jwks.json',
    '/.well-known/openid-configuration',
    '/openapi/auth.json',
    '/openapi/nora.json',
    '/openapi/credebl.json',
    '/openapi/nodeloom.json',
  ]) {
    for (const origin of [stranger, friend, 'null']) {
      const answer = await app.send('GET', path, { headers: { origin } })
      t.equal(answer.status, 200, path)
      t.equal(allowed(answer), '*', path)
      t.equal(answer.headers.get('access-control-allow-credentials'), null)
    }
    const asked = { origin: stranger, 'access-control-request-method': 'GET' }
    const before = await app.send('OPTIONS', path, {
      headers: { ...asked, 'access-control-request-headers': 'traceparent' },
    })
    t.equal(before.status, 204, path)
    t.equal(allowed(before), '*')
    t.ok(list(before, 'access-control-allow-headers').includes('traceparent'))
  }
})

t.test('preflight · the secret of a project is nothing for a browser', async (t) => {
  t.notOk(list(await preflight('/signup', friend), 'access-control-allow-headers').includes('project-secret'))
})

t.test('preflight · a foreign origin is told nothing', async (t) => {
  const foreign = [
    stranger,
    'null',
    `${friend}.evil.example`,
    `${friend}:444`,
    'http://app.example.com',
    `${friend}/`,
  ]
  for (const origin of [...foreign, '*', 'https://APP.example.com', `${friend}, ${stranger}`]) {
    const answer = await preflight('/login', origin)
    isClosed(t, answer)
    t.ok(answer.status >= 400 || answer.status === 204, String(answer.status))
  }
})

t.test(
  'preflight · names no project, so an origin of any project passes; the request after it does not',
  async (t) => {
    t.equal(allowed(await preflight('/login', 'https://other.example')), 'https://other.example')
    const headers = { origin: 'https://other.example' }
    isClosed(t, await app.api('GET', '/me', { headers }))
    const there = await app.api('GET', '/me', { headers: { ...headers, 'project-id': other.id } })
    t.equal(allowed(there), 'https://other.example')
  },
)

t.test('requests · an allowed origin reads the answer, and the headers that help it', async (t) => {
  const user = await app.signUp()
  const answer = await app.api('GET', '/me', { headers: { origin: friend, ...bearer(user) } })
  t.equal(answer.status, 200)
  t.equal(allowed(answer), friend)
  t.equal(answer.headers.get('access-control-allow-credentials'), 'true')
  for (const name of ['retry-after', 'ratelimit', 'ratelimit-policy', 'idempotency-replayed', 'x-request-id'])
    t.ok(list(answer, 'access-control-expose-headers').includes(name), name)
  t.ok(list(answer, 'vary').includes('origin'))
})

t.test('requests · by cookie from an allowed origin', async (t) => {
  const { email, password } = await app.signUp()
  const headers = { origin: friend, 'sec-fetch-site': 'cross-site', 'session-transport': 'cookie' }
  const signedIn = await app.api('POST', '/login', { headers, body: { email, password } })
  t.equal(signedIn.status, 200)
  t.equal(allowed(signedIn), friend)
  const away = await app.api('POST', '/logout', { headers: { ...headers, ...cookieHeader(signedIn) } })
  t.equal(away.status, 200)
  t.equal(allowed(away), friend)
})

t.test('requests · a foreign origin, and none, read nothing; the answer still varies by it', async (t) => {
  const user = await app.signUp()
  for (const headers of [{ origin: stranger }, { origin: 'null' }, {}] as Record<string, string>[]) {
    const answer = await app.api('GET', '/me', { headers: { ...headers, ...bearer(user) } })
    t.equal(answer.status, 200)
    isClosed(t, answer)
    t.ok(list(answer, 'vary').includes('origin'))
  }
})

t.test('requests · never *, in no answer of an API', async (t) => {
  for (const origin of [friend, stranger, '*', 'null']) {
    for (const answer of [
      await preflight('/login', origin),
      await app.api('GET', '/me', { headers: { origin } }),
      await app.send('GET', '/api/auth/nowhere', { headers: { origin } }),
      await app.send('GET', '/health/live', { headers: { origin } }),
      await app.send('POST', '/nora/auth/login', { headers: { origin } }),
    ])
      answer.headers.forEach((value, name) => {
        if (name.startsWith('access-control-')) t.not(value.trim(), '*', name)
      })
  }
})

t.test('errors · a page may read every one of them, or it could not tell its user', async (t) => {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.api('POST', path, { headers: { origin: friend, ...headers }, body })
  const limited = await app.project({
    origins: [friend],
    limits: { read: { max: 1, window_seconds: 60 }, mail: { max: 1, window_seconds: 60 } },
  })
  await app.api('GET', '/me', { headers: { 'project-id': limited.id } })
  const errors: [string, Answer][] = [
    ['validation_failed', await post('/login', {})],
    ['malformed_request', await post('/login', '{"email":')],
    ['unsupported_media_type', await post('/login', 'x', { 'content-type': 'text/plain' })],
    ['body_too_large', await post('/login', `{"email":"${'x'.repeat(70_000)}"}`)],
    ['invalid_credentials', await post('/login', { email: 'nobody@example.com', password: 'x' })],
    ['invalid_refresh_token', await post('/refresh', { refresh_token: 'x'.repeat(50) })],
    ['unauthenticated', await app.api('GET', '/me', { headers: { origin: friend } })],
    ['rate_limited', await app.api('GET', '/me', { headers: { origin: friend, 'project-id': limited.id } })],
    ['route_not_found', await post('/nowhere', {})],
    ['method_not_allowed', await app.api('PUT', '/me', { headers: { origin: friend } })],
  ]
  for (const [code, answer] of errors) {
    t.equal(answer.body.code, code)
    t.equal(allowed(answer), friend, code)
    t.equal(answer.headers.get('access-control-allow-credentials'), 'true', code)
  }
})

t.test('OPTIONS that is no preflight changes nothing and is a problem document or empty', async (t) => {
  const answer = await app.api('OPTIONS', '/login')
  t.ok([204, 404, 405].includes(answer.status), String(answer.status))
  if (answer.status !== 204) isProblem(t, answer, answer.body.code)
})
