// POST /introspect (RFC 7662): what a token is worth now, for who proves to be a back end of the project and nobody else.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const secret = { 'project-secret': app.projectSecret }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

const ask = (token: unknown, headers: Record<string, string> = secret) =>
  app.api('POST', '/introspect', { headers, body: { token } })
const askForm = (body: string | Uint8Array, headers: Record<string, string> = secret) =>
  app.api('POST', '/introspect', { headers: { ...headers, ...form }, body })
const keyOf = async (who: Answer, body: Record<string, unknown> = {}): Promise<Answer['body']> =>
  (await app.api('POST', '/api-keys', { headers: bearer(who), body: { name: 'one', ...body } })).body
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
const dead = { active: false }

t.test('POST /introspect · 200 · an access token, with what its claims say', async (t) => {
  const who = await app.signUp()
  const { status, body, headers } = await ask(who.body.access_token)
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  const { sub, sid, iat, exp, iss } = claimsOf(who.body.access_token)
  t.same(body, {
    active: true,
    sub,
    token_type: 'Bearer',
    sid,
    iat,
    exp,
    iss,
    aud: app.projectId,
    email: who.email,
    email_verified: false,
    role: 'user',
  })
})

t.test('POST /introspect · 200 · an API key, with its scopes and its expiry', async (t) => {
  const who = await app.signUp()
  await app.sql`update users set email_verified_at = now() where id = ${who.body.user.id}`
  const expires_at = '2099-01-01T00:00:00.000Z'
  const key = await keyOf(who, { scopes: ['orders:read', 'orders:write'], expires_at })
  const { status, body } = await ask(key.plain_text_key)
  t.equal(status, 200)
  t.same(body, {
    active: true,
    sub: who.body.user.uuid,
    token_type: 'Bearer',
    key_id: key.id,
    scope: 'orders:read orders:write',
    iat: Math.floor(Date.parse(key.created_at) / 1000),
    exp: Date.parse(expires_at) / 1000,
    iss: claimsOf(who.body.access_token).iss,
    aud: app.projectId,
    email: who.email,
    email_verified: true,
    role: 'user',
  })
  const forever = await ask((await keyOf(who, { scopes: [] })).plain_text_key)
  t.notOk('exp' in forever.body)
  t.equal(forever.body.scope, '')
  const [row] = await app.sql`select last_used_at from api_keys where id = ${key.id}`
  t.ok(row?.last_used_at, 'to be asked for is to be used')
})

t.test('POST /introspect · 200 · as a form, as the RFC has it', async (t) => {
  const who = await app.signUp()
  const { plain_text_key: key } = await keyOf(who)
  const token = who.body.access_token
  for (const body of [
    `token=${token}`,
    `token=${token}&token_type_hint=access_token`,
    `token_type_hint=nonsense&token=${token}&other=ignored`,
    `token=${key}&token_type_hint=refresh_token`,
    new TextEncoder().encode(`token=${key}`),
  ]) {
    const answer = await askForm(body)
    t.same([answer.status, answer.body.active], [200, true])
    t.equal(answer.body.sub, who.body.user.uuid)
  }
  const typed = { ...secret, 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }
  const answer = await app.api('POST', '/introspect', { headers: typed, body: `token=${key}` })
  t.equal(answer.body.active, true)
  t.same((await askForm(`token=${encodeURIComponent('ü%00 &=')}`)).body, dead)
})

t.test('POST /introspect · 422 and 400 · no token, another type, a form that is none', async (t) => {
  for (const body of [{}, { token: 7 }, { token: null }, { token: [] }, { token: '' }])
    isProblem(t, await app.api('POST', '/introspect', { headers: secret, body }), 'validation_failed', [
      'token',
    ])
  isProblem(t, await app.api('POST', '/introspect', { headers: secret }), 'validation_failed', ['token'])
  for (const body of ['', 'token=', 'tokens=x'])
    isProblem(t, await askForm(body), 'validation_failed', ['token'])
  const hint = { token: 'x', token_type_hint: 7 }
  isProblem(t, await app.api('POST', '/introspect', { headers: secret, body: hint }), 'validation_failed', [
    'token_type_hint',
  ])
  isProblem(t, await askForm('token=a&token=b'), 'malformed_request')
  isProblem(t, await askForm(Uint8Array.from([0x74, 0x3d, 0xff, 0xfe])), 'malformed_request')
  const proto = await askForm('__proto__=x&token=a')
  t.same([proto.status, proto.body], [200, dead])
})

t.test('POST /introspect · 415 and 413 · other types, and more than a request may be', async (t) => {
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml']) {
    const headers = { ...secret, 'content-type': type }
    isProblem(t, await app.api('POST', '/introspect', { headers, body: 'token=x' }), 'unsupported_media_type')
  }
  isProblem(t, await askForm(`token=${'x'.repeat(70_000)}`), 'body_too_large')
  const other = { headers: form, body: 'email=a%40example.com&password=x' }
  isProblem(t, await app.api('POST', '/login', other), 'unsupported_media_type')
})

t.test(
  'POST /introspect · 401 · without the secret, with another’s, with what opens other doors',
  async (t) => {
    const who = await app.signUp()
    const other = await app.project()
    const { plain_text_key: key } = await keyOf(who)
    for (const headers of [
      {},
      { 'project-secret': '' },
      { 'project-secret': other.secret },
      { 'project-secret': `${app.projectSecret} x` },
      { authorization: `Bearer ${app.projectSecret}` },
      { 'x-api-key': key },
      bearer(who),
    ] as Record<string, string>[]) {
      const answer = await ask(who.body.access_token, headers)
      isProblem(t, answer, 'invalid_project_secret')
      t.ok(answer.headers.get('www-authenticate'))
      isProblem(t, await askForm(`token=${key}`, headers), 'invalid_project_secret')
    }
    isProblem(t, await ask('', {}), 'invalid_project_secret')
  },
)

t.test('POST /introspect · 200 · inactive, and no more, for all that is not alive', async (t) => {
  const who = await app.signUp()
  const { plain_text_key: key } = await keyOf(who)
  const [header = '', payload = '', signature = ''] = who.body.access_token.split('.')
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  for (const token of [
    'x',
    'uak_',
    `${key}x`,
    key.slice(0, -1),
    ` ${key}`,
    `uak_${'a'.repeat(10_000)}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${signature.slice(0, -2)}`,
    `${none}.${payload}.`,
    who.body.refresh_token,
    app.projectSecret,
    'ünïcödé 🔑',
    "' or '1'='1",
  ]) {
    const answer = await ask(token)
    t.same([answer.status, answer.body], [200, dead], token.slice(0, 30))
  }
  const refreshed = { refresh_token: who.body.refresh_token }
  t.equal((await app.api('POST', '/refresh', { body: refreshed })).status, 200, 'nothing was spent by asking')
})

t.test('POST /introspect · a revocation is seen at once', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const access = who.body.access_token
  t.equal((await ask(access)).body.active, true)
  await app.api('POST', `/api-keys/${key.id}/revoke`, { headers: bearer(who) })
  t.same((await ask(key.plain_text_key)).body, dead)
  await app.api('POST', '/logout', { headers: bearer(who) })
  t.same((await ask(access)).body, dead)

  const disabled = await app.signUp()
  const theirs = await keyOf(disabled)
  await app.sql`update users set disabled_at = now() where id = ${disabled.body.user.id}`
  t.same((await ask(disabled.body.access_token)).body, dead)
  t.same((await ask(theirs.plain_text_key)).body, dead)
})

t.test('the wall · what is alive in one project is not in another', async (t) => {
  const who = await app.signUp()
  const { plain_text_key: key } = await keyOf(who)
  const other = await app.project()
  const headers = { 'project-id': other.id, 'project-secret': other.secret }
  for (const token of [who.body.access_token, key]) {
    t.same((await ask(token, headers)).body, dead)
    isProblem(t, await ask(token, { ...secret, 'project-id': other.id }), 'invalid_project_secret')
    t.equal((await ask(token)).body.active, true)
  }
})

t.test('POST /introspect has a limit of its own', async (t) => {
  const project = await app.project({
    limits: { project: { max: 2, window_seconds: 60 }, read: { max: 1, window_seconds: 60 } },
  })
  const headers = { 'project-id': project.id, 'project-secret': project.secret }
  for (let round = 0; round < 2; round++) t.equal((await ask('x', headers)).status, 200)
  const answer = await ask('x', headers)
  isProblem(t, answer, 'rate_limited')
  t.match(answer.headers.get('ratelimit-policy'), /^"project";q=2;w=60$/)
})
