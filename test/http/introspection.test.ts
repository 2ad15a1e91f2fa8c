// POST /introspect (RFC 7662): what a token is worth now, for who proves to be a back end of the project and nobody else.
import { request } from 'node:http'
import * as openid from 'openid-client'
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
  const { sub, sid, iat, exp, iss, jti, auth_time } = claimsOf(who.body.access_token)
  t.same(body, {
    active: true,
    sub,
    token_type: 'Bearer',
    sid,
    iat,
    exp,
    iss,
    aud: app.projectId,
    client_id: 'canonical',
    jti,
    auth_time,
    acr: '1',
    amr: ['pwd'],
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
      t.equal(answer.headers.get('www-authenticate'), 'Basic realm="project", charset="UTF-8"')
      isProblem(t, await askForm(`token=${key}`, headers), 'invalid_project_secret')
    }
    isProblem(t, await ask('', {}), 'invalid_project_secret')
  },
)

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})
/** Every character that a form may encode, encoded. */
const encoded = (text: string) => text.replace(/[^A-Za-z0-9]/g, (one) => `%${one.charCodeAt(0).toString(16)}`)
/** Without the header that selects a project: the client says which one it is. */
const post = (headers: Record<string, string>, body: unknown) =>
  app.send('POST', '/api/auth/introspect', { headers: { ...form, ...headers }, body })

t.test('POST /introspect · 200 · a client by HTTP Basic (RFC 6749 §2.3.1), of any project', async (t) => {
  const who = await app.signUp()
  const token = who.body.access_token
  const { projectId: id, projectSecret } = app
  for (const headers of [
    basic(id, projectSecret),
    basic(id.toUpperCase(), projectSecret),
    basic(encoded(id), encoded(projectSecret)),
    { ...basic(id, projectSecret), 'project-id': id },
    { authorization: basic(id, projectSecret).authorization.replace('Basic', 'bAsIc ') },
  ]) {
    for (const body of [`token=${token}`, `token=${token}&client_id=${id}`])
      t.equal((await post(headers, body)).body.active, true, headers.authorization)
    const json = await app.send('POST', '/api/auth/introspect', { headers, body: { token } })
    t.equal(json.body.active, true)
  }
  const other = await app.project()
  t.same((await post(basic(other.id, other.secret), `token=${token}`)).body, dead, 'is another client')
  // A proxy's own Authorization in front of the header of ours changes nothing.
  for (const foreign of [basic('staging', 'wall'), basic(other.id, 'wall')])
    t.equal((await ask(token, { ...secret, ...foreign })).body.active, true)
})

t.test('POST /introspect · 200 · a client by client_id and client_secret in the form', async (t) => {
  const who = await app.signUp()
  const token = who.body.access_token
  const { projectId: id, projectSecret } = app
  const own = new URLSearchParams({ client_id: id, client_secret: projectSecret, token })
  t.equal((await post({}, own.toString())).body.active, true)
  t.equal(
    (await post({ 'content-type': `${form['content-type']};charset=utf-8` }, own.toString())).status,
    200,
  )
  t.equal((await post(basic('staging', 'wall'), own.toString())).body.active, true, 'behind a proxy’s Basic')
  const slow = own.toString().replaceAll('-', '%2D').replaceAll('_', '%5f')
  t.equal((await post({}, new TextEncoder().encode(slow))).body.active, true)
  const other = await app.project()
  own.set('client_id', other.id)
  own.set('client_secret', other.secret)
  t.same((await post({}, own.toString())).body, dead)

  const chunked = await new Promise<string>((resolve, reject) => {
    const sent = request(`${app.url}/api/auth/introspect`, { method: 'POST', headers: form }, (answer) => {
      answer.setEncoding('utf8').on('data', resolve)
    })
    sent.on('error', reject)
    sent.write(`client_id=${id}&client_secret=${projectSecret}`)
    setTimeout(() => sent.end(`&token=${token}`), 20)
  })
  t.equal(JSON.parse(chunked).active, true, 'in pieces, without a length')
})

t.test('POST /introspect · 401 · a client that is not who it says, the same for unknown ones', async (t) => {
  const other = await app.project()
  const { projectId: id, projectSecret } = app
  const unknown = '00000000-0000-4000-8000-000000000000'
  const wrong: Record<string, string>[] = [
    basic(id, ''),
    basic(id, 'x'),
    basic(id, `${projectSecret}x`),
    basic(id, other.secret),
    basic(unknown, projectSecret),
    basic(other.id, projectSecret),
    basic(id, '%zz'),
    basic('', projectSecret),
    { ...basic(id, projectSecret), 'project-id': other.id },
    { ...basic(id, projectSecret), 'project-secret': other.secret },
    { authorization: 'Basic', 'project-id': id },
    { authorization: 'Basic !!!!', 'project-id': id },
    { authorization: `Basic ${Buffer.from(id).toString('base64')}`, 'project-id': id },
    { authorization: `Bearer ${basic(id, projectSecret).authorization.slice(6)}`, 'project-id': id },
  ]
  for (const headers of wrong) {
    const answer = await post({ 'project-id': id, ...headers }, 'token=x')
    isProblem(t, answer, 'invalid_project_secret')
    t.match(answer.headers.get('www-authenticate'), /^Basic /)
  }
  for (const fields of [
    `client_id=${id}`,
    `client_secret=${projectSecret}`,
    `client_id=${id}&client_secret=`,
    `client_id=${id}&client_secret=${other.secret}`,
    `client_id=${unknown}&client_secret=${projectSecret}`,
    `client_id=x&client_secret=${projectSecret}`,
  ])
    isProblem(t, await post({ 'project-id': id }, `token=x&${fields}`), 'invalid_project_secret')
  const json = { token: 'x', client_id: id, client_secret: projectSecret }
  isProblem(t, await app.api('POST', '/introspect', { body: json }), 'invalid_project_secret')
  const refused = await app.sql`select count(*)::int as count from security_log
    where event = 'project_secret_refused' and project_id = ${id}`
  t.ok(refused[0]?.count > 5, 'the security log has them')
})

t.test('POST /introspect · 400 and 413 · two ways at once, twice the same, too much', async (t) => {
  const { projectId: id, projectSecret } = app
  const other = await app.project()
  const own = `client_id=${id}&client_secret=${projectSecret}`
  for (const fields of [own, `client_secret=${projectSecret}`, `client_id=${other.id}`, 'client_id=x'])
    isProblem(t, await post(basic(id, projectSecret), `token=x&${fields}`), 'malformed_request')
  isProblem(t, await post({}, `${own}&client_id=${id}&token=x`), 'malformed_request')
  isProblem(t, await post({}, `${own}&token=${'x'.repeat(70_000)}`), 'body_too_large')
  isProblem(t, await post({}, own), 'validation_failed', ['token'])
  for (const route of ['/me', '/introspect/'])
    t.not((await app.api('GET', route, { headers: basic(id, projectSecret) })).status, 200)
  const login = await app.api('POST', '/login', { headers: form, body: own })
  isProblem(t, login, 'unsupported_media_type')
})

t.test('openid-client finds introspection by the metadata, and authenticates in both ways', async (t) => {
  const who = await app.signUp()
  const options = { algorithm: 'oauth2' as const, execute: [openid.allowInsecureRequests] }
  const { projectId: id, projectSecret } = app
  for (const method of [openid.ClientSecretBasic, openid.ClientSecretPost]) {
    const server = new URL(app.config.publicUrl)
    const client = await openid.discovery(server, id, undefined, method(projectSecret), options)
    const alive = await openid.tokenIntrospection(client, who.body.access_token)
    t.same([alive.active, alive.sub], [true, who.body.user.uuid])
    const impostor = await openid.discovery(server, id, undefined, method(`${projectSecret}x`), options)
    const refused = await openid.tokenIntrospection(impostor, who.body.access_token).catch((error) => error)
    t.equal(refused.status, 401)
  }
})

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
