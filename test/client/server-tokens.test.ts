// @sallyport/server verifies what a request presents: forgeries, clocks, keys that rotate, and sessions that have ended.
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import {
  CrossSiteRequestError,
  createSallyport,
  type SallyportOptions,
  ServiceUnavailableError,
  StepUpRequiredError,
} from '../../openapi/server/src/sallyport.ts'
import { bearer, cookieHeader, startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { createForge, encode, partsOf } from '../support/forge.ts'
import { startProxy } from '../support/proxy.ts'

const app = await startTestApp(t)
const proxy = await startProxy(app.url)
t.teardown(() => proxy.close())

/** A back end that reaches the service through the proxy, and the paths that it has asked for. */
function open(options: Partial<SallyportOptions> = {}) {
  const asked: string[] = []
  const auth = createSallyport({
    url: app.url,
    internalUrl: `http://127.0.0.1:${proxy.port}`,
    projectId: app.projectId,
    projectSecret: app.projectSecret,
    appUrl: 'https://app.example.com',
    fetch: (input, init) => {
      asked.push(new URL(String(input)).pathname)
      return fetch(input, init)
    },
    ...options,
  })
  t.teardown(() => auth.close())
  return {
    auth,
    asked,
    see: (token: string) => auth.authenticate({ headers: { authorization: `Bearer ${token}` } }),
  }
}

t.test('a valid token is a typed session', async (t) => {
  const { body } = await app.signUp()
  const { see } = open()
  const session = await see(body.access_token)
  t.match(session, {
    userId: body.user.uuid,
    role: 'user',
    acr: '1',
    amr: ['pwd'],
    clientId: 'canonical',
    impersonatedBy: null,
    accessToken: body.access_token,
  })
  t.equal(session?.expiresAt.getTime(), Math.floor(Date.parse(body.expires_at) / 1000) * 1000)
  t.equal(await open().auth.authenticate({ headers: {} }), null)
  t.equal(await open({ audience: 'another' }).see(body.access_token), null)
})

t.test('no forged token is taken', async (t) => {
  const { body } = await app.signUp()
  const token: string = body.access_token
  const { forge, kid } = await createForge(app, token)
  const { see, asked } = open()
  const now = Math.floor(Date.now() / 1000)
  const [header, claims] = partsOf(token)
  const { keys } = (await app.send('GET', '/.well-known/jwks.json')).body
  const publicKey = createPublicKey({
    key: keys.find((key: { kid: string }) => key.kid === kid),
    format: 'jwk',
  })
  const hashed = (secret: string | Buffer) => {
    const signed = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
  const unsigned = `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`
  const foreign = await app.project()
  const theirs = await app.send('POST', '/api/auth/signup', {
    headers: { 'project-id': foreign.id },
    body: { email: 'theirs@example.com', password: 'a good long password' },
  })
  const forgeries: Record<string, string> = {
    'alg none': unsigned,
    'alg none with a signature': `${unsigned}${token.split('.')[2]}`,
    'HS256 with the public key as PEM': hashed(publicKey.export({ format: 'pem', type: 'spki' }) as string),
    'HS256 with the public key as DER': hashed(publicKey.export({ format: 'der', type: 'spki' }) as Buffer),
    'another key under its name': forge({
      key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    }),
    'an unknown key': forge({ header: { kid: 'unknown' } }),
    'no name of a key': forge({ header: { kid: undefined } }),
    'another algorithm': forge({ header: { alg: 'RS256' } }),
    'a key in the header': forge({ header: { jwk: publicKey.export({ format: 'jwk' }), kid: undefined } }),
    'an extension that is not understood': forge({ header: { crit: ['b64'], b64: false } }),
    'an ID token': forge({ header: { typ: 'JWT' } }),
    'no type': forge({ header: { typ: undefined } }),
    'another project': forge({ claims: { aud: foreign.id } }),
    'a true token of another project': theirs.body.access_token,
    'another issuer': forge({ claims: { iss: 'https://evil.example' } }),
    'no issuer': forge({ claims: { iss: undefined } }),
    expired: forge({ claims: { exp: now - 10 } }),
    'no expiry': forge({ claims: { exp: undefined } }),
    'an expiry of another type': forge({ claims: { exp: String(now + 900) } }),
    'not yet valid': forge({ claims: { nbf: now + 60 } }),
    'no session': forge({ claims: { sid: undefined } }),
    'a changed claim': [encode(header), encode({ ...claims, role: 'admin' }), token.split('.')[2]].join('.'),
    'a cut signature': token.slice(0, -8),
    'no token': 'abc',
    'a very long one': `${'a'.repeat(20_000)}.b.c`,
  }
  t.ok(await see(forge({})), 'the forge itself works')
  t.ok(await see(forge({ header: { typ: 'application/at+jwt' } })))
  t.ok(await see(forge({ claims: { aud: [foreign.id, app.projectId] } })))
  t.ok(
    await see(forge({ claims: { iss: `${app.url}/projects/${app.projectId}` } })),
    'the issuer of the project',
  )
  for (const [name, forged] of Object.entries(forgeries)) t.equal(await see(forged), null, name)
  t.ok(asked.length <= 2, `unknown keys were asked for with ${asked.length} requests`)
})

t.test('the clock of the back end does not matter', async (t) => {
  const { body } = await app.signUp()
  const { forge } = await createForge(app, body.access_token)
  const expired = forge({ claims: { exp: Math.floor(Date.now() / 1000) - 10 } })
  const realClock = Date.now
  t.teardown(() => {
    Date.now = realClock
  })
  for (const hours of [-2, 2]) {
    Date.now = () => realClock() + hours * 3_600_000
    const { see } = open()
    t.ok(await see(body.access_token), `${hours} hours`)
    t.equal(await see(expired), null, `${hours} hours`)
  }
  // Set while the process runs.
  const { see } = open()
  for (const hours of [0, 3, -3]) {
    Date.now = () => realClock() + hours * 3_600_000
    t.ok(await see(body.access_token), `set to ${hours} hours`)
    t.equal(await see(expired), null, `set to ${hours} hours`)
  }
})

t.test('keys rotate under a running back end', async (t) => {
  const { body, email, password } = await app.signUp()
  const { see } = open()
  t.ok(await see(body.access_token))
  const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: app.dataDir, SECRET_KEY: testSecretKey }
  for (const _ of [1, 2]) t.equal((await runCommand(['keys', 'rotate', '--force'], env)).code, 0)
  await app.running.checkKeys()
  const again = await app.api('POST', '/login', { body: { email, password } })
  t.not(partsOf(again.body.access_token)[0].kid, partsOf(body.access_token)[0].kid)
  await eventually('the new key is found', () => see(again.body.access_token), 6000)
  t.ok(await see(body.access_token), 'the former key is still there')
})

t.test('a service that is down is told from a token that is wrong', async (t) => {
  const { body } = await app.signUp()
  const { forge } = await createForge(app, body.access_token)
  const knowing = open()
  t.ok(await knowing.see(body.access_token))
  await proxy.refuse()
  t.teardown(() => proxy.restore())
  t.ok(await knowing.see(body.access_token), 'the last good keys are kept')
  t.equal(await knowing.see(forge({ claims: { aud: 'x' } })), null)
  const later = performance.now
  performance.now = () => later.call(performance) + 400_000
  t.ok(await knowing.see(body.access_token), 'also when they are due')
  performance.now = later
  await t.rejects(open().see(body.access_token), ServiceUnavailableError)
  await t.rejects(open({ revocation: 'introspection' }).see(body.access_token), ServiceUnavailableError)
  const error = await open()
    .see(body.access_token)
    .catch((each) => each)
  t.equal(error.toResponse().status, 503)
  t.ok(error.headers['retry-after'])
})

t.test('revocation by introspection: kept for seconds, then asked again', async (t) => {
  const { body } = await app.signUp()
  const { see, asked } = open({ revocation: 'introspection' })
  const lazy = open()
  for (let times = 0; times < 5; times++) t.ok(await see(body.access_token))
  t.equal(asked.filter((path) => path.endsWith('/introspect')).length, 1)
  await app.api('POST', '/logout', { headers: { authorization: `Bearer ${body.access_token}` } })
  const later = performance.now
  performance.now = () => later.call(performance) + 5001
  t.equal(await see(body.access_token), null)
  performance.now = later
  t.ok(await lazy.see(body.access_token), 'without revocation it is valid until it expires')
  t.throws(
    () => createSallyport({ url: app.url, projectId: app.projectId, revocation: 'introspection' }),
    TypeError,
  )
  const wrong = open({ revocation: 'introspection', projectSecret: 'wrong' })
  await t.rejects(wrong.see(body.access_token), { message: /refuses projectId or projectSecret/ })
})

t.test('revocation by events: at once, without a request for each token', async (t) => {
  const old = await app.signUp()
  const ended = await app.signUp()
  const { auth, see, asked } = open({ revocation: 'events' })
  const introspections = () => asked.filter((path) => path.endsWith('/introspect')).length
  t.equal(auth.isCaughtUp(), false)
  t.ok(await see(old.body.access_token), 'introspection, until the feed has been read')
  await auth.ready()
  t.equal(auth.isCaughtUp(), true)
  await app.api('POST', '/logout', { headers: bearer(ended) })
  await eventually('a session from before', async () => (await see(ended.body.access_token)) === null, 5000)
  // Its time in whole seconds is after the beginning of the feed.
  const fresh = await eventually('a session of later', async () => {
    const before = introspections()
    const { body } = await app.signUp()
    return (await see(body.access_token)) && introspections() === before ? body : null
  })
  for (let times = 0; times < 3; times++) t.ok(await see(old.body.access_token))
  const before = introspections()
  t.ok(await see(old.body.access_token))
  t.ok(await see(fresh.access_token))
  const authorization = `Bearer ${fresh.access_token}`
  await app.api('POST', '/logout-all', { headers: { authorization } })
  await eventually('signed out everywhere', async () => (await see(fresh.access_token)) === null, 5000)
  await app.sql`delete from users where email = ${old.email}`
  await eventually('a deleted account', async () => (await see(old.body.access_token)) === null, 5000)
  t.equal(introspections(), before)
  await proxy.refuse()
  t.teardown(() => proxy.restore())
  await eventually('the feed knows that it is behind', async () => !auth.isCaughtUp(), 5000)
  const later = await app.signUp()
  await t.rejects(see(later.body.access_token), ServiceUnavailableError)
  await proxy.restore()
  await eventually('it has caught up', async () => auth.isCaughtUp(), 15_000)
  t.ok(await see(later.body.access_token))
})

t.test('a stronger or more recent authentication is demanded as RFC 9470 says', async (t) => {
  const { body } = await app.signUp()
  const { forge } = await createForge(app, body.access_token)
  const { auth } = open()
  const request = (claims: object) => ({
    headers: new Headers({ authorization: `Bearer ${forge({ claims })}` }),
  })
  const old = Math.floor(Date.now() / 1000) - 400
  t.ok(await auth.authenticate(request({}), { maxAgeSeconds: 300, requireAcr: '1' }))
  t.ok(await auth.authenticate(request({ acr: '2' }), { requireAcr: '2' }))
  const error = await auth
    .authenticate(request({ auth_time: old }), { maxAgeSeconds: 300, requireAcr: '2' })
    .catch((each: unknown) => each)
  if (!(error instanceof StepUpRequiredError)) throw error
  t.equal(
    error.toResponse().headers.get('www-authenticate'),
    'Bearer error="insufficient_user_authentication", error_description="A stronger or more recent authentication is required", acr_values="2", max_age="300"',
  )
  await t.rejects(auth.authenticate(request({ acr: 'high' }), { requireAcr: '2' }), StepUpRequiredError)
})

t.test('the cookie of the service is read, and refused where a foreign page sends it', async (t) => {
  const { email, password } = await app.signUp()
  const headers = { 'session-transport': 'cookie' }
  const signedIn = await app.api('POST', '/login', { body: { email, password }, headers })
  const { auth } = open()
  const plain = cookieHeader(signedIn)
  t.equal(await auth.authenticate({ headers: plain }), null, 'over https any host of the domain could set it')
  // As the service sets it over https.
  const cookie = `${plain.cookie}`.replaceAll('sallyport_access_', '__Host-sallyport_access_')
  t.match(await auth.authenticate({ headers: { cookie } }), { amr: ['pwd'] })
  const post = (more: Record<string, string>) =>
    auth.authenticate({ method: 'POST', headers: { cookie, ...more } })
  t.ok(await post({ 'sec-fetch-site': 'same-origin' }))
  t.ok(await post({ origin: 'https://app.example.com' }))
  for (const foreign of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'https://app.example.com.evil.example' },
  ])
    await t.rejects(post(foreign as unknown as Record<string, string>), CrossSiteRequestError)
})

t.test('the admin API acts as the project', async (t) => {
  const { email } = await app.signUp()
  const { auth } = open()
  const path = { id: app.projectId }
  const { data } = await auth.admin.call('get', '/api/admin/projects/{id}/users', { path, query: { email } })
  t.same(
    data.map((user) => user.email),
    [email],
  )
  t.throws(() => createSallyport({ url: app.url, projectId: app.projectId }).admin, TypeError)
})
