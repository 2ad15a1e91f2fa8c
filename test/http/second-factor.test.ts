// POST /login/second-factor: a challenge and a code become a session, once; nothing else does.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { mailOfKind, newPerson, renewSteps } from '../support/factors.ts'
import { partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'

const quiet = { verification: { resend_cooldown_seconds: 0 }, sessions: { notify_new_device: false } }
const app = await startTestApp(t, { policy: quiet })

type Person = Awaited<ReturnType<typeof newPerson>>
type Options = { readonly headers?: Record<string, string>; readonly device?: string }
const login = (
  { email, password }: Pick<Person, 'email' | 'password'>,
  { headers = {}, device }: Options = {},
) =>
  app.api('POST', '/login', {
    headers,
    body: { email, password, ...(device === undefined ? {} : { device_token: device }) },
  })
const complete = (body: object, headers: Record<string, string> = {}) =>
  app.api('POST', '/login/second-factor', { headers, body })
const challengeOf = async (who: Person): Promise<string> => (await login(who)).body.challenge
/** A whole sign-in. */
async function signIn(who: Person, more: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
  await renewSteps(app, who.email)
  const { body } = await login(who, { headers })
  const sent = { challenge: body.challenge, method: 'totp', code: who.authenticator.code(), ...more }
  return complete(sent, headers)
}
const wide = (text: string) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
const sessions = async ({ body }: Answer) =>
  (await app.sql`select count(*)::int as count from sessions where user_id = ${body.user.id}`)[0]?.count

t.test(
  'a right password gets a challenge and nothing else; the code makes it a session of acr 2',
  async (t) => {
    const who = await newPerson(app)
    const before = await sessions(who)
    const due = await login(who)
    isProblem(t, due, 'second_factor_required')
    t.match(due.body.challenge, /^sfc_[\w-]{43}$/)
    t.same(due.body.factors, ['totp', 'recovery_code'])
    t.notOk('access_token' in due.body)
    t.equal(await sessions(who), before)
    const { challenge } = due.body
    const done = await complete({ challenge, method: 'totp', code: who.authenticator.code() })
    t.equal(done.status, 200)
    t.match(partsOf(done.body.access_token)[1], { acr: '2', amr: ['pwd', 'otp', 'mfa'] })
    t.notOk('device_token' in done.body)
    const introspected = await app.api('POST', '/introspect', {
      headers: { 'project-secret': app.projectSecret },
      body: { token: done.body.access_token },
    })
    t.match(introspected.body, { active: true, acr: '2', amr: ['pwd', 'otp', 'mfa'] })
    isProblem(
      t,
      await complete({ challenge, method: 'totp', code: who.authenticator.code(1) }),
      'second_factor_invalid',
    )
  },
)

t.test('a wrong password says nothing about a factor', async (t) => {
  const who = await newPerson(app)
  isProblem(t, await login({ ...who, password: 'a wrong long password' }), 'invalid_credentials')
})

t.test('in cookie mode nothing is set before the second factor', async (t) => {
  const who = await newPerson(app)
  const headers = { 'session-transport': 'cookie' }
  const due = await login(who, { headers })
  isProblem(t, due, 'second_factor_required')
  t.same(due.cookies, {})
  const { challenge } = due.body
  const done = await complete({ challenge, method: 'totp', code: who.authenticator.code() }, headers)
  t.equal(done.status, 200)
  t.notOk('access_token' in done.body)
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(done) })).status, 200)
})

t.test('a code is accepted as people type it: spaces, and digits of any width', async (t) => {
  const who = await newPerson(app)
  const code = who.authenticator.code()
  for (const typed of [
    ` ${code.slice(0, 3)} ${code.slice(3)} `,
    wide(code),
    wide(`${code.slice(0, 2)} ${code.slice(2)}`),
  ]) {
    await renewSteps(app, who.email)
    t.equal(
      (await complete({ challenge: await challengeOf(who), method: 'totp', code: typed })).status,
      200,
      typed,
    )
  }
})

t.test('what is no code is refused without being tried', async (t) => {
  const who = await newPerson(app)
  const challenge = await challengeOf(who)
  for (const code of ['12345', '1234567', 'abcdef', '12345o', '', '      '])
    isProblem(t, await complete({ challenge, method: 'totp', code }), 'validation_failed', ['code'])
  isProblem(t, await complete({ challenge, method: 'totp', code: 123456 }), 'validation_failed', ['code'])
  isProblem(t, await complete({ challenge, method: 'totp' }), 'validation_failed', ['code'])
  isProblem(t, await complete({ challenge, method: 'sms', code: '123456' }), 'validation_failed', ['method'])
  isProblem(t, await complete({ challenge, code: '123456' }), 'validation_failed', ['method'])
  isProblem(t, await complete({ method: 'totp', code: '123456' }), 'validation_failed', ['challenge'])
  isProblem(t, await complete({ challenge, method: 'email_code', code: '123456' }), 'validation_failed', [
    'method',
  ])
  const sent = { challenge, method: 'totp', code: who.authenticator.code() }
  t.equal((await complete(sent)).status, 200, 'the challenge is still good')
})

t.test('codes of two steps away are refused, of one step are good', async (t) => {
  const who = await newPerson(app)
  for (const drift of [-2, 2]) {
    const sent = { challenge: await challengeOf(who), method: 'totp', code: who.authenticator.code(drift) }
    isProblem(t, await complete(sent), 'second_factor_invalid')
  }
  for (const drift of [-1, 1])
    t.equal((await signIn(who, { code: who.authenticator.code(drift) })).status, 200, String(drift))
})

t.test('a code is good once, in a later challenge too', async (t) => {
  const who = await newPerson(app)
  const code = who.authenticator.code()
  const [first, second] = [await challengeOf(who), await challengeOf(who)]
  t.equal((await complete({ challenge: first, method: 'totp', code })).status, 200)
  isProblem(t, await complete({ challenge: second, method: 'totp', code }), 'second_factor_invalid')
  const earlier = { challenge: second, method: 'totp', code: who.authenticator.code(-1) }
  isProblem(t, await complete(earlier), 'second_factor_invalid')
})

t.test('a hundred tries of one code at once open one session', async (t) => {
  const who = await newPerson(app)
  const before = await sessions(who)
  const challenges = await Promise.all(Array.from({ length: 10 }, () => challengeOf(who)))
  const code = who.authenticator.code()
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      complete({ challenge: challenges[index % 10], method: 'totp', code }),
    ),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(await sessions(who), before + 1)
})

t.test('of several recovery codes for one sign-in, one is used up', async (t) => {
  const who = await newPerson(app)
  const challenge = await challengeOf(who)
  const answers = await Promise.all(
    who.authenticator.recoveryCodes
      .slice(0, 3)
      .map((code) => complete({ challenge, method: 'recovery_code', code })),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  const [used] = await app.sql`select count(*)::int as n from recovery_codes
    where user_id = ${who.body.user.id} and used_at is not null`
  t.equal(used?.n, 1)
})

t.test('a recovery code opens one session, however many ask', async (t) => {
  const who = await newPerson(app)
  const [code] = who.authenticator.recoveryCodes
  const challenges = await Promise.all([1, 2, 3, 4].map(() => challengeOf(who)))
  const answers = await Promise.all(
    challenges.map((challenge) => complete({ challenge, method: 'recovery_code', code })),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  const [left] = await app.sql`select count(*)::int as count from recovery_codes
    where used_at is null and user_id = ${who.body.user.id}`
  t.equal(left?.count, 9)
})

t.test('five wrong codes end a challenge', async (t) => {
  const who = await newPerson(app)
  const challenge = await challengeOf(who)
  const wrong = who.authenticator.wrong()
  for (let tries = 0; tries < 5; tries++)
    isProblem(t, await complete({ challenge, method: 'totp', code: wrong }), 'second_factor_invalid')
  const right = { challenge, method: 'totp', code: who.authenticator.code() }
  isProblem(t, await complete(right), 'second_factor_invalid')
  t.equal((await signIn(who)).status, 200, 'another challenge is good')
})

t.test('a hundred challenges do not give a hundred times five tries', async (t) => {
  const who = await newPerson(app)
  const wrong = who.authenticator.wrong()
  let tried = 0
  for (let round = 0; round < 100; round++) {
    const challenge = await challengeOf(who)
    for (let tries = 0; tries < 5; tries++) {
      const answer = await complete({ challenge, method: 'totp', code: wrong })
      if (answer.status === 429) {
        isProblem(t, answer, 'too_many_attempts')
        t.equal(tried, 10)
        const right = { challenge: await challengeOf(who), method: 'totp', code: who.authenticator.code() }
        isProblem(t, await complete(right), 'too_many_attempts')
        return
      }
      tried += 1
    }
  }
  t.fail(`${tried} codes were tried`)
})

t.test('a stranger without the password locks nobody out of the second factor', async (t) => {
  const who = await newPerson(app)
  for (let tries = 0; tries < 12; tries++)
    await app.api('POST', '/verify-email/confirm', { body: { email: who.email, code: '000000' } })
  t.equal((await signIn(who)).status, 200)
})

t.test(
  'a challenge is bound to its project, its account, its time and the state of its account',
  async (t) => {
    const who = await newPerson(app)
    const other = await newPerson(app)
    const code = () => who.authenticator.code()
    const elsewhere = await app.project(quiet)
    const challenge = await challengeOf(who)
    isProblem(
      t,
      await complete({ challenge, method: 'totp', code: code() }, { 'project-id': elsewhere.id }),
      'second_factor_invalid',
    )
    isProblem(
      t,
      await complete({ challenge: await challengeOf(other), method: 'totp', code: code() }),
      'second_factor_invalid',
    )
    isProblem(
      t,
      await complete({ challenge: `${challenge}x`, method: 'totp', code: code() }),
      'second_factor_invalid',
    )
    isProblem(
      t,
      await complete({ challenge: 'sfc_made-up', method: 'totp', code: code() }),
      'second_factor_invalid',
    )
    await app.sql`update second_factor_challenges set client = 'nora' where user_id = ${who.body.user.id}`
    isProblem(t, await complete({ challenge, method: 'totp', code: code() }), 'second_factor_invalid')
    const old = await challengeOf(who)
    await app.sql`update second_factor_challenges set expires_at = now() where user_id = ${who.body.user.id}`
    isProblem(t, await complete({ challenge: old, method: 'totp', code: code() }), 'second_factor_invalid')
    const stale = await challengeOf(who)
    t.equal((await app.api('POST', '/logout-all', { headers: bearer(who) })).status, 200)
    isProblem(t, await complete({ challenge: stale, method: 'totp', code: code() }), 'second_factor_invalid')
    const disabled = await challengeOf(who)
    await app.sql`update users set disabled_at = now() where id = ${who.body.user.id}`
    isProblem(
      t,
      await complete({ challenge: disabled, method: 'totp', code: code() }),
      'second_factor_invalid',
    )
  },
)

t.test('a code counts by the database’s clock, whatever this machine believes', async (t) => {
  const who = await newPerson(app)
  const { now } = Date
  const sent = { challenge: await challengeOf(who), method: 'totp', code: who.authenticator.code() }
  Date.now = () => now() + 3_600_000
  t.teardown(() => {
    Date.now = now
  })
  const answer = await complete(sent)
  Date.now = now
  t.equal(answer.status, 200)
})

t.test('a trusted device is spared the factor, by cookie or by token, and by itself alone', async (t) => {
  const who = await newPerson(app)
  const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }
  const trusted = await signIn(who, { trust_device: true }, agent)
  t.equal(trusted.status, 200)
  const { device_token: device } = trusted.body
  t.match(device, /^std_/)
  t.equal(trusted.body.device_token_expires_in, 30 * 86_400)
  const spared = await login(who, { headers: agent, device })
  t.equal(spared.status, 200)
  t.match(partsOf(spared.body.access_token)[1], { acr: '1', amr: ['pwd'] }, 'one factor was proven')
  const chrome = {
    'user-agent': 'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36',
  }
  isProblem(t, await login(who, { headers: chrome, device }), 'second_factor_required')
  isProblem(t, await login(await newPerson(app), { headers: agent, device }), 'second_factor_required')
  isProblem(t, await login(who, { headers: agent, device: 'std_made-up' }), 'second_factor_required')

  const cookie = { ...agent, 'session-transport': 'cookie' }
  const byCookie = await signIn(who, { trust_device: true }, cookie)
  t.notOk('device_token' in byCookie.body)
  const [name = ''] = Object.keys(byCookie.cookies).filter((each) => each.includes('_device_'))
  t.equal(name, `sallyport_device_${app.projectId}`)
  const jar = { cookie: `${name}=${byCookie.cookies[name]}` }
  t.equal((await login(who, { headers: { ...cookie, ...jar } })).status, 200)

  const listed = await app.api('GET', '/factors', { headers: bearer(trusted) })
  t.match(listed.body.trusted_devices, [{ device: 'Firefox on Linux' }, { device: 'Firefox on Linux' }])
  t.equal((await app.api('DELETE', '/factors/trusted-devices', { headers: bearer(trusted) })).status, 204)
  isProblem(t, await login(who, { headers: agent, device }), 'second_factor_required')
})

t.test('the trust ends with the password, the factors, and when the policy says', async (t) => {
  const who = await newPerson(app)
  const trust = async () => (await signIn(who, { trust_device: true })).body.device_token as string
  const device = await trust()
  const done = await signIn(who)
  t.equal((await login(who, { device })).status, 200)
  const password = 'another good long password'
  const change = { current_password: who.password, new_password: password }
  t.equal((await app.api('POST', '/change-password', { headers: bearer(done), body: change })).status, 200)
  isProblem(t, await login({ ...who, password }, { device }), 'second_factor_required')

  const other = await newPerson(app)
  await app.sql`update trusted_devices set expires_at = now()`
  const expired = (await signIn(other, { trust_device: true })).body.device_token
  t.equal((await login(other, { device: expired })).status, 200)
  await app.sql`update trusted_devices set expires_at = now()`
  isProblem(t, await login(other, { device: expired }), 'second_factor_required')
  const again = (await signIn(other, { trust_device: true })).body.device_token
  await app.setPolicy({ ...quiet, factors: { trusted_device_days: 0 } })
  isProblem(t, await login(other, { device: again }), 'second_factor_required')
  t.notOk('device_token' in (await signIn(other, { trust_device: true })).body)
  await app.setPolicy(quiet)
})

t.test('a reset by mail changes the password and passes no second factor', async (t) => {
  const who = await newPerson(app)
  await app.api('POST', '/forgot-password', { body: { email: who.email } })
  const { token } = await mailOfKind(app, who.email, 'reset_password')
  const password = 'chosen after the reset'
  const reset = await app.api('POST', '/reset-password', { body: { token, password } })
  t.equal(reset.status, 200)
  t.same(reset.cookies, {})
  const due = await login({ ...who, password })
  isProblem(t, due, 'second_factor_required')
  t.same(due.body.factors, ['totp', 'recovery_code'], 'a mailed code is none of them')
  t.equal((await signIn({ ...who, password })).status, 200)
})

t.test('a deletion that is pending is taken back by both factors together', async (t) => {
  await app.setPolicy({ ...quiet, deletion: { grace_seconds: 3600 } })
  const who = await newPerson(app)
  const left = await app.api('DELETE', '/me', {
    headers: bearer(who),
    body: { current_password: who.password },
  })
  t.equal(left.status, 204)
  isProblem(t, await login(who), 'second_factor_required')
  const due = async () =>
    (await app.sql`select deletion_due_at from users where id = ${who.body.user.id}`)[0]?.deletion_due_at
  t.ok(await due(), 'the first factor alone restores nothing')
  t.equal((await signIn(who)).status, 200)
  t.equal(await due(), null)
  await app.setPolicy(quiet)
})

t.test('where the policy demands a factor, a mailed code is one until another is enrolled', async (t) => {
  await app.setPolicy({ ...quiet, factors: { required: 'always' } })
  t.teardown(() => app.setPolicy(quiet))
  const who = await app.signUp()
  t.equal(who.status, 201, 'a new account needs a session to enrol a factor')
  const due = await login(who)
  isProblem(t, due, 'second_factor_required')
  t.same(due.body.factors, ['email_code'])
  const { challenge } = due.body
  const ask = () => app.api('POST', '/login/second-factor/email-code', { body: { challenge } })
  t.equal((await ask()).status, 202)
  const code = (await mailOfKind(app, who.email, 'second_factor_code')).code ?? ''
  const other = (await login(who)).body.challenge
  isProblem(t, await complete({ challenge: other, method: 'email_code', code }), 'second_factor_invalid')
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() => complete({ challenge, method: 'email_code', code: wide(code) })),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  const [done] = answers.filter(({ status }) => status === 200)
  t.match(partsOf(done?.body.access_token)[1], { acr: '2', amr: ['pwd', 'otp', 'mfa'] })
  isProblem(
    t,
    await app.api('POST', '/login/second-factor/email-code', { body: { challenge } }),
    'second_factor_invalid',
  )
  const person = await newPerson(app)
  const enrolled = (await login(person)).body
  t.same(enrolled.factors, ['totp', 'recovery_code'])
  const asked = await app.api('POST', '/login/second-factor/email-code', {
    body: { challenge: enrolled.challenge },
  })
  isProblem(t, asked, 'validation_failed', ['method'])
})

t.test('the policy may demand a factor of admins alone', async (t) => {
  await app.setPolicy({ ...quiet, factors: { required: 'admins' } })
  t.teardown(() => app.setPolicy(quiet))
  const who = await app.signUp()
  t.equal((await login(who)).status, 200)
  await app.sql`update users set role = 'admin' where email = ${who.email}`
  isProblem(t, await login(who), 'second_factor_required')
})

t.test('an API key, and everything else that asks for more than a session, needs the factor', async (t) => {
  const who = await newPerson(app)
  const device = (await signIn(who, { trust_device: true })).body.device_token
  const spared = await login(who, { device })
  const headers = bearer(spared)
  const asks: Record<string, () => Promise<Answer>> = {
    'POST /api-keys': () => app.api('POST', '/api-keys', { headers, body: { name: 'key' } }),
    'POST /change-password': () =>
      app.api('POST', '/change-password', {
        headers,
        body: { current_password: who.password, new_password: 'another good long password' },
      }),
    'POST /change-email': () =>
      app.api('POST', '/change-email', {
        headers,
        body: { new_email: `new-${who.email}`, current_password: who.password },
      }),
    'GET /me/export': () => app.api('GET', '/me/export', { headers }),
    'DELETE /me': () => app.api('DELETE', '/me', { headers, body: { current_password: who.password } }),
    'POST /factors/recovery-codes': () => app.api('POST', '/factors/recovery-codes', { headers }),
    'DELETE /factors/totp': () => app.api('DELETE', '/factors/totp', { headers }),
  }
  for (const [name, ask] of Object.entries(asks)) {
    const refused = await ask()
    isProblem(t, refused, 'step_up_required')
    t.same(refused.body.factors, ['totp', 'recovery_code'], name)
    t.match(refused.headers.get('www-authenticate'), /acr_values="2"/, name)
  }
  await renewSteps(app, who.email)
  const stepped = await app.api('POST', '/step-up', {
    headers,
    body: { method: 'totp', code: who.authenticator.code() },
  })
  t.equal(stepped.status, 200)
  t.match(partsOf(stepped.body.access_token)[1], { acr: '2', amr: ['pwd', 'otp', 'mfa'] })
  const key = await app.api('POST', '/api-keys', { headers: bearer(stepped), body: { name: 'key' } })
  t.equal(key.status, 201)
  const wrong = { method: 'totp', code: who.authenticator.code() }
  isProblem(
    t,
    await app.api('POST', '/step-up', { headers: bearer(stepped), body: wrong }),
    'validation_failed',
    ['code'],
  )
  const [code] = who.authenticator.recoveryCodes
  const byCode = await app.api('POST', '/step-up', {
    headers: bearer(stepped),
    body: { method: 'recovery_code', code },
  })
  t.equal(byCode.status, 200)
})
