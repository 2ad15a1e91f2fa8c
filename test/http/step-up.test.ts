// Step-up (RFC 9470): what a session alone must not do asks for the account's owner, and POST /step-up proves them.
import t from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { partsOf } from '../support/forge.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { isProblem } from '../support/problems.ts'

const issuer = await startIssuer(t)
const providers = { acme: issuer.policy() }
const app = await startTestApp(t, {
  policy: { providers, verification: { resend_cooldown_seconds: 0 }, sessions: { notify_new_device: false } },
})

type Person = Answer & { email: string; password: string }
const later = (who: Answer) =>
  app.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${who.body.user.id}`
const stepUp = (who: Answer, body: object) => app.api('POST', '/step-up', { headers: bearer(who), body })
const askCode = (who: Answer) => app.api('POST', '/step-up/email-code', { headers: bearer(who) })
const idToken = () => issuer.idToken({ sub: newSubject(), email: 'elsewhere@example.net' })

/** A person who signed in by a provider and has no password. */
async function arrive(): Promise<Person> {
  const sub = newSubject()
  const id_token = await issuer.idToken({ sub, email: `${sub}@example.com`, email_verified: true })
  const answer = await app.api('POST', '/login/social', { body: { provider: 'acme', id_token } })
  return { ...answer, email: answer.body.user.email, password: '' }
}
async function codeOf(email: string): Promise<string> {
  const mails = await app.mailbox.waitFor(email)
  return String(mails.filter(({ kind }) => kind === 'step_up_code').at(-1)?.code)
}

/** Routes that ask, without a password in their body. */
const guarded: Record<string, (who: Answer) => Promise<Answer>> = {
  'POST /change-email': (who) =>
    app.api('POST', '/change-email', {
      headers: bearer(who),
      body: { new_email: `new-${who.body.user.email}` },
    }),
  'POST /identities/{identity}': async (who) =>
    app.api('POST', '/identities/acme', { headers: bearer(who), body: { id_token: await idToken() } }),
  'DELETE /identities/{identity}': async (who) => {
    const [row] = await app.sql`insert into identities (id, project_id, user_id, provider, issuer, subject)
      values (gen_random_uuid(), ${app.projectId}, ${who.body.user.id}, 'acme', ${issuer.url}, ${newSubject()})
      returning id`
    return app.api('DELETE', `/identities/${row?.id}`, { headers: bearer(who) })
  },
  'GET /me/export': (who) => app.api('GET', '/me/export', { headers: bearer(who) }),
  'DELETE /me': (who) => app.api('DELETE', '/me', { headers: bearer(who), body: {} }),
}

for (const [name, ask] of Object.entries(guarded)) {
  t.test(`${name} · 401 · long after the sign-in, until the password is proven in the session`, async (t) => {
    const who = await app.signUp()
    await later(who)
    const refused = await ask(who)
    isProblem(t, refused, 'step_up_required')
    t.same(refused.body.factors, ['password'])
    t.equal(
      refused.headers.get('www-authenticate'),
      'Bearer error="insufficient_user_authentication", acr_values="1", max_age="300"',
    )
    const stepped = await stepUp(who, { method: 'password', password: who.password })
    t.equal(stepped.status, 200)
    const done = await ask({ ...stepped, body: { ...stepped.body, user: who.body.user } })
    t.ok(done.status < 300, `${done.status}`)
  })

  t.test(
    `${name} · a fresh session that a provider opened is not enough for an account with a password`,
    async (t) => {
      const who = await app.signUp()
      await app.sql`update sessions set amr = 'fed' where user_id = ${who.body.user.id}`
      isProblem(t, await ask(who), 'step_up_required')
      t.ok((await ask(await app.signUp())).status < 300, 'a fresh sign-in by password is')
    },
  )
}

t.test('POST /step-up · 200 · the same session, a new instant, and its former tokens are dead', async (t) => {
  const who = await app.signUp()
  const before = partsOf(who.body.access_token)[1]
  await later(who)
  const stepped = await stepUp(who, { method: 'password', password: who.password })
  const after = partsOf(stepped.body.access_token)[1]
  t.equal(after.sid, before.sid)
  t.ok(Number(after.auth_time) > Date.now() / 1000 - 60)
  t.match(after, { amr: ['pwd'], acr: '1' })
  isProblem(t, await app.api('GET', '/me', { headers: bearer(who) }), 'unauthenticated')
  const refresh = (refresh_token: string) => app.api('POST', '/refresh', { body: { refresh_token } })
  isProblem(t, await refresh(who.body.refresh_token), 'invalid_refresh_token')
  const refreshed = await refresh(stepped.body.refresh_token)
  t.equal(partsOf(refreshed.body.access_token)[1].auth_time, after.auth_time, 'refresh keeps the instant')
  const { data } = (await app.api('GET', '/me/activity', { headers: bearer(refreshed) })).body
  t.ok(data.some(({ event }: { event: string }) => event === 'stepped_up'))
})

t.test('POST /step-up · by cookie, the cookies are replaced and no token is in the body', async (t) => {
  const { email, password } = await app.signUp()
  const signedIn = await app.api('POST', '/login', {
    headers: { 'session-transport': 'cookie' },
    body: { email, password },
  })
  const body = { method: 'password', password }
  const answer = await app.api('POST', '/step-up', { headers: cookieHeader(signedIn), body })
  t.equal(answer.status, 200)
  t.notOk('access_token' in answer.body)
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(answer) })).status, 200)
  t.equal((await app.api('GET', '/me', { headers: cookieHeader(signedIn) })).status, 401)
})

t.test(
  'POST /step-up · 422 and 429 · a wrong password is named, and counts like a failed sign-in',
  async (t) => {
    const who = await app.signUp()
    for (let tries = 0; tries < 5; tries++)
      isProblem(t, await stepUp(who, { method: 'password', password: 'wrong' }), 'validation_failed', [
        'password',
      ])
    isProblem(t, await stepUp(who, { method: 'password', password: who.password }), 'too_many_attempts')
    const body = { email: who.email, password: who.password }
    isProblem(t, await app.api('POST', '/login', { body }), 'too_many_attempts')
  },
)

t.test(
  'POST /step-up · 422 · a method without its field, of another kind, or that the account lacks',
  async (t) => {
    const who = await app.signUp()
    isProblem(t, await stepUp(who, {}), 'validation_failed', ['method'])
    isProblem(t, await stepUp(who, { method: 'password' }), 'validation_failed', ['password'])
    isProblem(t, await stepUp(who, { method: 'email_code' }), 'validation_failed', ['code'])
    isProblem(t, await stepUp(who, { method: 'sms', code: '123456' }), 'validation_failed', ['method'])
    isProblem(t, await stepUp(who, { method: 'email_code', code: '123456' }), 'validation_failed', ['method'])
    isProblem(t, await askCode(who), 'validation_failed', ['method'])
    isProblem(t, await app.api('POST', '/step-up', { body: { method: 'password' } }), 'unauthenticated')
    const social = await arrive()
    isProblem(t, await stepUp(social, { method: 'password', password: 'x' }), 'validation_failed', ['method'])
  },
)

t.test('POST /step-up/email-code · a mailed code steps an account without a password up, once', async (t) => {
  const who = await arrive()
  await later(who)
  const refused = await app.api('GET', '/me/export', { headers: bearer(who) })
  isProblem(t, refused, 'step_up_required')
  t.same(refused.body.factors, ['email_code'])
  t.equal((await askCode(who)).status, 202)
  const code = await codeOf(who.email)
  const wide = code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
  const stepped = await stepUp(who, { method: 'email_code', code: ` ${wide} ` })
  t.equal(stepped.status, 200)
  t.match(partsOf(stepped.body.access_token)[1], { amr: ['otp'] })
  t.equal((await app.api('GET', '/me/export', { headers: bearer(stepped) })).status, 200)
  isProblem(t, await stepUp(stepped, { method: 'email_code', code }), 'validation_failed')
})

t.test(
  'a code works in the session that asked alone; five wrong ones end it, at once or in turn',
  async (t) => {
    const who = await arrive()
    const sub = (await app.sql`select subject from identities where user_id = ${who.body.user.id}`)[0]
      ?.subject
    const id_token = await issuer.idToken({ sub, email: who.email, email_verified: true })
    const thief = await app.api('POST', '/login/social', { body: { provider: 'acme', id_token } })
    await askCode(who)
    const code = await codeOf(who.email)
    isProblem(t, await stepUp(thief, { method: 'email_code', code }), 'validation_failed')
    const wrong = code === '000000' ? '111111' : '000000'
    await Promise.all([1, 2, 3, 4].map(() => stepUp(who, { method: 'email_code', code: wrong })))
    isProblem(t, await stepUp(who, { method: 'email_code', code }), 'validation_failed')
  },
)

t.test('a wrong mailed code is in the security log, as a wrong code of an authenticator is', async (t) => {
  const who = await arrive()
  await askCode(who)
  const wrong = (await codeOf(who.email)) === '000000' ? '111111' : '000000'
  isProblem(t, await stepUp(who, { method: 'email_code', code: wrong }), 'validation_failed')
  const logged = await app.sql`select log.event, log.details from security_log log
    join users on users.uuid = log.account where users.email = ${who.email} and log.outcome = 'refused'`
  t.match([...logged], [{ event: 'second_factor_refused', details: { reason: 'wrong_email_code' } }])
})

t.test('sixteen uses of one code at once step up once', async (t) => {
  const who = await arrive()
  await askCode(who)
  const code = await codeOf(who.email)
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => stepUp(who, { method: 'email_code', code })),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
})

t.test('a session of another API is not stepped up here', async (t) => {
  const { email, password } = await app.signUp()
  const nora = await app.send('POST', '/nora/auth/login', { body: { email, password } })
  const headers = { authorization: `Bearer ${nora.body.token}` }
  const body = { method: 'password', password }
  isProblem(t, await app.api('POST', '/step-up', { headers, body }), 'unauthenticated')
  t.equal((await app.send('GET', '/nora/auth/me', { headers })).status, 200)
})

t.test('unlinking a provider is told by mail', async (t) => {
  const who = await app.signUp()
  const linked = await app.api('POST', '/identities/acme', {
    headers: bearer(who),
    body: { id_token: await idToken() },
  })
  const answer = await app.api('DELETE', `/identities/${linked.body.id}`, { headers: bearer(who) })
  t.equal(answer.status, 204)
  const mails = await app.mailbox.waitFor(who.email, { count: 3 })
  t.ok(mails.some(({ kind }) => kind === 'identity_unlinked'))
})
