// POST /change-password, as contracts.md §1 has it.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const next = 'another good password'

const change = (headers: Record<string, string>, body: unknown) =>
  app.api('POST', '/change-password', { headers, body })
const signIn = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })
const me = (answer: Answer) => app.api('GET', '/me', { headers: bearer(answer) })
const refresh = (answer: Answer) =>
  app.api('POST', '/refresh', { body: { refresh_token: answer.body.refresh_token } })

t.test('POST /change-password · 200 · the new password signs in and the old one does not', async (t) => {
  const { email, password, ...here } = await app.signUp()
  const answer = await change(bearer(here), { current_password: password, new_password: next })
  t.equal(answer.status, 200)
  t.equal(answer.body.message, 'Password updated.')
  t.equal((await signIn(email, next)).status, 200)
  isProblem(t, await signIn(email, password), 'invalid_credentials')
})

t.test('POST /change-password · 200 · every other session ends at once, the caller’s goes on', async (t) => {
  const { email, password, ...first } = await app.signUp()
  const second = await signIn(email, password)
  const here = await signIn(email, password)
  const changed = await change(bearer(here), { current_password: password, new_password: next })
  for (const other of [first, second, here]) {
    isProblem(t, await me(other), 'unauthenticated')
    isProblem(t, await refresh(other), 'invalid_refresh_token')
  }
  t.equal((await me(changed)).status, 200, 'by the new tokens of the answer')
  const refreshed = await refresh(changed)
  t.equal(refreshed.status, 200)
  t.equal((await me(refreshed)).status, 200)
})

t.test('POST /change-password · 200 · twice in a row from one session', async (t) => {
  const { password, ...here } = await app.signUp()
  const once = await change(bearer(here), { current_password: password, new_password: next })
  t.equal(once.status, 200)
  t.equal((await change(bearer(once), { current_password: next, new_password: password })).status, 200)
})

t.test(
  'POST /change-password · 200 · by cookie: the cookies are replaced, and the former ones are dead',
  async (t) => {
    const { email, password } = await app.signUp()
    const signedIn = await app.api('POST', '/login', {
      headers: { 'session-transport': 'cookie' },
      body: { email, password },
    })
    const cookie = cookieHeader(signedIn)
    const answer = await change(cookie, { current_password: password, new_password: next })
    t.equal(answer.status, 200)
    t.same(Object.keys(answer.cookies), Object.keys(signedIn.cookies))
    t.same(Object.keys(answer.body).sort(), [
      'expires_at',
      'expires_in',
      'message',
      'refresh_token_expires_at',
      'user',
    ])
    t.equal((await app.api('GET', '/me', { headers: cookie })).status, 401)
    t.equal((await app.api('POST', '/refresh', { headers: cookie })).status, 401)
    t.equal((await app.api('GET', '/me', { headers: cookieHeader(answer) })).status, 200)
  },
)

t.test('POST /change-password · 401 · not signed in, or no longer', async (t) => {
  const { email, password, ...here } = await app.signUp()
  const body = { current_password: password, new_password: next }
  const answer = await change({}, body)
  isProblem(t, answer, 'unauthenticated')
  isProblem(t, await change({ authorization: 'Bearer x' }, body), 'unauthenticated')
  await app.api('POST', '/logout', { headers: bearer(here) })
  isProblem(t, await change(bearer(here), body), 'unauthenticated')
  isProblem(t, await change({}, {}), 'unauthenticated')
  t.equal((await signIn(email, password)).status, 200)
})

t.test('POST /change-password · 422 · a wrong current password is named, and nothing changes', async (t) => {
  const { email, password, ...here } = await app.signUp()
  const other = await signIn(email, password)
  for (const wrong of ['a wrong password', ` ${password}`, next]) {
    const answer = await change(bearer(here), { current_password: wrong, new_password: next })
    isProblem(t, answer, 'validation_failed', ['current_password'])
    t.same(answer.body.errors.current_password, ['The current password is incorrect.'])
  }
  t.equal((await signIn(email, password)).status, 200)
  t.equal((await me(other)).status, 200)
})

t.test('POST /change-password · 422 · the new password has 8 to 255 characters', async (t) => {
  const { password, ...here } = await app.signUp()
  for (const new_password of ['', 'short12', 'x'.repeat(256), 12345678, null, ['12345678']])
    isProblem(
      t,
      await change(bearer(here), { current_password: password, new_password }),
      'validation_failed',
      ['new_password'],
    )
  const longest = '😀'.repeat(255)
  t.equal((await change(bearer(here), { current_password: password, new_password: longest })).status, 200)
})

t.test('POST /change-password · 422 · the new password must differ from the current one', async (t) => {
  const { email, ...here } = await app.signUp({ password: 'Pa\u00dfwo\u0308rter' })
  for (const same of ['Pa\u00dfwo\u0308rter', 'Pa\u00dfw\u00f6rter']) {
    const answer = await change(bearer(here), { current_password: here.password, new_password: same })
    isProblem(t, answer, 'validation_failed', ['new_password'])
  }
  t.equal((await me(here)).status, 200)
})

t.test('POST /change-password · 422 · missing and mistyped fields are named', async (t) => {
  const { ...here } = await app.signUp()
  isProblem(t, await change(bearer(here), {}), 'validation_failed', ['current_password', 'new_password'])
  isProblem(t, await change(bearer(here), { current_password: 1, new_password: true }), 'validation_failed', [
    'current_password',
    'new_password',
  ])
})

t.test('POST /change-password · 429 · wrong current passwords count like failed sign-ins', async (t) => {
  const { email, password, ...here } = await app.signUp()
  const wrong = () => change(bearer(here), { current_password: 'a wrong password', new_password: next })
  for (let tries = 0; tries < 5; tries++)
    isProblem(t, await wrong(), 'validation_failed', ['current_password'])
  isProblem(t, await wrong(), 'too_many_attempts')
  isProblem(
    t,
    await change(bearer(here), { current_password: password, new_password: next }),
    'too_many_attempts',
  )
  isProblem(t, await signIn(email, password), 'too_many_attempts')
  t.equal((await me(here)).status, 200, 'who is signed in stays so')
})

t.test('POST /change-password · an account without a password cannot be given one here', async (t) => {
  const { email, password, ...here } = await app.signUp()
  await app.sql`update users set password_hash = null where email = ${email}`
  isProblem(
    t,
    await change(bearer(here), { current_password: password, new_password: next }),
    'validation_failed',
    ['current_password'],
  )
})

t.test(
  'POST /change-password · a session of another API keeps its tokens and gets none of ours',
  async (t) => {
    const { email, password } = await app.signUp()
    const nora = await app.send('POST', '/nora/auth/login', { body: { email, password } })
    const headers = { authorization: `Bearer ${nora.body.token}` }
    const answer = await change(headers, { current_password: password, new_password: next })
    t.equal(answer.status, 200)
    t.same(answer.body, { message: 'Password updated.' })
    t.equal((await app.send('GET', '/nora/auth/me', { headers })).status, 200)
  },
)

t.test(
  'POST /change-password · a former refresh token that comes late ends the session, as reuse',
  async (t) => {
    const { password, ...here } = await app.signUp()
    const changed = await change(bearer(here), { current_password: password, new_password: next })
    isProblem(t, await refresh(here), 'invalid_refresh_token')
    t.equal((await me(changed)).status, 200, 'within the grace it is refused, and nothing else')
    await app.sql`update sessions set rotated_at = now() - interval '1 hour' where user_id = ${here.body.user.id}`
    isProblem(t, await refresh(here), 'invalid_refresh_token')
    isProblem(t, await me(changed), 'unauthenticated')
  },
)
