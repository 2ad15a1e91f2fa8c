// NodeLoom's documented API, row by row: a client written for its pages works here unchanged.
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Answer, bearer, type RequestOptions, startTestApp, type TestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

type Test = Pick<typeof t, 'equal' | 'match' | 'same' | 'ok' | 'notMatch'>

const app = await startTestApp(t)
const auth = '/nodeloom/api/auth'
const names = { first_name: 'Jane', last_name: 'Doe' }
const day = 86_400
const unknownId = '00000000-0000-4000-8000-000000000000'

const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  app.send('POST', `${auth}${path}`, { headers, ...(body === undefined ? {} : { body }) })
const cookieOf = (answer: Answer) => ({ cookie: `nodeloom_session=${answer.cookies.nodeloom_session}` })

interface Person {
  readonly id: string
  readonly email: string
  readonly password: string
  readonly headers: { cookie: string }
  /** Tokens of the canonical API. */
  readonly bearer: Record<string, string>
}

/** Somebody with an account, logged in at NodeLoom. */
async function person(facts: Record<string, unknown> = names, at: TestApp = app): Promise<Person> {
  const signedUp = await at.signUp(facts)
  const { email, password } = signedUp
  const answer = await at.send('POST', `${auth}/login`, { body: { email, password } })
  return { id: answer.body.id, email, password, headers: cookieOf(answer), bearer: bearer(signedUp) }
}

function showsLimit(t: Test, headers: { get(name: string): string | null }): void {
  const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
    headers.get(`x-ratelimit-${name}`),
  )
  t.match(limit, /^\d+$/, 'X-RateLimit-Limit')
  t.match(remaining, /^\d+$/, 'X-RateLimit-Remaining')
  const seconds = Number(reset) - Date.now() / 1000
  t.ok(seconds > -5 && seconds < 4000, `X-RateLimit-Reset is an instant to come: ${reset}`)
}

/** NodeLoom's refusal, and nothing else in the body. */
function refused(t: Test, answer: Answer, status: number, message: string, path: string): void {
  const reasons: Record<number, string> = {
    400: 'Bad Request',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'Not Found',
    405: 'Method Not Allowed',
    413: 'Payload Too Large',
    415: 'Unsupported Media Type',
    429: 'Too Many Requests',
    503: 'Service Unavailable',
  }
  const { timestamp, ...rest } = answer.body
  t.same(rest, { status, error: reasons[status], message, path }, `${status} ${message}`)
  t.equal(answer.status, status)
  t.equal(new Date(timestamp).toISOString(), timestamp)
  t.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000, 'the time is now')
  t.match(answer.headers.get('content-type'), /^application\/json/)
  showsLimit(t, answer.headers)
}

const claimsOf = (cookie: string) =>
  JSON.parse(Buffer.from(cookie.split('=')[1]?.split('.')[1] ?? '', 'base64url').toString())
const sessionOf = (who: Person) => String(claimsOf(who.headers.cookie).sid)
const lists = async (headers: Record<string, string>): Promise<string[]> =>
  (await app.api('GET', '/sessions', { headers })).body.data.map(({ id }: { id: string }) => id)

t.test('POST /login · 200 · the user with their teams, and a cookie for 24 hours', async (t) => {
  const made = await app.signUp(names)
  const { email, password } = made
  const { body: team } = await app.api('POST', '/teams', { headers: bearer(made), body: { name: 'My Team' } })
  const answer = await post('/login', { email: ` ${email.toUpperCase()}`, password, remember: true })
  t.equal(answer.status, 200)
  t.same(answer.body, {
    id: made.body.user.uuid,
    firstName: 'Jane',
    lastName: 'Doe',
    email,
    teams: [{ teamId: team.id, teamName: 'My Team', role: 'ADMIN' }],
  })
  showsLimit(t, answer.headers)
  const [line = '', ...others] = answer.headers.getSetCookie()
  t.same(others, [], 'one cookie')
  const [pair = '', ...attributes] = line.split('; ')
  const { iat, exp } = claimsOf(pair)
  t.match(pair, /^nodeloom_session=[\w.-]+$/)
  t.same(
    attributes.filter((attribute) => !attribute.startsWith('Expires=')),
    ['Max-Age=86400', 'Path=/', 'HttpOnly', 'SameSite=Lax'],
    'not Secure, as configured here',
  )
  t.ok(exp - iat === day || exp - iat === day + 1, `a JWT of ${exp - iat} s: within a second, rounded up`)
  t.notMatch(JSON.stringify(answer.body), pair.slice(20, 60), 'no token in the body')
})

t.test('POST /login · names that an account does not have are empty, teams are a list', async (t) => {
  const { email, password } = await app.signUp()
  t.match((await post('/login', { email, password })).body, { firstName: '', lastName: '', teams: [] })
})

t.test('POST /login · 400 · missing or invalid fields, all of them named', async (t) => {
  const email = 'jane@example.com'
  const sessions = await count('sessions')
  for (const [body, message] of [
    [{}, 'Email is required; Password is required'],
    [undefined, 'Email is required; Password is required'],
    ['', 'Email is required; Password is required'],
    ['[]', 'Email is required; Password is required'],
    ['"text"', 'Email is required; Password is required'],
    ['null', 'Email is required; Password is required'],
    [{ email }, 'Password is required'],
    [{ password: 'x' }, 'Email is required'],
    [{ email: 42, password: 'x' }, 'Email must be valid'],
    [{ email: null, password: 'x' }, 'Email must be valid'],
    [{ email: [email], password: 'x' }, 'Email must be valid'],
    [{ email: 'jane', password: 'x' }, 'Email must be valid'],
    [{ email: '', password: '' }, 'Email must be valid; Password is required'],
    [{ email, password: 12345678 }, 'Password is required'],
    [{ email, password: null }, 'Password is required'],
    [{ email, password: {} }, 'Password is required'],
    [{ email, password: 'x'.repeat(1025) }, 'Password is too long'],
    [`{"email":"${email}","password":"\\u0000"}`, 'Malformed request'],
    ['{"email":', 'Malformed request'],
  ] as const) {
    const answer = await post('/login', body)
    refused(t, answer, 400, message, `${auth}/login`)
    t.same(answer.cookies, {})
  }
  t.equal(await count('sessions'), sessions, 'and no session is opened')
})

t.test('POST /login · 401 · a wrong password and an unknown address are one answer', async (t) => {
  const { email, password } = await person()
  for (const body of [
    { email, password: `${password}x` },
    { email, password: ` ${password}` },
    { email: `nobody-${email}`, password },
  ]) {
    const answer = await post('/login', body)
    refused(t, answer, 401, 'Invalid credentials', `${auth}/login`)
    t.same(answer.cookies, {})
  }
})

t.test('POST /login · 401 · disabled and unverified are told after the right password alone', async (t) => {
  const disabled = await person()
  await app.sql`update users set disabled_at = now() where email = ${disabled.email}`
  const strict = await startTestApp(t, { policy: { verification: { mode: 'strict' } } })
  const unverified = await strict.signUp()
  for (const [at, { email, password }, message] of [
    [app, disabled, 'Account is disabled'],
    [strict, unverified, 'Email address is not verified'],
  ] as const)
    for (const [given, said] of [
      [password, message],
      [`${password}x`, 'Invalid credentials'],
    ] as const) {
      const answer = await at.send('POST', `${auth}/login`, { body: { email, password: given } })
      refused(t, answer, 401, said, `${auth}/login`)
      t.same(answer.cookies, {})
    }
})

t.test('POST /login · 429 · too many failures, with the time to wait', async (t) => {
  const apart = await startTestApp(t)
  const { email, password } = await apart.signUp()
  // Who has signed in from there before is not shut out.
  await apart.sql`delete from known_addresses`
  const attempt = (given: string) => apart.send('POST', `${auth}/login`, { body: { email, password: given } })
  for (let failed = 0; failed < 5; failed++) t.equal((await attempt('wrong')).status, 401)
  const answer = await attempt(password)
  refused(t, answer, 429, 'Too many failed attempts, please try again later', `${auth}/login`)
  t.ok(Number(answer.headers.get('retry-after')) > 0)
})

t.test('POST /refresh · 200 · a replacing cookie that expires later, and the session lives on', async (t) => {
  const who = await person()
  await app.sql`update sessions set expires_at = now() + interval '1 hour' where id = ${sessionOf(who)}`
  const before = claimsOf(who.headers.cookie)
  // An instant of a second's precision: the next one is in the next second.
  await new Promise((resolve) => setTimeout(resolve, 1100))
  for (const body of [undefined, '', {}]) {
    const options = { headers: { ...who.headers, 'content-type': 'application/json' } }
    const answer = await app.send(
      'POST',
      `${auth}/refresh`,
      body === undefined ? options : { ...options, body },
    )
    t.equal(answer.status, 200)
    t.same(answer.body, { message: 'Token refreshed successfully' })
    showsLimit(t, answer.headers)
    const [line = ''] = answer.headers.getSetCookie()
    t.match(
      line,
      /^nodeloom_session=[\w.-]+; Max-Age=86400; Path=\/; Expires=[^;]+ GMT; HttpOnly; SameSite=Lax$/,
    )
    const after = claimsOf(line.split(';')[0] ?? '')
    t.ok(after.exp > before.exp, 'later')
    t.equal(after.sid, before.sid, 'the same session')
    t.equal((await post('/refresh', undefined, cookieOf(answer))).status, 200, 'and it works')
  }
  const [row] = await app.sql`select extract(epoch from expires_at - now())::int as left from sessions
    where id = ${sessionOf(who)}`
  t.ok(row?.left > day - 60 && row?.left <= day, `${row?.left} s are left`)
})

t.test('POST /refresh · many at once all stay logged in', async (t) => {
  const who = await person()
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('/refresh', undefined, who.headers)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  for (const answer of answers) t.equal((await post('/refresh', undefined, cookieOf(answer))).status, 200)
})

t.test('POST /refresh · 401 · missing, invalid and expired cookies', async (t) => {
  const path = `${auth}/refresh`
  refused(t, await post('/refresh'), 401, 'Authentication required', path)
  const dead = await person()
  const [head, claims, signature] = dead.headers.cookie.split('=')[1]?.split('.') ?? []
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  const elsewhere = await app.api('POST', '/signup', {
    headers: { 'project-id': (await app.project()).id },
    body: { email: 'elsewhere@example.com', password: 'a good long password' },
  })
  for (const value of [
    '',
    'x',
    'a.b.c',
    `${head}.${claims}.${signature?.slice(0, -4)}AAAA`,
    `${none}.${claims}.`,
    'x'.repeat(4000),
    elsewhere.body.access_token,
    elsewhere.body.refresh_token,
  ]) {
    const answer = await post('/refresh', undefined, { cookie: `nodeloom_session=${value}` })
    refused(t, answer, 401, 'Invalid or expired session', path)
    t.same(answer.cookies, {})
  }
  t.equal((await post('/refresh', undefined, dead.headers)).status, 200)
  await app.sql`update sessions set expires_at = now() - interval '1 second' where id = ${sessionOf(dead)}`
  refused(t, await post('/refresh', undefined, dead.headers), 401, 'Invalid or expired session', path)
  const gone = await person()
  await app.sql`update users set disabled_at = now() where email = ${gone.email}`
  refused(t, await post('/refresh', undefined, gone.headers), 401, 'Invalid or expired session', path)
})

t.test('POST /refresh · nothing outlives the absolute lifetime of the policy', async (t) => {
  const who = await person()
  await app.sql`update sessions set absolute_expires_at = now() + interval '2 hours', expires_at = now() + interval '1 hour'
    where id = ${sessionOf(who)}`
  const answer = await post('/refresh', undefined, who.headers)
  const [, maxAge] = /Max-Age=(\d+)/.exec(answer.headers.getSetCookie()[0] ?? '') ?? []
  t.ok(Number(maxAge) > 7100 && Number(maxAge) <= 7200, `${maxAge} s`)
})

t.test('POST /logout · 200 · the cookie is cleared and the session ended on the server', async (t) => {
  const options: RequestOptions[] = [
    {},
    { headers: { 'content-type': 'application/json' } },
    { body: '' },
    { body: {} },
  ]
  for (const { headers, ...body } of options) {
    const who = await person()
    const answer = await app.send('POST', `${auth}/logout`, {
      headers: { ...who.headers, ...headers },
      ...body,
    })
    t.equal(answer.status, 200)
    t.same(answer.body, { message: 'Logged out successfully' })
    showsLimit(t, answer.headers)
    t.same(answer.headers.getSetCookie(), [
      'nodeloom_session=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax',
    ])
    t.equal((await post('/refresh', undefined, who.headers)).status, 401, 'dead at once')
    const [row] = await app.sql`select revoked_at from sessions where id = ${sessionOf(who)}`
    t.ok(row?.revoked_at)
  }
})

t.test('POST /logout · 200 also without a cookie, and with one that is dead or never lived', async (t) => {
  const who = await person()
  t.equal((await post('/logout', undefined, who.headers)).status, 200)
  for (const headers of [
    {},
    who.headers,
    { cookie: 'nodeloom_session=x' },
    { cookie: 'nodeloom_session=' },
  ]) {
    const answer = await post('/logout', undefined, headers)
    t.equal(answer.status, 200)
    t.same(answer.body, { message: 'Logged out successfully' })
    t.same(answer.cookies, { nodeloom_session: '' })
  }
})

t.test('a Bearer header disturbs no route, be it broken, foreign or alive', async (t) => {
  const [mine, other] = [await person(), await person()]
  for (const authorization of ['Bearer x', 'Bearer', 'Basic eDp5', '', String(other.bearer.authorization)]) {
    const headers = { ...mine.headers, authorization }
    const { email, password } = mine
    t.equal((await post('/login', { email, password }, { authorization })).body.id, mine.id)
    t.equal((await post('/refresh', undefined, headers)).status, 200)
    t.equal((await app.send('GET', '/nodeloom/api/teams', { headers })).status, 200)
    const alone = await post('/refresh', undefined, { authorization })
    refused(t, alone, 401, 'Authentication required', `${auth}/refresh`)
  }
  const headers = { ...mine.headers, ...other.bearer }
  t.equal((await post('/logout', undefined, headers)).status, 200)
  t.equal((await app.api('GET', '/me', { headers: other.bearer })).status, 200, 'the other session lives')
  t.equal((await post('/refresh', undefined, mine.headers)).status, 401)
})

t.test('a session opened here is listed by the canonical API and can be ended there', async (t) => {
  const who = await person()
  t.ok((await lists(who.bearer)).includes(sessionOf(who)))
  t.equal((await app.api('DELETE', `/sessions/${sessionOf(who)}`, { headers: who.bearer })).status, 204)
  refused(
    t,
    await post('/refresh', undefined, who.headers),
    401,
    'Invalid or expired session',
    `${auth}/refresh`,
  )
  const again = await person()
  t.equal((await app.api('POST', '/logout-all', { headers: again.bearer })).status, 200)
  t.equal((await post('/refresh', undefined, again.headers)).status, 401)
  const changed = await person()
  const body = { current_password: changed.password, new_password: 'another good password' }
  t.equal((await app.api('POST', '/change-password', { headers: changed.bearer, body })).status, 200)
  t.equal((await post('/refresh', undefined, changed.headers)).status, 401, 'a new password ends it')
})

t.test('a session opened there can be ended here, and one token serves both', async (t) => {
  const who = await person()
  const token = String(who.bearer.authorization).split(' ')[1]
  const headers = { cookie: `nodeloom_session=${token}` }
  t.equal((await app.send('GET', '/nodeloom/api/teams', { headers })).status, 200)
  t.equal((await post('/logout', undefined, headers)).status, 200)
  t.equal((await app.api('GET', '/me', { headers: who.bearer })).status, 401)
  const mine = { authorization: `Bearer ${who.headers.cookie.split('=')[1]}` }
  t.equal((await app.api('GET', '/me', { headers: mine })).body.user.uuid, who.id)
  t.same(await lists(mine), [sessionOf(who)])
})

t.test('renamed there is renamed here; gone there is gone here', async (t) => {
  const who = await person()
  await app.api('PATCH', '/profile', { headers: who.bearer, body: { first_name: 'Janet' } })
  const { email, password } = who
  t.equal((await post('/login', { email, password })).body.firstName, 'Janet')
  const left = await app.api('DELETE', '/me', { headers: who.bearer, body: { current_password: password } })
  t.ok(left.status < 300, `${left.status}`)
  t.equal((await post('/refresh', undefined, who.headers)).status, 401)
  t.equal((await post('/login', { email, password })).body.message, 'Invalid credentials')
})

t.test('the cookie is Secure and named as configured', async (t) => {
  const env = { COOKIE_SECURE: 'true', NODELOOM_COOKIE: '__Host-loom' }
  const other = await startTestApp(t, { env })
  const { email, password } = await other.signUp()
  const login = await other.send('POST', `${auth}/login`, { body: { email, password } })
  const [line = ''] = login.headers.getSetCookie()
  t.match(
    line,
    /^__Host-loom=[\w.-]+; Max-Age=86400; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
  )
  const headers = { cookie: line.split(';')[0] ?? '' }
  t.equal((await other.send('POST', `${auth}/refresh`, { headers })).status, 200)
  const renamed = { cookie: headers.cookie.replace('__Host-loom', 'nodeloom_session') }
  const bound = await startTestApp(t, { env: { COOKIE_SECURE: 'true' } })
  const { email: there, password: secret } = await bound.signUp()
  const prefixed = await bound.send('POST', `${auth}/login`, { body: { email: there, password: secret } })
  t.match(prefixed.headers.getSetCookie()[0], /^__Host-nodeloom_session=/)
  const bare = { cookie: `nodeloom_session=${prefixed.cookies['__Host-nodeloom_session']}` }
  t.equal((await bound.send('POST', `${auth}/refresh`, { headers: bare })).status, 401)
  t.equal((await other.send('POST', `${auth}/refresh`, { headers: renamed })).status, 401)
  const { securitySchemes } = (await other.send('GET', '/openapi/nodeloom.json')).body.components
  t.equal(securitySchemes.session.name, '__Host-loom')
})

t.test('403 · another site can neither use the cookie nor plant one', async (t) => {
  const who = await person()
  const { email, password } = who
  for (const site of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
    for (const path of ['/refresh', '/logout']) {
      const answer = await post(path, undefined, { ...who.headers, ...site })
      refused(t, answer, 403, 'Cross-site request refused', `${auth}${path}`)
    }
    const planted = await post('/login', { email, password }, site)
    refused(t, planted, 403, 'Cross-site request refused', `${auth}/login`)
    t.same(planted.cookies, {})
    const headers = { ...who.headers, ...site }
    const made = await app.send('POST', '/nodeloom/api/teams', { headers, body: { name: 'Planted' } })
    refused(t, made, 403, 'Cross-site request refused', '/nodeloom/api/teams')
  }
  t.equal(
    (await post('/refresh', undefined, { ...who.headers, 'sec-fetch-site': 'same-origin' })).status,
    200,
  )
  t.equal((await post('/refresh', undefined, { ...who.headers, origin: app.url })).status, 200)
})

t.test('a page of an allowed origin may read the three headers', async (t) => {
  const origin = 'https://app.example.com'
  const open = await startTestApp(t, { policy: { origins: [origin] } })
  const answer = await open.send('POST', `${auth}/refresh`, { headers: { origin } })
  t.equal(answer.headers.get('access-control-allow-origin'), origin)
  const exposed = answer.headers.get('access-control-expose-headers')?.split(', ') ?? []
  for (const name of ['limit', 'remaining', 'reset']) t.ok(exposed.includes(`x-ratelimit-${name}`), name)
})

t.test('unknown paths and wrong methods, in its own shape and with its headers', async (t) => {
  const { headers } = await person()
  for (const path of [
    '/nodeloom/',
    '/nodeloom/api',
    `${auth}/nothing`,
    `${auth}/me`,
    '/nodeloom/api/teams/a/b',
  ])
    refused(t, await app.send('GET', `${path}?token=x`, { headers }), 404, 'Not found', path)
  for (const [method, path, allow] of [
    ['GET', `${auth}/login`, 'POST'],
    ['PUT', `${auth}/refresh`, 'POST'],
    ['DELETE', `${auth}/logout`, 'POST'],
    ['PATCH', '/nodeloom/api/teams', 'GET, HEAD, POST'],
    ['POST', `/nodeloom/api/teams/${unknownId}`, 'DELETE, GET, HEAD, PUT'],
  ] as const) {
    const answer = await app.send(method, path, { headers })
    refused(t, answer, 405, 'Method not allowed', path)
    t.equal(answer.headers.get('allow'), allow)
  }
})

t.test('a path that cannot be read is refused in its own shape, counted, and shown as it came', async (t) => {
  const before = await app.send('GET', '/nodeloom/nothing')
  for (const [path, status, message] of [
    ['/nodeloom/api/%E0%A4%A', 400, 'Malformed request'],
    ['/nodeloom/%', 400, 'Malformed request'],
    [`/nodeloom/api/teams/${'x'.repeat(600)}`, 404, 'Not found'],
  ] as const) {
    const answer = await sendRaw(app.url, rawRequest(`GET ${path}?a=b`, []))
    const headers = { get: (name: string) => answer.headers[name] ?? null }
    refused(t, { ...answer, headers, cookies: {} } as unknown as Answer, status, message, path)
    t.ok(headers.get('x-request-id') && headers.get('x-content-type-options'), 'and with the headers of all')
  }
  const after = await app.send('GET', '/nodeloom/nothing')
  const left = (answer: Answer) => Number(answer.headers.get('x-ratelimit-remaining'))
  t.ok(left(before) - left(after) >= 4, 'each of them counts')
  const elsewhere = await sendRaw(app.url, rawRequest('GET /nodeloomx/%', []))
  t.match(
    elsewhere.headers['content-type'],
    'application/problem+json',
    'what only begins alike is canonical',
  )
})

t.test('413, 415 and JSON that is none', async (t) => {
  const path = `${auth}/login`
  const wrong = (headers: Record<string, string>, body: string) => app.send('POST', path, { headers, body })
  refused(t, await wrong({}, '{'), 400, 'Malformed request', path)
  refused(t, await wrong({}, `{"email":"${'x'.repeat(70_000)}"}`), 413, 'Request body too large', path)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'x'])
    refused(
      t,
      await wrong({ 'content-type': type }, 'email=a'),
      415,
      'Content type must be application/json',
      path,
    )
})

t.test('429 · counted for each address as it arrives, whatever X-Forwarded-For says', async (t) => {
  const limits = {
    credential: { max: 3, window_seconds: 900 },
    mail: { max: 2, window_seconds: 3600 },
    read: { max: 5, window_seconds: 60 },
  }
  const tight = await startTestApp(t, { policy: { limits } })
  for (const left of [2, 1, 0]) {
    const headers = { 'x-forwarded-for': `203.0.113.${left}`, forwarded: 'for=203.0.113.9' }
    const answer = await tight.send('POST', `${auth}/login`, { headers, body: '{' })
    refused(t, answer, 400, 'Malformed request', `${auth}/login`)
    t.equal(answer.headers.get('x-ratelimit-limit'), '3')
    t.equal(answer.headers.get('x-ratelimit-remaining'), String(left))
    const wait = Number(answer.headers.get('x-ratelimit-reset')) - Date.now() / 1000
    t.ok(wait > 800 && wait <= 902, `${wait} s`)
  }
  const beyond = await tight.send('POST', `${auth}/login`, {
    headers: { 'x-forwarded-for': '203.0.113.8' },
    body: {},
  })
  refused(t, beyond, 429, 'Too many requests', `${auth}/login`)
  t.equal(beyond.headers.get('x-ratelimit-remaining'), '0')
  const wait = Number(beyond.headers.get('retry-after'))
  t.ok(wait > 800 && wait <= 900)
  for (const left of ['4', '3', '2', '1', '0']) {
    const answer = await tight.send('GET', '/nodeloom/nothing')
    t.equal(answer.headers.get('x-ratelimit-remaining'), left, 'unknown paths are counted as reads')
  }
  for (const [method, path] of [
    ['GET', '/nodeloom/nothing'],
    ['POST', `${auth}/refresh`],
    ['GET', '/nodeloom/api/teams'],
  ] as const)
    refused(t, await tight.send(method, path), 429, 'Too many requests', path)
})

t.test('503 · in its own shape, with its headers, as long as the database is away', async (t) => {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const away = await startTestApp(t, { databaseUrl, env: { DATABASE_URL: proxy.through(databaseUrl) } })
  const who = await person(names, away)
  const { email, password } = who
  await proxy.refuse()
  const requests = () => [
    ['/login', away.send('POST', `${auth}/login`, { body: { email, password } })] as const,
    ['/refresh', away.send('POST', `${auth}/refresh`, { headers: who.headers })] as const,
    ['/logout', away.send('POST', `${auth}/logout`, { headers: who.headers })] as const,
  ]
  for (const [path, request] of requests()) {
    const answer = await request
    refused(t, answer, 503, 'Service unavailable', `${auth}${path}`)
    t.ok(Number(answer.headers.get('retry-after')) > 0)
    t.same(answer.cookies, {}, 'nothing is cleared that was not ended')
  }
  // Beyond the life of what is remembered of the project, nothing can be counted.
  await new Promise((resolve) => setTimeout(resolve, 2000))
  for (const [path, request] of requests()) {
    const answer = await request
    refused(t, answer, 503, 'Service unavailable', `${auth}${path}`)
    t.equal(answer.headers.get('x-ratelimit-remaining'), '0')
  }
})

t.test('GET /teams · 200 · the teams of the user, with what the documents name', async (t) => {
  const who = await person()
  t.same((await teams('GET', '', who)).body, [])
  const { body: team } = await app.api('POST', '/teams', {
    headers: who.bearer,
    body: { name: 'Engineering' },
  })
  const answer = await teams('GET', '', who)
  t.equal(answer.status, 200)
  const expected = {
    id: team.id,
    name: 'Engineering',
    memberCount: 1,
    role: 'ADMIN',
    createdAt: team.created_at,
  }
  t.same(answer.body, [expected])
  showsLimit(t, answer.headers)
  const one = await teams('GET', `/${team.id}`, who)
  t.equal(one.status, 200)
  t.same(one.body, expected)
})

t.test('POST /teams · 201 · and the creator becomes its ADMIN', async (t) => {
  const who = await person()
  const answer = await teams('POST', '', who, { name: ' Engineering ', description: 'Core', id: unknownId })
  t.equal(answer.status, 201)
  t.match(answer.body, { name: 'Engineering', memberCount: 1, role: 'ADMIN' })
  t.not(answer.body.id, unknownId)
  const { email, password } = who
  t.same((await post('/login', { email, password })).body.teams, [
    { teamId: answer.body.id, teamName: 'Engineering', role: 'ADMIN' },
  ])
})

t.test('POST /teams · 400 · a name that is none, and none is made', async (t) => {
  const who = await person()
  const before = await count('teams')
  const length = 'Team name must have 1 to 100 characters, without line breaks'
  for (const [body, message] of [
    [{}, 'Team name is required'],
    ['[]', 'Team name is required'],
    [{ name: 42 }, 'Team name is required'],
    [{ name: null }, 'Team name is required'],
    [{ name: '' }, length],
    [{ name: '  ' }, length],
    [{ name: 'a\nb' }, length],
    [{ name: 'x'.repeat(101) }, length],
    [{ name: 'x'.repeat(300) }, length],
  ] as const)
    refused(t, await teams('POST', '', who, body), 400, message, '/nodeloom/api/teams')
  t.equal(await count('teams'), before)
})

t.test('PUT /teams/{teamId} · 200 · the team as it is now; without a name it keeps its own', async (t) => {
  const { admin, viewer, id, path } = await staffed()
  const answer = await teams('PUT', `/${id}`, admin, { name: 'Renamed', description: 'ignored' })
  t.equal(answer.status, 200)
  t.match(answer.body, { id, name: 'Renamed', memberCount: 2, role: 'ADMIN' })
  t.equal((await teams('PUT', `/${id}`, admin, {})).body.name, 'Renamed')
  for (const body of [{ name: 'Mine' }, {}])
    refused(t, await teams('PUT', `/${id}`, viewer, body), 403, 'ADMIN role required', path)
  t.equal((await teams('GET', `/${id}`, viewer)).body.name, 'Renamed')
})

t.test('DELETE /teams/{teamId} · 200 · Team deleted successfully', async (t) => {
  const { admin, viewer, id, path } = await staffed()
  refused(t, await teams('DELETE', `/${id}`, viewer), 403, 'ADMIN role required', path)
  const answer = await teams('DELETE', `/${id}`, admin)
  t.equal(answer.status, 200)
  t.same(answer.body, { message: 'Team deleted successfully' })
  refused(t, await teams('GET', `/${id}`, admin), 404, 'Team not found', path)
  t.same((await app.api('GET', '/teams', { headers: admin.bearer })).body.data, [])
})

t.test('GET /teams/{teamId}/members · 200 · the highest role first', async (t) => {
  const { admin, viewer, id } = await staffed()
  const answer = await teams('GET', `/${id}/members`, viewer)
  t.equal(answer.status, 200)
  t.match(answer.body, [
    { userId: admin.id, email: admin.email, firstName: 'Jane', lastName: 'Doe', role: 'ADMIN' },
    { userId: viewer.id, email: viewer.email, firstName: 'Jane', lastName: 'Doe', role: 'VIEWER' },
  ])
  t.ok(answer.body.every(({ joinedAt }: { joinedAt: string }) => Date.parse(joinedAt) > 0))
})

t.test('POST /teams/{teamId}/members · 202 · invites, whether or not there is an account', async (t) => {
  const { admin, viewer, id, path } = await staffed()
  const known = await person()
  for (const email of [known.email, 'nobody-here@example.com']) {
    const answer = await teams('POST', `/${id}/members`, admin, { email, role: 'BUILDER' })
    t.equal(answer.status, 202)
    t.same(answer.body, { message: 'Invitation sent successfully' })
  }
  const invitations = await app.api('GET', `/teams/${id}/invitations`, { headers: admin.bearer })
  t.equal(invitations.body.data.length, 2, 'the canonical API lists them')
  const refuse = (body: unknown, message: string) => refusedMember(t, admin, id, body, message)
  const email = 'x@example.com'
  await refuse({}, 'Email is required; Role is required')
  await refuse({ email: 'x', role: 'BUILDER' }, 'Email must be valid')
  await refuse({ email }, 'Role is required')
  for (const role of ['OWNER', 'admin', '', 1, null, ['ADMIN']])
    await refuse({ email, role }, 'Role must be ADMIN, BUILDER, OPERATOR or VIEWER')
  await refuse({ email: viewer.email.toUpperCase(), role: 'BUILDER' }, 'User is already a member of the team')
  const asViewer = await teams('POST', `/${id}/members`, viewer, { email, role: 'VIEWER' })
  refused(t, asViewer, 403, 'ADMIN role required', `${path}/members`)
})

t.test(
  'POST /teams/{teamId}/members · 201 · a back end with the project’s secret adds at once',
  async (t) => {
    const { admin, id } = await staffed()
    const other = await person()
    const headers = { ...admin.headers, 'project-secret': app.projectSecret }
    const add = (email: string) =>
      app.send('POST', `/nodeloom/api/teams/${id}/members`, { headers, body: { email, role: 'OPERATOR' } })
    t.equal((await add(other.email)).status, 400, 'not while its holder has not proven the address')
    await app.sql`update users set email_verified_at = now() where email = ${other.email}`
    const answer = await add(other.email)
    t.equal(answer.status, 201)
    t.match(answer.body, { userId: other.id, email: other.email, role: 'OPERATOR' })
    const path = `/nodeloom/api/teams/${id}/members`
    refused(t, await add(other.email), 400, 'User is already a member of the team', path)
    refused(t, await add('nobody-here@example.com'), 400, 'User not found', path)
  },
)

t.test('PUT and DELETE /teams/{teamId}/members/{userId} · roles and leaving', async (t) => {
  const { admin, viewer, id, path } = await staffed()
  const member = (who: Person) => `/${id}/members/${who.id}`
  const changed = await teams('PUT', member(viewer), admin, { role: 'BUILDER' })
  t.equal(changed.status, 200)
  t.match(changed.body, { userId: viewer.id, role: 'BUILDER' })
  const wrong = await teams('PUT', member(viewer), admin, { role: 'KING' })
  const at = (who: Person) => `${path}/members/${who.id}`
  refused(t, wrong, 400, 'Role must be ADMIN, BUILDER, OPERATOR or VIEWER', at(viewer))
  refused(
    t,
    await teams('PUT', member(admin), viewer, { role: 'VIEWER' }),
    403,
    'ADMIN role required',
    at(admin),
  )
  const last = 'Team must have at least one ADMIN'
  refused(t, await teams('PUT', member(admin), admin, { role: 'VIEWER' }), 400, last, at(admin))
  refused(t, await teams('DELETE', member(admin), admin), 400, last, at(admin))
  refused(t, await teams('DELETE', member(admin), viewer), 403, 'ADMIN role required', at(admin))
  const left = await teams('DELETE', member(viewer), viewer)
  t.equal(left.status, 200)
  t.same(left.body, { message: 'Member removed successfully' })
  refused(t, await teams('DELETE', member(viewer), admin), 404, 'Team member not found', at(viewer))
})

t.test('401 without the cookie, 404 for what is foreign or no id, on every route of a team', async (t) => {
  const { admin, id } = await staffed()
  const stranger = await person()
  const elsewhere = await app.project()
  const signedUp = await app.api('POST', '/signup', {
    headers: { 'project-id': elsewhere.id },
    body: { email: 'wall@example.com', password: 'a good long password' },
  })
  const beyond = { headers: { cookie: `nodeloom_session=${signedUp.body.access_token}` } }
  for (const [method, rest, body] of [
    ['GET', '', undefined],
    ['PUT', '', { name: 'Taken' }],
    ['DELETE', '', undefined],
    ['GET', '/members', undefined],
    ['POST', '/members', { email: 'x@example.com', role: 'ADMIN' }],
    ['PUT', `/members/${admin.id}`, { role: 'VIEWER' }],
    ['DELETE', `/members/${admin.id}`, undefined],
  ] as const) {
    const path = (team: string) => `/nodeloom/api/teams/${team}${rest}`
    refused(
      t,
      await teams(method, `/${id}${rest}`, { headers: {} }, body),
      401,
      'Authentication required',
      path(id),
    )
    refused(
      t,
      await teams(method, `/${id}${rest}`, beyond, body),
      401,
      'Invalid or expired session',
      path(id),
    )
    for (const [who, team] of [
      [stranger, id],
      [admin, unknownId],
      [admin, 'x'],
      [admin, '__proto__'],
      [admin, `${id}x`],
    ] as const)
      refused(t, await teams(method, `/${team}${rest}`, who, body), 404, 'Team not found', path(team))
  }
  for (const user of ['x', '__proto__', unknownId, stranger.id]) {
    const path = `/nodeloom/api/teams/${id}/members/${user}`
    for (const [method, body] of [
      ['PUT', { role: 'VIEWER' }],
      ['DELETE', undefined],
    ] as const)
      refused(
        t,
        await teams(method, `/${id}/members/${user}`, admin, body),
        404,
        'Team member not found',
        path,
      )
  }
  t.match((await teams('GET', `/${id}`, admin)).body, { name: 'Engineering', memberCount: 2, role: 'ADMIN' })
})

const hasCurl = spawnSync('curl', ['--version']).status === 0
const skip = hasCurl ? {} : { skip: 'no curl here' }
t.test('the cURL command of the documents, and its cookie jar for what follows', skip, async (t) => {
  await app.signUp({ ...names, email: 'jane@example.com', password: 'securepassword123' })
  const folder = t.testdir()
  const curl = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('curl', ['-s', ...args], { cwd: folder })
    return JSON.parse(stdout)
  }
  const base = `${app.url}/nodeloom`
  const jar = ['-b', 'cookies.txt', '-c', 'cookies.txt']
  const login = '{"email":"jane@example.com","password":"securepassword123"}'
  const json = ['-H', 'Content-Type: application/json']
  const signedIn = await curl(
    '-c',
    'cookies.txt',
    '-X',
    'POST',
    `${base}/api/auth/login`,
    ...json,
    '-d',
    login,
  )
  t.match(signedIn, { firstName: 'Jane', lastName: 'Doe', email: 'jane@example.com', teams: [] })
  const kept = () => readFileSync(join(folder, 'cookies.txt'), 'utf8')
  t.match(kept(), /^#HttpOnly_127\.0\.0\.1\tFALSE\t\/\tFALSE\t\d+\tnodeloom_session\t/m)
  const refreshed = await curl(...jar, '-X', 'POST', `${base}/api/auth/refresh`)
  t.same(refreshed, { message: 'Token refreshed successfully' })
  t.same(await curl(...jar, `${base}/api/teams`), [])
  const copy = kept()
  t.same(await curl(...jar, '-X', 'POST', `${base}/api/auth/logout`), { message: 'Logged out successfully' })
  t.notMatch(kept(), 'nodeloom_session', 'curl has thrown the cookie away')
  const [, value = ''] = /nodeloom_session\t(\S+)/.exec(copy) ?? []
  const dead = await curl('-b', `nodeloom_session=${value}`, '-X', 'POST', `${base}/api/auth/refresh`)
  t.match(dead, { status: 401, error: 'Unauthorized', path: '/nodeloom/api/auth/refresh' })
})

function teams(
  method: string,
  path: string,
  who: { readonly headers: Record<string, string> },
  body?: unknown,
): Promise<Answer> {
  const { headers } = who
  return app.send(method, `/nodeloom/api/teams${path}`, { headers, ...(body === undefined ? {} : { body }) })
}

/** A team with an ADMIN and a VIEWER. */
async function staffed() {
  const [admin, viewer] = [await person(), await person()]
  await app.sql`update users set email_verified_at = now() where email in (${admin.email}, ${viewer.email})`
  const { id } = (await teams('POST', '', admin, { name: 'Engineering' })).body
  await app.api('POST', `/teams/${id}/members`, {
    headers: { ...admin.bearer, 'project-secret': app.projectSecret },
    body: { email: viewer.email, role: 'VIEWER' },
  })
  return { admin, viewer, id: String(id), path: `/nodeloom/api/teams/${id}` }
}

async function refusedMember(
  t: Test,
  admin: Person,
  id: string,
  body: unknown,
  message: string,
): Promise<void> {
  refused(
    t,
    await teams('POST', `/${id}/members`, admin, body),
    400,
    message,
    `/nodeloom/api/teams/${id}/members`,
  )
}

async function count(table: 'sessions' | 'teams'): Promise<number> {
  const [row] = await app.sql`select count(*)::int as n from ${app.sql(table)}`
  return row?.n
}
