// POST /logout and POST /logout-all, as contracts.md §1 has them.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t)
const me = (answer: Answer) => app.api('GET', '/me', { headers: bearer(answer) })
const refresh = (answer: Answer) =>
  app.api('POST', '/refresh', { body: { refresh_token: answer.body.refresh_token } })
const signIn = (user: { email: string; password: string }, headers: Record<string, string> = {}) =>
  app.api('POST', '/login', { headers, body: { email: user.email, password: user.password } })
const byCookie = { 'session-transport': 'cookie' }
const nameOf = (kind: 'access' | 'refresh') => `sallyport_${kind}_${app.projectId}`

t.test('POST /logout · 200 · the session ends at once, access and refresh token alike', async (t) => {
  const user = await app.signUp()
  const other = await signIn(user)
  const answer = await app.api('POST', '/logout', { headers: bearer(user) })
  t.equal(answer.status, 200)
  t.same(answer.body, { message: 'Logged out.' })
  isProblem(t, await me(user), 'unauthenticated')
  isProblem(t, await refresh(user), 'invalid_refresh_token')
  t.equal((await me(other)).status, 200, 'and no other session')
  t.equal((await refresh(other)).status, 200)
})

t.test('POST /logout · 200 · with an access token from before a refresh', async (t) => {
  const user = await app.signUp()
  const refreshed = await refresh(user)
  t.equal((await app.api('POST', '/logout', { headers: bearer(user) })).status, 200)
  isProblem(t, await me(refreshed), 'unauthenticated')
  isProblem(t, await refresh(refreshed), 'invalid_refresh_token')
})

t.test('POST /logout · 401 · not signed in, or signed out already', async (t) => {
  const answer = await app.api('POST', '/logout')
  isProblem(t, answer, 'unauthenticated')
  const user = await app.signUp()
  await app.api('POST', '/logout', { headers: bearer(user) })
  isProblem(t, await app.api('POST', '/logout', { headers: bearer(user) }), 'unauthenticated')
  isProblem(
    t,
    await app.api('POST', '/logout', { headers: { authorization: 'Bearer x' } }),
    'unauthenticated',
  )
})

t.test('POST /logout-all · 200 · every session of the user ends at once, and nobody else’s', async (t) => {
  const user = await app.signUp()
  const bystander = await app.signUp()
  const sessions = [user, await signIn(user), await signIn(user)]
  const inCookie = await signIn(user, byCookie)
  const answer = await app.api('POST', '/logout-all', { headers: bearer(user) })
  t.equal(answer.status, 200)
  t.same(answer.body, { message: 'Logged out from all sessions.' })
  for (const session of sessions) {
    isProblem(t, await me(session), 'unauthenticated')
    isProblem(t, await refresh(session), 'invalid_refresh_token')
  }
  isProblem(t, await app.api('GET', '/me', { headers: cookieHeader(inCookie) }), 'unauthenticated')
  t.equal((await me(bystander)).status, 200)
  t.equal((await signIn(user)).status, 200, 'the user may come back')
})

t.test('POST /logout-all · 200 · only in this project', async (t) => {
  const other = { 'project-id': (await app.project()).id }
  const user = await app.signUp()
  const body = { email: user.email, password: user.password }
  const there = await app.api('POST', '/signup', { headers: other, body })
  await app.api('POST', '/logout-all', { headers: bearer(user) })
  t.equal((await app.api('GET', '/me', { headers: { ...other, ...bearer(there) } })).status, 200)
})

t.test('POST /logout-all · 401 · not signed in', async (t) => {
  isProblem(t, await app.api('POST', '/logout-all'), 'unauthenticated')
  const user = await app.signUp()
  await app.api('POST', '/logout-all', { headers: bearer(user) })
  isProblem(t, await app.api('POST', '/logout-all', { headers: bearer(user) }), 'unauthenticated')
})

let bodies = 0
for (const path of ['/logout', '/logout-all', '/refresh'])
  t.test(`POST ${path} · accepts no body in each of its forms`, async (t) => {
    const json = 'content-type: application/json'
    const forms: [string, string[], string][] = [
      ['neither length nor type', [], ''],
      ['content-length: 0', ['content-length: 0'], ''],
      ['JSON, empty', [json, 'content-length: 0'], ''],
      [
        'JSON with charset, empty',
        ['content-type: application/json; charset=utf-8', 'content-length: 0'],
        '',
      ],
      ['JSON, no length', [json], ''],
      ['JSON, chunked and empty', [json, 'transfer-encoding: chunked'], '0\r\n\r\n'],
      ['{}', [json], '{}'],
      ['{} with white space', [json], ' {\n} '],
      ['unknown fields', [json], '{"everywhere":true}'],
    ]
    for (const [name, headers, body] of forms) {
      const facts = { email: `body-${++bodies}@example.com`, password: 'a good long password' }
      const { cookie = '' } = cookieHeader(
        await app.api('POST', '/signup', { headers: byCookie, body: facts }),
      )
      const common = [`project-id: ${app.projectId}`, `cookie: ${cookie}`, ...headers]
      const chunked = headers.some((line) => line.startsWith('transfer-encoding'))
      const request = chunked
        ? rawRequest(`POST /api/auth${path}`, common) + body
        : rawRequest(`POST /api/auth${path}`, common, body)
      t.equal((await sendRaw(app.url, request)).status, 200, name)
    }
  })

t.test(
  'POST /logout · 200 · by cookie: the cookies are cleared with the attributes they were set with',
  async (t) => {
    const signedIn = await signIn(await app.signUp(), byCookie)
    const answer = await app.api('POST', '/logout', { headers: cookieHeader(signedIn) })
    t.equal(answer.status, 200)
    t.same(answer.cookies, { [nameOf('access')]: '', [nameOf('refresh')]: '' })
    for (const line of answer.headers.getSetCookie()) {
      t.match(line, /; Path=\//)
      t.match(line, /; HttpOnly/)
      t.match(line, /; SameSite=Lax/)
      t.match(line, /Max-Age=0|Expires=Thu, 01 Jan 1970/)
    }
    isProblem(t, await app.api('GET', '/me', { headers: cookieHeader(signedIn) }), 'unauthenticated')
  },
)

t.test('POST /logout-all · 200 · by cookie: the cookies are cleared', async (t) => {
  const signedIn = await signIn(await app.signUp(), byCookie)
  const answer = await app.api('POST', '/logout-all', { headers: cookieHeader(signedIn) })
  t.same(answer.cookies, { [nameOf('access')]: '', [nameOf('refresh')]: '' })
})

t.test(
  'POST /logout · 200 · with the refresh cookie alone, when the access cookie has expired',
  async (t) => {
    const signedIn = await signIn(await app.signUp(), byCookie)
    const value = signedIn.cookies[nameOf('refresh')]
    const headers = { cookie: `${nameOf('refresh')}=${value}` }
    const answer = await app.api('POST', '/logout', { headers })
    t.equal(answer.status, 200)
    t.same(answer.cookies, { [nameOf('access')]: '', [nameOf('refresh')]: '' })
    isProblem(t, await app.api('GET', '/me', { headers: cookieHeader(signedIn) }), 'unauthenticated')
    isProblem(t, await app.api('POST', '/logout', { headers }), 'unauthenticated')
  },
)

t.test('POST /logout · 401 · a refresh cookie that is none, or too old', async (t) => {
  const signedIn = await signIn(await app.signUp(), byCookie)
  const old = { cookie: `${nameOf('refresh')}=${signedIn.cookies[nameOf('refresh')]}` }
  let cookies = old
  for (let turn = 0; turn < 2; turn++)
    cookies = cookieHeader(await app.api('POST', '/refresh', { headers: cookies })) as typeof old
  isProblem(t, await app.api('POST', '/logout', { headers: old }), 'unauthenticated')
  for (const value of ['', 'x', 'x'.repeat(80)]) {
    const headers = { cookie: `${nameOf('refresh')}=${value}` }
    isProblem(t, await app.api('POST', '/logout', { headers }), 'unauthenticated')
  }
  t.equal((await app.api('GET', '/me', { headers: cookies })).status, 200, 'the session is untouched')
})

t.test('POST /logout-all · 401 · the refresh cookie alone ends no other session', async (t) => {
  const signedIn = await signIn(await app.signUp(), byCookie)
  const headers = { cookie: `${nameOf('refresh')}=${signedIn.cookies[nameOf('refresh')]}` }
  isProblem(t, await app.api('POST', '/logout-all', { headers }), 'unauthenticated')
})

t.test('POST /logout · Authorization and cookie: the session of Authorization ends', async (t) => {
  const user = await app.signUp()
  const inCookie = await signIn(user, byCookie)
  const headers = { ...cookieHeader(inCookie), ...bearer(user) }
  t.equal((await app.api('POST', '/logout', { headers })).status, 200)
  isProblem(t, await me(user), 'unauthenticated')
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(inCookie) })).status, 200)
})
