// GET /me, as contracts.md §1 has it, and every wrong way to be signed in.
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { publicPem } from '../../src/crypto/signing-key.ts'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { createForge, encode, partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t)
const signedUp = await app.signUp({ display_name: 'Ada', metadata: { plan: 'free' } })
const token: string = signedUp.body.access_token
const me = (headers: Record<string, string>) => app.api('GET', '/me', { headers })
const withToken = (text: string) => me({ authorization: `Bearer ${text}` })

const [header, claims] = partsOf(token)
const { kid, forge } = await createForge(app, token)

t.test('GET /me · 200 · the user, whole and nothing else', async (t) => {
  const answer = await me(bearer(signedUp))
  t.equal(answer.status, 200)
  t.same(answer.body, { user: signedUp.body.user })
  t.equal(answer.headers.get('cache-control'), 'no-store')
})

t.test('GET /me · 200 · what changed since the token was printed is shown', async (t) => {
  const { email, ...answer } = await app.signUp()
  await app.sql`update users set display_name = 'Countess', role = 'admin', email_verified_at = '2026-01-02T03:04:05.678Z'
    where email = ${email}`
  t.match((await me(bearer(answer))).body.user, {
    display_name: 'Countess',
    role: 'admin',
    email_verified_at: '2026-01-02T03:04:05.678Z',
  })
})

t.test('GET /me · 200 · the scheme is read in any case', async (t) => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR'])
    t.equal((await me({ authorization: `${scheme} ${token}` })).status, 200, scheme)
})

t.test('GET /me · 200 · the access token says what other services need, and nothing personal', async (t) => {
  t.same(header, { alg: 'ES256', typ: 'at+jwt', kid })
  t.match(claims, { iss: app.config.publicUrl, aud: app.projectId, sub: signedUp.body.user.uuid })
  t.same(Object.keys(claims).sort(), [
    ...['acr', 'amr', 'aud', 'auth_time', 'client_id', 'exp', 'gen', 'iat', 'iss', 'jti'],
    ...['role', 'sid', 'sub'],
  ])
  t.equal(Number(claims.exp) - Number(claims.iat), 900)
})

t.test(
  'GET /me · 200 · a token forged here with the true key and no change is good, so each change below counts',
  async (t) => {
    t.equal((await withToken(forge({}))).status, 200)
  },
)

t.test('GET /me · 401 · no Authorization at all', async (t) => {
  const answer = await me({})
  isProblem(t, answer, 'unauthenticated')
  t.equal(answer.body.message, 'Unauthenticated.')
  t.equal(answer.headers.get('www-authenticate'), 'Bearer')
})

t.test('GET /me · 401 · a malformed Authorization', async (t) => {
  const values = [
    '',
    'Bearer',
    'Bearer ',
    token,
    `Bearer${token}`,
    `Bearer: ${token}`,
    `Basic ${token}`,
    `Token ${token}`,
    `Bearer "${token}"`,
    `Bearer ${token} ${token}`,
    `Bearer ${token}, Bearer ${token}`,
    `Bearer ${token},`,
    `Bearer Bearer ${token}`,
    'Bearer null',
    'Bearer undefined',
    'Bearer ..',
    'Bearer a.b.c',
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token}.`,
    `Bearer ${token.split('.').slice(0, 2).join('.')}`,
    `Bearer ${token.split('.').slice(0, 2).join('.')}.`,
    `Bearer ${'x'.repeat(8000)}`,
  ]
  for (const authorization of values) isProblem(t, await me({ authorization }), 'unauthenticated')
})

t.test('GET /me · 401 · Authorization twice, even with the same good token', async (t) => {
  const authorization = `authorization: Bearer ${token}`
  const lines = (...headers: string[]) =>
    sendRaw(app.url, rawRequest('GET /api/auth/me', [`project-id: ${app.projectId}`, ...headers]))
  t.equal((await lines(authorization)).status, 200)
  isProblem(t, await lines(authorization, authorization), 'unauthenticated')
  isProblem(t, await lines(authorization, 'Authorization: Bearer x'), 'unauthenticated')
  isProblem(t, await lines('Authorization: Bearer x', authorization), 'unauthenticated')
})

t.test('GET /me · 401 · a token in the query string is not looked at', async (t) => {
  for (const name of ['token', 'access_token', 'authorization'])
    isProblem(t, await app.api('GET', `/me?${name}=${token}`), 'unauthenticated')
})

t.test('GET /me · 401 · alg none, whatever its spelling', async (t) => {
  const [, body] = token.split('.')
  for (const alg of ['none', 'None', 'NONE', 'nOnE', ''])
    for (const signature of ['', token.split('.')[2]])
      isProblem(t, await withToken(`${encode({ ...header, alg })}.${body}.${signature}`), 'unauthenticated')
})

t.test('GET /me · 401 · HS256 signed with the public key', async (t) => {
  const { body: jwks } = await app.send('GET', '/.well-known/jwks.json')
  const [jwk] = jwks.keys
  const secrets = [
    publicPem(jwk),
    publicPem(jwk).trim(),
    Buffer.from(jwk.x, 'base64url'),
    jwk.x,
    JSON.stringify(jwk),
  ]
  for (const secret of secrets) {
    const signed = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    const signature = createHmac('sha256', secret).update(signed).digest('base64url')
    isProblem(t, await withToken(`${signed}.${signature}`), 'unauthenticated')
  }
})

t.test('GET /me · 401 · a foreign key, under its own kid, under ours, or carried along', async (t) => {
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = foreign.publicKey.export({ format: 'jwk' })
  for (const changed of [
    {},
    { kid: 'another' },
    { kid: undefined },
    { kid: '' },
    { kid: '__proto__' },
    { kid: ['x'] },
    { jwk },
    { jku: 'https://attacker.example/jwks.json' },
    { x5u: 'https://attacker.example/cert.pem' },
  ])
    isProblem(t, await withToken(forge({ header: changed, key: foreign.privateKey })), 'unauthenticated')
})

t.test('GET /me · 401 · our signature under a header that is not ours', async (t) => {
  for (const changed of [
    { typ: 'JWT' },
    { typ: undefined },
    { typ: 'application/at+jwt' },
    { kid: 'another' },
    { kid: undefined },
    { alg: 'Ed25519' },
    { alg: 'EdDSA' },
    { alg: 'RS256' },
    { crit: ['exp'] },
    { b64: false },
  ])
    isProblem(t, await withToken(forge({ header: changed })), 'unauthenticated')
})

t.test('GET /me · 401 · our signature over claims that are not for here and now', async (t) => {
  const now = Math.floor(Date.now() / 1000)
  for (const changed of [
    { exp: now - 1 },
    { exp: 0 },
    { exp: undefined },
    { exp: null },
    { exp: '9999999999' },
    { nbf: now + 60 },
    { iss: 'https://attacker.example' },
    { iss: undefined },
    { aud: (await app.project()).id },
    { aud: undefined },
    { aud: [app.projectId, 'another'] },
    { sid: undefined },
    { sid: '00000000-0000-4000-8000-000000000000' },
    { sub: undefined },
    { gen: undefined },
  ]) {
    const answer = await withToken(forge({ claims: changed }))
    isProblem(t, answer, 'unauthenticated')
    if (answer.status !== 401) t.fail(JSON.stringify(changed))
  }
})

t.test('GET /me · 401 · a changed claim breaks the signature', async (t) => {
  const [head, , signature] = token.split('.')
  const changed = encode({ ...claims, exp: Number(claims.exp) + 86_400 })
  isProblem(t, await withToken(`${head}.${changed}.${signature}`), 'unauthenticated')
})

t.test('GET /me · 401 · expired, also for a token that was good a moment ago', async (t) => {
  const short = await app.project({ tokens: { access_seconds: 4 } })
  const headers = { 'project-id': short.id }
  const body = { email: 'short@example.com', password: 'a good long password' }
  const answer = await app.api('POST', '/signup', { headers, body })
  t.equal((await me({ ...headers, ...bearer(answer) })).status, 200)
  await sleep(Math.ceil(Date.parse(answer.body.expires_at) / 1000) * 1000 - Date.now() + 50)
  isProblem(t, await me({ ...headers, ...bearer(answer) }), 'unauthenticated')
})

t.test('GET /me · 401 · a token of another project', async (t) => {
  const other = await app.project()
  isProblem(t, await me({ 'project-id': other.id, ...bearer(signedUp) }), 'unauthenticated')
  t.equal((await me(bearer(signedUp))).status, 200)
})

t.test('GET /me · 401 · a refresh token is no access token', async (t) => {
  isProblem(t, await withToken(signedUp.body.refresh_token), 'unauthenticated')
})

t.test('GET /me · 401 · a session that was ended, a user who was disabled or deleted', async (t) => {
  const away = await app.signUp()
  await app.sql`update sessions set revoked_at = now() where user_id = ${away.body.user.id}`
  isProblem(t, await me(bearer(away)), 'unauthenticated')
  const disabled = await app.signUp()
  await app.sql`update users set disabled_at = now() where id = ${disabled.body.user.id}`
  isProblem(t, await me(bearer(disabled)), 'unauthenticated')
  const gone = await app.signUp()
  await app.sql`delete from users where id = ${gone.body.user.id}`
  isProblem(t, await me(bearer(gone)), 'unauthenticated')
})

t.test('GET /me · Authorization and cookie: Authorization is used, the cookie is ignored', async (t) => {
  const { email, password, ...inHeader } = await app.signUp()
  const other = await app.signUp()
  const inCookie: Answer = await app.api('POST', '/login', {
    headers: { 'session-transport': 'cookie' },
    body: { email: other.email, password: other.password },
  })
  const cookie = cookieHeader(inCookie)
  t.equal((await me(cookie)).body.user.email, other.email)
  t.equal((await me({ ...cookie, ...bearer(inHeader) })).body.user.email, email)
  isProblem(t, await me({ ...cookie, authorization: 'Bearer nonsense' }), 'unauthenticated')
  isProblem(t, await me({ ...cookie, authorization: 'Bearer' }), 'unauthenticated')
  for (const foreign of ['', 'Basic YTpi', 'Negotiate x', 'Digest a="b"', 'Bearerish x'])
    t.equal((await me({ ...cookie, authorization: foreign })).body.user?.email, other.email, foreign)
})

t.test('GET /me · 400 and 404 · a project that is none', async (t) => {
  isProblem(t, await me({ 'project-id': 'x', ...bearer(signedUp) }), 'project_not_found')
})

t.test('GET /me · HEAD answers the same without a body', async (t) => {
  const project = `project-id: ${app.projectId}`
  const good = await sendRaw(
    app.url,
    rawRequest('HEAD /api/auth/me', [project, `authorization: Bearer ${token}`]),
  )
  t.equal(good.status, 200)
  t.match(good.headers, { 'content-type': /^application\/json/ })
  const bad = await sendRaw(app.url, rawRequest('HEAD /api/auth/me', [project]))
  t.equal(bad.status, 401)
})
