// POST /forgot-password and POST /reset-password: a new password for who reads the account's mail.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const redirect_urls = ['https://app.example.com/new?tab=1#x']
const app = await startTestApp(t, { policy: { redirect_urls } })
const next = 'another good password'

const forgot = (email: string, more: object = {}) =>
  app.api('POST', '/forgot-password', { body: { email, ...more } })
const reset = (body: object) => app.api('POST', '/reset-password', { body })
const signIn = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })

/** Signs up, asks for a reset, and reads the mail. */
async function asked() {
  const user = await app.signUp()
  t.equal((await forgot(user.email)).status, 202)
  const mails = await app.mailbox.waitFor(user.email, { count: 2 })
  const mail = mails.find((one) => one.kind === 'reset_password')
  if (!mail?.token || !mail.code) throw new Error('The reset mail did not come.')
  return { ...user, mail: { ...mail, token: mail.token, code: mail.code } }
}

t.test(
  'POST /forgot-password · 202 · the same answer for known, unknown and disabled addresses',
  async (t) => {
    const { email } = await app.signUp()
    const disabled = await app.signUp()
    await app.sql`update users set disabled_at = now() where email = ${disabled.email}`
    const answers = [
      await forgot(email),
      await forgot('nobody-here@example.com'),
      await forgot(disabled.email),
    ]
    for (const { status, body } of answers) {
      t.equal(status, 202)
      t.same(body, { message: 'If this address has an account, a message is on its way.' })
    }
    const [owed] = await app.sql`select count(*)::int as mails from outbox o join users u on u.id = o.user_id
    where o.kind = 'reset_password' and u.email = ${disabled.email}`
    t.equal(owed?.mails, 0, 'a disabled account gets no mail')
  },
)

t.test(
  'POST /forgot-password · within the cooldown the answer stays and no second mail is sent',
  async (t) => {
    const { email } = await app.signUp()
    for (let i = 0; i < 3; i++) t.equal((await forgot(email)).status, 202)
    const [owed] = await app.sql`select count(*)::int as mails from outbox o join users u on u.id = o.user_id
    where o.kind = 'reset_password' and u.email = ${email}`
    t.equal(owed?.mails, 1)
  },
)

t.test('POST /forgot-password · a link leads only to origins that the operator listed', async (t) => {
  const tricks = [
    'https://evil.example',
    'https://app.example.com@evil.example/',
    'https://app.example.com:8443/',
    'https://app.example.com.evil.example/',
    'https://evil-app.example.com/',
    'http://app.example.com/',
    '//app.example.com/',
    '\\\\app.example.com',
    'https:\\\\evil.example\\app.example.com',
    'https://evil.example/https://app.example.com',
    'https://app.example.com%2eevil.example/',
    'https://user:pass@app.example.com/',
    'javascript:alert(1)//https://app.example.com',
    'data:text/html,https://app.example.com',
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/new?tab=1',
    'https://app.example.com/new?tab=1#y',
    'https://app.example.com/a/../new?tab=1#x',
    ' ',
  ]
  const { email } = await app.signUp()
  for (const redirect_to of tricks) {
    const answer = await forgot(email, { redirect_to })
    isProblem(t, answer, 'validation_failed')
    t.ok(answer.body.errors.redirect_to, redirect_to)
  }
  t.equal((await forgot(email, { redirect_to: 'https://app.example.com/new?tab=1#x' })).status, 202)
  const [mail] = (await app.mailbox.waitFor(email, { count: 2 })).filter(
    (one) => one.kind === 'reset_password',
  )
  t.match(mail?.link, /^https:\/\/app\.example\.com\/new\?tab=1&type=reset_password&token=svt_[\w-]+#x$/)
})

t.test('a mail link never follows Host or X-Forwarded-Host', async (t) => {
  const { email } = await app.signUp()
  await app.api('POST', '/forgot-password', {
    body: { email },
    headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
  })
  const mails = await app.mailbox.waitFor(email, { count: 2 })
  for (const { link } of mails) t.ok(link?.startsWith(`${app.url}/account/`), String(link))
})

t.test(
  'POST /reset-password · 200 · by token: the new password works, the old one and every session are gone',
  async (t) => {
    const user = await asked()
    const other = await signIn(user.email, user.password)
    const answer = await reset({ token: user.mail.token, password: next })
    t.equal(answer.status, 200)
    t.same(answer.body, { message: 'Password updated. Please sign in.' })
    t.equal((await signIn(user.email, user.password)).status, 401)
    t.equal((await signIn(user.email, next)).status, 200)
    for (const session of [user, other]) {
      t.equal((await app.api('GET', '/me', { headers: bearer(session) })).status, 401)
      const body = { refresh_token: session.body.refresh_token }
      t.equal((await app.api('POST', '/refresh', { body })).status, 401)
    }
    const mails = await app.mailbox.waitFor(user.email, { count: 3 })
    t.ok(
      mails.some(({ kind }) => kind === 'password_changed'),
      'the owner is told',
    )
    const me = await signIn(user.email, next)
    t.ok(me.body.user.email_verified_at, 'who read the mail has proven the address')
  },
)

t.test('POST /reset-password · 200 · by the code of the same mail', async (t) => {
  const user = await asked()
  const answer = await reset({ email: user.email.toUpperCase(), code: user.mail.code, password: next })
  t.equal(answer.status, 200)
  t.equal((await signIn(user.email, next)).status, 200)
})

t.test(
  'POST /reset-password · 422 · used, expired, older, foreign, bent or of another purpose',
  async (t) => {
    const user = await asked()
    const [verification] = (await app.mailbox.waitFor(user.email)).filter(
      ({ kind }) => kind === 'verify_email',
    )
    const bent = `${user.mail.token.slice(0, -2)}${user.mail.token.endsWith('AA') ? 'BB' : 'AA'}`
    const other = await app.project()
    const refusals = [
      await reset({ token: bent, password: next }),
      await reset({ token: verification?.token, password: next }),
      await app.api('POST', '/reset-password', {
        headers: { 'project-id': other.id },
        body: { token: user.mail.token, password: next },
      }),
      await app.api('POST', '/verify-email/confirm', { body: { token: user.mail.token } }),
    ]
    for (const answer of refusals) {
      isProblem(t, answer, 'validation_failed')
      t.ok(answer.body.errors.token)
    }
    t.equal((await signIn(user.email, user.password)).status, 200, 'nothing changed')

    await app.sql`update cooldowns set last_at = now() - interval '1 hour'`
    await forgot(user.email)
    const mails = await app.mailbox.waitFor(user.email, { count: 3 })
    const newer = mails.filter(({ kind }) => kind === 'reset_password')[1]
    isProblem(t, await reset({ token: user.mail.token, password: next }), 'validation_failed')
    t.equal((await reset({ token: newer?.token, password: next })).status, 200)
    isProblem(t, await reset({ token: newer?.token, password: next }), 'validation_failed')

    const late = await asked()
    await app.sql`update verification_tokens set expires_at = now() - interval '1 second' where email = ${late.email}`
    isProblem(t, await reset({ token: late.mail.token, password: next }), 'validation_failed')
  },
)

t.test('POST /reset-password · 422 · a password that is too short costs no token', async (t) => {
  const user = await asked()
  const answer = await reset({ token: user.mail.token, password: 'short' })
  isProblem(t, answer, 'validation_failed')
  t.ok(answer.body.errors.password)
  isProblem(t, await reset({ password: next }), 'validation_failed')
  t.equal((await reset({ token: user.mail.token, password: next })).status, 200)
})

t.test(
  'POST /reset-password · five wrong codes burn the code; the account’s cap outlives every new one',
  async (t) => {
    const user = await asked()
    const wrong = user.mail.code === '000000' ? '000001' : '000000'
    for (let i = 0; i < 5; i++)
      isProblem(t, await reset({ email: user.email, code: wrong, password: next }), 'validation_failed')
    isProblem(
      t,
      await reset({ email: user.email, code: user.mail.code, password: next }),
      'validation_failed',
    )
    await app.sql`update cooldowns set last_at = now() - interval '1 hour'`
    await forgot(user.email)
    const newest = (await app.mailbox.waitFor(user.email, { count: 3 })).filter(
      ({ kind }) => kind === 'reset_password',
    )[1]
    for (let i = 0; i < 4; i++)
      isProblem(t, await reset({ email: user.email, code: wrong, password: next }), 'validation_failed')
    isProblem(t, await reset({ email: user.email, code: newest?.code, password: next }), 'too_many_attempts')
    t.equal((await reset({ token: newest?.token, password: next })).status, 200, 'the link still works')
  },
)

t.test('POST /reset-password · parallel redemption: one wins', async (t) => {
  const user = await asked()
  const tries = await Promise.all(
    Array.from({ length: 8 }, (_, i) => reset({ token: user.mail.token, password: `password number ${i}` })),
  )
  const won = tries.findIndex(({ status }) => status === 200)
  t.equal(tries.filter(({ status }) => status === 200).length, 1)
  t.equal(tries.filter(({ status }) => status === 422).length, 7)
  t.equal((await signIn(user.email, `password number ${won}`)).status, 200)
})

t.test('a lockout never stands in the way of a reset, and ends with it', async (t) => {
  const user = await asked()
  for (let i = 0; i < 6; i++) await signIn(user.email, 'wrong')
  t.equal((await signIn(user.email, user.password)).status, 429)
  t.equal((await reset({ token: user.mail.token, password: next })).status, 200)
  t.equal((await signIn(user.email, next)).status, 200)
})

t.test('a reset voids every other message that was sent to the user', async (t) => {
  const user = await asked()
  const [verification] = (await app.mailbox.waitFor(user.email)).filter(({ kind }) => kind === 'verify_email')
  await reset({ token: user.mail.token, password: next })
  const confirm = await app.api('POST', '/verify-email/confirm', { body: { token: verification?.token } })
  isProblem(t, confirm, 'validation_failed')
})

t.test(
  'where the application delivers mail, the token goes to who proves the project, and no mail is sent',
  async (t) => {
    const project = await app.project({ verification: { delivery: 'app' } })
    const headers = { 'project-id': project.id }
    const email = 'app-delivery@example.com'
    await app.api('POST', '/signup', { headers, body: { email, password: 'a good long password' } })
    const plain = await app.api('POST', '/forgot-password', { headers, body: { email } })
    t.notOk('token' in plain.body)
    await app.sql`update cooldowns set last_at = now() - interval '1 hour'`
    const proven = await app.api('POST', '/forgot-password', {
      headers: { ...headers, 'project-secret': project.secret },
      body: { email },
    })
    const answer = await app.api('POST', '/reset-password', {
      headers,
      body: { token: proven.body.token, password: next },
    })
    t.equal(answer.status, 200)
    const [owed] = await app.sql`select count(*)::int as mails from outbox where project_id = ${project.id}`
    t.equal(owed?.mails, 0)
  },
)

t.test('nothing that was sent or mailed stands in the log', async (t) => {
  const user = await asked()
  await reset({ token: user.mail.token, password: next })
  const lines = app.logs.filter(({ msg }) => msg !== 'Mail captured').map((line) => JSON.stringify(line))
  for (const secret of [user.mail.token, next, user.password])
    t.notOk(lines.some((line) => line.includes(secret)))
  // As a word: instants and ids are full of digits.
  const code = new RegExp(`\\b${user.mail.code}\\b`)
  t.notOk(lines.some((line) => code.test(line)))
})
