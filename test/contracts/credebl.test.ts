// CREDEBL's documented API, row by row: a client written for its pages works here unchanged.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import t from 'tap'
import { type Answer, type RequestOptions, startTestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/proxy.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const policy = {
  link_origins: ['https://app.example.com', 'https://verifier.example.com', 'https://cdn.example.com'],
  clients: [
    { alias: 'VERIFIER', url: 'https://verifier.example.com/portal' },
    { alias: 'STUDIO', url: 'https://app.example.com' },
  ],
}
// Each request speaks from an address of its own, so that no test locks another one's door.
const app = await startTestApp(t, { policy, env: { TRUSTED_PROXIES: '127.0.0.1' } })
const password = 'Password@1'
let count = 0
const fresh = () => `credebl-${++count}@example.com`
const elsewhere = () => ({ 'x-forwarded-for': `10.${++count >> 8}.${count & 255}.1` })

const credebl = (method: string, path: string, { headers = {}, ...rest }: RequestOptions = {}) =>
  app.send(method, `/credebl/auth${path}`, { headers: { ...elsewhere(), ...headers }, ...rest })
const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  credebl('POST', path, { body, headers })
const bearerOf = (token: string) => ({ authorization: `Bearer ${token}` })

type Test = Pick<typeof t, 'equal' | 'match' | 'same' | 'ok'>

interface Person {
  readonly id: string
  readonly email: string
  readonly headers: { authorization: string }
  readonly sessionId: string
  readonly refresh: string
}

async function signIn(email: string, headers: Record<string, string> = {}): Promise<Person> {
  const { data } = (await post('/signin', { email, password }, headers)).body
  const { sub: id = '' } = decodeJwt(data.access_token)
  return {
    id,
    email,
    headers: bearerOf(data.access_token),
    sessionId: data.sessionId,
    refresh: data.refresh_token,
  }
}

/** CREDEBL's own way to an account has a test of its own below; the others take the short one. */
async function account(): Promise<string> {
  const email = fresh()
  const made = await app.api('POST', '/signup', { body: { email, password }, headers: elsewhere() })
  await app.api('POST', '/logout', { headers: bearerOf(made.body.access_token) })
  return email
}
const person = async () => signIn(await account())

const reasons: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
}

type Said = Pick<Answer, 'status' | 'body'> & { headers?: unknown }

/** CREDEBL's refusal, and nothing else in the body. */
function refused(t: Test, answer: Said, status: number, message: string | readonly string[]): void {
  t.equal(answer.status, status, [message].flat().join(', '))
  t.same(answer.body, { statusCode: status, message, error: reasons[status] })
  if (answer.headers instanceof Headers) t.match(answer.headers.get('content-type'), /^application\/json/)
}

function succeeded(t: Test, answer: Answer, message: string, status = 200): void {
  t.equal(answer.status, status, message)
  t.match(answer.body, { statusCode: status, message })
  t.ok(
    Object.keys(answer.body).every((name) => ['statusCode', 'message', 'data'].includes(name)),
    'nothing else in the body',
  )
}

const emailSentences = ['Email should be a string', 'Email is required', 'Please provide a valid email']
/** What is no address, and what is said of it. */
const badAddresses: readonly (readonly [unknown, readonly string[]])[] = [
  [undefined, emailSentences],
  ['nobody', ['Please provide a valid email']],
  ['nobody@localhost', ['Please provide a valid email']],
  [`${'x'.repeat(250)}@example.com`, ['Please provide a valid email']],
  ['', ['Email is required', 'Please provide a valid email']],
  ['   ', ['Email is required', 'Please provide a valid email']],
  [42, ['Email should be a string', 'Please provide a valid email']],
  [null, ['Email should be a string', 'Please provide a valid email']],
  [['a@example.com'], ['Email should be a string', 'Please provide a valid email']],
]

t.test('POST /signin · 200 · token data in the documented shape, under both bases', async (t) => {
  const email = await account()
  for (const base of ['/credebl/auth', '/credebl/v1/auth']) {
    const body = { email: `  ${email.toUpperCase()} `, password, remember: true }
    const answer = await app.send('POST', `${base}/signin`, { body, headers: elsewhere() })
    succeeded(t, answer, 'User login successfully')
    const { data } = answer.body
    t.same(Object.keys(data).sort(), [
      'access_token',
      'expires_in',
      'isRegisteredToSupabase',
      'refresh_expires_in',
      'refresh_token',
      'scope',
      'sessionId',
      'session_state',
      'token_type',
    ])
    t.match(data, {
      expires_in: 900,
      refresh_expires_in: 2_592_000,
      token_type: 'Bearer',
      scope: 'email profile',
      session_state: data.sessionId,
      isRegisteredToSupabase: false,
    })
    const claims = decodeJwt(data.access_token)
    t.match(claims, { email, sid: data.sessionId, aud: app.projectId })
    const { exp = 0, ...refresh } = decodeJwt(data.refresh_token)
    t.match(refresh, { sub: claims.sub, sid: data.sessionId })
    t.ok(
      Math.abs(exp - (claims.iat ?? 0) - data.refresh_expires_in) <= 1,
      'a refresh token says when it ends',
    )
    t.notOk('email' in refresh)
    t.same(answer.cookies, {})
  }
})

t.test('POST /signin · 400 · each sentence, in the documented order', async (t) => {
  const email = fresh()
  const all = [...emailSentences, 'Password is required.']
  for (const body of [{}, undefined, '[]', '"text"', 'null', { other: 1 }])
    refused(t, await post('/signin', body), 400, all)
  for (const [given, sentences] of badAddresses)
    refused(t, await post('/signin', { email: given, password }), 400, sentences)
  for (const given of [undefined, 12345678, null, '', '    ', '\t\n', ['Password@1'], { a: 1 }])
    refused(t, await post('/signin', { email, password: given }), 400, ['Password is required.'])
  refused(t, await post('/signin', { email: 'nobody', password: 5 }), 400, [
    'Please provide a valid email',
    'Password is required.',
  ])
  refused(t, await post('/signin', { email, password: 'x'.repeat(1025) }), 400, ['Password is too long'])
  refused(t, await post('/signin', `{"email":"${email}","password":"a\\u0000b"}`), 400, 'Malformed request')
})

t.test(
  'POST /signin · 401 · the same for a wrong password, an unknown address, and one without a password',
  async (t) => {
    const email = await account()
    const social = await account()
    await app.sql`update users set password_hash = null, provider = 'github' where email = ${social}`
    for (const body of [
      { email, password: 'Wrong@1234' },
      { email, password: `${password} ` },
      { email: fresh(), password },
      { email: social, password },
    ])
      refused(t, await post('/signin', body), 401, 'Invalid Credentials')
  },
)

t.test(
  'POST /signin · 401 · what depends on the account is told after the right password alone',
  async (t) => {
    const email = await account()
    await app.sql`update users set disabled_at = now() where email = ${email}`
    refused(t, await post('/signin', { email, password: 'Wrong@1234' }), 401, 'Invalid Credentials')
    refused(t, await post('/signin', { email, password }), 401, 'Account disabled')

    const strict = await startTestApp(t, { policy: { verification: { mode: 'strict' } } })
    const unproven = fresh()
    await strict.api('POST', '/signup', { body: { email: unproven, password } })
    const send = (body: unknown) => strict.send('POST', '/credebl/auth/signin', { body })
    refused(t, await send({ email: unproven, password }), 401, 'Please verify your email')
    refused(t, await send({ email: unproven, password: 'Wrong@1234' }), 401, 'Invalid Credentials')
  },
)

t.test(
  'POST /signin · 429 · guesses lock the account for their address, and no forged hop changes it',
  async (t) => {
    const email = await account()
    const guess = (headers: Record<string, string>, password = 'Guess@1234') =>
      post('/signin', { email, password }, headers)
    for (let turn = 0; turn < 5; turn++)
      refused(
        t,
        await guess({ 'x-forwarded-for': `203.0.113.${turn}, 192.0.2.55` }),
        401,
        'Invalid Credentials',
      )
    const locked = await guess({ 'x-forwarded-for': '198.51.100.9, 192.0.2.55' }, password)
    refused(t, locked, 429, 'Too many attempts, please try again later')
    t.match(locked.headers.get('retry-after'), /^\d+$/)
    t.equal((await guess({ 'x-forwarded-for': '192.0.2.56' }, password)).status, 200, 'others are free')
  },
)

t.test('POST /refresh-token · 200 · new tokens of the same session, rotated', async (t) => {
  const first = await person()
  const answer = await post('/refresh-token', { refreshToken: ` ${first.refresh}\n` })
  succeeded(t, answer, 'Token details fetched successfully')
  const { data } = answer.body
  t.same(Object.keys(data).sort(), [
    'access_token',
    'expires_in',
    'refresh_expires_in',
    'refresh_token',
    'scope',
    'session_state',
    'token_type',
  ])
  t.equal(data.session_state, first.sessionId)
  t.not(data.refresh_token, first.refresh)
  t.match(decodeJwt(data.access_token), { email: first.email, sid: first.sessionId })
  t.equal(
    (await credebl('GET', `/${first.id}/sessions`, { headers: bearerOf(data.access_token) })).status,
    200,
  )
})

t.test('POST /refresh-token · 400 · the one sentence', async (t) => {
  for (const body of [
    {},
    undefined,
    '[]',
    { refreshToken: '' },
    { refreshToken: '  ' },
    { refreshToken: 5 },
    { refreshToken: null },
    { refresh_token: 'x' },
  ])
    refused(t, await post('/refresh-token', body), 400, ['refreshToken is required.'])
})

t.test('POST /refresh-token · 401 · unknown, bent, expired, revoked, foreign: one sentence', async (t) => {
  const dead = async (refreshToken: string) =>
    refused(t, await post('/refresh-token', { refreshToken }), 401, 'Refresh token has expired')
  const one = await person()
  const [header = '', claims = '', signature = ''] = one.refresh.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  await dead('nonsense')
  await dead(`srt_${'x'.repeat(71)}`)
  await dead('x'.repeat(60_000))
  await dead(`${header}.${encode({ ...decodeJwt(one.refresh), gen: 2 })}.${signature}`)
  await dead(`${encode({ alg: 'none', typ: 'rt+jwt' })}.${claims}.`)
  await dead(one.headers.authorization.slice(7))
  t.equal((await post('/refresh-token', { refreshToken: one.refresh })).status, 200, 'and nothing was ended')

  const expired = await person()
  await app.sql`update sessions set expires_at = now() - interval '1 second' where id = ${expired.sessionId}`
  await dead(expired.refresh)
  const left = await person()
  await post('/signout', undefined, left.headers)
  await dead(left.refresh)

  const other = await app.project()
  const headers = { 'project-id': other.id, ...elsewhere() }
  const { body } = await app.send('POST', '/api/auth/signup', { headers, body: { email: fresh(), password } })
  await dead(body.refresh_token)
})

t.test('a refresh token is no access token, and is refused as one', async (t) => {
  const { id, refresh } = await person()
  refused(t, await credebl('GET', `/${id}/sessions`, { headers: bearerOf(refresh) }), 401, 'Unauthorized')
})

t.test(
  'a session of the canonical API is not refreshed here, and its token is as good there as before',
  async (t) => {
    const { body } = await app.api('POST', '/login', {
      body: { email: await account(), password },
      headers: elsewhere(),
    })
    const answer = await post('/refresh-token', { refreshToken: body.refresh_token })
    t.equal(answer.status, 401)
    t.equal(answer.body.message, 'Refresh token has expired')
    const again = await app.api('POST', '/refresh', { body: { refresh_token: body.refresh_token } })
    t.equal(again.status, 200)
  },
)

t.test('sixteen refreshes with one token leave one live successor', async (t) => {
  const { refresh, id } = await person()
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => post('/refresh-token', { refreshToken: refresh })),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(new Set(answers.map(({ body }) => body.data.refresh_token)).size, 1, 'all were given the same one')
  for (const { body } of answers)
    t.equal(
      (await credebl('GET', `/${id}/sessions`, { headers: bearerOf(body.data.access_token) })).status,
      200,
    )
})

t.test('reuse of an old refresh token ends the session for whoever holds it', async (t) => {
  const { refresh, id, sessionId } = await person()
  const { data } = (await post('/refresh-token', { refreshToken: refresh })).body
  const headers = bearerOf(data.access_token)
  await credebl('GET', `/${id}/sessions`, { headers })
  await app.sql`update sessions set rotated_at = rotated_at - interval '31 seconds' where id = ${sessionId}`
  for (const refreshToken of [refresh, data.refresh_token])
    refused(t, await post('/refresh-token', { refreshToken }), 401, 'Refresh token has expired')
  refused(t, await credebl('GET', `/${id}/sessions`, { headers }), 401, 'Unauthorized')
})

t.test('POST /signout · 200 · the current session, by no body, an empty one, {} and []', async (t) => {
  const email = await account()
  const kept = await signIn(email)
  for (const body of [undefined, '', '{}', '[]', { sessions: [] }, { other: 'x' }]) {
    const one = await signIn(email)
    const json = body === '' ? { 'content-type': 'application/json' } : {}
    succeeded(t, await post('/signout', body, { ...one.headers, ...json }), 'User logout successfully')
    refused(t, await post('/signout', undefined, one.headers), 401, 'Unauthorized')
    t.equal((await post('/refresh-token', { refreshToken: one.refresh })).status, 401)
  }
  t.equal((await credebl('GET', `/${kept.id}/sessions`, { headers: kept.headers })).body.data.length, 1)
})

t.test('POST /signout · 200 · those that are listed, and nobody else’s', async (t) => {
  const email = await account()
  const [here, second, third] = [await signIn(email), await signIn(email), await signIn(email)]
  const stranger = await person()
  const listed = [second.sessionId, third.sessionId.toUpperCase(), stranger.sessionId, randomUUID(), 'no-id']
  const answer = await post('/signout', { sessions: listed }, here.headers)
  succeeded(t, answer, 'User logout successfully')
  const ids = async (one: Person) =>
    (await credebl('GET', `/${one.id}/sessions`, { headers: one.headers })).body.data.map(
      ({ id }: { id: string }) => id,
    )
  t.same(await ids(here), [here.sessionId], 'the current one was not listed')
  t.same(await ids(stranger), [stranger.sessionId])
  for (const gone of [second, third])
    refused(t, await credebl('GET', `/${gone.id}/sessions`, { headers: gone.headers }), 401, 'Unauthorized')
})

t.test('POST /signout · 400 · each sentence, and nothing ends', async (t) => {
  const { headers, id } = await person()
  for (const [sessions, message] of [
    ['x', ['sessions must be an array']],
    [5, ['sessions must be an array']],
    [{ 0: 'x' }, ['sessions must be an array']],
    [null, ['sessions must be an array']],
    [[''], ['session Id must not be empty']],
    [['  '], ['session Id must not be empty']],
    [[5], ['each session Id must be a string']],
    [[null], ['each session Id must be a string']],
    [
      ['', 5],
      ['session Id must not be empty', 'each session Id must be a string'],
    ],
    [Array(1001).fill('x'), ['sessions must contain no more than 1000 elements']],
    [Array(20_000).fill('x'), 'Request body too large'],
  ] as const) {
    const answer = await post('/signout', { sessions }, headers)
    refused(t, answer, typeof message === 'string' ? 413 : 400, message)
  }
  const huge = await post('/signout', `{"sessions":[${Array(30_000).fill(1).join()}]}`, headers)
  t.equal(huge.status, 400)
  t.equal((await credebl('GET', `/${id}/sessions`, { headers })).status, 200)
})

t.test('401 · no bearer token, or one that is not ours', async (t) => {
  const { headers, id } = await person()
  const token = headers.authorization.slice(7)
  const flipped = `${token.slice(0, -6)}${token.at(-6) === 'A' ? 'B' : 'A'}${token.slice(-5)}`
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    `Basic ${token}`,
    token,
    'Bearer x',
    `Bearer ${flipped}`,
  ])
    for (const [method, path] of [
      ['POST', '/signout'],
      ['GET', `/${id}/sessions`],
      ['DELETE', `/${id}/sessions`],
      ['GET', '/no-id/sessions'],
    ] as const) {
      const answer = await credebl(method, path, {
        headers: authorization === undefined ? { cookie: `access_token=${token}` } : { authorization },
      })
      refused(t, answer, 401, 'Unauthorized')
      t.equal(answer.headers.get('www-authenticate'), 'Bearer')
    }
  const lower = { authorization: headers.authorization.replace('Bearer', 'bearer') }
  t.equal((await credebl('GET', `/${id}/sessions`, { headers: lower })).status, 200)
})

t.test('GET /:userId/sessions · 200 · every field, those of all contracts', async (t) => {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
  const email = await account()
  const one = await signIn(email, { 'user-agent': agent, 'x-forwarded-for': '6.6.6.6, 203.0.113.77' })
  await app.api('POST', '/login', { body: { email, password }, headers: elsewhere() })
  const answer = await credebl('GET', `/${one.id.toUpperCase()}/sessions`, { headers: one.headers })
  succeeded(t, answer, 'User Sessions fetched Successfully')
  t.equal(answer.body.data.length, 2, 'the canonical sign-in’s too')
  const entry = answer.body.data.find(({ id }: { id: string }) => id === one.sessionId)
  t.same(Object.keys(entry).sort(), ['clientInfo', 'createdAt', 'expiresAt', 'id', 'sessionType', 'userId'])
  t.match(entry, { userId: one.id, sessionType: 'user-session' })
  for (const at of [entry.createdAt, entry.expiresAt]) t.equal(new Date(at).toISOString(), at)
  t.type(entry.clientInfo, 'string')
  t.same(JSON.parse(entry.clientInfo), {
    browser: 'Firefox',
    os: 'Linux',
    deviceType: 'desktop',
    rawDetail: agent,
    ip: '203.0.113.0/24',
  })
})

t.test('GET /:userId/sessions · 400 and 403', async (t) => {
  const [one, stranger] = [await person(), await person()]
  const get = (id: string) => credebl('GET', `/${id}/sessions`, { headers: one.headers })
  for (const id of ['no-id', `${one.id}x`, '1', '%00', '..%2f', "'or 1=1--", '{}'])
    refused(t, await get(encodeURIComponent(decodeURIComponent(id))), 400, 'Invalid user ID')
  for (const id of [stranger.id, randomUUID()])
    refused(t, await get(id), 403, 'You are not allowed to access sessions of another user')
})

t.test('DELETE /:sessionId/sessions · 200 · the access token dies at once', async (t) => {
  const email = await account()
  const [one, other] = [await signIn(email), await signIn(email)]
  const end = (id: string, headers = one.headers) => credebl('DELETE', `/${id}/sessions`, { headers })
  succeeded(t, await end(other.sessionId.toUpperCase()), 'Session deleted successfully')
  refused(t, await credebl('GET', `/${other.id}/sessions`, { headers: other.headers }), 401, 'Unauthorized')
  refused(t, await post('/refresh-token', { refreshToken: other.refresh }), 401, 'Refresh token has expired')
  refused(t, await end(other.sessionId), 404, `Session not found for userId: ${one.id}`)
  succeeded(t, await end(one.sessionId), 'Session deleted successfully')
  refused(t, await end(one.sessionId), 401, 'Unauthorized')
})

t.test('DELETE /:sessionId/sessions · 400, 403 and 404, and nothing ends', async (t) => {
  const [one, stranger] = [await person(), await person()]
  const end = (id: string) => credebl('DELETE', `/${id}/sessions`, { headers: one.headers })
  for (const id of ['no-id', '0', `${stranger.sessionId}0`, '%00', '%20'])
    refused(t, await end(id), 400, 'Invalid session ID')
  refused(t, await end(stranger.sessionId), 403, 'You are not allowed to access sessions of another user')
  refused(t, await end(randomUUID()), 404, `Session not found for userId: ${one.id}`)
  const { status } = await credebl('GET', `/${stranger.id}/sessions`, { headers: stranger.headers })
  t.equal(status, 200)
})

t.test('DELETE /:sessionId/sessions · eight at once end it once', async (t) => {
  const email = await account()
  const [one, other] = [await signIn(email), await signIn(email)]
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      credebl('DELETE', `/${other.sessionId}/sessions`, { headers: one.headers }),
    ),
  )
  t.same(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, ...Array(7).fill(404)],
  )
})

/** The newest mail of this kind to the address, with what its link carries. */
async function mailTo(email: string, kind: string) {
  const mail = await eventually(`a mail of the kind ${kind}`, async () =>
    (await app.mailbox.all()).findLast((one) => one.to === email && one.kind === kind),
  )
  if (!mail) throw new Error(`There is no mail for ${email}.`)
  const link = new URL(mail.link ?? '')
  return { ...mail, url: link, token: link.searchParams.get('verificationCode') ?? '' }
}
/** A reset token that was just sent to the address. */
async function resetToken(email: string): Promise<string> {
  await post('/forgot-password', { email })
  return (await mailTo(email, 'reset_password')).token
}

t.test(
  'POST /forgot-password · 200 · the same answer and the same shape for the known and the unknown',
  async (t) => {
    const { id, email } = await person()
    const stranger = fresh()
    const known = await post('/forgot-password', { email: ` ${email.toUpperCase()} ` })
    const unknown = await post('/forgot-password', { email: stranger })
    for (const answer of [known, unknown]) {
      succeeded(t, answer, 'Reset password link has been sent to your mail')
      t.same(Object.keys(answer.body.data), ['id', 'email'])
      t.match(answer.body.data.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
    t.equal(known.body.data.email, email)
    t.not(known.body.data.id, id, 'the id of an account that was seen elsewhere is not recognised')
    t.equal(unknown.body.data.email, stranger)
    const names = ({ headers }: Answer) => {
      const found: string[] = []
      headers.forEach((_, name) => {
        found.push(name)
      })
      return found.sort()
    }
    t.same(names(known), names(unknown))
    const again = await post('/forgot-password', { email: stranger })
    t.equal(again.body.data.id, unknown.body.data.id, 'asking twice tells nothing')
    t.equal((await post('/forgot-password', { email })).body.data.id, known.body.data.id)
    const rows = await app.sql`select kind from cooldowns where kind = 'reset'`
    t.equal(rows.length, 2, 'both have their cooldown')
  },
)

t.test('POST /forgot-password · the mail: subject, link, alias, logo and name', async (t) => {
  const { email } = await person()
  await post('/forgot-password', {
    email,
    brandLogoUrl: 'https://cdn.example.com/logo.png',
    platformName: 'MyPlatform',
    endpoint: 'https://app.example.com/portal/',
    clientAlias: 'VERIFIER',
  })
  const mail = await mailTo(email, 'reset_password')
  t.equal(mail.subject, '[MyPlatform] Important: Password Reset Request')
  const query = `verificationCode=${mail.token}&email=${encodeURIComponent(email)}&clientAlias=VERIFIER`
  t.equal(mail.link, `https://app.example.com/portal/reset-password?${query}`)
  t.match(mail.html, 'src="https://cdn.example.com/logo.png"')
  t.match(mail.html, 'MyPlatform')
  const plain = mail.html
    .replaceAll('&amp;', '&')
    .replace(/&#(\d+);/g, (_, number) => String.fromCharCode(number))
  const shown = plain.split(String(mail.link))
  t.ok(shown.length > 2, 'button and plain link')
  t.equal((await post(`/password-reset/${email}`, { password: 'New@12345', token: mail.token })).status, 200)
})

t.test('POST /forgot-password · the link begins at the alias’s front end, or at our own page', async (t) => {
  const [aliased, plain] = [await person(), await person()]
  await post('/forgot-password', { email: aliased.email, clientAlias: 'VERIFIER', brandLogoUrl: null })
  const { url } = await mailTo(aliased.email, 'reset_password')
  t.equal(`${url.origin}${url.pathname}`, 'https://verifier.example.com/portal/reset-password')
  t.equal(url.searchParams.get('clientAlias'), 'VERIFIER')
  await post('/forgot-password', { email: plain.email, platformName: '', endpoint: '', clientAlias: '' })
  const own = await mailTo(plain.email, 'reset_password')
  t.equal(own.subject, '[Test] Important: Password Reset Request')
  t.equal(own.url.origin, app.config.publicUrl)
  t.equal((await fetch(own.url)).status, 200, 'which is there')
})

t.test(
  'POST /forgot-password · what a caller says of itself is escaped and cannot make a header or a link',
  async (t) => {
    const { email } = await person()
    const name = '<img src=x onerror=alert(1)>\r\nBcc: all@example.com <a href="https://evil.example">x</a>'
    const asked = { email, platformName: name, clientAlias: '"><script>&evil=1#' }
    t.equal((await post('/forgot-password', asked)).status, 200)
    const mail = await mailTo(email, 'reset_password')
    t.match(mail.subject, /^\[.*\] Important: Password Reset Request$/)
    t.notMatch(mail.subject, /[\r\n]/)
    t.notMatch(mail.html, /<img src=x|<script|href="https:\/\/evil/)
    t.equal(mail.to, email)
    t.same([...mail.url.searchParams.keys()], ['verificationCode', 'email', 'clientAlias', 'project'])
    t.equal(mail.url.searchParams.get('clientAlias'), '"><script>&evil=1#')
    t.equal(mail.url.hash, '')
  },
)

t.test('POST /forgot-password · 400 · each sentence, for the known as for the unknown', async (t) => {
  const known = await account()
  const mails = async () =>
    (await app.sql`select count(*)::int as n from outbox where kind = 'reset_password'`)[0]?.n
  const before = await mails()
  for (const [email, sentences] of badAddresses)
    refused(t, await post('/forgot-password', { email }), 400, sentences)
  for (const email of [known, fresh()]) {
    const ask = (asked: object) => post('/forgot-password', { email, ...asked })
    for (const brandLogoUrl of [
      '',
      'logo.png',
      'cdn.example.com/logo.png',
      '//cdn.example.com/logo.png',
      'ftp://cdn.example.com/logo.png',
      'javascript:alert(1)',
      'data:image/png;base64,AAAA',
      'http://localhost/logo.png',
      'https://127.0.0.1/logo.png',
      'https://example.123/logo.png',
      'https://example./logo.png',
      'https://-a.example.com/logo.png',
      'https://user@cdn.example.com/logo.png',
      'https://cdn.example.com\\@evil.example/logo.png',
      'https://cdn.example.com/a b.png',
      'https://cdn.example.com/"onload="x',
      'https://cdn.example.com:port/logo.png',
      `https://cdn.example.com/${'x'.repeat(2048)}`,
      5,
      ['https://cdn.example.com/logo.png'],
    ])
      refused(t, await ask({ brandLogoUrl }), 400, ['brandLogoUrl should be a valid URL'])
    for (const brandLogoUrl of [
      'https://evil.example/logo.png',
      'http://cdn.example.com/logo.png',
      'https://cdn.example.com:444/logo.png',
      'https://cdn.example.com.evil.example/logo.png',
    ])
      refused(t, await ask({ brandLogoUrl }), 400, 'brandLogoUrl is not an allowed origin')
    for (const endpoint of [
      'https://evil.example',
      'http://app.example.com',
      'https://app.example.com:444',
      'https://app.example.com@evil.example',
      'https://app.example.com.evil.example',
      'https://user:secret@app.example.com',
      '//app.example.com',
      'app.example.com',
      'javascript:alert(1)//https://app.example.com',
      `https://app.example.com${'\u3002'}evil.example`,
    ])
      refused(t, await ask({ endpoint }), 400, 'endpoint is not an allowed origin')
    for (const field of ['platformName', 'endpoint', 'clientAlias'])
      refused(t, await ask({ [field]: 5 }), 400, [`${field} should be string`])
  }
  t.equal(await mails(), before, 'no mail is owed')
})

t.test('POST /password-reset/:email · 200 · a new password, once, and every session ends', async (t) => {
  const one = await person()
  const token = await resetToken(one.email)
  const path = `/password-reset/${encodeURIComponent(one.email.toUpperCase())}`
  const answer = await post(path, { password: 'New@12345', token: ` ${token} ` })
  succeeded(t, answer, 'Password reset successfully')
  t.same(answer.body.data, { id: one.id, email: one.email })
  refused(t, await credebl('GET', `/${one.id}/sessions`, { headers: one.headers }), 401, 'Unauthorized')
  refused(t, await post('/signin', { email: one.email, password }), 401, 'Invalid Credentials')
  t.equal((await post('/signin', { email: one.email, password: 'New@12345' })).status, 200)
  const again = await post(path, { password: 'Newer@12345', token })
  refused(t, again, 400, 'Invalid or expired reset password link')
})

t.test(
  'POST /password-reset/:email · 400 · one sentence for every dead link, and another’s token lives on',
  async (t) => {
    const [one, other] = [await person(), await person()]
    const token = await resetToken(one.email)
    const dead = async (email: string, token: string) =>
      refused(
        t,
        await post(`/password-reset/${encodeURIComponent(email)}`, { password: 'New@12345', token }),
        400,
        'Invalid or expired reset password link',
      )
    await dead(other.email, token)
    await dead(fresh(), token)
    await dead(one.email, `${token}x`)
    await dead(one.email, 'x'.repeat(5000))
    t.equal((await post('/signin', { email: other.email, password })).status, 200, 'nothing changed')
    t.equal((await post(`/password-reset/${one.email}`, { password: 'New@12345', token })).status, 200)

    const late = await resetToken(other.email)
    await app.sql`update verification_tokens set expires_at = now() - interval '1 second' where email = ${other.email}`
    await dead(other.email, late)
  },
)

t.test('POST /password-reset/:email · 400 · each sentence, and the token is not used', async (t) => {
  const { email } = await person()
  const token = await resetToken(email)
  const reset = (body: unknown) => post(`/password-reset/${email}`, body)
  for (const body of [{}, undefined, { password: null, token: 5 }, { password: '  ', token: '  ' }])
    refused(t, await reset(body), 400, ['password is required.', 'token is required.'])
  refused(t, await reset({ password: 12345678, token }), 400, ['password is required.'])
  refused(t, await reset({ password: 'New@12345' }), 400, ['token is required.'])
  refused(t, await reset({ password: 'short', token }), 400, ['password must be at least 8 characters'])
  refused(t, await reset({ password: 'x'.repeat(256), token }), 400, [
    'password must be at most 255 characters',
  ])
  for (const bad of ['nobody', '%00', 'a%00b@example.com', '%20'])
    refused(t, await post(`/password-reset/${bad}`, { password: 'New@12345', token }), 400, [
      'Please provide a valid email',
    ])
  t.equal((await reset({ password: 'New@12345', token })).status, 200)
})

t.test('POST /password-reset/:email · eight at once use the token once', async (t) => {
  const { email } = await person()
  const token = await resetToken(email)
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      post(`/password-reset/${email}`, { password: `Raced@1234${at}`, token }),
    ),
  )
  t.same(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, ...Array(7).fill(400)],
  )
})

t.test('POST /reset-password · 200 · by address and old password, with and without a bearer', async (t) => {
  const email = await account()
  const [one, other] = [await signIn(email), await signIn(email)]
  const body = { email: ` ${email.toUpperCase()}`, oldPassword: password, newPassword: 'New@12345' }
  const answer = await post('/reset-password', body, one.headers)
  succeeded(t, answer, 'Password reset successfully')
  t.same(answer.body.data, { id: one.id, email })
  t.equal(
    (await credebl('GET', `/${one.id}/sessions`, { headers: one.headers })).status,
    200,
    'this one goes on',
  )
  refused(t, await credebl('GET', `/${one.id}/sessions`, { headers: other.headers }), 401, 'Unauthorized')
  const second = await post('/reset-password', {
    email,
    oldPassword: 'New@12345',
    newPassword: 'Newer@12345',
  })
  succeeded(t, second, 'Password reset successfully')
  refused(t, await credebl('GET', `/${one.id}/sessions`, { headers: one.headers }), 401, 'Unauthorized')
  t.equal((await post('/signin', { email, password: 'Newer@12345' })).status, 200)
})

t.test('POST /reset-password · 400, 401 and 403, and nothing changes', async (t) => {
  const [one, other] = [await person(), await person()]
  const { email } = one
  const right = { email, oldPassword: password, newPassword: 'New@12345' }
  refused(t, await post('/reset-password', {}), 400, [
    ...emailSentences,
    'oldPassword is required.',
    'newPassword is required.',
  ])
  for (const [given, sentences] of badAddresses)
    refused(t, await post('/reset-password', { ...right, email: given }), 400, sentences)
  for (const [change, sentence] of [
    [{ oldPassword: 12345678 }, 'oldPassword is required.'],
    [{ oldPassword: ' ' }, 'oldPassword is required.'],
    [{ oldPassword: 'x'.repeat(1025) }, 'oldPassword is too long'],
    [{ newPassword: null }, 'newPassword is required.'],
    [{ newPassword: '        ' }, 'newPassword is required.'],
    [{ newPassword: 'short' }, 'newPassword must be at least 8 characters'],
    [{ newPassword: 'x'.repeat(256) }, 'newPassword must be at most 255 characters'],
  ] as const)
    refused(t, await post('/reset-password', { ...right, ...change }), 400, [sentence])
  const same = { ...right, newPassword: password }
  refused(t, await post('/reset-password', same), 400, 'New password should not be the current password')
  const guess = { ...same, oldPassword: 'Wrong@1234', newPassword: 'Wrong@1234' }
  for (const address of [email, fresh()])
    refused(t, await post('/reset-password', { ...guess, email: address }), 401, 'Invalid Credentials')
  for (const authorization of ['Bearer x', 'Bearer', `Bearer ${one.refresh}`])
    refused(t, await post('/reset-password', right, { authorization }), 401, 'Unauthorized')
  const foreign = await post('/reset-password', right, other.headers)
  refused(t, foreign, 403, 'You are not allowed to reset the password of another user')
  refused(
    t,
    await post('/reset-password', { ...right, email: fresh() }, other.headers),
    403,
    'You are not allowed to reset the password of another user',
  )
  t.equal((await post('/signin', { email, password })).status, 200)
  const behindProxy = await post('/reset-password', right, { authorization: 'Basic YTpi' })
  succeeded(t, behindProxy, 'Password reset successfully')
})

t.test('POST /reset-password · 429 · its failures count like those of signing in', async (t) => {
  const email = await account()
  const headers = elsewhere()
  const change = (oldPassword: string) =>
    post('/reset-password', { email, oldPassword, newPassword: 'New@12345' }, headers)
  for (let turn = 0; turn < 3; turn++) refused(t, await change('Guess@1234'), 401, 'Invalid Credentials')
  for (let turn = 0; turn < 2; turn++)
    t.equal((await post('/signin', { email, password: 'Guess@1234' }, headers)).status, 401)
  refused(t, await change(password), 429, 'Too many attempts, please try again later')
  refused(
    t,
    await post('/signin', { email, password }, headers),
    429,
    'Too many attempts, please try again later',
  )
})

t.test('registration · a mail, a click, an account', async (t) => {
  const email = fresh()
  const asked = {
    email: ` ${email.toUpperCase()}`,
    platformName: 'MyPlatform',
    brandLogoUrl: 'https://cdn.example.com/l.png',
  }
  succeeded(
    t,
    await post('/verification-mail?clientAlias=STUDIO', asked),
    'Verification link has been successfully sent on the email. Please verify',
    201,
  )
  const mail = await mailTo(email, 'register')
  t.equal(`${mail.url.origin}${mail.url.pathname}`, 'https://app.example.com/verify')
  t.same([...mail.url.searchParams.keys()], ['verificationCode', 'email', 'clientAlias'])
  const details = { email, firstName: 'Alen', lastName: 'Harvey', password, role: 'admin' }
  refused(t, await post('/signup', details), 400, 'Please verify your email')

  const query = new URLSearchParams({ email, verificationCode: mail.token })
  succeeded(t, await credebl('GET', `/verify?${query}`), 'Email verified successfully')
  const wrong = new URLSearchParams({ email, verificationCode: `${mail.token}x` })
  refused(t, await credebl('GET', `/verify?${wrong}`), 400, 'Invalid verification code or EmailId!')
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
  const landed = await credebl('GET', `/verify?${query}`, { headers: browser })
  t.equal(landed.status, 302)
  const page = new URL(landed.headers.get('location') ?? '')
  t.equal(`${page.origin}${page.pathname}`, `${app.config.publicUrl}/account/verify`)
  t.equal((await app.send('GET', `${page.pathname}${page.search}`)).status, 200)
  refused(t, await post('/signup', details), 400, 'Please verify your email')

  const form = new URLSearchParams({ project: app.projectId, token: mail.token }).toString()
  const own = elsewhere()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...own }
  t.equal((await app.send('POST', page.pathname, { headers, body: form })).status, 200)
  refused(t, await post('/signup', details), 400, 'Please verify your email')
  const made = await post('/signup', details, own)
  succeeded(t, made, 'User registered successfully', 201)
  t.same(Object.keys(made.body.data), ['userId'])
  const one = await signIn(email)
  t.equal(one.id, made.body.data.userId)
  const { user } = (await app.api('GET', '/me', { headers: one.headers })).body
  t.match(user, { email, first_name: 'Alen', last_name: 'Harvey', role: 'user' })
  t.ok(user.email_verified_at)
  refused(t, await post('/signup', details), 400, 'Please verify your email')
})

t.test('registration · the owner of the address is told, and takes the account back', async (t) => {
  const email = fresh()
  await post('/verification-mail', { email })
  const mail = await mailTo(email, 'register')
  // The owner confirmed the address; somebody else on the same network was faster to register.
  const form = new URLSearchParams({ project: app.projectId, token: mail.token }).toString()
  const own = elsewhere()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const confirming = { headers: { ...headers, ...own }, body: form }
  t.equal((await app.send('POST', '/account/verify', confirming)).status, 200)
  const details = { email, firstName: 'Mal', lastName: 'Lory', password }
  succeeded(t, await post('/signup', details, own), 'User registered successfully', 201)
  const thief = await signIn(email)

  const told = await mailTo(email, 'account_opened')
  t.equal(told.url.pathname, '/account/not-me')
  const answer = { headers, body: told.url.searchParams.toString() }
  t.equal((await app.send('POST', told.url.pathname, answer)).status, 200)
  t.equal((await app.api('GET', '/me', { headers: thief.headers })).status, 401)
  t.equal((await post('/signin', { email, password })).status, 401)
  await mailTo(email, 'reset_password')
})

t.test('registration · a known address is told by mail, and by 409 after the proof alone', async (t) => {
  const email = await account()
  const details = { email, firstName: 'Eve', lastName: 'Doe', password: 'Eves@12345' }
  const [known, unknown] = [
    await post('/verification-mail', { email }),
    await post('/verification-mail', { email: fresh() }),
  ]
  t.same(known.body, unknown.body)
  refused(t, await post('/signup', details), 400, 'Please verify your email')
  const { token } = await mailTo(email, 'register')
  const form = new URLSearchParams({ project: app.projectId, token }).toString()
  const own = elsewhere()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...own }
  t.equal((await app.send('POST', '/account/verify', { headers, body: form })).status, 200)
  refused(t, await post('/signup', details), 400, 'Please verify your email')
  refused(t, await post('/signup', details, own), 409, 'User already exists')
  t.equal((await post('/signin', { email, password })).status, 200, 'the account is as it was')
})

t.test('registration · eight at once make one account', async (t) => {
  const email = fresh()
  await post('/verification-mail', { email })
  const { token } = await mailTo(email, 'register')
  const details = { email, firstName: 'Alen', lastName: 'Harvey', password, verificationCode: token }
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('/signup', details)))
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  for (const { status } of answers) t.ok([201, 400, 409].includes(status), String(status))
})

t.test('registration · 400 · each sentence', async (t) => {
  const email = fresh()
  for (const [given, sentences] of badAddresses) {
    refused(t, await post('/verification-mail', { email: given }), 400, sentences)
    refused(
      t,
      await post('/signup', { email: given, firstName: 'A', lastName: 'B', password }),
      400,
      sentences,
    )
  }
  refused(t, await post('/signup', {}), 400, [
    ...emailSentences,
    'First name should be a string',
    'First name is required',
    'Last name should be a string',
    'Last name is required',
    'Password is required.',
  ])
  const right = { email, firstName: 'Alen', lastName: 'Harvey', password }
  for (const [change, sentence] of [
    [{ firstName: 5 }, 'First name should be a string'],
    [{ lastName: ' ' }, 'Last name is required'],
    [{ firstName: 'x'.repeat(256) }, 'First name must be at most 255 characters'],
    [{ password: 12345678 }, 'Password is required.'],
    [{ password: 'short' }, 'Password must be at least 8 characters'],
    [{ password: 'x'.repeat(256) }, 'Password must be at most 255 characters'],
  ] as const)
    refused(t, await post('/signup', { ...right, ...change }), 400, [sentence])
  const ask = (asked: object) => post('/verification-mail', { email, ...asked })
  refused(t, await ask({ brandLogoUrl: 'x' }), 400, ['brandLogoUrl should be a valid URL'])
  refused(
    t,
    await ask({ brandLogoUrl: 'https://evil.example/l.png' }),
    400,
    'brandLogoUrl is not an allowed origin',
  )
  refused(t, await ask({ clientAlias: 'a\nb' }), 400, 'clientAlias is not an allowed origin')
  const all = [...emailSentences, 'Verification code is required.']
  refused(t, await credebl('GET', '/verify'), 400, all)
  refused(t, await credebl('GET', `/verify?email=${email}`), 400, ['Verification code is required.'])
  refused(t, await credebl('GET', '/verify?email=x&verificationCode=y'), 400, [
    'Please provide a valid email',
  ])
  refused(t, await credebl('GET', `/verify?email=${email}&verificationCode=a&verificationCode=b`), 400, [
    'Verification code is required.',
  ])
  const trick = new URLSearchParams({ email, verificationCode: 'x&project=y\r\nset-cookie: a=b' })
  const { headers } = await credebl('GET', `/verify?${trick}`, { headers: { accept: 'text/html' } })
  t.equal(new URL(headers.get('location') ?? '').searchParams.get('project'), app.projectId)
  t.equal(headers.get('set-cookie'), null)
})

t.test('GET /clientAliases · 200 · the front ends of the policy', async (t) => {
  const answer = await credebl('GET', '/clientAliases')
  succeeded(t, answer, 'Client aliases fetched successfully')
  t.same(answer.body.data, [
    { clientAlias: 'VERIFIER', clientUrl: 'https://verifier.example.com/portal' },
    { clientAlias: 'STUDIO', clientUrl: 'https://app.example.com' },
  ])
})

t.test('everything below the prefix answers in this shape', async (t) => {
  for (const path of [
    '/credebl',
    '/credebl/',
    '/credebl/auth',
    '/credebl/v1',
    '/credebl/v2/auth/signin',
    '/credebl/auth/nothing',
    '/credebl/auth/a/b/sessions',
  ])
    refused(t, await app.send('GET', path), 404, 'Not Found')
  const wrong = await credebl('GET', '/signin')
  refused(t, wrong, 405, 'Method Not Allowed')
  t.equal(wrong.headers.get('allow'), 'POST')
  const ends = await credebl('PUT', `/${randomUUID()}/sessions`)
  refused(t, ends, 405, 'Method Not Allowed')
  t.equal(ends.headers.get('allow'), 'DELETE, GET, HEAD')
  const { headers } = await person()
  for (const path of [
    '/signin',
    '/refresh-token',
    '/signout',
    '/forgot-password',
    '/password-reset/a@example.com',
    '/reset-password',
    '/verification-mail',
    '/signup',
  ]) {
    for (const body of ['{', '{"email":}', 'email=a', '{"a":1}{}', '{"__proto__":{"a":1}}'])
      refused(t, await post(path, body, headers), 400, 'Malformed request')
    const text = { ...headers, 'content-type': 'text/plain' }
    refused(t, await post(path, 'x', text), 415, 'Content type must be application/json')
    refused(t, await post(path, { email: 'x'.repeat(70_000) }, headers), 413, 'Request body too large')
  }
  const raw = await sendRaw(app.url, rawRequest('GET /credebl/auth/%zz/sessions', []))
  refused(t, raw, 400, 'Malformed request')
  const long = await sendRaw(app.url, rawRequest(`GET /credebl/auth/${'x'.repeat(9000)}/sessions`, []))
  refused(t, long, 404, 'Not Found')
})

t.test('429 · beyond the policy’s limits, whatever hop is forged', async (t) => {
  const limits = { credential: { max: 3, window_seconds: 900 }, mail: { max: 2, window_seconds: 900 } }
  const narrow = await startTestApp(t, { policy: { limits } })
  let turn = 0
  const send = (path: string, body: unknown) =>
    narrow.send('POST', `/credebl/auth${path}`, { body, headers: { 'x-forwarded-for': `10.0.0.${++turn}` } })
  for (const [path, max] of [
    ['/signin', 3],
    ['/forgot-password', 2],
  ] as const) {
    for (let left = max; left > 0; left--) t.not((await send(path, { email: fresh(), password })).status, 429)
    const answer = await send(path, { email: fresh(), password })
    refused(t, answer, 429, 'Too many requests, please try again later')
    t.match(answer.headers.get('retry-after'), /^\d+$/)
    t.equal((await send(path, {})).status, 400, 'a typing mistake costs nobody a try')
  }
})

t.test('503 · the database is away, and 500 says nothing', async (t) => {
  const databaseUrl = await createDatabase(t)
  const proxy = await startProxy(databaseUrl)
  t.teardown(() => proxy.close())
  const doomed = await startTestApp(t, { databaseUrl, env: { DATABASE_URL: proxy.through(databaseUrl) } })
  const email = fresh()
  const signed = await doomed.api('POST', '/signup', { body: { email, password } })
  const headers = bearerOf(signed.body.access_token)
  await proxy.refuse()
  for (const [method, path, body] of [
    ['POST', '/signin', { email, password }],
    ['POST', '/refresh-token', { refreshToken: signed.body.refresh_token }],
    ['POST', '/forgot-password', { email }],
    ['POST', `/password-reset/${email}`, { password: 'New@12345', token: 'x' }],
    ['GET', `/${signed.body.user.uuid}/sessions`, undefined],
  ] as const) {
    const answer = await doomed.send(method, `/credebl/auth${path}`, { headers, body })
    refused(t, answer, 503, 'Service unavailable, please try again later')
    t.match(answer.headers.get('retry-after'), /^\d+$/)
  }
})

t.test('one user across contracts: sessions are seen and ended from either side', async (t) => {
  const email = await account()
  const here = await signIn(email)
  const nora = await app.send('POST', '/nora/auth/login', { body: { email, password }, headers: elsewhere() })
  const canonical = await app.api('POST', '/login', { body: { email, password }, headers: elsewhere() })
  const own = bearerOf(canonical.body.access_token)
  const list = async () => (await credebl('GET', `/${here.id}/sessions`, { headers: here.headers })).body.data
  t.equal((await list()).length, 3, 'CREDEBL, Nora, canonical')
  const { sid } = decodeJwt(nora.body.token) as { sid: string }
  t.equal((await credebl('DELETE', `/${sid}/sessions`, { headers: here.headers })).status, 200)
  const gone = await app.send('GET', '/nora/auth/me', { headers: bearerOf(nora.body.token) })
  t.equal(gone.status, 401)
  t.equal((await app.api('GET', '/me', { headers: here.headers })).status, 200, 'their token works there')
  const ended = await app.api('DELETE', `/sessions/${here.sessionId}`, { headers: own })
  t.equal(ended.status, 204)
  refused(t, await credebl('GET', `/${here.id}/sessions`, { headers: here.headers }), 401, 'Unauthorized')
  refused(t, await post('/refresh-token', { refreshToken: here.refresh }), 401, 'Refresh token has expired')
})

t.test('no secret of a request is in the log', async (t) => {
  const one = await person()
  const secrets = [password, one.refresh, one.headers.authorization.slice(7), 'Wrong@1234', 'New@12345']
  const lines = JSON.stringify(app.logs)
  for (const secret of secrets) t.notOk(lines.includes(secret))
  t.ok(app.logs.length > 0)
})

t.test('each documented request by real curl', async (t) => {
  const run = promisify(execFile)
  const base = `${app.url}/credebl/v1/auth`
  const json = ['-H', 'Content-Type: application/json']
  const curl = async (...args: string[]) => JSON.parse((await run('curl', ['-s', ...args])).stdout)
  const send = (path: string, body: object, ...more: string[]) =>
    curl('-X', 'POST', `${base}${path}`, ...json, ...more, '-d', JSON.stringify(body))
  const email = await account()
  const signed = await send('/signin', { email: ` ${email} `, password })
  t.match(signed, { statusCode: 200, message: 'User login successfully' })
  const refreshed = await send('/refresh-token', { refreshToken: signed.data.refresh_token })
  t.match(refreshed, { statusCode: 200, message: 'Token details fetched successfully' })
  const auth = ['-H', `Authorization: Bearer ${refreshed.data.access_token}`]
  const { sub } = decodeJwt(refreshed.data.access_token)
  await signIn(email)
  const sessions = await curl(`${base}/${sub}/sessions`, ...auth)
  t.match(sessions, { statusCode: 200, message: 'User Sessions fetched Successfully' })
  const other = sessions.data.find(({ id }: { id: string }) => id !== signed.data.sessionId)
  const ended = await curl('-X', 'DELETE', `${base}/${other.id}/sessions`, ...auth)
  t.same(ended, { statusCode: 200, message: 'Session deleted successfully' })
  const change = { email, oldPassword: password, newPassword: 'New@12345' }
  t.match(await send('/reset-password', change, ...auth), { message: 'Password reset successfully' })
  const asked = await send('/forgot-password', {
    email,
    brandLogoUrl: 'https://cdn.example.com/logo.png',
    platformName: 'MyPlatform',
    endpoint: 'https://app.example.com',
    clientAlias: 'VERIFIER',
  })
  t.match(asked, {
    statusCode: 200,
    message: 'Reset password link has been sent to your mail',
    data: { email },
  })
  t.same(await curl('-X', 'POST', `${base}/signout`, ...auth), {
    statusCode: 200,
    message: 'User logout successfully',
  })
  const { token } = await mailTo(email, 'reset_password')
  const reset = await send(`/password-reset/${email}`, { password: 'Newest@12345', token })
  t.same(reset, { statusCode: 200, message: 'Password reset successfully', data: { id: sub, email } })
})
