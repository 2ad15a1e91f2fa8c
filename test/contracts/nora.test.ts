// Nora's documented API, row by row: a client written for its pages works here unchanged.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { type Answer, type RequestOptions, startTestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { dataUri, type PixelType, pixels, pngOf } from '../support/pictures.ts'
import { startProxy } from '../support/proxy.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

// Each test speaks from an address of its own: twenty attempts in fifteen minutes is the contract.
const app = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
const password = 'securepassword'
let count = 0
const fresh = () => `nora-${++count}@example.com`
const elsewhere = () => ({ 'x-forwarded-for': `10.${++count >> 8}.${count & 255}.1` })

const nora = (method: string, path: string, { headers = {}, ...rest }: RequestOptions = {}) =>
  app.send(method, `/nora/auth${path}`, { headers: { ...elsewhere(), ...headers }, ...rest })
const post = (path: string, body: unknown) => nora('POST', path, { body })

type Test = Pick<typeof t, 'equal' | 'match' | 'same' | 'ok'>

interface Person {
  readonly id: string
  readonly email: string
  readonly headers: { authorization: string }
}

async function person(): Promise<Person> {
  const email = fresh()
  const { body } = await post('/signup', { email, password })
  const { token } = (await post('/login', { email, password })).body
  return { id: body.id, email, headers: { authorization: `Bearer ${token}` } }
}

/** Nora's refusal, and nothing else in the body. */
function refused(t: Test, answer: Answer, status: number, error: string): void {
  t.equal(answer.status, status, error)
  t.same(answer.body, { error })
  t.match(answer.headers.get('content-type'), /^application\/json/)
  t.ok(answer.headers.get('x-correlation-id'), 'names the request')
}

const users = async () => (await app.sql`select count(*)::int as n from users`)[0]?.n

t.test('POST /signup · 200 { id, email }, and no session is opened', async (t) => {
  const email = fresh()
  const answer = await post('/signup', { email: ` ${email.toUpperCase()} `, password })
  t.equal(answer.status, 200)
  t.same(answer.body, { id: answer.body.id, email })
  t.match(answer.body.id, /^[0-9a-f-]{36}$/)
  const rows = await app.sql`select 1 from sessions join users on users.id = user_id where email = ${email}`
  t.equal(rows.length, 0)
})

t.test('POST /signup · 400 · each sentence, in the documented order, and nobody is made', async (t) => {
  const before = await users()
  const long = `${'a'.repeat(60)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(20)}.com`
  for (const [body, sentence] of [
    [{}, 'Email is required'],
    [undefined, 'Email is required'],
    ['[]', 'Email is required'],
    ['"text"', 'Email is required'],
    ['null', 'Email is required'],
    [{ email: null, password }, 'Email is required'],
    [{ email: 42, password }, 'Email is required'],
    [{ email: 'nobody', password: 'x' }, 'Invalid email format'],
    [{ email: '', password }, 'Email is required'],
    [{ email: ' \t\n', password }, 'Email is required'],
    [{ email: 'x'.repeat(256), password }, 'Email too long'],
    [{ email: '@'.repeat(4000), password }, 'Email too long'],
    [{ email: long, password }, 'Email too long'],
    [{ email: fresh() }, 'Password is required'],
    [{ email: fresh(), password: 12345678 }, 'Password is required'],
    [{ email: fresh(), password: null }, 'Password is required'],
    [{ email: fresh(), password: '' }, 'Password is required'],
    [{ email: fresh(), password: ' '.repeat(9) }, 'Password is required'],
    [{ email: fresh(), password: '1234567' }, 'Password must be at least 8 characters'],
    [{ email: fresh(), password: 'x'.repeat(129) }, 'Password too long'],
    [{ email: `a\u0000${fresh()}`, password }, 'Malformed request'],
  ] as const)
    refused(t, await post('/signup', body), 400, sentence)
  t.equal(await users(), before)
  t.equal((await post('/signup', { email: fresh(), password: 'x'.repeat(128) })).status, 200)
  t.equal((await post('/signup', { email: fresh(), password: '94753018', role: 'admin' })).status, 200)
  const [made] = await app.sql`select role from users order by id desc limit 1`
  t.equal(made?.role, 'user', 'nobody becomes admin by signing up')
})

t.test('POST /signup · 409 · a taken address, in any case', async (t) => {
  const { email } = await person()
  for (const again of [email, email.toUpperCase(), ` ${email} `])
    refused(
      t,
      await post('/signup', { email: again, password }),
      409,
      'Account already exists for this email',
    )
})

t.test('POST /signup · two at once make one account', async (t) => {
  const body = { email: fresh(), password }
  const answers = await Promise.all([1, 2, 3, 4].map(() => post('/signup', body)))
  t.same(answers.map(({ status }) => status).sort(), [200, 409, 409, 409])
})

t.test('POST /login · 200 { token } and nothing else: a JWT of seven days', async (t) => {
  const email = fresh()
  const { body: made } = await post('/signup', { email, password })
  const answer = await post('/login', { email: ` ${email.toUpperCase()}`, password })
  t.equal(answer.status, 200)
  t.same(Object.keys(answer.body), ['token'])
  t.same(answer.cookies, {})
  const [head = '', claims = ''] = String(answer.body.token).split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  t.match(read(head), { alg: 'ES256', typ: 'at+jwt' })
  t.match(read(claims), { id: made.id, email, role: 'user', sub: made.id, aud: app.projectId })
  const lives = read(claims).exp - read(claims).iat
  t.ok(lives === 7 * 86_400 || lives === 7 * 86_400 + 1, `${lives} s: an instant within a second, rounded up`)
})

t.test('POST /login · the token lives its seven days, whatever the policy says of refreshing', async (t) => {
  const tokens = { access_seconds: 60, refresh_seconds: 120, absolute_seconds: 180 }
  const short = await startTestApp(t, { policy: { tokens } })
  const body = { email: fresh(), password }
  await short.send('POST', '/nora/auth/signup', { body })
  const { token } = (await short.send('POST', '/nora/auth/login', { body })).body
  const headers = { authorization: `Bearer ${token}` }
  const age = (hours: number) =>
    short.sql`update sessions set expires_at = expires_at - make_interval(hours => ${hours}),
      created_at = created_at - make_interval(hours => ${hours})`
  await age(7 * 24 - 1)
  t.equal((await short.send('GET', '/nora/auth/me', { headers })).status, 200)
  await age(2)
  refused(t, await short.send('GET', '/nora/auth/me', { headers }), 401, 'Invalid or expired token')
})

t.test('POST /login · 400 · either field missing or no text', async (t) => {
  for (const body of [
    {},
    undefined,
    '[]',
    { email: fresh() },
    { password },
    { email: '', password },
    { email: fresh(), password: '' },
    { email: 1, password },
    { email: fresh(), password: 12345678 },
    { email: fresh(), password: null },
    { email: [fresh()], password },
  ])
    refused(t, await post('/login', body), 400, 'Email and password required')
})

t.test(
  'POST /login · 401 · the same for a wrong password, an unknown address, and an account without one',
  async (t) => {
    const { email } = await person()
    const oauth = await person()
    await app.sql`update users set password_hash = null, provider = 'github' where email = ${oauth.email}`
    for (const body of [
      { email, password: 'wrong password' },
      { email, password: `${password} ` },
      { email: fresh(), password },
      { email: 'no address at all', password },
      { email: oauth.email, password },
    ])
      refused(t, await post('/login', body), 401, 'Invalid email or password')
  },
)

t.test('POST /login · what depends on the account is told after the right password alone', async (t) => {
  const { email } = await person()
  await app.sql`update users set disabled_at = now() where email = ${email}`
  refused(t, await post('/login', { email, password: 'wrong password' }), 401, 'Invalid email or password')
  refused(t, await post('/login', { email, password }), 401, 'Account disabled')
})

t.test('where verification is demanded, a taken address is answered like a fresh one', async (t) => {
  const strict = await startTestApp(t, { policy: { verification: { mode: 'strict' } } })
  const body = { email: fresh(), password }
  const first = await strict.send('POST', '/nora/auth/signup', { body })
  const second = await strict.send('POST', '/nora/auth/signup', { body })
  t.same([first.status, second.status], [200, 200])
  t.not(first.body.id, second.body.id)
  t.equal(second.body.email, body.email)
  refused(t, await strict.send('POST', '/nora/auth/login', { body }), 401, 'Please verify your email')
  const wrong = { body: { ...body, password: 'wrong password' } }
  refused(t, await strict.send('POST', '/nora/auth/login', wrong), 401, 'Invalid email or password')
})

t.test(
  '429 · signup and login share twenty requests of one address, and say how many are left',
  async (t) => {
    const headers = { 'x-forwarded-for': '192.0.2.77' }
    for (let turn = 1; turn <= 20; turn++) {
      const [path, body] = turn % 2 ? ['/signup', {}] : ['/login', {}]
      const answer = await nora('POST', path, { headers, body })
      t.equal(answer.status, 400)
      t.equal(answer.headers.get('ratelimit-policy'), '20;w=900')
      t.equal(answer.headers.get('ratelimit-limit'), '20')
      t.equal(answer.headers.get('ratelimit-remaining'), String(20 - turn))
      const reset = Number(answer.headers.get('ratelimit-reset'))
      t.ok(reset > 850 && reset <= 900, `${reset} s`)
      t.equal(answer.headers.get('retry-after'), null)
    }
    for (const path of ['/signup', '/login']) {
      const answer = await nora('POST', path, { headers, body: { email: fresh(), password } })
      refused(t, answer, 429, 'Too many attempts, please try again later')
      t.equal(answer.headers.get('ratelimit-remaining'), '0')
      t.match(answer.headers.get('retry-after'), /^\d{3}$/)
    }
    t.equal((await nora('POST', '/login', { headers: elsewhere(), body: {} })).status, 400, 'others are free')
    t.equal((await nora('GET', '/me', { headers })).headers.get('ratelimit-policy'), null)
    const forged = { 'x-forwarded-for': '198.51.100.1, 192.0.2.77' }
    refused(
      t,
      await nora('POST', '/login', { headers: forged, body: {} }),
      429,
      'Too many attempts, please try again later',
    )
  },
)

t.test('429 · guesses at one account lock it for their address, as everywhere', async (t) => {
  const { email } = await person()
  const headers = elsewhere()
  for (let turn = 0; turn < 5; turn++)
    t.equal((await nora('POST', '/login', { headers, body: { email, password: 'guess' } })).status, 401)
  const answer = await nora('POST', '/login', { headers, body: { email, password } })
  refused(t, answer, 429, 'Too many attempts, please try again later')
  t.match(answer.headers.get('retry-after'), /^\d+$/)
})

t.test('GET /me · 200 · every field, with the scheme in any case', async (t) => {
  const { id, email, headers } = await person()
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR']) {
    const authorization = headers.authorization.replace('Bearer', scheme)
    const { status, body } = await nora('GET', '/me', { headers: { authorization } })
    t.equal(status, 200, scheme)
    t.same(body, {
      id,
      email,
      role: 'user',
      provider: null,
      created_at: body.created_at,
      name: null,
      avatar: null,
    })
    t.match(body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  }
})

t.test('GET /me · 401 · no bearer token, or one that is not ours', async (t) => {
  const { headers } = await person()
  const token = headers.authorization.slice(7)
  for (const authorization of [undefined, '', 'Bearer', 'Bearer ', `Basic ${token}`, token, 'Bearer a b'])
    refused(
      t,
      await nora('GET', '/me', { headers: authorization === undefined ? {} : { authorization } }),
      401,
      'Bearer token required',
    )
  const flipped = `${token.slice(0, -6)}${token.at(-6) === 'A' ? 'B' : 'A'}${token.slice(-5)}`
  for (const wrong of ['x', flipped, token.split('.').slice(0, 2).join('.'), `srt_${'x'.repeat(60)}`])
    refused(
      t,
      await nora('GET', '/me', { headers: { authorization: `Bearer ${wrong}` } }),
      401,
      'Invalid or expired token',
    )
  refused(t, await nora('GET', `/me?token=${token}`), 401, 'Bearer token required')
  refused(
    t,
    await nora('GET', '/me', { headers: { cookie: `token=${token}` } }),
    401,
    'Bearer token required',
  )
})

t.test('404 · the account is gone: me and password say so, profile does not', async (t) => {
  const { email, headers } = await person()
  await app.sql`delete from users where email = ${email}`
  refused(t, await nora('GET', '/me', { headers }), 404, 'User not found')
  const body = { currentPassword: password, newPassword: 'another password' }
  refused(t, await nora('PATCH', '/password', { headers, body }), 404, 'User not found')
  refused(
    t,
    await nora('PATCH', '/profile', { headers, body: { name: 'x' } }),
    401,
    'Invalid or expired token',
  )
})

t.test('PATCH /profile · 200 · what is named changes, and both are answered', async (t) => {
  const { headers } = await person()
  const patch = (body: unknown) => nora('PATCH', '/profile', { headers, body })
  t.same((await patch({ name: '  Alex Smith ' })).body, { name: 'Alex Smith', avatar: null })
  for (const type of Object.keys(pixels) as PixelType[]) {
    const avatar = dataUri(type, pixels[type])
    t.same((await patch({ avatar })).body, { name: 'Alex Smith', avatar }, type)
  }
  const shown = (await nora('GET', '/me', { headers })).body
  t.match(shown, { name: 'Alex Smith', avatar: dataUri('image/webp', pixels['image/webp']) })
  t.same((await patch({ name: 'A', avatar: null, role: 'admin' })).body, { name: 'A', avatar: null })
  t.equal((await nora('GET', '/me', { headers })).body.role, 'user')
  t.equal((await patch({ name: '名'.repeat(100) })).status, 200)
})

t.test('PATCH /profile · 400 · each sentence, and nothing changes', async (t) => {
  const { headers } = await person()
  const avatar = dataUri('image/png', pixels['image/png'])
  await nora('PATCH', '/profile', { headers, body: { name: 'Alex', avatar } })
  const svg = `data:image/svg+xml;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')}`
  for (const [body, sentence] of [
    [{}, 'No fields to update'],
    [undefined, 'No fields to update'],
    [{ other: 1 }, 'No fields to update'],
    [{ name: '' }, 'Name must be 1-100 characters'],
    [{ name: '   ' }, 'Name must be 1-100 characters'],
    [{ name: 'x'.repeat(101) }, 'Name must be 1-100 characters'],
    [{ name: null }, 'Name must be 1-100 characters'],
    [{ name: 5 }, 'Name must be 1-100 characters'],
    [{ name: 'Eve', avatar: svg }, 'Invalid avatar format'],
    [{ name: 'Eve', avatar: 'https://example.com/a.png' }, 'Invalid avatar format'],
    [{ name: 'Eve', avatar: '' }, 'Invalid avatar format'],
    [{ name: 'Eve', avatar: 7 }, 'Invalid avatar format'],
    [{ name: 'Eve', avatar: avatar.replace('image/png', 'image/gif') }, 'Invalid avatar format'],
    [{ name: 'Eve', avatar: 'x'.repeat(500_001) }, 'Image too large. Max 500KB.'],
    [{ name: 'Eve', avatar: dataUri('image/png', pngOf(375_100)) }, 'Image too large. Max 500KB.'],
  ] as const)
    refused(t, await nora('PATCH', '/profile', { headers, body }), 400, sentence)
  t.match((await nora('GET', '/me', { headers })).body, { name: 'Alex', avatar })
  await app.sql.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin raise 'full'; end $$;
    create trigger refuse before update of display_name on users for each row
    when (new.display_name = 'Eve') execute function refuse()`)
  for (const changed of [null, dataUri('image/gif', pixels['image/gif'])])
    refused(
      t,
      await nora('PATCH', '/profile', { headers, body: { name: 'Eve', avatar: changed } }),
      500,
      'Internal server error',
    )
  await app.sql`drop trigger refuse on users`
  t.match((await nora('GET', '/me', { headers })).body, { name: 'Alex', avatar }, 'both or neither')
  const body = { avatar: 'x'.repeat(1_100_000) }
  refused(t, await nora('PATCH', '/profile', { headers, body }), 413, 'Request body too large')
})

t.test('PATCH /password · 200 { success: true }: the old one is void, this token goes on', async (t) => {
  const { email, headers } = await person()
  const other = (await post('/login', { email, password })).body.token
  const body = { currentPassword: password, newPassword: 'newpass123' }
  const answer = await nora('PATCH', '/password', { headers, body })
  t.equal(answer.status, 200)
  t.same(answer.body, { success: true })
  t.equal((await post('/login', { email, password })).status, 401)
  t.equal((await post('/login', { email, password: 'newpass123' })).status, 200)
  t.equal((await nora('GET', '/me', { headers })).status, 200)
  const otherHeaders = { authorization: `Bearer ${other}` }
  refused(t, await nora('GET', '/me', { headers: otherHeaders }), 401, 'Invalid or expired token')
})

t.test('PATCH /password · 400 and 401 · the new one is judged before the current one', async (t) => {
  const { email, headers } = await person()
  const change = (currentPassword: unknown, newPassword: unknown) =>
    nora('PATCH', '/password', { headers, body: { currentPassword, newPassword } })
  refused(t, await nora('PATCH', '/password', { headers, body: {} }), 400, 'Both passwords required')
  refused(t, await change(undefined, 'newpass123'), 400, 'Both passwords required')
  refused(t, await change(password, undefined), 400, 'Both passwords required')
  refused(t, await change(12345678, 'newpass123'), 400, 'Both passwords required')
  refused(t, await change('', 'newpass123'), 400, 'Both passwords required')
  refused(t, await change('wrong', 'short'), 400, 'Password must be at least 8 characters')
  refused(t, await change('wrong', 'x'.repeat(129)), 400, 'Password too long')
  refused(t, await change('wrong password', 'newpass123'), 401, 'Current password is incorrect')
  t.equal((await post('/login', { email, password })).status, 200, 'nothing changed')
  await app.sql`update users set password_hash = null, provider = 'google' where email = ${email}`
  refused(t, await change('anything', 'newpass123'), 400, 'OAuth user — no password to change')
  await app.sql`update sessions set created_at = created_at - interval '1 hour'`
  refused(t, await change('anything', 'newpass123'), 400, 'OAuth user — no password to change')
})

t.test(
  'POST /oauth-login · 200 { token } for a provider’s id_token, and an account without a password',
  async (t) => {
    const issuer = await startIssuer(t)
    const social = await startTestApp(t, { policy: { providers: { acme: issuer.policy() } } })
    const enter = (body: unknown) => social.send('POST', '/nora/auth/oauth-login', { body })
    const email = fresh()
    const claims = { sub: newSubject(), email, email_verified: true, name: 'Ada' }
    const idToken = await issuer.idToken(claims)
    const answer = await enter({ provider: 'acme', oauthIdToken: idToken })
    t.equal(answer.status, 200)
    t.same(Object.keys(answer.body), ['token'])
    const headers = { authorization: `Bearer ${answer.body.token}` }
    const me = (await social.send('GET', '/nora/auth/me', { headers })).body
    t.match(me, { email, provider: 'acme', name: 'Ada', role: 'user' })
    const again = await enter({
      provider: 'acme',
      oauthIdToken: await issuer.idToken({ ...claims, jti: 'two' }),
    })
    t.equal(again.status, 200)
    const change = { currentPassword: 'anything', newPassword: 'newpass123' }
    refused(
      t,
      await social.send('PATCH', '/nora/auth/password', { headers, body: change }),
      400,
      'OAuth user — no password to change',
    )
    const login = { body: { email, password } }
    refused(t, await social.send('POST', '/nora/auth/login', login), 401, 'Invalid email or password')

    refused(t, await enter({ provider: 'acme', oauthIdToken: idToken }), 401, 'Invalid OAuth token')
    refused(t, await enter({ provider: 'acme', oauthAccessToken: 'x' }), 401, 'Invalid OAuth token')
    const expired = await issuer.idToken({ ...claims, exp: Math.floor(Date.now() / 1000) - 120 })
    refused(t, await enter({ provider: 'acme', oauthIdToken: expired }), 401, 'Invalid OAuth token')
    refused(t, await enter({ provider: 'github', oauthAccessToken: 'x' }), 400, 'Unknown provider')
    const nameless = await issuer.idToken({ sub: newSubject(), email: undefined })
    refused(
      t,
      await enter({ provider: 'acme', oauthIdToken: nameless }),
      400,
      'The provider shares no email address',
    )
    for (const body of [{}, { provider: 'acme' }, { oauthIdToken: 'x' }, { provider: 1, oauthIdToken: 'x' }])
      refused(t, await enter(body), 400, 'Provider and token required')
  },
)

t.test('everything below the prefix answers in this shape', async (t) => {
  for (const path of [
    '/nora',
    '/nora/',
    '/nora/auth',
    '/nora/auth/nothing',
    '/nora/api',
    '/nora/auth/me/more',
  ])
    refused(t, await app.send('GET', path), 404, 'Not found')
  const wrong = await nora('GET', '/login')
  refused(t, wrong, 405, 'Method not allowed')
  t.equal(wrong.headers.get('allow'), 'POST')
  refused(t, await nora('DELETE', '/me'), 405, 'Method not allowed')
  for (const path of ['/signup', '/login']) {
    for (const body of ['{', '{"email":}', 'email=a', '{"a":1}{}'])
      refused(t, await nora('POST', path, { body }), 400, 'Malformed request')
    const headers = { 'content-type': 'text/plain' }
    refused(t, await nora('POST', path, { body: 'x', headers }), 415, 'Content type must be application/json')
    refused(t, await post(path, { email: 'x'.repeat(70_000) }), 413, 'Request body too large')
  }
  const raw = await sendRaw(app.url, rawRequest('GET /nora/auth/%zz', []))
  t.equal(raw.status, 400)
  t.same(raw.body, { error: 'Malformed request' })
  const long = await sendRaw(app.url, rawRequest(`GET /nora/auth/${'x'.repeat(9000)}`, []))
  t.equal(long.status, 404)
  t.same(long.body, { error: 'Not found' })
})

t.test('PATCH /password · 200 · the same password again; guessing by it is locked out', async (t) => {
  const { email, headers } = await person()
  const change = (both: string) =>
    nora('PATCH', '/password', {
      headers: { ...headers, 'x-forwarded-for': '198.51.100.78' },
      body: { currentPassword: both, newPassword: both },
    })
  for (let i = 0; i < 6; i++) t.same((await change(password)).body, { success: true })
  t.equal((await post('/login', { email, password })).status, 200)
  for (let i = 0; i < 5; i++)
    refused(t, await change('a wrong password'), 401, 'Current password is incorrect')
  const locked = await change('a wrong password')
  refused(t, locked, 429, 'Too many attempts, please try again later')
  t.equal(locked.headers.get('ratelimit-remaining'), '0')
  t.equal(locked.headers.get('ratelimit-reset'), locked.headers.get('retry-after'))
  refused(t, await change(''), 400, 'Both passwords required')
  refused(t, await change('   '), 400, 'Both passwords required')
})

t.test('POST /login · 429 · while the account is locked the rate headers say so', async (t) => {
  const { email } = await person()
  const body = { email, password: 'a wrong password' }
  const headers = { 'x-forwarded-for': '198.51.100.77' }
  const guess = () => nora('POST', '/login', { body, headers })
  for (let i = 0; i < 5; i++) t.equal((await guess()).status, 401)
  const locked = await guess()
  t.equal(locked.status, 429)
  t.equal(locked.headers.get('ratelimit-limit'), '20')
  t.equal(locked.headers.get('ratelimit-remaining'), '0')
  const wait = Number(locked.headers.get('ratelimit-reset'))
  t.ok(wait > 0 && wait <= 60, 'the wait of the lockout, not the end of the window')
})

t.test('x-correlation-id is the request’s where it is a sane one, else new', async (t) => {
  const answer = await nora('GET', '/me', { headers: { 'x-correlation-id': 'client-1234' } })
  t.equal(answer.headers.get('x-correlation-id'), 'client-1234')
  for (const sane of ['x', 'A.b_c-9', 'x'.repeat(128)])
    t.equal(
      (await nora('GET', '/me', { headers: { 'x-correlation-id': sane } })).headers.get('x-correlation-id'),
      sane,
    )
  for (const odd of [
    'a:b',
    'x'.repeat(129),
    'a b c d e f g h',
    '<script>alert(1)</script>',
    'x'.repeat(200),
  ]) {
    const { headers } = await nora('GET', '/me', { headers: { 'x-correlation-id': odd } })
    t.not(headers.get('x-correlation-id'), odd)
    t.match(headers.get('x-correlation-id'), /^[\w.:-]{8,128}$/)
  }
})

t.test('503 · the database is away', async (t) => {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const doomed = await startTestApp(t, { databaseUrl, env: { DATABASE_URL: proxy.through(databaseUrl) } })
  const body = { email: fresh(), password }
  t.equal((await doomed.send('POST', '/nora/auth/signup', { body })).status, 200)
  await proxy.refuse()
  const answer = await doomed.send('POST', '/nora/auth/login', { body })
  refused(t, answer, 503, 'Service unavailable, please try again later')
  t.match(answer.headers.get('retry-after'), /^\d+$/)
})

t.test('one user across contracts: the canonical API shows the session and ends it', async (t) => {
  const { email, headers } = await person()
  const { body } = await app.api('POST', '/login', { body: { email, password } })
  const own = { authorization: `Bearer ${body.access_token}` }
  const { data } = (await app.api('GET', '/sessions', { headers: own })).body
  t.equal(data.length, 2)
  const theirs = data.find(({ current }: { current: boolean }) => !current)
  t.equal((await nora('GET', '/me', { headers: own })).status, 200, 'a canonical token works here')
  t.equal((await app.api('GET', '/me', { headers })).status, 200, 'and theirs there')
  t.equal((await app.api('DELETE', `/sessions/${theirs.id}`, { headers: own })).status, 204)
  refused(t, await nora('GET', '/me', { headers }), 401, 'Invalid or expired token')
  await app.api('PATCH', '/profile', { headers: own, body: { display_name: 'Renamed' } })
  t.equal((await nora('GET', '/me', { headers: own })).body.name, 'Renamed')
})

t.test('the cURL commands of Nora’s page', async (t) => {
  const run = promisify(execFile)
  const base = `${app.url}/nora/api/auth`
  const json = ['-H', 'Content-Type: application/json']
  const curl = async (...args: string[]) => JSON.parse((await run('curl', ['-s', ...args])).stdout)
  const login = '{"email":"you@example.com","password":"securepassword"}'
  const made = await curl('-X', 'POST', `${base}/signup`, ...json, '-d', login)
  t.equal(made.email, 'you@example.com')
  const { token } = await curl('-X', 'POST', `${base}/login`, ...json, '-d', login)
  const auth = ['-H', `Authorization: Bearer ${token}`]
  t.match(await curl(`${base}/me`, ...auth), { id: made.id, email: 'you@example.com', role: 'user' })
  const named = await curl('-X', 'PATCH', `${base}/profile`, ...auth, ...json, '-d', '{"name":"Alex Smith"}')
  t.same(named, { name: 'Alex Smith', avatar: null })
  const change = '{"currentPassword":"securepassword","newPassword":"newpass123"}'
  t.same(await curl('-X', 'PATCH', `${base}/password`, ...auth, ...json, '-d', change), { success: true })
})
