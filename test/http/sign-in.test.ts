// POST /login, as contracts.md §1 has it, and the lockout behind it.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { headerNames, isProblem, withoutRequest } from '../support/problems.ts'

// Failures are counted for each address: a test that fails on purpose comes from an address of its own.
const app = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1' } })
let addresses = 0
const newAddress = () => `198.51.100.${++addresses}`
const from = (address: string) => ({ 'x-forwarded-for': address })

const signIn = (email: unknown, password: unknown, headers: Record<string, string> = {}) =>
  app.api('POST', '/login', { headers, body: { email, password } })

async function failing(times: number, email: string, headers: Record<string, string>): Promise<Answer[]> {
  const answers = []
  for (let tries = 0; tries < times; tries++) answers.push(await signIn(email, 'a wrong password', headers))
  return answers
}

const statuses = (answers: Answer[]) => answers.map(({ status }) => status)

t.test(
  'POST /login · 200 · a right password gives tokens that open /me, in the shape of the sign-up',
  async (t) => {
    const signedUp = await app.signUp({ display_name: 'Ada', metadata: { plan: 'free' } })
    const { email, password } = signedUp
    const answer = await signIn(email, password)
    t.equal(answer.status, 200)
    t.same(Object.keys(answer.body), Object.keys(signedUp.body))
    t.equal(answer.body.token_type, 'Bearer')
    t.equal(answer.body.expires_in, 900)
    t.ok(answer.body.refresh_token.length >= 40)
    t.not(answer.body.refresh_token, signedUp.body.refresh_token, 'a session of its own')
    t.same(answer.body.user, signedUp.body.user)
    const me = await app.api('GET', '/me', { headers: bearer(answer) })
    t.equal(me.status, 200)
    t.equal(me.body.user.email, email)
  },
)

t.test(
  'POST /login · 200 · the address is trimmed and its case does not matter; the password is exact',
  async (t) => {
    const headers = from(newAddress())
    const { email, password } = await app.signUp()
    t.equal((await signIn(` ${email.toUpperCase()}\n`, password, headers)).status, 200)
    for (const typed of [`${password} `, ` ${password}`, password.toUpperCase(), password.slice(0, -1)])
      isProblem(t, await signIn(email, typed, headers), 'invalid_credentials')
  },
)

t.test('POST /login · 401 · an unknown address and a wrong password get the same words', async (t) => {
  const headers = from(newAddress())
  const { email } = await app.signUp()
  const wrong = await signIn(email, 'a wrong password', headers)
  const unknown = await signIn('nobody@example.com', 'a wrong password', headers)
  isProblem(t, wrong, 'invalid_credentials')
  t.equal(wrong.body.message, 'Invalid credentials.')
  t.same(withoutRequest(unknown.body), withoutRequest(wrong.body))
  t.same(headerNames(unknown), headerNames(wrong))
})

t.test('POST /login · 401 · an account without a password is no different', async (t) => {
  const headers = from(newAddress())
  const { email, password } = await app.signUp()
  await app.sql`update users set password_hash = null, provider = 'google' where email = ${email}`
  for (const typed of [password, 'null', ' '])
    isProblem(t, await signIn(email, typed, headers), 'invalid_credentials')
})

t.test('POST /login · 403 · strict: told to verify, and only after the right password', async (t) => {
  const strict = await app.project({ verification: { mode: 'strict' } })
  const headers = { 'project-id': strict.id, 'project-secret': strict.secret, ...from(newAddress()) }
  const { email, password } = await signUpIn(headers)
  isProblem(t, await signIn(email, 'a wrong password', headers), 'invalid_credentials')
  const answer = await signIn(email, password, { ...headers, 'session-transport': 'cookie' })
  isProblem(t, answer, 'email_verification_required')
  t.notOk('verification_token' in answer.body, 'we send the mail, so no body carries the token')
  t.same(answer.cookies, {})
  const [row] = await app.sql`select count(*)::int as sessions from sessions where project_id = ${strict.id}`
  t.equal(row?.sessions, 0)
  const [mail] = await app.mailbox.waitFor(email)
  const confirmed = await app.api('POST', '/verify-email/confirm', { headers, body: { token: mail?.token } })
  t.equal(confirmed.status, 200)
  t.equal((await signIn(email, password, headers)).status, 200)
})

t.test(
  'POST /login · 403 · verification_token where the application delivers and proves itself',
  async (t) => {
    const strict = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
    const open = { 'project-id': strict.id, ...from(newAddress()) }
    const { email, password } = await signUpIn(open)
    const proven = { ...open, 'project-secret': strict.secret }
    for (const headers of [open, { ...open, 'project-secret': app.projectSecret }])
      t.notOk('verification_token' in (await signIn(email, password, headers)).body)
    const wrong = await signIn(email, 'a wrong password', proven)
    t.notOk('verification_token' in wrong.body, 'nor for a wrong password')
    const answer = await signIn(email, password, proven)
    isProblem(t, answer, 'email_verification_required')
    const confirmed = await app.api('POST', '/verify-email/confirm', {
      headers: open,
      body: { token: answer.body.verification_token },
    })
    t.equal(confirmed.status, 200)
    t.equal((await signIn(email, password, open)).status, 200)
  },
)

t.test('POST /login · 403 · a disabled account is told so, and only after the right password', async (t) => {
  const headers = from(newAddress())
  const { email, password } = await app.signUp()
  await app.sql`update users set disabled_at = now() where email = ${email}`
  isProblem(t, await signIn(email, 'a wrong password', headers), 'invalid_credentials')
  isProblem(t, await signIn(email, password, headers), 'account_disabled')
})

t.test('POST /login · 422 · missing, malformed and mistyped fields are named', async (t) => {
  const post = (body: unknown) => app.api('POST', '/login', { body })
  isProblem(t, await post({}), 'validation_failed', ['email', 'password'])
  isProblem(t, await post({ email: 'ada@example.com' }), 'validation_failed', ['password'])
  isProblem(t, await post({ password: 'x' }), 'validation_failed', ['email'])
  isProblem(t, await post({ email: 'ada', password: '' }), 'validation_failed', ['email', 'password'])
  isProblem(t, await post({ email: 7, password: 12345678 }), 'validation_failed', ['email', 'password'])
  isProblem(t, await post({ email: null, password: null }), 'validation_failed', ['email', 'password'])
  isProblem(t, await post({ email: 'ada@example.com', password: 'x'.repeat(1025) }), 'validation_failed', [
    'password',
  ])
  isProblem(t, await post([{ email: 'ada@example.com', password: 'x' }]), 'validation_failed')
})

t.test('POST /login · 422 · session-transport is bearer or cookie', async (t) => {
  const { email, password } = await app.signUp()
  isProblem(
    t,
    await signIn(email, password, { 'session-transport': 'carrier-pigeon' }),
    'validation_failed',
    ['session-transport'],
  )
  t.equal((await signIn(email, password, { 'session-transport': 'bearer' })).status, 200)
})

t.test(
  'POST /login · 429 · five failures are refused as such, the sixth is locked out and says for how long',
  async (t) => {
    const headers = from(newAddress())
    const { email, password } = await app.signUp()
    const answers = await failing(6, email, headers)
    t.same(statuses(answers), [401, 401, 401, 401, 401, 429])
    const last = answers[5] as Answer
    isProblem(t, last, 'too_many_attempts')
    t.equal(last.body.message, 'Invalid credentials.')
    t.ok(last.body.retry_after > 50 && last.body.retry_after <= 60, `${last.body.retry_after} s`)
    isProblem(t, await signIn(email, password, headers), 'too_many_attempts')
  },
)

t.test('POST /login · 429 · an unknown address is locked out in the very same way', async (t) => {
  const { email } = await app.signUp()
  const ofKnown = await failing(7, email, from(newAddress()))
  const ofUnknown = await failing(7, 'nobody-at-all@example.com', from(newAddress()))
  t.same(statuses(ofUnknown), statuses(ofKnown))
  for (const [at, answer] of ofUnknown.entries()) {
    const known = ofKnown[at] as Answer
    const comparable = (body: Record<string, unknown>) => ({ ...withoutRequest(body), retry_after: 0 })
    t.same(comparable(answer.body), comparable(known.body))
    t.same(headerNames(answer), headerNames(known))
  }
})

t.test('POST /login · 429 · spelling the address otherwise does not escape the lockout', async (t) => {
  const headers = from(newAddress())
  const { email } = await app.signUp()
  await failing(3, email, headers)
  await failing(2, ` ${email.toUpperCase()} `, headers)
  t.equal((await signIn(email, 'a wrong password', headers)).status, 429)
})

t.test(
  'POST /login · 429 · each further failure doubles the wait, and what is refused does not prolong it',
  async (t) => {
    const project = await app.project()
    const headers = { 'project-id': project.id, ...from(newAddress()) }
    const { email } = await signUpIn(headers)
    await failing(5, email, headers)
    for (const wait of [60, 120, 240]) {
      const [first, second] = await failing(2, email, headers)
      t.same([first?.status, second?.status], [429, 429])
      t.ok(Math.abs((second?.body.retry_after ?? 0) - wait) <= 2, `${second?.body.retry_after} s of ${wait}`)
      await app.sql`update sign_in_failures set locked_until = now() - interval '1 second'
      where project_id = ${project.id} and locked_until is not null`
      t.equal((await failing(1, email, headers))[0]?.status, 401, 'one try when the wait is over')
    }
  },
)

t.test('POST /login · failures are forgotten when the window has passed', async (t) => {
  const project = await app.project()
  const headers = { 'project-id': project.id, ...from(newAddress()) }
  const { email } = await signUpIn(headers)
  await failing(5, email, headers)
  await app.sql`update sign_in_failures set window_started_at = now() - interval '1000 seconds',
    locked_until = now() - interval '901 seconds' where project_id = ${project.id} and bucket = 'account_address'`
  t.same(statuses(await failing(6, email, headers)), [401, 401, 401, 401, 401, 429])
})

t.test('POST /login · a success clears the failures', async (t) => {
  const headers = from(newAddress())
  const { email, password } = await app.signUp()
  for (let round = 0; round < 2; round++) {
    t.same(statuses(await failing(4, email, headers)), [401, 401, 401, 401])
    t.equal((await signIn(email, password, headers)).status, 200)
  }
  t.same(statuses(await failing(6, email, headers)), [401, 401, 401, 401, 401, 429])
})

t.test('POST /login · malformed bodies do not count', async (t) => {
  const headers = from(newAddress())
  const { email, password } = await app.signUp()
  await failing(4, email, headers)
  const bodies = [{ email }, { email, password: 1 }, { email, password: '' }, '{"email":', [email]]
  for (const body of bodies) await app.api('POST', '/login', { headers, body })
  t.equal((await signIn(email, password, headers)).status, 200)
})

t.test('POST /login · a locked address does not lock another one out', async (t) => {
  const { email, password } = await app.signUp()
  const stranger = from(newAddress())
  t.equal((await failing(6, email, stranger))[5]?.status, 429)
  t.equal((await signIn(email, password, from(newAddress()))).status, 200)
  t.equal((await signIn(email, password, stranger)).status, 429)
})

t.test(
  'POST /login · a stranger at many addresses locks strangers out, never an address the owner has used',
  async (t) => {
    const project = await app.project({ lockout: { failures: 1, window_seconds: 900, base_seconds: 60 } })
    const inProject = { 'project-id': project.id }
    const home = { ...inProject, ...from(newAddress()) }
    const { email, password } = await signUpIn(home)
    t.equal((await signIn(email, password, home)).status, 200)
    for (let host = 0; host < 20; host++)
      t.equal((await signIn(email, 'a wrong password', { ...inProject, ...from(newAddress()) })).status, 401)
    const stranger = { ...inProject, ...from(newAddress()) }
    isProblem(t, await signIn(email, 'a wrong password', stranger), 'too_many_attempts')
    isProblem(t, await signIn(email, password, stranger), 'too_many_attempts')
    t.equal((await signIn(email, password, home)).status, 200)
  },
)

t.test('POST /login · one address that tries many accounts is locked out of all of them', async (t) => {
  const project = await app.project({ lockout: { failures: 1, window_seconds: 900, base_seconds: 60 } })
  const headers = { 'project-id': project.id, ...from(newAddress()) }
  for (let account = 0; account < 20; account++)
    t.equal((await signIn(`spray-${account}@example.com`, 'Spring2026!', headers)).status, 401)
  isProblem(t, await signIn('spray-21@example.com', 'Spring2026!', headers), 'too_many_attempts')
  t.equal(
    (await signIn('spray-21@example.com', 'Spring2026!', { ...headers, ...from(newAddress()) })).status,
    401,
  )
})

t.test('POST /login · the lockout is the project’s: another project is not locked', async (t) => {
  const headers = from(newAddress())
  const { email, password } = await app.signUp()
  const other = { ...headers, 'project-id': (await app.project()).id }
  await app.api('POST', '/signup', { headers: other, body: { email, password } })
  await failing(6, email, headers)
  t.equal((await signIn(email, password, other)).status, 200)
})

async function signUpIn(headers: Record<string, string>) {
  const body = { email: `in-${++addresses}@example.com`, password: 'a good long password' }
  const { status } = await app.api('POST', '/signup', { headers, body })
  if (status > 202) throw new Error(`The sign-up was answered ${status}.`)
  return body
}
