// Policy tokens.issuer: whom access tokens name, who finds the issuer by discovery, and that a change refuses nobody.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { createForge, partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'

const own = { tokens: { issuer: 'project' } }
const app = await startTestApp(t, { policy: own })
const { publicUrl } = app.config
const issuer = `${publicUrl}/projects/${app.projectId}`
const pathOf = (id: string) => `/projects/${id}/.well-known/openid-configuration`

const issOf = (token: string) => partsOf(token)[1].iss
const me = async (token: string) =>
  (await app.api('GET', '/me', { headers: { authorization: `Bearer ${token}` } })).status
const introspect = async (token: string): Promise<Answer['body']> => {
  const headers = { 'project-secret': app.projectSecret }
  return (await app.api('POST', '/introspect', { headers, body: { token } })).body
}

/** What a service does that was told an issuer and nothing else of the installation. */
async function verifyFrom(known: string, token: string, audience = app.projectId) {
  const { body: metadata } = await app.send(
    'GET',
    `${known}/.well-known/openid-configuration`.slice(publicUrl.length),
  )
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
  return jwtVerify(token, keys, { issuer: metadata.issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] })
}

t.test(
  'GET the metadata of a project · 200 · the issuer that its tokens name, and the keys of all',
  async (t) => {
    const { status, headers, body } = await app.send('GET', pathOf(app.projectId))
    t.equal(status, 200)
    t.equal(headers.get('cache-control'), 'public, max-age=300')
    const { body: installation } = await app.send('GET', '/.well-known/openid-configuration')
    t.equal(installation.issuer, publicUrl)
    t.same(body, { ...installation, issuer })
  },
)

t.test(
  'GET /.well-known/oauth-authorization-server · 200 · as RFC 8414 has it, for both issuers',
  async (t) => {
    const path = '/.well-known/oauth-authorization-server'
    const { status, headers, body } = await app.send('GET', path)
    t.equal(status, 200)
    t.equal(headers.get('cache-control'), 'public, max-age=300')
    t.equal(headers.get('access-control-allow-origin'), '*')
    t.same(body, {
      issuer: publicUrl,
      jwks_uri: `${publicUrl}/.well-known/jwks.json`,
      response_types_supported: ['none'],
      introspection_endpoint: `${publicUrl}/api/auth/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      service_documentation: `${publicUrl}/docs`,
    })
    const { body: openid } = await app.send('GET', '/.well-known/openid-configuration')
    t.match(openid, body, 'says the same as the other one')
    // §3.1: the well-known part comes before the path of the issuer.
    const own = await app.send('GET', `${path}/projects/${app.projectId}`)
    t.same(own.body, { ...body, issuer })
    t.equal(own.headers.get('access-control-allow-origin'), '*')
    const preflight = await app.send('OPTIONS', `${path}/projects/${app.projectId}`)
    t.equal(preflight.status, 204)
    const silent = await app.project()
    for (const id of [silent.id, 'x', '00000000-0000-4000-8000-000000000000'])
      isProblem(t, await app.send('GET', `${path}/projects/${id}`), 'route_not_found')
  },
)

t.test(
  'below a path, the metadata is where RFC 8414 looks, and where a proxy without the path asks',
  async (t) => {
    const env = { PUBLIC_URL: 'https://example.com/sso' }
    const below = await startTestApp(t, { policy: own, env })
    const metadata = '/.well-known/oauth-authorization-server'
    for (const path of [metadata, `${metadata}/sso`, `/sso${metadata}`])
      t.equal((await below.send('GET', path)).body.issuer, 'https://example.com/sso', path)
    for (const path of [
      `${metadata}/sso/projects/${below.projectId}`,
      `/sso${metadata}/projects/${below.projectId}`,
    ])
      t.equal(
        (await below.send('GET', path)).body.issuer,
        `https://example.com/sso/projects/${below.projectId}`,
      )
  },
)

t.test('a token is verified by its issuer alone, and the issuers of other projects refuse it', async (t) => {
  const { body } = await app.signUp()
  t.equal(issOf(body.access_token), issuer)
  const { payload } = await verifyFrom(issuer, body.access_token)
  t.equal(payload.sub, body.user.uuid)
  const other = await app.project(own)
  await t.rejects(verifyFrom(`${publicUrl}/projects/${other.id}`, body.access_token), /"iss"/)
  await t.rejects(verifyFrom(publicUrl, body.access_token), /"iss"/)
  const { body: plain } = await app.api('POST', '/signup', {
    headers: { 'project-id': (await app.project()).id },
    body: { email: 'plain@example.com', password: 'a good long password' },
  })
  t.equal(
    issOf(plain.access_token),
    publicUrl,
    'a project that was told nothing is issued for by the installation',
  )
  await t.rejects(
    verifyFrom(issuer, plain.access_token, partsOf(plain.access_token)[1].aud as string),
    /"iss"/,
  )
})

t.test('every way to a token prints the same issuer: refresh, cookie, other products’ clients', async (t) => {
  const { email, password, body } = await app.signUp()
  const credentials = { email, password }
  const refreshed = await app.api('POST', '/refresh', { body: { refresh_token: body.refresh_token } })
  const headers = { 'session-transport': 'cookie' }
  const byCookie = await app.api('POST', '/login', { headers, body: credentials })
  const nora = await app.send('POST', '/nora/auth/login', { body: credentials })
  const credebl = await app.send('POST', '/credebl/auth/signin', { body: credentials })
  const nodeloom = await app.send('POST', '/nodeloom/api/auth/login', { body: credentials })
  const printed = [
    refreshed.body.access_token,
    Object.values(byCookie.cookies).find((value) => value.split('.').length === 3),
    nora.body.token,
    credebl.body.data.access_token,
    nodeloom.cookies.nodeloom_session,
  ]
  t.same(printed.map(issOf), Array(5).fill(issuer))
  t.same(await Promise.all(printed.map(me)), Array(5).fill(200))
})

t.test('changing the policy, either way, refuses no living token, seen before or not', async (t) => {
  const { email, password, body } = await app.signUp()
  const login = async (): Promise<string> =>
    (await app.api('POST', '/login', { body: { email, password } })).body.access_token
  const seen: string = body.access_token
  const unseen = await login()
  t.equal(await me(seen), 200)
  await app.setPolicy({})
  const [plain, later] = [await login(), await login()]
  t.same([seen, unseen, plain, later].map(issOf), [issuer, issuer, publicUrl, publicUrl])
  for (const token of [seen, unseen, plain]) t.equal(await me(token), 200)
  await app.setPolicy(own)
  for (const token of [seen, unseen, plain, later]) {
    t.equal(await me(token), 200)
    t.equal((await introspect(token)).iss, issOf(token), 'introspection says what the token says')
  }
})

t.test('POST /introspect · an API key is of the issuer of now', async (t) => {
  const who = await app.signUp()
  const { body: key } = await app.api('POST', '/api-keys', { headers: bearer(who), body: { name: 'one' } })
  t.equal((await introspect(key.plain_text_key)).iss, issuer)
  await app.setPolicy({})
  t.equal((await introspect(key.plain_text_key)).iss, publicUrl)
  await app.setPolicy(own)
})

t.test('a token with our signature and another issuer is refused', async (t) => {
  const { body } = await app.signUp()
  const { forge } = await createForge(app, body.access_token)
  const other = await app.project(own)
  t.equal(await me(forge({ claims: { iss: issuer } })), 200, 'so each change below counts')
  t.equal(await me(forge({ claims: { iss: publicUrl } })), 200)
  for (const claims of [
    { iss: `${publicUrl}/projects/${other.id}` },
    { iss: `${publicUrl}/projects/${other.id}`, aud: other.id },
    { iss: `${publicUrl}/projects/` },
    { iss: `${publicUrl}/projects/${app.projectId.toUpperCase()}` },
    { iss: `${issuer}/` },
    { iss: `${publicUrl}/` },
    { iss: '' },
    { iss: null },
    { iss: undefined },
    { iss: 7 },
    { iss: true },
    { iss: [issuer] },
    { iss: [publicUrl] },
    { iss: { issuer } },
    { iss: issuer, aud: [app.projectId] },
    { iss: `${publicUrl}/projects/undefined`, aud: undefined },
  ]) {
    const token = forge({ claims })
    t.equal(await me(token), 401, JSON.stringify(claims))
    t.same(await introspect(token), { active: false }, JSON.stringify(claims))
  }
})

t.test(
  'GET the metadata of a project · 404 · the same where there is none and where it issues nothing',
  async (t) => {
    const silent = await app.project()
    const refused = async (id: string) => {
      const answer = await app.send('GET', pathOf(id))
      isProblem(t, answer, 'route_not_found')
      const { request_id, ...said } = answer.body
      const headers: Record<string, string> = {}
      answer.headers.forEach((value, name) => {
        if (!['date', 'x-request-id', 'content-length'].includes(name)) headers[name] = value
      })
      return { said, headers }
    }
    const missing = await refused('00000000-0000-4000-8000-000000000000')
    t.equal(missing.headers['cache-control'], 'no-store')
    for (const id of [silent.id, 'x', '%00', '..%2f..', '%F0%9F%94%91', 'x'.repeat(500)])
      t.same(await refused(id), missing, id)
    // The path says which project, and nothing else does.
    const elsewhere = await app.send('GET', pathOf(silent.id), { headers: { 'project-id': app.projectId } })
    isProblem(t, elsewhere, 'route_not_found')
    const here = await app.send('GET', pathOf(app.projectId), { headers: { 'project-id': silent.id } })
    t.equal(here.body.issuer, issuer)
  },
)

t.test('GET the metadata of a project · 429 · counted with what else is read', async (t) => {
  const { id } = await app.project({ ...own, limits: { read: { max: 2, window_seconds: 60 } } })
  for (let left = 1; left >= 0; left--) {
    const { status, headers } = await app.send('GET', pathOf(id))
    t.equal(status, 200)
    t.match(headers.get('ratelimit'), new RegExp(`^"read";r=${left};`))
  }
  isProblem(t, await app.send('GET', pathOf(id)), 'rate_limited')
})
