// POST /verify-email/resend and /confirm, the mail between them, and the page where its link lands.
import { createHash } from 'node:crypto'
import t from 'tap'
import { type Answer, startTestApp } from '../support/app.ts'
import { headerNames, isProblem, withoutRequest } from '../support/problems.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t)
const strict = await app.project({ verification: { mode: 'strict' } })
const byApp = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
const proven = { 'project-id': byApp.id, 'project-secret': byApp.secret }
const password = 'a good long password'
let count = 0
const fresh = () => `verify-${++count}@example.com`

type Headers = Record<string, string>
const resend = (email: unknown, headers: Headers = {}) =>
  app.api('POST', '/verify-email/resend', { headers, body: { email } })
const confirm = (body: unknown, headers: Headers = {}) =>
  app.api('POST', '/verify-email/confirm', { headers, body })

async function signUp(headers: Headers = {}): Promise<Answer & { email: string }> {
  const email = fresh()
  const answer = await app.api('POST', '/signup', { headers, body: { email, password } })
  if (answer.status > 202) throw new Error(`The sign-up was answered ${answer.status}.`)
  return { ...answer, email }
}

/** Signs up where applications deliver: the token comes with the answer, so no mail must be waited for. */
async function signUpForToken(): Promise<{ email: string; token: string }> {
  const { email, body } = await signUp(proven)
  return { email, token: body.verification_token }
}

/** Link token and code of the newest mail to `email`, which is the `nth` one. */
async function mailed(email: string, nth = 1) {
  const mails = await app.mailbox.waitFor(email, { count: nth })
  const mail = mails[nth - 1]
  if (!mail?.token || !mail.code || !mail.link) throw new Error('There is no verification mail.')
  return { token: mail.token, code: mail.code, link: mail.link }
}

/** A code of six digits that is not this one. */
const anotherCode = (code: string, step = 1) => String((Number(code) + step) % 1_000_000).padStart(6, '0')

const isVerified = async (email: string) => {
  const [row] =
    await app.sql`select email_verified_at is not null as verified from users where email = ${email}`
  return row?.verified === true
}
const forget = (email: string) =>
  app.sql`delete from cooldowns where project_id in (select project_id from users where email = ${email}
    union select project_id from claims where email = ${email})`

t.test('POST /verify-email/confirm · 200 · the token of the link, once', async (t) => {
  const { email } = await signUp()
  const { token } = await mailed(email)
  const answer = await confirm({ token })
  t.equal(answer.status, 200)
  t.same(Object.keys(answer.body), ['message', 'user'])
  t.equal(answer.body.user.email, email)
  t.ok(Math.abs(Date.parse(answer.body.user.email_verified_at) - Date.now()) < 10_000)
  isProblem(t, await confirm({ token }), 'validation_failed', ['token'])
  t.equal(await isVerified(email), true)
})

t.test(
  'POST /verify-email/confirm · 200 · the code of the same mail, once, with the address it was sent to',
  async (t) => {
    const { email } = await signUp()
    const { token, code } = await mailed(email)
    const answer = await confirm({ email: ` ${email.toUpperCase()}`, code })
    t.equal(answer.status, 200)
    t.equal(answer.body.user.email, email)
    isProblem(t, await confirm({ email, code }), 'validation_failed', ['token', 'code'])
    isProblem(t, await confirm({ token }), 'validation_failed', ['token'])
  },
)

t.test('POST /verify-email/confirm · 200 · strict: who has confirmed may sign in', async (t) => {
  const headers = { 'project-id': strict.id }
  const { email } = await signUp(headers)
  const signIn = () => app.api('POST', '/login', { headers, body: { email, password } })
  t.equal((await signIn()).status, 403)
  const { code } = await mailed(email)
  t.equal((await confirm({ email, code }, headers)).status, 200)
  const signedIn = await signIn()
  t.equal(signedIn.status, 200)
  t.ok(signedIn.body.user.email_verified_at)
})

t.test(
  'POST /verify-email/confirm · 200 · a token is no sign-in: nobody gets tokens or cookies by it',
  async (t) => {
    const { token } = await signUpForToken()
    const answer = await confirm({ token }, { 'project-id': byApp.id, 'session-transport': 'cookie' })
    t.equal(answer.status, 200)
    t.same(Object.keys(answer.body), ['message', 'user'])
    t.same(answer.cookies, {})
  },
)

t.test(
  'POST /verify-email/confirm · 422 · unknown, malformed, superseded, expired: one answer',
  async (t) => {
    const headers = { 'project-id': byApp.id }
    const { email, token: superseded } = await signUpForToken()
    await forget(email)
    const { body } = await resend(email, proven)
    const newest: string = body.verification_token
    const answers = [
      await confirm({ token: `svt_${'x'.repeat(43)}` }, headers),
      await confirm({ token: 'x' }, headers),
      await confirm({ token: newest.toUpperCase() }, headers),
      await confirm({ token: ` ${newest}` }, headers),
      await confirm({ token: superseded }, headers),
    ]
    await app.sql`update claims set expires_at = now() where email = ${email}`
    answers.push(await confirm({ token: newest }, headers))
    for (const answer of answers) {
      isProblem(t, answer, 'validation_failed', ['token'])
      t.same(withoutRequest(answer.body), withoutRequest((answers[0] as Answer).body))
    }
    t.equal(await isVerified(email), false)
  },
)

t.test('POST /verify-email/confirm · 422 · a token or a code of another project', async (t) => {
  const { email, token } = await signUpForToken()
  isProblem(t, await confirm({ token }, { 'project-id': strict.id }), 'validation_failed', ['token'])
  t.equal((await confirm({ token }, proven)).status, 200, 'and is not used up by it')

  const here = await signUp({ 'project-id': strict.id })
  await app.api('POST', '/signup', { headers: proven, body: { email: here.email, password } })
  const { code } = await mailed(here.email)
  isProblem(t, await confirm({ email: here.email, code }, proven), 'validation_failed', ['token', 'code'])
  t.equal((await confirm({ email: here.email, code }, { 'project-id': strict.id })).status, 200)
  t.not(email, here.email)
})

t.test('POST /verify-email/confirm · 422 · a code of another account', async (t) => {
  const [ada, eve] = [await signUp(), await signUp()]
  const { code } = await mailed(eve.email)
  if (code !== (await mailed(ada.email)).code)
    isProblem(t, await confirm({ email: ada.email, code }), 'validation_failed', ['token', 'code'])
  t.equal(await isVerified(ada.email), false)
})

t.test('POST /verify-email/confirm · 422 · neither token nor address with code', async (t) => {
  isProblem(t, await confirm({}), 'validation_failed', ['token'])
  isProblem(t, await confirm({ email: fresh() }), 'validation_failed', ['token', 'code'])
  isProblem(t, await confirm({ code: '123456' }), 'validation_failed', ['token', 'email'])
  isProblem(t, await confirm({ token: '' }), 'validation_failed', ['token'])
  isProblem(t, await confirm({ token: 7 }), 'validation_failed', ['token'])
  isProblem(t, await confirm({ email: 'ada', code: 123456 }), 'validation_failed', ['email', 'code'])
  isProblem(t, await confirm({ token: 'x'.repeat(1025) }), 'validation_failed', ['token'])
})

t.test('POST /verify-email/confirm · a disabled account is not confirmed', async (t) => {
  const { email } = await signUp()
  const { token } = await mailed(email)
  await app.sql`update users set disabled_at = now() where email = ${email}`
  isProblem(t, await confirm({ token }), 'validation_failed', ['token'])
  t.equal(await isVerified(email), false)
})

t.test(
  'POST /verify-email/confirm · a token proves the address it was minted for and no later one',
  async (t) => {
    const { email } = await signUp()
    const { token } = await mailed(email)
    const later = fresh()
    await app.sql`update users set email = ${later} where email = ${email}`
    isProblem(t, await confirm({ token }), 'validation_failed', ['token'])
    t.equal(await isVerified(later), false)
  },
)

t.test('POST /verify-email/confirm · five wrong codes burn the code, and not the link', async (t) => {
  const { email } = await signUp()
  const { token, code } = await mailed(email)
  for (let tries = 1; tries <= 5; tries++)
    isProblem(t, await confirm({ email, code: anotherCode(code, tries) }), 'validation_failed', [
      'token',
      'code',
    ])
  isProblem(t, await confirm({ email, code }), 'validation_failed', ['token', 'code'])
  t.equal((await confirm({ token })).status, 200)
})

t.test('POST /verify-email/confirm · four wrong codes do not', async (t) => {
  const { email } = await signUp()
  const { code } = await mailed(email)
  for (let tries = 1; tries <= 4; tries++) await confirm({ email, code: anotherCode(code, tries) })
  t.equal((await confirm({ email, code })).status, 200)
})

t.test(
  'POST /verify-email/confirm · 429 · ten wrong codes lock the account’s codes, over every code it is sent',
  async (t) => {
    const { email } = await signUp()
    for (const nth of [1, 2]) {
      if (nth > 1) {
        await forget(email)
        await resend(email)
      }
      const { code } = await mailed(email, nth)
      for (let tries = 1; tries <= 5; tries++)
        isProblem(t, await confirm({ email, code: anotherCode(code, tries) }), 'validation_failed')
    }
    await forget(email)
    await resend(email)
    const { code, token } = await mailed(email, 3)
    const answer = await confirm({ email, code })
    isProblem(t, answer, 'too_many_attempts')
    t.ok(answer.body.retry_after > 3500 && answer.body.retry_after <= 3600, 'for an hour')
    t.equal(await isVerified(email), false)
    t.equal((await confirm({ token })).status, 200, 'the link is no guess, and is not locked')
  },
)

t.test(
  'POST /verify-email/confirm · 429 · codes of an unknown address are refused and locked in the same way',
  async (t) => {
    const { email } = await signUp(proven)
    const unknown = fresh()
    for (let tries = 0; tries < 11; tries++) {
      const [known, other] = [
        await confirm({ email, code: 'abcdef' }, proven),
        await confirm({ email: unknown, code: 'abcdef' }, proven),
      ]
      t.equal(other.status, known.status)
      t.equal(known.status, tries < 10 ? 422 : 429)
      const plain = ({ body }: Answer) => ({ ...withoutRequest(body), retry_after: 0 })
      t.same(plain(other), plain(known))
    }
  },
)

t.test(
  'POST /verify-email/resend · 200 · another mail, whose link works where the first one’s no longer does',
  async (t) => {
    const { email } = await signUp()
    const first = await mailed(email)
    const answer = await resend(` ${email.toUpperCase()} `)
    t.equal(answer.status, 200)
    t.same(Object.keys(answer.body), ['message'])
    const second = await mailed(email, 2)
    isProblem(t, await confirm({ token: first.token }), 'validation_failed', ['token'])
    if (first.code !== second.code)
      isProblem(t, await confirm({ email, code: first.code }), 'validation_failed', ['token', 'code'])
    t.equal((await confirm({ token: second.token })).status, 200)
  },
)

t.test(
  'POST /verify-email/resend · 200 · known, verified, disabled and unknown addresses: one answer and one cooldown',
  async (t) => {
    for (const headers of [
      { 'project-id': app.projectId },
      { 'project-id': strict.id },
      { 'project-id': byApp.id },
    ]) {
      const [known, verified, disabled] = [
        await signUp(headers),
        await signUp(headers),
        await signUp(headers),
      ]
      await app.sql`update users set email_verified_at = now() where email = ${verified.email}`
      await app.sql`update users set disabled_at = now() where email = ${disabled.email}`
      const emails = [known.email, verified.email, disabled.email, fresh()]
      const first = await Promise.all(emails.map((email) => resend(email, headers)))
      const second = await Promise.all(emails.map((email) => resend(email, headers)))
      for (const [at, answer] of first.entries()) {
        t.equal(answer.status, 200)
        t.same(answer.body, first[0]?.body, String(emails[at]))
        t.same(headerNames(answer), headerNames(first[0] as Answer))
        t.same(Object.keys(answer.body), ['message'])
      }
      for (const { status, body, ...answer } of second) {
        t.equal(status, 200)
        t.same(Object.keys(body).sort(), ['message', 'resend_cooldown_active', 'retry_after_seconds'])
        t.equal(body.resend_cooldown_active, true)
        t.ok(body.retry_after_seconds > 50 && body.retry_after_seconds <= 60, `${body.retry_after_seconds} s`)
        t.equal(body.message, second[0]?.body.message)
        t.same(headerNames(answer), headerNames(first[0] as Answer))
      }
    }
  },
)

t.test(
  'POST /verify-email/resend · a mail goes to accounts that are open and unverified, and to nobody else',
  async (t) => {
    const headers = {}
    const [known, verified, disabled] = [await signUp(), await signUp(), await signUp()]
    await app.sql`update users set email_verified_at = now() where email = ${verified.email}`
    await app.sql`update users set disabled_at = now() where email = ${disabled.email}`
    await app.sql`delete from outbox`
    for (const email of [known.email, verified.email, disabled.email, fresh()]) await resend(email, headers)
    const rows = await app.sql`select users.email, kind from outbox join users on users.id = user_id`
    t.same([...rows], [{ email: known.email, kind: 'verify_email' }])
  },
)

t.test('POST /verify-email/resend · the cooldown ends, and waiting callers do not prolong it', async (t) => {
  const { email } = await signUp()
  await resend(email)
  await app.sql`update cooldowns set last_at = now() - interval '59 seconds' where project_id = ${app.projectId}`
  const waiting = await resend(email)
  t.equal(waiting.body.resend_cooldown_active, true)
  t.equal(waiting.body.retry_after_seconds, 1)
  await app.sql`update cooldowns set last_at = now() - interval '60 seconds' where project_id = ${app.projectId}`
  t.same(Object.keys((await resend(email)).body), ['message'])
})

t.test(
  'POST /verify-email/resend · policy: the cooldown and the life of a token are the project’s',
  async (t) => {
    const brief = await app.project({
      verification: { mode: 'strict', delivery: 'app', resend_cooldown_seconds: 0, lifetime_seconds: 7200 },
    })
    const headers = { 'project-id': brief.id, 'project-secret': brief.secret }
    const { email } = await signUp(headers)
    for (let turn = 0; turn < 3; turn++) t.ok((await resend(email, headers)).body.verification_token)
    const [row] =
      await app.sql`select max(expires_at - now()) <= '2 hours' and max(expires_at - created_at) >= '2 hours' as fits from claims
    where project_id = ${brief.id}`
    t.equal(row?.fits, true)
  },
)

t.test(
  'POST /verify-email/resend · verification_token only with delivery app, the secret and an open account',
  async (t) => {
    const { email } = await signUp(proven)
    const cases: [string, string, Headers, boolean][] = [
      ['no secret', email, { 'project-id': byApp.id }, false],
      ['a wrong secret', email, { ...proven, 'project-secret': `${byApp.secret}x` }, false],
      ['another project’s secret', email, { ...proven, 'project-secret': strict.secret }, false],
      ['an unknown address', fresh(), proven, false],
      ['the secret and an open account', email, proven, true],
    ]
    for (const [name, address, headers, handed] of cases) {
      await forget(email)
      const { body } = await resend(address, headers)
      t.equal('verification_token' in body, handed, name)
      if (handed) t.equal((await confirm({ token: body.verification_token }, headers)).status, 200)
    }
    await forget(email)
    t.notOk('verification_token' in (await resend(email, proven)).body, 'a verified account')
    const ours = await signUp({ 'project-id': strict.id })
    const { body } = await resend(ours.email, { 'project-id': strict.id, 'project-secret': strict.secret })
    t.notOk('verification_token' in body, 'delivery email')
    const [row] = await app.sql`select count(*)::int as mails from outbox where project_id = ${byApp.id}`
    t.equal(row?.mails, 0, 'where the application delivers, we send nothing')
  },
)

t.test(
  'POST /verify-email/resend · where verification is off, the answer is the same and nothing is sent',
  async (t) => {
    const off = await app.project({ verification: { mode: 'off' } })
    const headers = { 'project-id': off.id }
    const { email } = await signUp(headers)
    t.same(Object.keys((await resend(email, headers)).body), ['message'])
    t.equal((await resend(email, headers)).body.resend_cooldown_active, true)
    const [row] = await app.sql`select count(*)::int as mails from outbox where project_id = ${off.id}`
    t.equal(row?.mails, 0)
  },
)

t.test('POST /verify-email/resend · 422 · no address, or none that is one', async (t) => {
  for (const wrong of [undefined, null, 7, '', 'ada', 'ada@', ['ada@example.com']])
    isProblem(t, await resend(wrong), 'validation_failed', ['email'])
})

t.test(
  'the mail · link and code prove the same address; it is asked of the database, not kept in it',
  async (t) => {
    const { email } = await signUp()
    const { token, code, link } = await mailed(email)
    t.ok(link.startsWith(`${app.config.publicUrl}/account/verify-email?`))
    t.equal(new URL(link).searchParams.get('project'), app.projectId)
    const [row] = await app.sql`select verification_tokens::text as line, outbox::text as mail
    from verification_tokens join outbox using (user_id) where email = ${email}`
    for (const secret of [token, code])
      for (const text of [row?.line, row?.mail]) t.notOk(text.includes(`,${secret},`))
    t.notOk(row?.line.includes(token))
  },
)

const page = (query: Record<string, string>) =>
  app.send('GET', `/account/verify-email?${new URLSearchParams(query)}`)
const press = (fields: Record<string, string>, headers: Headers = {}) =>
  app.send('POST', '/account/verify-email', {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  })

t.test('the page · looking consumes nothing, pressing the button confirms, once', async (t) => {
  const { email } = await signUp()
  const { link, token } = await mailed(email)
  const { pathname, search } = new URL(link)
  for (let look = 0; look < 3; look++) {
    const shown = await app.send('GET', pathname + search)
    t.equal(shown.status, 200)
    t.match(shown.headers.get('content-type'), /^text\/html/)
    t.match(
      shown.body,
      new RegExp(`<form method="post" action="/account/verify-email">.*value="${token}"`, 's'),
    )
  }
  t.equal((await sendRaw(app.url, rawRequest(`HEAD ${pathname}${search}`, []))).status, 200)
  t.equal(await isVerified(email), false)
  const pressed = await press({ project: app.projectId, token })
  t.equal(pressed.status, 200)
  t.equal(await isVerified(email), true)
  const again = await press({ project: app.projectId, token })
  t.equal(again.status, 200)
  t.match(again.body, /Your address is verified already/)
  t.match((await app.send('GET', pathname + search)).body, /Your address is verified already/)
})

t.test('the page · a token that is none, expired or of another project is told kindly', async (t) => {
  const { email, token } = await signUpForToken()
  const cases = [
    {},
    { project: byApp.id },
    { token },
    { project: 'x', token },
    { project: strict.id, token },
    { project: '00000000-0000-4000-8000-000000000000', token },
    { project: byApp.id, token: 'x' },
    { project: byApp.id, token: '' },
    { project: byApp.id, token: '\0' },
  ]
  for (const fields of cases) {
    const answer = await press(fields)
    t.equal(answer.status, 422, JSON.stringify(fields))
    t.match(answer.headers.get('content-type'), /^text\/html/)
  }
  t.equal((await app.send('GET', '/account/verify-email')).status, 422)
  t.equal((await press({ project: byApp.id.toUpperCase(), token })).status, 200)
  t.equal(await isVerified(email), true)
})

t.test(
  'the page · runs nothing, loads nothing, is framed and indexed nowhere, and tells no other site its link',
  async (t) => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    const shown = await page({ project: evil, token: evil })
    t.notMatch(shown.body, /<script|<img/)
    for (const answer of [shown, await press({ project: evil, token: evil }), await page({})]) {
      const policy = answer.headers.get('content-security-policy') ?? ''
      t.match(policy, /default-src 'none'/)
      t.match(policy, /form-action 'self'/)
      t.match(policy, /base-uri 'none'/)
      t.match(policy, /frame-ancestors 'none'/)
      t.notMatch(policy, /unsafe|\*|script-src|http/)
      const [, style = ''] = /<style>(.*?)<\/style>/s.exec(answer.body) ?? []
      const hash = createHash('sha256').update(style).digest('base64')
      t.ok(policy.includes(`style-src 'sha256-${hash}'`), 'the one style sheet is allowed by its hash')
      t.notMatch(answer.body, / style="| on\w+="/)
      t.equal(answer.headers.get('referrer-policy'), 'no-referrer')
      t.equal(answer.headers.get('x-frame-options'), 'DENY')
      t.equal(answer.headers.get('cache-control'), 'no-store')
      t.match(answer.body, /<meta name="robots" content="noindex">/)
    }
  },
)

t.test('the page · takes a form and nothing else, and not a large one', async (t) => {
  const post = (type: string, body: string) =>
    app.send('POST', '/account/verify-email', { headers: { 'content-type': type }, body })
  t.equal((await post('text/plain', 'token=x')).status, 415)
  t.equal((await post('application/x-www-form-urlencoded', `token=${'x'.repeat(5000)}`)).status, 413)
  t.equal((await post('application/x-www-form-urlencoded', '%zz=%')).status, 422)
  t.equal((await post('application/x-www-form-urlencoded', '__proto__=x&token=y')).status, 422)
  t.equal((await app.send('POST', '/account/verify-email')).status, 422)
})
