// PUBLIC_URL with a path: a proxy serves the service below it, and may remove the path or leave it.
import t from 'tap'
import { startTestApp } from '../support/app.ts'

const base = 'https://example.com/auth'
const app = await startTestApp(t, { env: { PUBLIC_URL: `${base}/` } })

t.test('what leads to the service leads below the path', async (t) => {
  const user = await app.signUp()
  const [mail] = await app.mailbox.waitFor(user.email)
  t.ok(mail?.link?.startsWith(`${base}/account/verify-email?`), String(mail?.link))
  const { search } = new URL(mail?.link ?? '')
  const page = await app.send('GET', `/account/verify-email${search}`)
  t.match(page.body, 'action="/auth/account/verify-email"')
  const metadata = await app.send('GET', '/.well-known/openid-configuration')
  t.match(metadata.body, { issuer: base, jwks_uri: `${base}/.well-known/jwks.json` })
  const missing = await app.send('GET', '/api/auth/nothing')
  t.equal(missing.body.type, `${base}/problems/route_not_found`)
  t.equal((await app.send('GET', '/')).headers.get('location'), '/auth/docs')
  for (const name of ['auth', 'nora', 'nodeloom', 'credebl']) {
    const { body } = await app.send('GET', `/openapi/${name}.json`)
    for (const { url } of body.servers) t.match(url, /^\/auth\//)
  }
  const list = await app.send('GET', '/problems')
  t.match(list.body, 'href="problems/not_found"')
})

t.test('a proxy that leaves the path is understood like one that removes it', async (t) => {
  const user = await app.signUp()
  const headers = { authorization: `Bearer ${user.body.access_token}`, 'project-id': app.projectId }
  for (const path of ['/api/auth/me', '/auth/api/auth/me', '/auth/api/auth/me?x=1'])
    t.equal((await app.send('GET', path, { headers })).body.user?.email, user.email, path)
  t.equal((await app.send('GET', '/auth')).status, 302)
  t.equal((await app.send('GET', '/auth?x')).status, 302)
  for (const path of ['/authentic/api/auth/me', '/auth/auth/api/auth/me'])
    t.equal((await app.send('GET', path, { headers })).status, 404, path)
})

t.test('our own origin is that of PUBLIC_URL, without its path', async (t) => {
  const { email, password } = await app.signUp()
  const signIn = (origin: string) =>
    app.api('POST', '/login', {
      headers: { origin, 'session-transport': 'cookie' },
      body: { email, password },
    })
  t.equal((await signIn('https://example.com')).status, 200)
  t.equal((await signIn('https://example.org')).status, 403)
})
