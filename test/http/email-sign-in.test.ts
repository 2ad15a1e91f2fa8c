// POST /login/email and /login/email/confirm: the mail signs its reader in, once, and nobody learns who has an account.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { mailOfKind, newPerson } from '../support/factors.ts'
import { partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'

const page = 'https://app.example.com/welcome'
const quiet = {
  verification: { resend_cooldown_seconds: 0 },
  sessions: { notify_new_device: false },
  mail: { per_recipient_hour: 1000, per_recipient_day: 1000 },
  redirect_urls: [page],
}
const app = await startTestApp(t, {
  policy: { ...quiet, email_sign_in: 'existing' },
  env: { TRUSTED_PROXIES: '127.0.0.1' },
})

const ask = (email: string, more: object = {}, headers: Record<string, string> = {}) =>
  app.api('POST', '/login/email', { headers, body: { email, ...more } })
const confirm = (body: object, headers: Record<string, string> = {}) =>
  app.api('POST', '/login/email/confirm', { headers, body })
const mailTo = (email: string) => mailOfKind(app, email, 'sign_in_code')
const tokenOf = (link?: string | null) => new URL(link ?? '').searchParams.get('token') ?? ''
const other = (code: string | null) => String((Number(code ?? '') + 1) % 1_000_000).padStart(6, '0')
async function begin(email: string, more: object = {}) {
  const count = (await app.mailbox.all()).length
  const asked = await ask(email, more)
  if (asked.status !== 202) throw new Error(`not accepted: ${JSON.stringify(asked.body)}`)
  for (;;) {
    const mail = (await app.mailbox.all())
      .slice(count)
      .find(({ to, kind }) => to === email && kind === 'sign_in_code')
    if (mail) return { flow: asked.body.flow, code: mail.code ?? '', token: tokenOf(mail.link), mail }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const unescaped = (text = '') => text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
/** A person who typed the mailed code in the session. */
async function arrive() {
  const who = await app.signUp()
  await app.sql`update users set email_verified_at = now(), email_proof = 'holder' where email = ${who.email}`
  return who
}
const me = (who: Answer) => app.api('GET', '/me', { headers: bearer(who) })

t.test('the code works with the flow that asked, once', async (t) => {
  const who = await arrive()
  const [mine, another] = [await begin(who.email), await begin(who.email)]
  t.equal(mine.mail.subject.includes(mine.code), false)
  const crossed = await confirm({ flow: another.flow, code: mine.code })
  if (mine.code !== another.code) isProblem(t, crossed, 'validation_failed')
  isProblem(
    t,
    await confirm({ flow: '2f1c7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d', code: mine.code }),
    'validation_failed',
  )
  isProblem(t, await confirm({ flow: 'none', code: mine.code }), 'validation_failed')
  const spaced = mine.code.replace(/(...)/, '$1 ')
  const done = await confirm({ flow: mine.flow.toUpperCase(), code: spaced })
  t.equal(done.status, 200)
  t.equal(done.body.user.email, who.email)
  t.match(partsOf(done.body.access_token)[1], { acr: '1', amr: ['otp'] })
  isProblem(t, await confirm({ flow: mine.flow, code: mine.code }), 'validation_failed')
  isProblem(t, await confirm({ token: mine.token }), 'validation_failed')
  t.equal(
    (await confirm({ flow: another.flow, code: another.code })).status,
    200,
    'a later request voids none',
  )
  t.equal((await app.api('POST', '/login', { body: who })).status, 200, 'the password stays')
})

t.test(
  'the link leads over our page to the page of the application, which signs in by the token',
  async (t) => {
    const who = await arrive()
    const { token, mail } = await begin(who.email, { redirect_to: page })
    t.equal(new URL(mail.link ?? '').pathname, '/account/sign-in')
    const shown = await app.send('GET', new URL(mail.link ?? '').href.replace(app.url, ''))
    t.equal(shown.status, 200)
    const leads = unescaped(/href="([^"]+token[^"]+)"/.exec(shown.body)?.[1])
    t.equal(new URL(leads ?? '').origin, 'https://app.example.com')
    t.equal(tokenOf(leads), token)
    const done = await confirm({ token }, { 'session-transport': 'cookie' })
    t.equal(done.status, 200)
    t.notOk('access_token' in done.body)
    t.equal((await app.api('GET', '/me', { headers: cookieHeader(done) })).status, 200)
    const gone = await app.send('GET', new URL(mail.link ?? '').href.replace(app.url, ''))
    t.equal(gone.status, 422)
    isProblem(t, await ask(who.email, { redirect_to: 'https://evil.example.com/' }), 'validation_failed')
  },
)

t.test('without a page of an application, ours says to type the code', async (t) => {
  const who = await arrive()
  const { mail } = await begin(who.email)
  const shown = await app.send('GET', new URL(mail.link ?? '').href.replace(app.url, ''))
  t.equal(shown.status, 200)
  t.notMatch(shown.body, /<a |<form/)
  t.match(shown.body, /Type the code/)
})

t.test('nobody learns who has an account', async (t) => {
  const who = await arrive()
  const nobody = `nobody-${who.email}`
  const [known, unknown] = [await ask(who.email), await ask(nobody)]
  t.equal(unknown.status, known.status)
  t.same(Object.keys(unknown.body).sort(), Object.keys(known.body).sort())
  t.equal(unknown.body.message, known.body.message)
  const mail = await mailTo(who.email)
  t.notOk((await app.mailbox.all()).some(({ to }) => to === nobody))
  const statuses = async (flow: string, code: string) => {
    const seen: number[] = []
    for (let tries = 0; tries < 12; tries++) seen.push((await confirm({ flow, code })).status)
    return seen
  }
  const wrong = other(mail.code)
  t.same(await statuses(known.body.flow, wrong), await statuses(unknown.body.flow, wrong))
})

t.test('five wrong codes end a flow', async (t) => {
  const who = await arrive()
  const { flow, code, token } = await begin(who.email)
  for (let tries = 0; tries < 5; tries++)
    isProblem(t, await confirm({ flow, code: other(code) }), 'validation_failed')
  await app.sql`delete from sign_in_failures`
  isProblem(t, await confirm({ flow, code }), 'validation_failed')
  t.equal((await confirm({ token })).status, 200, 'its link is not guessed')
})

t.test('of many at once one succeeds', async (t) => {
  const who = await arrive()
  const { flow, code, token } = await begin(who.email)
  const tries = [
    ...Array.from({ length: 10 }, () => confirm({ flow, code })),
    ...Array.from({ length: 10 }, () => confirm({ token })),
  ]
  const all = await Promise.all(tries)
  t.equal(all.filter(({ status }) => status === 200).length, 1)
})

t.test('a second factor is due after the mail, and the mail is none', async (t) => {
  const who = await newPerson(app)
  const { flow, code } = await begin(who.email)
  const due = await confirm({ flow, code })
  isProblem(t, due, 'second_factor_required')
  t.same(due.body.factors, ['totp', 'recovery_code'])
  const { challenge } = due.body
  const done = await app.api('POST', '/login/second-factor', {
    body: { challenge, method: 'totp', code: who.authenticator.code() },
  })
  t.equal(done.status, 200)
  t.match(partsOf(done.body.access_token)[1], { acr: '2', amr: ['otp', 'mfa'] })
})

t.test('what another person set up in an account of the address ends', async (t) => {
  const planted = await app.signUp()
  const key = await app.api('POST', '/api-keys', {
    headers: bearer(planted),
    body: { name: 'k', scopes: ['profile:read'] },
  })
  const { flow, code } = await begin(planted.email)
  const done = await confirm({ flow, code })
  t.equal(done.status, 200)
  t.ok(done.body.user.email_verified_at)
  isProblem(t, await me(planted), 'unauthenticated')
  t.not((await app.api('POST', '/login', { body: planted })).status, 200)
  if (key.status === 201)
    t.equal((await app.api('GET', '/me', { headers: { 'x-api-key': key.body.plain_text_key } })).status, 401)
  t.equal((await me(done)).status, 200)
})

t.test('a change that ends sign-ins under way ends these', async (t) => {
  const who = await arrive()
  const [first, second] = [await begin(who.email), await begin(who.email)]
  t.equal((await app.api('POST', '/logout-all', { headers: bearer(who) })).status, 200)
  isProblem(t, await confirm({ flow: first.flow, code: first.code }), 'validation_failed')
  isProblem(t, await confirm({ token: second.token }), 'validation_failed')
})

t.test('a disabled account gets no mail, and a mail from before opens nothing', async (t) => {
  const who = await arrive()
  const { token } = await begin(who.email)
  await app.sql`update users set disabled_at = now() where email = ${who.email}`
  isProblem(t, await confirm({ token }), 'account_disabled')
  t.equal((await ask(who.email)).status, 202)
  t.equal(
    (
      await app.sql`select count(*)::int as n from outbox where recipient = ${who.email} and sent_at is null`
    )[0]?.n,
    0,
  )
})

t.test('policy: off refuses, sign_up makes the account, expired ones are dead', async (t) => {
  const off = { 'project-id': (await app.project(quiet)).id }
  const refused = await ask('ada@example.com', {}, off)
  isProblem(t, refused, 'validation_failed')
  t.match(refused.body.errors, { email: [/does not sign people in by mail/] })
  const made = await app.project({ ...quiet, email_sign_in: 'sign_up' })
  const headers = { 'project-id': made.id }
  const asked = await ask('new@example.com', {}, headers)
  const { code } = await mailTo('new@example.com')
  const done = await confirm({ flow: asked.body.flow, code }, headers)
  t.equal(done.status, 200)
  t.ok(done.body.user.email_verified_at)
  const again = await ask('new@example.com', {}, headers)
  isProblem(t, await confirm({ flow: again.body.flow, code }, headers), 'validation_failed')
  await app.sql`update email_sign_ins set expires_at = now()`
  const late = await confirm({ flow: again.body.flow, code: (await mailTo('new@example.com')).code }, headers)
  isProblem(t, late, 'validation_failed')
})

t.test('an application that delivers mail itself gets the code for its secret alone', async (t) => {
  const own = await app.project({
    ...quiet,
    email_sign_in: 'existing',
    verification: { delivery: 'app', mode: 'off' },
  })
  const headers = { 'project-id': own.id }
  await app.api('POST', '/signup', {
    headers,
    body: { email: 'own@example.com', password: 'a good long password' },
  })
  t.notOk((await ask('own@example.com', {}, headers)).body.code)
  const asked = await ask('own@example.com', {}, { ...headers, 'project-secret': own.secret })
  t.match(asked.body.code, /^\d{6}$/)
  t.equal((await confirm({ flow: asked.body.flow, code: asked.body.code }, headers)).status, 200)
  t.notOk((await ask('none@example.com', {}, { ...headers, 'project-secret': own.secret })).body.code)
})

t.test('a stranger who guesses locks nobody but himself', async (t) => {
  const who = await arrive()
  const stranger = { 'x-forwarded-for': '203.0.113.9' }
  const { flow: his } = await begin(who.email)
  const guess = () => confirm({ flow: his, code: '12345' }, stranger)
  for (let tries = 0; tries < 10; tries++) await guess()
  t.equal((await guess()).status, 429)
  const { flow, code } = await begin(who.email)
  t.equal((await confirm({ flow, code })).status, 200)
})

t.test('its owner is told what ended, and an account of the mailbox alone is no dead end', async (t) => {
  const made = await app.project({ ...quiet, email_sign_in: 'sign_up', factors: { required: 'always' } })
  const headers = { 'project-id': made.id }
  const email = 'always-mail@example.com'
  const enter = async () => {
    const count = (await app.mailbox.all()).length
    const { flow } = (await ask(email, {}, headers)).body
    for (;;) {
      const mail = (await app.mailbox.all())
        .slice(count)
        .find(({ to, kind }) => to === email && kind === 'sign_in_code')
      if (mail) return confirm({ flow, code: mail.code }, headers)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  t.equal((await enter()).status, 200)
  t.equal((await enter()).status, 200, 'a session to enrol a factor in')
  const signedUp = await app.api('POST', '/signup', {
    headers,
    body: { email: 'always-password@example.com', password: 'a good long password' },
  })
  t.equal(signedUp.status, 201)
  await app.sql`update users set email_verified_at = now(), email_proof = 'holder'
    where email = 'always-password@example.com'`
  const asked = await ask('always-password@example.com', {}, headers)
  const { code } = await mailTo('always-password@example.com')
  const due = await confirm({ flow: asked.body.flow, code }, headers)
  isProblem(t, due, 'second_factor_required')
  t.same(due.body.factors, [])
  t.notOk('challenge' in due.body, 'no challenge that nothing completes')

  const planted = await app.signUp()
  const { flow, code: typed } = await begin(planted.email)
  t.equal((await confirm({ flow, code: typed })).status, 200)
  const told = await mailOfKind(app, planted.email, 'mailbox_entered')
  t.match(told.text, /What ended: [^.]*the password/)
})

t.test('a code that nobody was sent opens nothing', async (t) => {
  const own = await app.project({
    ...quiet,
    email_sign_in: 'existing',
    verification: { delivery: 'app', mode: 'off' },
  })
  const secret = { 'project-id': own.id, 'project-secret': own.secret }
  const email = 'unsent@example.com'
  await app.api('POST', '/signup', {
    headers: { 'project-id': own.id },
    body: { email, password: 'a good long password' },
  })
  await ask(email, {}, { 'project-id': own.id })
  await ask(email, {}, secret)
  const rows =
    await app.sql`select code_hash, token_hash from email_sign_ins where email = ${email} order by created_at`
  t.equal(rows.length, 2)
  t.equal(new Set(rows.map(({ code_hash }) => String(code_hash))).size, 2)
})

t.test('the former address of an account is held while the change may be undone', async (t) => {
  const made = await app.project({ ...quiet, email_sign_in: 'sign_up' })
  const headers = { 'project-id': made.id }
  const [from, to] = ['moved-from@example.com', 'moved-to@example.com']
  const password = 'a good long password'
  const who = await app.api('POST', '/signup', { headers, body: { email: from, password } })
  const own = { ...headers, ...bearer(who) }
  const body = { new_email: to, current_password: password }
  const begun = (await ask(from, {}, headers)).body
  const before = await mailTo(from)
  await app.api('POST', '/change-email', { headers: own, body })
  const { token } = await mailOfKind(app, to, 'change_email')
  t.equal((await app.api('POST', '/change-email/confirm', { headers: own, body: { token } })).status, 200)
  const undo = await mailOfKind(app, from, 'email_changed')
  isProblem(t, await confirm({ flow: begun.flow, code: before.code }, headers), 'validation_failed')
  isProblem(
    t,
    await app.api('POST', '/signup', { headers, body: { email: from, password } }),
    'validation_failed',
  )
  const count = (await app.mailbox.all()).length
  const { flow } = (await ask(from, {}, headers)).body
  let mail: Awaited<ReturnType<typeof mailTo>> | undefined
  while (!mail) {
    mail = (await app.mailbox.all())
      .slice(count)
      .find((each) => each.to === from && each.kind === 'sign_in_code')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  isProblem(t, await confirm({ flow, code: mail.code }, headers), 'validation_failed')
  // An account that was made in another way blocks the undoing for as long as it is there, and uses nothing up.
  await app.sql`insert into users (project_id, uuid, email) values (${made.id}, gen_random_uuid(), ${from})`
  const blocked = await app.api('POST', '/change-email/undo', { headers, body: { token: undo.token } })
  isProblem(t, blocked, 'validation_failed')
  await app.sql`delete from users where project_id = ${made.id} and email = ${from}`
  const undone = await app.api('POST', '/change-email/undo', { headers, body: { token: undo.token } })
  t.equal(undone.status, 200)
})

t.test('a deleted account leaves no sign-in under way, and several mails at once all sign in', async (t) => {
  const made = await app.project({ ...quiet, email_sign_in: 'sign_up' })
  const headers = { 'project-id': made.id }
  const email = 'several@example.com'
  const codes = new Map<string, string>()
  for (let n = 0; n < 4; n++) {
    const count = (await app.mailbox.all()).length
    const { flow } = (await ask(email, {}, headers)).body
    while (!codes.has(flow)) {
      const mail = (await app.mailbox.all()).slice(count).find((each) => each.kind === 'sign_in_code')
      if (mail) codes.set(flow, mail.code ?? '')
      else await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const [last, ...first] = [...codes]
  const done = await Promise.all(first.map(([flow, code]) => confirm({ flow, code }, headers)))
  t.same(
    done.map(({ status }) => status),
    [200, 200, 200],
  )
  t.equal(new Set(done.map(({ body }) => body.user.uuid)).size, 1)
  await app.sql`update sessions set auth_time = now()`
  const deleted = await app.api('DELETE', '/me', {
    headers: { ...headers, ...bearer(done[0] as Answer) },
    body: {},
  })
  t.equal(deleted.status, 204)
  const late = await confirm({ flow: last?.[0], code: last?.[1] }, headers)
  isProblem(t, late, 'validation_failed')
})
