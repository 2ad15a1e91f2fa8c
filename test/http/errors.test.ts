// Bad input: every wrong request gets the documented problem document, changes nothing and leaves no secret in the log.
import t from 'tap'
import { problemCodes } from '../../schemas/errors.ts'
import { startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t)
const password = 'a good long password'
let count = 0
const fresh = () => `errors-${++count}@example.com`
const signUp = (body: unknown, headers: Record<string, string> = {}) =>
  app.api('POST', '/signup', { headers, body })
const raw = (line: string, headers: string[] = [], body = '') =>
  sendRaw(app.url, rawRequest(line, [`project-id: ${app.projectId}`, ...headers], body))
const json = 'content-type: application/json'

const posts = [
  '/signup',
  '/login',
  '/refresh',
  '/change-password',
  '/logout',
  '/logout-all',
  '/verify-email/resend',
  '/verify-email/confirm',
]
/** Where a body is read before anybody is asked who they are. */
const open = posts.filter((path) => !['/change-password', '/logout', '/logout-all'].includes(path))

t.test('the sentences of the contract, word for word', async (t) => {
  const { email, password } = await app.signUp()
  const post = (path: string, body: unknown) => app.api('POST', path, { body })
  t.equal((await post('/login', { email, password: 'wrong' })).body.message, 'Invalid credentials.')
  t.equal((await post('/refresh', { refresh_token: 'x'.repeat(40) })).body.message, 'Invalid refresh token.')
  t.equal((await app.api('GET', '/me')).body.message, 'Unauthenticated.')
  const unknown = { 'project-id': '00000000-0000-4000-8000-000000000000' }
  t.equal((await app.api('GET', '/me', { headers: unknown })).body.message, 'Project not found.')
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 200)
})

t.test('every code has a page of documentation at its type', async (t) => {
  for (const code of problemCodes) {
    const page = await app.send('GET', `/problems/${code}`)
    t.equal(page.status, 200, code)
    t.match(page.headers.get('content-type'), /^text\/html/)
    t.ok(page.body.includes(`<code>${code}</code>`))
  }
  const { type } = (await app.api('GET', '/me')).body
  t.ok(type.startsWith(app.config.publicUrl))
  t.equal((await fetch(type)).status, 200)
  t.equal((await app.send('GET', '/problems')).status, 200)
  for (const code of ['nothing', '__proto__', 'constructor', 'toString', '%00', 'x'.repeat(500)])
    isProblem(t, await app.send('GET', `/problems/${code}`), 'route_not_found')
})

t.test('404 · an unknown path, in every shape', async (t) => {
  for (const path of [
    '/',
    '/nothing',
    '/login/',
    '/LOGIN',
    '/login/more',
    '/me/..',
    '//login',
    '/__proto__',
  ]) {
    const method = 'POST'
    const answer = await app.api(method, path, { body: {} })
    if (path === '/login/') isProblem(t, answer, 'validation_failed')
    else t.ok([404, 405].includes(answer.status), `${path}: ${answer.status}`)
    if (answer.status === 404) isProblem(t, answer, 'route_not_found')
  }
  for (const path of ['/nothing', '/api', '/api/auth', '/api/v2/auth/login', '/health', '/favicon.ico'])
    isProblem(t, await app.send('GET', path), 'route_not_found')
  isProblem(t, await raw(`GET /${'x'.repeat(9000)}`), 'route_not_found')
  isProblem(t, await raw(`GET /problems/${'x'.repeat(9000)}`), 'route_not_found')
})

t.test('404 · an unknown path is unknown whatever else is wrong with the request', async (t) => {
  const headers = { 'project-id': 'x', authorization: 'x', 'session-transport': 'x' }
  isProblem(t, await app.api('POST', '/nothing', { headers, body: '{' }), 'malformed_request')
  isProblem(t, await app.api('POST', '/nothing', { headers }), 'route_not_found')
})

t.test('405 · a wrong method, with the right ones in Allow', async (t) => {
  for (const path of posts)
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await app.api(method, path)
      isProblem(t, answer, 'method_not_allowed')
      t.equal(answer.headers.get('allow'), 'POST', path)
    }
  const answer = await app.api('POST', '/me', { body: {} })
  isProblem(t, answer, 'method_not_allowed')
  t.equal(answer.headers.get('allow'), 'DELETE, GET, HEAD')
  isProblem(t, await app.send('POST', '/health/live'), 'method_not_allowed')
})

t.test('a method that nobody defined', async (t) => {
  for (const method of ['BREW', 'PROPFIND', 'TRACE']) {
    const answer = await raw(`${method} /api/auth/login`)
    t.ok(answer.status >= 400 && answer.status < 500, `${method}: ${answer.status}`)
    t.match(answer.headers['content-type'], /^application\/problem\+json/, method)
  }
})

t.test('400 · a body that is no JSON', async (t) => {
  const bodies = [
    '{',
    '{"email":"a@example.com",}',
    "{'email':'a@example.com'}",
    '{"email":"a@example.com"}{}',
    'email=a@example.com',
    'undefined',
    'NaN',
    '{"email":"a\u0000"}',
    '{"email":"a\n"}',
    '{"email":"\\x"}',
    '{"email":"\\ud8"}',
    '[',
    '"',
    '\u0000',
  ]
  for (const path of open)
    for (const body of bodies) isProblem(t, await app.api('POST', path, { body }), 'malformed_request')
})

t.test('400 · a body that is not UTF-8', async (t) => {
  const wrap = (...bytes: number[]) =>
    Buffer.concat([Buffer.from('{"email":"'), Buffer.from(bytes), Buffer.from('","password":"x"}')])
  const broken = [
    [0xff],
    [0xc3, 0x28],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x28, 0x8c, 0xbc],
    [0xc0, 0x80],
    [0xf8, 0xa1, 0xa1, 0xa1, 0xa1],
  ]
  for (const bytes of broken) isProblem(t, await signUp(wrap(...bytes)), 'malformed_request')
  const latin = Buffer.from('{"email":"ada@example.com","password":"p\xe4ssw\xf6rter"}', 'latin1')
  isProblem(t, await signUp(latin), 'malformed_request')
  const utf16 = Buffer.from('{"email":"ada@example.com"}', 'utf16le')
  isProblem(t, await signUp(utf16), 'malformed_request')
  const marked = Buffer.from(`\ufeff{"email":"${fresh()}","password":"${password}"}`)
  t.equal((await signUp(marked)).status, 201, 'a byte order mark is no error')
})

t.test('400 · prototype keys', async (t) => {
  for (const body of [
    '{"__proto__":{"email":"a@example.com"}}',
    '{"__proto__":null}',
    '{"email":"a@example.com","password":"long enough","\\u005f_proto__":{"role":"admin"}}',
    '{"constructor":{"prototype":{"email":"a@example.com"}}}',
    '{"metadata":{"a":[{"__proto__":{}}]}}',
  ])
    isProblem(t, await signUp(body), 'malformed_request')
  for (const body of ['{"hasOwnProperty":1}', '{"toString":1,"valueOf":2}', '{"constructor":1}'])
    isProblem(t, await signUp(body), 'validation_failed', ['email', 'password'])
})

t.test('422 · no body, an empty one and an empty object name the required fields', async (t) => {
  const bodies: [string[], string][] = [
    [[], ''],
    [['content-length: 0'], ''],
    [[json, 'content-length: 0'], ''],
    [[json], '{}'],
    [[json], ' {} '],
    [[json], 'null'],
  ]
  for (const [headers, body] of bodies) {
    isProblem(t, await raw('POST /api/auth/signup', headers, body), 'validation_failed', [
      'email',
      'password',
    ])
    isProblem(t, await raw('POST /api/auth/login', headers, body), 'validation_failed', ['email', 'password'])
    isProblem(t, await raw('POST /api/auth/refresh', headers, body), 'validation_failed', ['refresh_token'])
    isProblem(t, await raw('POST /api/auth/verify-email/resend', headers, body), 'validation_failed', [
      'email',
    ])
    isProblem(t, await raw('POST /api/auth/verify-email/confirm', headers, body), 'validation_failed', [
      'token',
    ])
  }
})

t.test('422 · a body that is JSON and no object', async (t) => {
  for (const path of open)
    for (const body of ['[]', '[{}]', '"text"', '7', 'true', 'false']) {
      const answer = await app.api('POST', path, { body })
      isProblem(t, answer, 'validation_failed', ['body'])
      t.same(answer.body.errors.body, ['Must be an object.'])
    }
})

t.test('415 · another content type, in every spelling', async (t) => {
  const types = [
    'text/plain',
    'text/html',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/json-patch+json',
    'application/vnd.api+json',
    'text/json',
    'application/jsonp',
    'json',
    '*/*',
    'x',
  ]
  const body = JSON.stringify({ email: fresh(), password })
  for (const path of open)
    for (const type of types) {
      const answer = await app.api('POST', path, { headers: { 'content-type': type }, body })
      isProblem(t, answer, 'unsupported_media_type')
    }
  isProblem(t, await raw('POST /api/auth/signup', [], body), 'unsupported_media_type')
  isProblem(t, await raw('POST /api/auth/signup', ['content-type: '], body), 'unsupported_media_type')
  for (const type of [
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/json ;charset="utf-8"',
  ]) {
    const answer = await signUp({ email: fresh(), password }, { 'content-type': type })
    t.equal(answer.status, 201, type)
  }
})

t.test('413 · ten megabytes are refused before they are read', async (t) => {
  const size = 10_000_000
  const announced = await sendRaw(
    app.url,
    `POST /api/auth/signup HTTP/1.1\r\nhost: x\r\n${json}\r\nproject-id: ${app.projectId}\r\ncontent-length: ${size}\r\n\r\n{"email":"`,
  )
  isProblem(t, announced, 'body_too_large')
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  const chunked = await sendRaw(
    app.url,
    `POST /api/auth/signup HTTP/1.1\r\nhost: x\r\n${json}\r\nproject-id: ${app.projectId}\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(3)}`,
  )
  isProblem(t, chunked, 'body_too_large')
  for (const path of open) {
    const answer = await app.api('POST', path, { body: `{"email":"${'x'.repeat(65_536)}"}` })
    isProblem(t, answer, 'body_too_large')
  }
})

t.test('413 · 64 KiB exactly are read', async (t) => {
  const start = `{"email":"${fresh()}","password":"${password}","ignored":"`
  const body = `${start}${'x'.repeat(65_536 - start.length - 2)}"}`
  t.equal(body.length, 65_536)
  t.equal((await signUp(body)).status, 201)
  isProblem(t, await signUp(`${body} `), 'body_too_large')
})

t.test('400 · content-length that lies, twice, or is none', async (t) => {
  for (const headers of [
    [json, 'content-length: 2', 'content-length: 3'],
    [json, 'content-length: x'],
    [json, 'content-length: -1'],
    [json, 'content-length: 2', 'transfer-encoding: chunked'],
    [json, 'transfer-encoding: chunked, identity'],
  ]) {
    const answer = await raw('POST /api/auth/login', headers)
    isProblem(t, answer, 'malformed_request')
  }
})

t.test('431 · headers beyond 16 KiB', async (t) => {
  isProblem(t, await raw('GET /api/auth/me', [`x-large: ${'x'.repeat(17_000)}`]), 'headers_too_large')
  isProblem(t, await raw('GET /api/auth/me', [`cookie: ${'a=b; '.repeat(4000)}`]), 'headers_too_large')
  isProblem(t, await raw('GET /api/auth/me', [`x-large: ${'x'.repeat(10_000)}`]), 'unauthenticated')
})

t.test('400 · what is no HTTP', async (t) => {
  for (const text of ['GET / HTTP/9.9\r\n\r\n', 'hello\r\n\r\n', '\x16\x03\x01\x02\x00\r\n\r\n'])
    isProblem(t, await sendRaw(app.url, text), 'malformed_request')
  isProblem(t, await raw('GET /api/auth/me', ['x y: z']), 'malformed_request')
  isProblem(t, await raw('GET /api/auth/me', ['x: a\u0000b']), 'malformed_request')
})

t.test('400 · a path whose percent signs mean nothing', async (t) => {
  for (const path of ['/api/auth/%zz', '/api/auth/%', '/%c3%28', '/problems/%ff', '/api/auth/me%2'])
    isProblem(t, await raw(`GET ${path}`), 'malformed_request')
})

t.test('422 · NUL and half characters in every field of every route', async (t) => {
  const fields: [string, string[]][] = [
    ['/signup', ['email', 'password', 'display_name', 'first_name', 'last_name']],
    ['/login', ['email', 'password']],
    ['/refresh', ['refresh_token']],
    ['/verify-email/resend', ['email']],
    ['/verify-email/confirm', ['token', 'email', 'code']],
  ]
  for (const [path, names] of fields)
    for (const name of names)
      for (const text of ['\\u0000', '\\ud800', '\\udfff', '\\ud800\\u0041'])
        isProblem(t, await app.api('POST', path, { body: `{"${name}":"x${text}"}` }), 'validation_failed', [
          name,
        ])
  const unknown = `{"email":"${fresh()}","password":"${password}","x\\u0000":1}`
  isProblem(t, await signUp(unknown), 'validation_failed', ['body'])
})

t.test('422 · a number, a truth or a list is never turned into text', async (t) => {
  const { email } = await app.signUp({ password: '9475301862' })
  for (const wrong of [9475301862, ['9475301862'], { toString: '9475301862' }, true, null])
    isProblem(t, await app.api('POST', '/login', { body: { email, password: wrong } }), 'validation_failed', [
      'password',
    ])
  const lists = await app.api('POST', '/login', { body: { email: [email], password: '9475301862' } })
  isProblem(t, lists, 'validation_failed', ['email'])
})

t.test('422 · over-long values are named and cost little', async (t) => {
  const long = 'x'.repeat(30_000)
  const began = process.cpuUsage()
  isProblem(t, await signUp({ email: long, password: 'x' }), 'validation_failed', ['email', 'password'])
  isProblem(t, await signUp({ email: `${long}@example.com`, password: long }), 'validation_failed', [
    'email',
    'password',
  ])
  isProblem(t, await signUp({ email: `a@${'a.'.repeat(30_000)}`, password }), 'validation_failed', ['email'])
  isProblem(t, await signUp({ email: `${'a.'.repeat(30_000)}@x`, password }), 'validation_failed', ['email'])
  isProblem(t, await signUp({ email: `${' '.repeat(60_000)}x`, password }), 'validation_failed', ['email'])
  const { user } = process.cpuUsage(began)
  t.ok(user < 3_000_000, `${user} µs of a core`)
})

t.test('request ids · the answer’s header and body name the same request', async (t) => {
  const answer = await app.api('GET', '/me')
  t.match(answer.headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
  isProblem(t, answer, 'unauthenticated')
  t.not((await app.api('GET', '/me')).body.request_id, answer.body.request_id)
})

t.test('request ids · a sane one of the caller’s is kept, any other is replaced', async (t) => {
  for (const id of ['01J9Z3NDEKTSV4RRFFQ69G5FAV', 'client-1.2:3_4', 'x'.repeat(8), 'x'.repeat(128)]) {
    const answer = await app.api('GET', '/me', { headers: { 'x-request-id': id } })
    t.equal(answer.headers.get('x-request-id'), id)
    t.equal(answer.body.request_id, id)
    t.ok(
      app.logs.some((line) => line.reqId === id),
      'and the log names it',
    )
  }
  const insane = [
    '',
    'short',
    'x'.repeat(129),
    'with space',
    '<script>alert(1)</script>',
    '$(jndi:ldap://x)',
    'ünïcödë1',
    'a;b=c,d-e',
  ]
  for (const id of insane) {
    const answer = await app.api('GET', '/me', { headers: { 'x-request-id': id } })
    t.match(answer.headers.get('x-request-id'), /^[0-9a-f-]{36}$/, id)
    t.equal(answer.body.request_id, answer.headers.get('x-request-id'))
  }
  const twice = await raw('GET /api/auth/me', ['x-request-id: one-of-two', 'x-request-id: two-of-two'])
  t.match(twice.body.request_id, /^[0-9a-f-]{36}$/, 'two are none')
})

t.test('a header sent twice is not read as either of the two', async (t) => {
  const { email, password } = await app.signUp()
  const body = JSON.stringify({ email, password })
  const other = await app.project()
  const ids = await sendRaw(
    app.url,
    rawRequest('GET /api/auth/me', [`project-id: ${app.projectId}`, `project-id: ${other.id}`]),
  )
  isProblem(t, ids, 'project_not_found')
  const transports = ['session-transport: bearer', 'session-transport: cookie']
  const answer = await raw('POST /api/auth/login', [json, ...transports], body)
  isProblem(t, answer, 'validation_failed', ['session-transport'])
})

t.test('e-mail · white space around it is trimmed and case does not matter', async (t) => {
  const email = fresh()
  const answer = await signUp({ email: `\t ${email.toUpperCase()} \r\n`, password })
  t.equal(answer.status, 201)
  t.equal(answer.body.user.email, email)
  isProblem(t, await signUp({ email, password }), 'validation_failed', ['email'])
})

t.test('e-mail · what is an address', async (t) => {
  for (const local of ['a', "o'hara", 'ada+news', 'ada.b.c', '_x-', '!#$%&*/=?^`{|}~', 'x'.repeat(64)]) {
    const email = `${local}@sub-${++count}.example.co.uk`
    const answer = await signUp({ email, password })
    t.equal(answer.status, 201, email)
    t.equal(answer.body.user.email, email)
  }
  t.equal(
    (await signUp({ email: 'ada@xn--bcher-kva.example', password })).status,
    201,
    'an IDN in its ASCII form',
  )
})

t.test('e-mail · what is none', async (t) => {
  const bad = [
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@example',
    'ada@@example.com',
    'ada@b@example.com',
    'ada example@example.com',
    'ada@exam ple.com',
    'ada@example.com, eve@example.com',
    'ada@example.com;eve@example.com',
    'Ada <ada@example.com>',
    '<ada@example.com>',
    'ada@example.com>',
    '"ada"@example.com',
    'ada(comment)@example.com',
    '.ada@example.com',
    'ada.@example.com',
    'a..da@example.com',
    'ada@.example.com',
    'ada@example.com.',
    'ada@example..com',
    'ada@-example.com',
    'ada@example-.com',
    'ada@[127.0.0.1]',
    'ada@exam_ple.com',
    'ada\\@example.com',
    'ada@example.com\nBcc: eve@example.com',
    'ada@example.com\r\n\r\nHello',
    `${'x'.repeat(65)}@example.com`,
    `ada@${'x'.repeat(64)}.com`,
    'mailto:ada@example.com',
    'ada%00@example.com\\0',
  ]
  for (const email of bad) {
    const answer = await signUp({ email, password })
    isProblem(t, answer, 'validation_failed', ['email'])
    if (answer.status === 201) t.fail(email)
  }
})

t.test('e-mail · letters that look alike are refused, so that no two accounts look alike', async (t) => {
  const bad = {
    'full-width @': 'ada\uff20example.com',
    'small @': 'ada\ufe6bexample.com',
    'full-width letters': '\uff41da@example.com',
    'full-width full stop': 'ada@example\uff0ecom',
    'ideographic full stop': 'ada@example\u3002com',
    'dotless i': 'ad\u0131@example.com',
    'capital I with a dot': 'AD\u0130@EXAMPLE.COM',
    'a Kelvin sign': '\u212aarl@example.com',
    'a long s': 'me\u017fsy@example.com',
    'a combining mark': 'ade\u0301@example.com',
    'a precomposed letter': 'ad\u00e9@example.com',
    'a Cyrillic letter': '\u0430da@example.com',
    'an internationalised domain': 'ada@b\u00fccher.example',
    'a zero-width space': 'a\u200bda@example.com',
    'a right-to-left override': 'ada\u202e@example.com',
    'an emoji': '\ud83d\ude00@example.com',
    'a soft hyphen': 'a\u00adda@example.com',
  }
  for (const [name, email] of Object.entries(bad)) {
    for (const path of ['/signup', '/login', '/verify-email/resend']) {
      const answer = await app.api('POST', path, { body: { email, password } })
      t.equal(answer.status, 422, `${path}: ${name}`)
      t.same(answer.body.errors, { email: ['Must be an e-mail address.'] }, name)
    }
  }
  const [row] = await app.sql`select count(*)::int as odd from users where email ~ '[^ -~]'`
  t.equal(row?.odd, 0)
})

t.test('every error carries the headers that every answer carries', async (t) => {
  const answers = [
    await app.api('GET', '/me'),
    await app.api('GET', '/nothing'),
    await signUp('{'),
    await signUp({}),
    await app.api('GET', '/login'),
  ]
  for (const { headers } of answers) {
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('x-frame-options'), 'DENY')
    t.equal(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'")
    t.equal(headers.get('server'), null)
    t.equal(headers.get('x-powered-by'), null)
  }
})

t.test('nothing was changed by any of this', async (t) => {
  const [before] = await app.sql`select count(*)::int as users from users`
  for (const body of [
    '{',
    '[]',
    { email: fresh() },
    { email: fresh(), password: 'short' },
    { email: 1, password },
  ])
    await signUp(body)
  const [after] = await app.sql`select count(*)::int as users from users`
  t.same(after, before)
})

t.test('the log · holds no password, token, code or secret that was sent or handed out', async (t) => {
  const strict = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
  const typed = 'Tr0ub4dor-and-3-secret'
  const next = 'An0ther-and-4-secret'
  const { email, body, ...rest } = await app.signUp({ password: typed })
  const post = (path: string, sent: unknown, headers: Record<string, string> = {}) =>
    app.api('POST', path, { headers, body: sent })
  const auth = { authorization: `Bearer ${body.access_token}` }
  const inCookie = await post('/login', { email, password: typed }, { 'session-transport': 'cookie' })
  const cookie = Object.entries(inCookie.cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')
  const held = { 'project-id': strict.id, 'project-secret': strict.secret }
  const handed = await post('/signup', { email, password: typed }, held)
  const token = handed.body.verification_token
  await post('/login', { email, password: `${typed}-wrong` })
  await post('/login', `{"email":"${email}","password":"${typed}"`)
  await post('/login', { email, password: [typed] })
  await post(`/login?password=${typed}`, { email, password: typed })
  await post('/refresh', { refresh_token: body.refresh_token })
  await post('/refresh', { refresh_token: `${body.refresh_token}x` })
  await post('/refresh', undefined, { cookie })
  await app.api('GET', `/me?access_token=${body.access_token}`, { headers: auth })
  await app.api('GET', '/me', { headers: { authorization: `Basic ${body.access_token}` } })
  await post('/change-password', { current_password: typed, new_password: next }, auth)
  await post('/verify-email/confirm', { token }, held)
  await post('/verify-email/confirm', { email, code: '918273' }, held)
  await post('/nothing', { password: typed }, { ...auth, cookie })
  await app.send('GET', `/account/verify-email?token=${token}&project=${strict.id}`)
  await raw(`GET /api/auth/${body.access_token}/%zz`)
  await sendRaw(app.url, `GET /${typed} HTTP/9.9\r\nauthorization: ${body.access_token}\r\n\r\n`)
  await post('/logout', undefined, { cookie })
  const text = app.logs.map((line) => JSON.stringify(line)).join('\n')
  t.ok(app.logs.length > 20, 'the log was kept')
  const secrets = {
    typed,
    next,
    token,
    secret: strict.secret,
    access: body.access_token,
    refresh: body.refresh_token,
    ...inCookie.cookies,
    email,
  }
  for (const [name, secret] of Object.entries(secrets)) {
    t.ok(secret, name)
    t.notOk(text.includes(secret), `${name} is not in the log`)
  }
  // As a word: instants and ids are full of digits.
  t.notMatch(text, /\b918273\b/, 'code is not in the log')
  t.equal(rest.status, 201)
})
