// The cookie strategy: tokens in HttpOnly cookies and never in a body, and no foreign page that rides on them.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp, type TestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const friend = 'https://app.example.com'
const app = await startTestApp(t, { policy: { origins: [friend] } })
const byCookie = { 'session-transport': 'cookie' }
const password = 'a good long password'
let count = 0

type Headers = Record<string, string>

/** A fresh user who signed up in cookie mode. */
async function signUp(headers: Headers = {}, on: TestApp = app): Promise<Answer & { email: string }> {
  const email = `cookie-${++count}@example.com`
  const answer = await on.api('POST', '/signup', {
    headers: { ...byCookie, ...headers },
    body: { email, password },
  })
  return { ...answer, email }
}
const post = (path: string, headers: Headers, body?: unknown) => app.api('POST', path, { headers, body })
const nameOf = (kind: 'access' | 'refresh', project = app.projectId) => `sallyport_${kind}_${project}`
const bodyKeys = ['expires_at', 'expires_in', 'refresh_token_expires_at', 'user']

/** Every Set-Cookie of an answer, as name, value and sorted attributes. */
function setCookies(answer: { headers: globalThis.Headers }) {
  return answer.headers.getSetCookie().map((line) => {
    const [pair = '', ...attributes] = line.split('; ')
    const at = pair.indexOf('=')
    return { name: pair.slice(0, at), value: pair.slice(at + 1), attributes: attributes.sort() }
  })
}

t.test(
  'session-transport: cookie · sign-up, sign-in and refresh keep the tokens out of the body',
  async (t) => {
    const signedUp = await signUp()
    const { email } = signedUp
    const signedIn = await post('/login', byCookie, { email, password })
    const refreshed = await post('/refresh', cookieHeader(signedIn))
    for (const [answer, status] of [
      [signedUp, 201],
      [signedIn, 200],
      [refreshed, 200],
    ] as const) {
      t.equal(answer.status, status)
      t.same(Object.keys(answer.body).sort(), bodyKeys)
      t.same(Object.keys(answer.cookies), [nameOf('access'), nameOf('refresh')])
      const text = JSON.stringify(answer.body)
      for (const value of Object.values(answer.cookies)) t.notOk(text.includes(value))
      t.equal((await app.api('GET', '/me', { headers: cookieHeader(answer) })).body.user.email, email)
    }
  },
)

t.test('session-transport: bearer, and no session-transport, set no cookie', async (t) => {
  const { email } = await signUp()
  for (const headers of [{ 'session-transport': 'bearer' }, {}] as Headers[]) {
    const answer = await post('/login', headers, { email, password })
    t.same(answer.headers.getSetCookie(), [])
    t.ok(answer.body.access_token)
    t.same(
      (await post('/refresh', {}, { refresh_token: answer.body.refresh_token })).headers.getSetCookie(),
      [],
    )
  }
})

t.test(
  'the cookies are HttpOnly, SameSite=Lax, for the whole host, and live as long as what they hold',
  async (t) => {
    const answer = await signUp()
    const [access, refresh] = setCookies(answer)
    t.same(access?.attributes, ['HttpOnly', 'Max-Age=900', 'Path=/', 'SameSite=Lax'])
    t.same(refresh?.attributes, ['HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=Lax'])
    t.equal(access?.name, nameOf('access'))
    t.equal(refresh?.name, nameOf('refresh'))
    t.match(access?.value, /^[\w-]+\.[\w-]+\.[\w-]+$/)
    t.match(refresh?.value, /^srt_[\w-]{40,}$/)
  },
)

t.test('COOKIE_SECURE=true · the cookies are Secure and carry the prefix __Host-', async (t) => {
  const secure = await startTestApp(t, { env: { COOKIE_SECURE: 'true' } })
  const answer = await signUp({}, secure)
  const cookies = setCookies(answer)
  t.same(
    cookies.map(({ name }) => name),
    ['access', 'refresh'].map((kind) => `__Host-sallyport_${kind}_${secure.projectId}`),
  )
  for (const { attributes } of cookies) {
    t.ok(attributes.includes('Secure'))
    t.ok(attributes.includes('Path=/'))
    t.notOk(attributes.some((attribute) => attribute.startsWith('Domain')))
  }
  t.equal((await secure.api('GET', '/me', { headers: cookieHeader(answer) })).status, 200)
  const bare = { cookie: cookieHeader(answer).cookie?.replaceAll('__Host-', '') ?? '' }
  isProblem(t, await secure.api('GET', '/me', { headers: bare }), 'unauthenticated')
  const away = await secure.api('POST', '/logout', { headers: cookieHeader(answer) })
  for (const { name, value, attributes } of setCookies(away)) {
    t.match(name, /^__Host-/)
    t.equal(value, '')
    t.ok(attributes.includes('Secure'), 'or a browser would not clear it')
  }
})

t.test(
  'POST /refresh · by cookie: both cookies are replaced, and a replay converges on the same refresh cookie',
  async (t) => {
    const signedUp = await signUp()
    const first = await post('/refresh', cookieHeader(signedUp))
    const replay = await post('/refresh', cookieHeader(signedUp))
    t.not(first.cookies[nameOf('refresh')], signedUp.cookies[nameOf('refresh')])
    t.equal(replay.cookies[nameOf('refresh')], first.cookies[nameOf('refresh')])
    t.equal((await post('/refresh', cookieHeader(first))).status, 200)
  },
)

t.test('POST /refresh · by the refresh cookie alone, when the access cookie has expired', async (t) => {
  const { cookies } = await signUp()
  const answer = await post('/refresh', { cookie: `${nameOf('refresh')}=${cookies[nameOf('refresh')]}` })
  t.equal(answer.status, 200)
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(answer) })).status, 200)
})

t.test('POST /refresh · a token in the body wins over the cookie, and is answered in the body', async (t) => {
  const inCookie = await signUp()
  const inBody = await app.signUp()
  const answer = await post('/refresh', cookieHeader(inCookie), { refresh_token: inBody.body.refresh_token })
  t.equal(answer.body.user.email, inBody.email)
  t.ok(answer.body.refresh_token)
  t.same(answer.headers.getSetCookie(), [])
})

t.test('POST /refresh · 401 · in cookie mode without the cookie, or with one that is none', async (t) => {
  isProblem(t, await post('/refresh', byCookie), 'invalid_refresh_token')
  const headers = { cookie: `${nameOf('refresh')}=${'x'.repeat(60)}` }
  isProblem(t, await post('/refresh', headers), 'invalid_refresh_token')
})

t.test('the access cookie is no refresh token, nor the other way round', async (t) => {
  const { cookies } = await signUp()
  const swapped = {
    cookie: `${nameOf('access')}=${cookies[nameOf('refresh')]}; ${nameOf('refresh')}=${cookies[nameOf('access')]}`,
  }
  isProblem(t, await app.api('GET', '/me', { headers: swapped }), 'unauthenticated')
  isProblem(t, await post('/refresh', swapped), 'invalid_refresh_token')
})

t.test('an access token from a cookie is as good in Authorization', async (t) => {
  const { cookies } = await signUp()
  const headers = { authorization: `Bearer ${cookies[nameOf('access')]}` }
  t.equal((await app.api('GET', '/me', { headers })).status, 200)
})

t.test('the cookies of two projects live side by side', async (t) => {
  const other = await app.project()
  const there = { 'project-id': other.id }
  const [a, b] = [await signUp(), await signUp(there)]
  const both = { cookie: `${cookieHeader(a).cookie}; ${cookieHeader(b).cookie}` }
  t.equal((await app.api('GET', '/me', { headers: both })).body.user.email, a.email)
  t.equal((await app.api('GET', '/me', { headers: { ...both, ...there } })).body.user.email, b.email)
  await post('/logout', both)
  isProblem(t, await app.api('GET', '/me', { headers: both }), 'unauthenticated')
  t.equal((await app.api('GET', '/me', { headers: { ...both, ...there } })).body.user.email, b.email)
})

t.test('a cookie of one project under the name of another is refused there', async (t) => {
  const other = await app.project()
  const { cookies } = await signUp()
  const headers = {
    'project-id': other.id,
    cookie: (['access', 'refresh'] as const)
      .map((kind) => `${nameOf(kind, other.id)}=${cookies[nameOf(kind)]}`)
      .join('; '),
  }
  isProblem(t, await app.api('GET', '/me', { headers }), 'unauthenticated')
  isProblem(t, await post('/refresh', headers), 'invalid_refresh_token')
  isProblem(t, await post('/logout', headers), 'unauthenticated')
})

/** What a browser says of where a request comes from, and whether a cookie may travel with it. */
const origins: [string, Headers, boolean][] = [
  ['no word at all, as from curl', {}, true],
  ['the same origin', { 'sec-fetch-site': 'same-origin' }, true],
  ['the address bar', { 'sec-fetch-site': 'none' }, true],
  ['another site', { 'sec-fetch-site': 'cross-site' }, false],
  ['another site, which hides its Origin', { 'sec-fetch-site': 'cross-site', origin: 'null' }, false],
  ['a sibling host', { 'sec-fetch-site': 'same-site' }, false],
  ['a word nobody defined', { 'sec-fetch-site': 'friendly' }, false],
  ['a foreign Origin', { origin: 'https://evil.example' }, false],
  ['an Origin that is none', { origin: 'null' }, false],
  ['an Origin that no URL has', { origin: 'x' }, false],
  ['an allowed Origin', { origin: friend }, true],
  ['an allowed Origin, from another site', { origin: friend, 'sec-fetch-site': 'cross-site' }, true],
  ['an allowed Origin, from a sibling host', { origin: friend, 'sec-fetch-site': 'same-site' }, true],
  ['an allowed Origin but for its port', { origin: `${friend}:8443` }, false],
  ['an allowed Origin but for its scheme', { origin: friend.replace('https', 'http') }, false],
  ['an allowed Origin as a part of another', { origin: `${friend}.evil.example` }, false],
  ['an allowed Origin with a slash', { origin: `${friend}/` }, false],
  ['our own Origin, from a browser without Sec-Fetch-Site', { origin: app.url }, true],
  ['our own Origin, and yet another site', { origin: app.url, 'sec-fetch-site': 'cross-site' }, false],
]

t.test('CSRF · an unsafe request with a session cookie must be vouched for', async (t) => {
  let cookie = cookieHeader(await signUp())
  for (const [name, headers, allowed] of origins) {
    const answer = await post('/logout', { ...cookie, ...headers })
    t.equal(answer.status, allowed ? 200 : 403, name)
    if (allowed) {
      cookie = cookieHeader(await signUp())
      continue
    }
    isProblem(t, answer, 'cross_site_request')
    t.same(answer.headers.getSetCookie(), [])
    t.equal((await app.api('GET', '/me', { headers: cookie })).status, 200, 'and nothing was changed')
  }
})

t.test('CSRF · each route that changes something is guarded, by either cookie', async (t) => {
  const { cookies } = await signUp()
  const crossSite = { 'sec-fetch-site': 'cross-site' }
  const change = { current_password: password, new_password: 'another good password' }
  for (const kind of ['access', 'refresh'] as const) {
    const headers = { ...crossSite, cookie: `${nameOf(kind)}=${cookies[nameOf(kind)]}` }
    for (const [path, body] of [
      ['/refresh', undefined],
      ['/change-password', change],
      ['/logout', undefined],
      ['/logout-all', undefined],
      ['/login', { email: 'ada@example.com', password }],
      ['/signup', { email: 'ada@example.com', password }],
    ] as const)
      isProblem(t, await post(path, headers, body), 'cross_site_request')
  }
})

t.test('CSRF · login CSRF: no foreign page plants a session of its choosing', async (t) => {
  const { email } = await signUp()
  for (const [name, headers, allowed] of origins) {
    const answer = await post('/login', { ...byCookie, ...headers }, { email, password })
    t.equal(answer.status, allowed ? 200 : 403, name)
    t.equal(answer.headers.getSetCookie().length, allowed ? 2 : 0)
  }
  const body = { email: `cookie-${++count}@example.com`, password }
  isProblem(
    t,
    await post('/signup', { ...byCookie, 'sec-fetch-site': 'cross-site' }, body),
    'cross_site_request',
  )
})

t.test('CSRF · a bearer token is never sent by a browser on its own, so it is not checked', async (t) => {
  const user = await app.signUp()
  const headers = { ...bearer(user), ...cookieHeader(await signUp()), 'sec-fetch-site': 'cross-site' }
  t.equal((await post('/logout', headers)).status, 200)
  const signIn = { email: user.email, password: user.password }
  t.equal((await post('/login', { 'sec-fetch-site': 'cross-site' }, signIn)).status, 200)
})

t.test('CSRF · GET changes nothing and is not checked', async (t) => {
  const cookie = cookieHeader(await signUp())
  for (const [name, headers] of origins)
    t.equal((await app.api('GET', '/me', { headers: { ...cookie, ...headers } })).status, 200, name)
})

t.test('CSRF · bodies are JSON: what a form can send is refused before it is read', async (t) => {
  const { email, ...signedUp } = await signUp()
  const body = JSON.stringify({ email, password })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const headers = { ...byCookie, 'content-type': type }
    isProblem(t, await app.api('POST', '/login', { headers, body }), 'unsupported_media_type')
    const leaving = { ...cookieHeader(signedUp), 'content-type': type }
    isProblem(t, await app.api('POST', '/logout', { headers: leaving, body: '{}' }), 'unsupported_media_type')
  }
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(signedUp) })).status, 200)
})

t.test('a cookie that is sent twice, or among others, or oddly, breaks nothing', async (t) => {
  const { cookies, email } = await signUp()
  const good = `${nameOf('access')}=${cookies[nameOf('access')]}`
  const me = async (...lines: string[]) => {
    const headers = [`project-id: ${app.projectId}`, ...lines.map((line) => `cookie: ${line}`)]
    return sendRaw(app.url, rawRequest('GET /api/auth/me', headers))
  }
  t.equal((await me(`theme=dark; ${good}; lang=en`)).body.user.email, email)
  t.equal((await me('theme=dark', good)).body.user.email, email)
  t.equal((await me(`=; ;; a; b=%zz; ${good}`)).body.user.email, email)
  isProblem(t, await me(`${nameOf('access')}=%zz`), 'unauthenticated')
  isProblem(t, await me(`${nameOf('access')}="${'x'.repeat(3000)}"`), 'unauthenticated')
  isProblem(t, await me(`__proto__=x; constructor=y`), 'unauthenticated')
})

t.test('CSRF · our own pages work behind a proxy that rewrites Host, or writes out its port', async (t) => {
  const own = 'https://auth.example.com'
  const behind = await startTestApp(t, { env: { PUBLIC_URL: own } })
  const email = `cookie-${++count}@example.com`
  await behind.api('POST', '/signup', { body: { email, password } })
  const signIn = async (lines: readonly string[]) => {
    const body = JSON.stringify({ email, password })
    const head = ['content-type: application/json', 'session-transport: cookie']
    const request = rawRequest(
      'POST /api/auth/login',
      [`project-id: ${behind.projectId}`, ...head, ...lines],
      body,
    )
    return request
  }
  for (const host of [
    'sallyport:3000',
    'auth.example.com:443',
    '127.0.0.1',

    'auth.example.com:80',
  ])
    for (const [lines, status] of [
      [[`origin: ${own}`], 200],
      [['sec-fetch-site: same-origin', `origin: ${own}`], 200],
      [[], 200],
      [[`origin: http://${host.toLowerCase()}`], 403],
      [[`origin: https://${host.toLowerCase()}`], 403],
      [[`origin: ${own}.evil.example`], 403],
      [['origin: http://auth.example.com'], 403],
      [['sec-fetch-site: cross-site', `origin: https://${host}`], 403],
    ] as const) {
      const request = (await signIn(lines)).replace('host: 127.0.0.1', `host: ${host}`)
      const answer = await sendRaw(behind.url, request)
      t.equal(answer.status, status, `${host}: ${lines.join(', ')}`)
    }
  const told = behind.logs.filter(({ msg }) => String(msg).includes('set PUBLIC_URL'))
  t.ok(told.length > 0, 'the operator is told what to set')
  t.equal(new Set(told.map(({ origin }) => origin)).size, told.length, 'once for each origin')
})

t.test(
  'cookies.same_site none · for pages of another site: None, Secure and Partitioned, set and cleared',
  async (t) => {
    const { id } = await app.project({ origins: [friend], cookies: { same_site: 'none' } })
    const there = { 'project-id': id, origin: friend, 'sec-fetch-site': 'cross-site' }
    const signedUp = await signUp(there)
    t.equal(signedUp.status, 201)
    const crossSite = ['HttpOnly', 'Partitioned', 'Path=/', 'SameSite=None', 'Secure']
    for (const { attributes } of setCookies(signedUp))
      t.same(
        attributes.filter((one) => !one.startsWith('Max-Age')),
        crossSite,
      )
    const headers = { ...there, ...cookieHeader(signedUp) }
    t.equal((await app.api('GET', '/me', { headers })).body.user.email, signedUp.email)
    const refreshed = await post('/refresh', headers)
    t.equal(refreshed.status, 200)
    const left = await post('/logout', { ...there, ...cookieHeader(refreshed) })
    for (const { value, attributes } of setCookies(left)) {
      t.equal(value, '')
      for (const one of crossSite) t.ok(attributes.includes(one), one)
    }
    const evil = { ...headers, origin: 'https://evil.example' }
    isProblem(t, await post('/logout', evil), 'cross_site_request')
  },
)

t.test(
  'a foreign Authorization changes nothing: the cookie is used, and cross-site requests are refused',
  async (t) => {
    const foreign = { authorization: 'Basic YTpi' }
    const crossSite = { 'sec-fetch-site': 'cross-site' }
    const signedUp = await signUp()
    const cookie = cookieHeader(signedUp)
    t.equal((await app.api('GET', '/me', { headers: { ...cookie, ...foreign } })).status, 200)
    isProblem(t, await post('/refresh', { ...cookie, ...foreign, ...crossSite }), 'cross_site_request')
    const refreshed = await post('/refresh', { ...cookie, ...foreign })
    t.equal(refreshed.status, 200)
    const away = await post('/logout', { ...cookieHeader(refreshed), ...foreign })
    t.equal(away.status, 200)
    isProblem(t, await app.api('GET', '/me', { headers: cookieHeader(refreshed) }), 'unauthenticated')
  },
)

t.test(
  'a bearer token, good or not, leaves the cookies alone: no refresh, no sign-out by them',
  async (t) => {
    const signedUp = await signUp()
    const cookie = cookieHeader(signedUp)
    const other = await app.signUp()
    for (const headers of [{ authorization: 'Bearer x' }, { authorization: 'Bearer' }, bearer(other)]) {
      isProblem(t, await post('/refresh', { ...cookie, ...headers }), 'validation_failed', ['refresh_token'])
      isProblem(t, await post('/refresh', { ...cookie, ...headers, ...byCookie }), 'invalid_refresh_token')
    }
    isProblem(t, await post('/logout', { ...cookie, authorization: 'Bearer x' }), 'unauthenticated')
    t.equal((await app.api('GET', '/me', { headers: cookie })).status, 200)
  },
)

t.test('a second sign-in in one browser ends the session whose cookies it replaces', async (t) => {
  const first = await signUp()
  const rival = await signUp()
  const body = { email: rival.email, password }
  isProblem(
    t,
    await post('/login', { ...byCookie, ...cookieHeader(first) }, { ...body, password: 'wrong' }),
    'invalid_credentials',
  )
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(first) })).status, 200, 'not by a failed one')
  const second = await post('/login', { ...byCookie, ...cookieHeader(first) }, body)
  t.equal(second.status, 200)
  isProblem(t, await app.api('GET', '/me', { headers: cookieHeader(first) }), 'unauthenticated')
  const inBody = await post('/login', cookieHeader(second), body)
  t.equal(inBody.status, 200)
  t.equal(
    (await app.api('GET', '/me', { headers: cookieHeader(second) })).status,
    200,
    'bearer replaces none',
  )
  const third = await signUp(cookieHeader(second))
  isProblem(t, await app.api('GET', '/me', { headers: cookieHeader(second) }), 'unauthenticated')
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(third) })).status, 200)
})

t.test(
  'NodeLoom · a second login in one browser ends the session of the cookie that it replaces',
  async (t) => {
    const { email } = await signUp()
    const login = (headers: Headers) =>
      app.send('POST', '/nodeloom/api/auth/login', { headers, body: { email, password } })
    const first = await login({})
    const second = await login(cookieHeader(first))
    const refresh = (answer: Answer) =>
      app.send('POST', '/nodeloom/api/auth/refresh', { headers: cookieHeader(answer) })
    t.equal((await refresh(first)).status, 401)
    t.equal((await refresh(second)).status, 200)
  },
)

t.test('signing out by cookie clears what the browser cached; by bearer it has cached nothing', async (t) => {
  for (const path of ['/logout', '/logout-all']) {
    const away = await post(path, cookieHeader(await signUp()))
    t.equal(away.headers.get('clear-site-data'), '"cache"', path)
    const { ...user } = await app.signUp()
    t.equal((await post(path, bearer(user))).headers.get('clear-site-data'), null)
  }
})
