// /sign-in, /sign-up and /forgot-password by their forms alone, as a browser without script sends them.
import t from 'tap'
import { type Answer, cookieHeader, freePort, startTestApp } from '../support/app.ts'
import { enrolTotp, mailOfKind, proveHolder, renewSteps } from '../support/factors.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { newProofKey } from '../support/pkce.ts'
import { newWanderer } from '../support/wanderer.ts'

const port = await freePort()
const origin = `http://127.0.0.1:${port}`
const callback = `${origin}/api/auth/login/social/acme/callback`
const issuer = await startIssuer(t, [callback])
const home = 'https://app.example.com/in'
const own = `${origin}/docs`
const policy = {
  providers: { acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) },
  redirect_urls: [home, own, 'https://shared.example.com/in', 'myapp://signed-in'],
  origins: ['https://shared.example.com'],
  email_sign_in: 'existing',
  verification: { resend_cooldown_seconds: 0 },
  sessions: { notify_new_device: false },
}
const app = await startTestApp(t, {
  policy,
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})
const strict = await app.project({ ...policy, verification: { mode: 'strict', resend_cooldown_seconds: 0 } })
const { verifier, challenge } = newProofKey()
const password = 'a good long password'

const query = (more: Record<string, string> = {}, project = app.projectId) =>
  `?${new URLSearchParams({ project, ...more })}`
const byCode = { redirect_to: home, code_challenge: challenge, code_challenge_method: 'S256', state: 'a b&c' }
const get = (path: string, headers: Record<string, string> = {}) => app.send('GET', path, { headers })
const press = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  app.send('POST', path, {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  })
const heading = ({ body }: Answer) => /<h1>(.*?)<\/h1>/s.exec(body)?.[1]
const hiddenIn = ({ body }: Answer, name: string) =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
const wrongOf = ({ body }: Answer, name: string) =>
  new RegExp(`id="${name}-wrong"[^>]*>([^<]*)`).exec(body)?.[1]
const exchange = (code: string | null, code_verifier = verifier) =>
  app.api('POST', '/login/social/exchange', { body: { code, code_verifier } })
const codeIn = ({ headers }: Answer) => new URL(headers.get('location') ?? '').searchParams.get('code')

t.test('a password signs in, and the application exchanges the code for that very session', async (t) => {
  const { email } = await app.signUp()
  const page = await get(`/sign-in${query(byCode)}`)
  t.match(page, { status: 200 })
  t.match(page.headers.get('content-security-policy'), `form-action 'self' ${new URL(home).origin};`)
  const answer = await press(`/sign-in${query(byCode)}`, { email, password })
  t.equal(answer.status, 303)
  const end = new URL(answer.headers.get('location') ?? '')
  t.equal(end.origin + end.pathname, home)
  t.equal(end.searchParams.get('state'), 'a b&c')
  t.same(answer.cookies, {}, 'no cookie is left here')
  const code = codeIn(answer)
  t.match(code, /^sec_/)
  t.equal((await exchange(code, newProofKey().verifier)).status, 401, 'not with another verifier')
  const session = await exchange(code)
  t.match(session, { status: 200, body: { user: { email } } })
  const headers = { authorization: `Bearer ${session.body.access_token}` }
  const { data } = (await app.api('GET', '/sessions', { headers })).body
  t.equal(data.filter((each: { current: boolean }) => each.current).length, 1)
  t.equal(data.length, 2, 'beside the one of the sign-up there is one session, not two')
  const again = await exchange(code)
  t.match(again, { status: 401, body: { code: 'invalid_social_login' } })
  t.equal((await app.api('GET', '/me', { headers })).status, 401, 'a code that comes back ends its session')
})

t.test('of several exchanges at once at most one gets the session, which ends', async (t) => {
  const { email } = await app.signUp()
  const code = codeIn(await press(`/sign-in${query(byCode)}`, { email, password }))
  const answers = await Promise.all(Array.from({ length: 6 }, () => exchange(code)))
  t.ok(answers.filter(({ status }) => status === 200).length <= 1)
  const ended = answers.find(({ status }) => status === 200)
  if (ended) {
    const headers = { authorization: `Bearer ${ended.body.access_token}` }
    t.equal((await app.api('GET', '/me', { headers })).status, 401)
  }
})

t.test('a code that comes too late opens nothing, and its session ends', async (t) => {
  const { email } = await app.signUp()
  const code = codeIn(await press(`/sign-in${query(byCode)}`, { email, password }))
  await app.sql`update verification_tokens set expires_at = now() - interval '1 second' where purpose = 'session_exchange' and email = ${email}`
  t.equal((await exchange(code)).status, 401)
  const [row] = await app.sql`select count(*)::int as open from sessions s join users u on u.id = s.user_id
    where u.email = ${email} and s.revoked_at is null`
  t.equal(row?.open, 1, 'the sign-up’s own stays')
  const events = await app.sql`select event from audit_events where event = 'code_reused'
    and user_id = (select id from users where email = ${email})`
  t.equal(events.length, 0, 'and nobody is said to have stolen it')
})

t.test('without a proof key the session is a cookie: here, and for listed origins', async (t) => {
  const { email } = await app.signUp()
  for (const [redirect_to, location] of [
    ['', `/account?project=${app.projectId}`],
    [own, own],
    ['https://shared.example.com/in', 'https://shared.example.com/in'],
  ] as const) {
    const answer = await press(`/sign-in${query(redirect_to ? { redirect_to } : {})}`, { email, password })
    t.match(answer, { status: 303 })
    t.equal(answer.headers.get('location'), location)
    const me = await app.api('GET', '/me', { headers: cookieHeader(answer) })
    t.equal(me.status, 200)
  }
})

t.test(
  'nobody is sent to an address that the policy does not list, and the page says which setting',
  async (t) => {
    const refused: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ redirect_to: 'https://evil.example/in' }, /redirect_urls[\s\S]*evil\.example/],
      [{ redirect_to: `${home}/../out` }, /redirect_urls/],
      [{ redirect_to: 'javascript:alert(1)' }, /redirect_urls/],
      [{ redirect_to: '"><script>alert(1)</script>' }, /redirect_urls/],
      [{ redirect_to: home }, /<code>https:\/\/app\.example\.com<\/code>/],
      [{ redirect_to: 'myapp://signed-in' }, /code_challenge/],
      [{ redirect_to: home, code_challenge: 'short' }, /S256/],
      [{ redirect_to: home, code_challenge: challenge, code_challenge_method: 'plain' }, /S256/],
      [{ code_challenge: challenge }, /redirect_to/],
      [{ redirect_to: home, code_challenge: challenge, state: 'x'.repeat(3000) }, /state/],
    ]
    for (const [more, expected] of refused)
      for (const path of ['/sign-in', '/sign-up', '/forgot-password']) {
        const page = await get(path + query(more))
        t.equal(page.status, 422, JSON.stringify(more))
        t.match(page.body, expected)
        t.notMatch(page.body, /<script>|<form|href="javascript/)
        const sent = await press(path + query(more), { email: 'a@example.com', password })
        t.equal(sent.status, 422)
        t.equal(sent.headers.get('location'), null)
        t.same(sent.cookies, {})
      }
    const twice = await get(`/sign-in${query({ redirect_to: own })}&redirect_to=${encodeURIComponent(home)}`)
    t.equal(twice.status, 422, 'a parameter that comes twice')
    for (const project of ['x', '00000000-0000-4000-8000-000000000000', "' or 1=1 --", '%00'])
      t.match(await get(`/sign-in?project=${project}`), { status: 404, body: /This project does not exist/ })
  },
)

t.test('a known and an unknown address get the same page', async (t) => {
  const { email } = await app.signUp()
  const unknown = 'nobody-here@example.com'
  const namesOf = ({ headers }: Answer) => {
    const names: string[] = []
    headers.forEach((_value, name) => {
      if (name !== 'keep-alive') names.push(name)
    })
    return names.sort()
  }
  const same = (answer: Answer, address: string) => [
    answer.status,
    answer.body.replaceAll(address, '…').replace(/name="flow" value="[^"]*"/, ''),
    namesOf(answer),
  ]
  const wrong = (address: string) => press(`/sign-in${query()}`, { email: address, password: 'not this one' })
  t.same(same(await wrong(email), email), same(await wrong(unknown), unknown))
  t.match(wrongOf(await wrong(email), 'password'), 'The e-mail address or the password is wrong.')
  for (const path of ['/forgot-password', '/sign-in/email']) {
    const ask = (address: string) => press(path + query(), { email: address })
    t.same(same(await ask(email), email), same(await ask(unknown), unknown), path)
  }
  const taken = await app.api('POST', '/signup', {
    headers: { 'project-id': strict.id },
    body: { email: 'taken@example.com', password },
  })
  const mail = await mailOfKind(app, 'taken@example.com', 'verify_email')
  t.equal(taken.status, 202)
  const confirm = await app.api('POST', '/verify-email/confirm', {
    headers: { 'project-id': strict.id },
    body: { token: mail.token },
  })
  t.equal(confirm.status, 200)
  const signUp = (address: string) => press(`/sign-up${query({}, strict.id)}`, { email: address, password })
  t.same(
    same(await signUp('taken@example.com'), 'taken@example.com'),
    same(await signUp('free@example.com'), 'free@example.com'),
  )
})

t.test('sign-up, the code of the mail, sign-in, second factor: to the application', async (t) => {
  const email = 'whole-way@example.com'
  const at = (path: string) => path + query(byCode, strict.id)
  t.equal(heading(await get(at('/sign-up'))), 'Create your account')
  const signedUp = await press(at('/sign-up'), { email, password })
  t.equal(heading(signedUp), 'Check your mail')
  t.equal(
    heading(await press(at('/sign-in'), { email, password })),
    'Check your mail',
    'not before the proof',
  )
  const wrong = await press(at('/sign-up/verify'), { email, code: '000000' })
  t.match(wrong, { status: 422 })
  t.equal(wrongOf(wrong, 'code'), 'This code is wrong, or it no longer works.')
  t.equal(
    wrongOf(await press(at('/sign-up/verify'), { email, code: 'abc' }), 'code'),
    'Enter the six digits of the code.',
  )
  const { code } = await mailOfKind(app, email, 'verify_email')
  const spaced = `${code?.slice(0, 3)} ${code?.slice(3)}`
  const verified = await press(at('/sign-up/verify'), { email, code: spaced })
  t.match(verified.body, /Your address is verified/)
  const first = await press(at('/sign-in'), { email, password })
  t.equal(first.status, 303)
  const session = await app.api('POST', '/login/social/exchange', {
    headers: { 'project-id': strict.id },
    body: { code: codeIn(first), code_verifier: verifier },
  })
  t.equal(session.status, 200)

  const headers = { 'project-id': strict.id, authorization: `Bearer ${session.body.access_token}` }
  await app.sql`update users set email_proof = 'holder' where email = ${email}`
  const proposed = await app.api('POST', '/factors/totp', { headers })
  const { authenticatorOf } = await import('../support/factors.ts')
  const bare = authenticatorOf(proposed.body.secret)
  const confirmed = await app.api('POST', '/factors/totp/confirm', { headers, body: { code: bare.code() } })
  const authenticator = authenticatorOf(proposed.body.secret, confirmed.body.recovery_codes)
  await renewSteps(app, email)

  const due = await press(at('/sign-in'), { email, password })
  t.equal(heading(due), 'One more step')
  t.same([due.headers.get('location'), due.cookies], [null, {}], 'nothing is opened yet')
  const step = { challenge: hiddenIn(due, 'challenge'), factors: hiddenIn(due, 'factors') }
  t.equal(step.factors, 'totp recovery_code')
  const send = (fields: Record<string, string>) => press(at('/sign-in/second-factor'), { ...step, ...fields })
  const miss = await send({ method: 'totp', totp: authenticator.wrong() })
  t.match(miss, { status: 422 })
  t.equal(wrongOf(miss, 'totp'), 'This code is wrong, or it no longer works.')
  t.equal(hiddenIn(miss, 'challenge'), step.challenge, 'which can be tried again')
  const done = await send({ method: 'totp', totp: authenticator.code(), trust_device: 'yes' })
  t.equal(done.status, 303)
  t.same(
    Object.keys(done.cookies),
    [`sallyport_device_${strict.id}`],
    'the trusted browser alone is known here',
  )
  const opened = await app.api('POST', '/login/social/exchange', {
    headers: { 'project-id': strict.id },
    body: { code: codeIn(done), code_verifier: verifier },
  })
  const sessions = await app.api('GET', '/sessions', {
    headers: { 'project-id': strict.id, authorization: `Bearer ${opened.body.access_token}` },
  })
  t.match(
    sessions.body.data.find((each: { current: boolean }) => each.current),
    { acr: '2', amr: ['pwd', 'otp', 'mfa'] },
    'what was proven on the page counts',
  )
  const spared = await press(at('/sign-in'), { email, password }, cookieHeader(done))
  t.equal(spared.status, 303, 'the trusted browser is not asked again')
  const replay = await send({ method: 'totp', totp: authenticator.code() })
  t.equal(replay.status, 422, 'the challenge works once')
  const other = await press(at('/sign-in'), { email, password })
  const recovered = await press(at('/sign-in/second-factor'), {
    challenge: hiddenIn(other, 'challenge'),
    factors: hiddenIn(other, 'factors'),
    method: 'recovery_code',
    recovery_code: authenticator.recoveryCodes[0] ?? '',
  })
  t.equal(recovered.status, 303)
})

t.test('a code by mail signs in, and only with the page that asked for it', async (t) => {
  const { email } = await app.signUp()
  const asked = await press(`/sign-in/email${query(byCode)}`, { email })
  t.equal(heading(asked), 'Check your mail')
  const { code } = await mailOfKind(app, email, 'sign_in_code')
  const confirm = (flow: string) =>
    press(`/sign-in/email/confirm${query(byCode)}`, { email, flow, code: code ?? '' })
  const other = await press(`/sign-in/email${query(byCode)}`, { email })
  t.equal((await confirm(hiddenIn(other, 'flow'))).status, 422)
  const done = await confirm(hiddenIn(asked, 'flow'))
  t.equal(done.status, 303)
  t.equal((await exchange(codeIn(done))).status, 200)
  t.equal((await confirm('not-a-flow')).status, 422)
})

t.test('where the policy demands a second step and none is enrolled, a code is mailed', async (t) => {
  await app.setPolicy({ ...policy, factors: { required: 'always' } })
  t.teardown(() => app.setPolicy(policy))
  const { email } = await app.signUp()
  const due = await press(`/sign-in${query(byCode)}`, { email, password })
  t.match(due.body, /Send me the code/)
  const step = { challenge: hiddenIn(due, 'challenge'), factors: hiddenIn(due, 'factors') }
  const sent = await press(`/sign-in/second-factor/email-code${query(byCode)}`, step)
  t.match(sent.body, /name="email_code"/)
  const { code } = await mailOfKind(app, email, 'second_factor_code')
  const done = await press(`/sign-in/second-factor${query(byCode)}`, {
    ...step,
    method: 'email_code',
    email_code: code ?? '',
  })
  t.equal(done.status, 303)
})

t.test('a person who is signed in by cookie goes on with one press, as old as their session', async (t) => {
  const { email } = await app.signUp()
  const here = await press(`/sign-in${query()}`, { email, password })
  const cookie = cookieHeader(here)
  const back = await get(`/sign-in${query(byCode)}`, cookie)
  t.equal(heading(back), 'Welcome back')
  t.match(back.body, email)
  t.equal(heading(await get(`/sign-in${query({ ...byCode, prompt: 'login' })}`, cookie)), 'Sign in')
  t.match(await get(`/sign-in${query()}`, cookie), { status: 303 }, 'with nowhere else to go, to the account')
  await app.sql`update sessions set auth_time = now() - interval '1 hour' where revoked_at is null
    and user_id = (select id from users where email = ${email})`
  const gone = await press(`/sign-in/continue${query(byCode)}`, {}, cookie)
  t.equal(gone.status, 303)
  const session = await exchange(codeIn(gone))
  const headers = { authorization: `Bearer ${session.body.access_token}` }
  const { data } = (await app.api('GET', '/sessions', { headers })).body
  const current = data.find((each: { current: boolean }) => each.current)
  t.ok(
    Date.now() - Date.parse(current.auth_time) > 3_000_000,
    'which demands another proof where a recent one is due',
  )
  t.equal((await app.api('GET', '/me', { headers: cookie })).status, 200, 'the session of the cookie stays')
  const cross = await press(
    `/sign-in/continue${query(byCode)}`,
    {},
    { ...cookie, 'sec-fetch-site': 'cross-site' },
  )
  t.equal(cross.status, 403)
  const refreshOnly = {
    cookie:
      cookie.cookie
        ?.split('; ')
        .filter((part) => part.includes('refresh'))
        .join() ?? '',
  }
  const renewed = await get(`/sign-in${query(byCode)}`, refreshOnly)
  t.equal(heading(renewed), 'Welcome back', 'also after the access token has expired')
  t.equal(heading(await get(`/sign-in${query(byCode)}`)), 'Sign in', 'others are asked')
})

t.test('a mailbox that opened one session is not the second factor of the next', async (t) => {
  t.teardown(() => app.setPolicy(policy))
  const { email } = await app.signUp()
  await proveHolder(app, email)
  const asked = await press(`/sign-in/email${query()}`, { email })
  const { code } = await mailOfKind(app, email, 'sign_in_code')
  const fields = { email, flow: hiddenIn(asked, 'flow'), code: code ?? '' }
  const cookie = cookieHeader(await press(`/sign-in/email/confirm${query()}`, fields))
  const goOn = () => press(`/sign-in/continue${query(byCode)}`, {}, cookie)
  t.equal((await goOn()).status, 303)
  await app.setPolicy({ ...policy, factors: { required: 'always' } })
  const due = await goOn()
  t.equal(due.status, 403, 'as at a sign-in by mail')
  t.equal(hiddenIn(due, 'challenge'), '')
  await app.sql`update users set password_hash = null where email = ${email}`
  const session = await exchange(codeIn(await goOn()))
  t.equal(session.status, 200, 'who has nothing but the mailbox gets a session to enrol a factor with')
  const claims = session.body.access_token.split('.')[1] as string
  t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), { acr: '1', amr: ['otp'] })
})

t.test('a provider brings the person back to the page, which asks for the second factor', async (t) => {
  const subject = newSubject()
  const email = `${subject}@example.com`
  issuer.people.set(subject, { email, email_verified: true, name: 'Ada' })
  const wander = async (who: string | null, more: Record<string, string> = byCode) => {
    const browser = newWanderer()
    const start = `${origin}/sign-in/social/acme${query(more)}`
    const stop = await browser.visit(await browser.toCallback(start, issuer, who, callback))
    return { browser, stop }
  }
  const first = await wander(subject)
  const end = new URL(first.stop.location ?? '')
  t.equal(end.origin + end.pathname, home)
  t.equal(end.searchParams.get('state'), 'a b&c')
  const opened = await exchange(end.searchParams.get('code'))
  t.match(opened, { status: 200, body: { user: { email } } })
  const cookie = await wander(subject, {})
  t.equal(cookie.stop.location, `${origin}/account?project=${app.projectId}`)
  t.ok(cookie.browser.jar.get(new URL(origin).host)?.has(`sallyport_access_${app.projectId}`))
  const cancelled = await wander(null)
  t.match(cancelled.stop.location, /\/sign-in\?.*error=access_denied/)

  const authenticator = await enrolTotp(app, opened, email)
  const due = await wander(subject)
  t.match(due.stop, { status: 200, location: null })
  t.match(due.stop.text, /One more step/)
  const page = { body: due.stop.text } as Answer
  const done = await press(`/sign-in/second-factor${query(byCode)}`, {
    challenge: hiddenIn(page, 'challenge'),
    factors: hiddenIn(page, 'factors'),
    method: 'totp',
    totp: authenticator.code(),
  })
  t.equal(done.status, 303)
  t.match((await get(`/sign-in/social/nobody${query(byCode)}`)).status, /4\d\d/)
  const lost = await get(`/sign-in${query({ ...byCode, error: 'social_email_missing' })}`)
  t.match(lost.body, /did not tell us an e-mail address/)
})

t.test('forms of other sites, broken ones and huge ones are refused by a page', async (t) => {
  const { email } = await app.signUp()
  const at = `/sign-in${query()}`
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'https://shared.example.com', 'sec-fetch-site': 'same-site' },
    { origin: 'null' },
  ]) {
    const answer = await press(at, { email, password }, headers)
    t.equal(answer.status, 403, JSON.stringify(headers))
    t.match(answer.body, /This form came from another site/)
    t.same(answer.cookies, {})
  }
  for (const headers of [{ 'sec-fetch-site': 'same-origin', origin: 'null' }, { origin }])
    t.equal((await press(at, { email, password }, headers)).status, 303, JSON.stringify(headers))
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const raw = (body: string, headers: Record<string, string> = form) =>
    app.send('POST', at, { headers, body })
  const same = `email=${encodeURIComponent(email)}&password=${encodeURIComponent(password)}`
  t.equal((await raw(`${same}&${same}`)).status, 303, 'a password manager that fills twice')
  t.match(await raw(`${same}&password=another`), { status: 400, body: /This did not work/ })
  t.match(await raw(`${same}&x=${'y'.repeat(1_000_000)}`), { status: 413, body: /This did not work/ })
  t.match(await raw(JSON.stringify({ email, password }), { 'content-type': 'application/json' }), {
    status: 303,
  })
  t.match(await raw('<a/>', { 'content-type': 'text/xml' }), { status: 415, body: /This did not work/ })
  t.match(await raw(''), { status: 422, body: /Enter an e-mail address/ })
  const nothing = await press(at, { email: 'not an address', password: '' })
  t.equal(wrongOf(nothing, 'email'), 'Enter an e-mail address such as ada@example.com.')
  t.equal(wrongOf(nothing, 'password'), 'Enter your password.')
  t.match(nothing.body, /aria-invalid="true" autofocus/)
  for (const typed of ['\0', '\ud800', 'x'.repeat(2000), '<script>alert(1)</script>'])
    for (const path of [
      '/sign-in',
      '/sign-up',
      '/forgot-password',
      '/sign-in/email',
      '/sign-in/passkey',
      '/sign-up/verify',
      '/sign-up/resend',
      '/sign-in/email/confirm',
      '/sign-in/second-factor',
      '/sign-in/second-factor/email-code',
    ]) {
      const fields = [
        'email',
        'password',
        'code',
        'flow',
        'credential',
        'challenge',
        'factors',
        'method',
        'options',
      ]
      const answer = await press(path + query(), Object.fromEntries(fields.map((name) => [name, typed])))
      t.ok(answer.status >= 400 && answer.status < 500, `${path} ${answer.status}`)
      t.notMatch(answer.body, '<script>alert')
    }
})

t.test(
  'a typing mistake costs no attempt, wrong passwords lock as at the API, and limits have a page',
  async (t) => {
    const small = await app.project({ ...policy, limits: { credential: { max: 8, window_seconds: 900 } } })
    const at = (path: string) => path + query({}, small.id)
    for (let i = 0; i < 12; i++)
      t.equal((await press(at('/sign-in'), { email: 'x', password: '' })).status, 422)
    const wrong = () => press(at('/sign-in'), { email: 'lock@example.com', password: 'wrong' })
    for (let i = 0; i < 5; i++) t.equal((await wrong()).status, 422)
    const locked = await wrong()
    t.match(locked, { status: 429, body: /too many attempts/ })
    t.equal(heading(locked), 'Sign in')
    await wrong()
    await wrong()
    const limited = await wrong()
    t.match(limited, { status: 429 })
    t.equal(heading(limited), 'Please wait a while')
    t.ok(Number(limited.headers.get('retry-after')) > 0)
  },
)

t.test(
  'the page of a reset leads back to what this browser was asked for, and to nothing else',
  async (t) => {
    /** Where the page leads after the reset of a new person, whose browser asked with this query. */
    async function backFrom(more: Record<string, string>, cookies: (set: Answer) => Record<string, string>) {
      const { email } = await app.signUp()
      const asked = await press(`/forgot-password${query(more)}`, { email })
      const { link } = await mailOfKind(app, email, 'reset_password')
      const fields = Object.fromEntries(new URL(link ?? '').searchParams)
      const done = await press(
        '/account/reset-password',
        { ...fields, password: 'another good one' },
        cookies(asked),
      )
      t.equal(done.status, 200)
      return /<a class="button" href="([^"]*)"/
        .exec(done.body)?.[1]
        ?.replaceAll('&#38;', '&')
        .replaceAll('&#61;', '=')
    }
    const kept = (value?: string) => (asked: Answer) => {
      const [[name, set] = ['', '']] = Object.entries(asked.cookies).filter(([name]) =>
        name.includes('_return_'),
      )
      return { cookie: `${name}=${value ?? set}` }
    }
    t.equal(await backFrom(byCode, kept()), home, 'a code is begun anew by the application')
    t.equal(
      await backFrom({ redirect_to: own }, kept()),
      `/sign-in?project=${app.projectId}&redirect_to=${encodeURIComponent(own)}`,
    )
    t.equal(await backFrom(byCode, () => ({})), undefined)
    t.equal(await backFrom({}, kept('')), undefined)
    for (const planted of [
      `project=${strict.id}&redirect_to=${home}`,
      `project=${app.projectId}&redirect_to=https://evil.example/&code_challenge=${challenge}`,
      `project=${app.projectId}&redirect_to=//evil.example&code_challenge=${challenge}`,
      'project=x',
    ])
      t.equal(await backFrom(byCode, kept(encodeURIComponent(planted))), undefined, planted)
  },
)

t.test('the sign-up page names the terms and the privacy policy that a new person accepts', async (t) => {
  const terms_url = 'https://example.com/terms?a=1&b="2"'
  const privacy_url = 'https://example.com/privacy'
  const shown = async (branding: Record<string, string>, ui_locales = 'en') => {
    const { id } = await app.project({ branding })
    const { body } = await get(`/sign-up${query({ ui_locales }, id)}`)
    return /<p class="hint">([^\n]*?<a .*)<\/p>/.exec(String(body))?.[1] ?? null
  }
  t.equal(await shown({}), null)
  t.equal(
    await shown({ terms_url, privacy_url }),
    'By creating an account you accept the <a href="https://example.com/terms?a&#61;1&#38;b&#61;&#34;2&#34;" target="_blank" rel="noopener">terms of use</a>' +
      ' and the <a href="https://example.com/privacy" target="_blank" rel="noopener">privacy policy</a>.',
  )
  t.match(await shown({ terms_url }), /^By creating an account you accept the <a [^>]*>terms of use<\/a>\.$/)
  t.match(await shown({ privacy_url }, 'de'), /akzeptieren Sie die <a [^>]*>Datenschutzerklärung<\/a>\.$/)
  for (const locale of ['fr', 'es', 'zh', 'ar'])
    t.notMatch(await shown({ terms_url, privacy_url }, locale), /[{}]|undefined/, locale)
})

t.test('pages are kept by nobody, run no foreign code, and show the project harmlessly', async (t) => {
  const hostile = await app.project({
    branding: {
      name: '</style><script>alert(1)</script>"\u202e',
      color: '#ffff00',
      logo_url: 'https://cdn.example.com/gone.png',
    },
  })
  for (const path of ['/sign-in', '/sign-up', '/forgot-password']) {
    const page = await get(path + query({}, hostile.id))
    t.equal(page.status, 200)
    t.notMatch(page.body, '<script>')
    t.equal(page.body.match(/<\/style>/g)?.length, 1)
    t.match(page.body, '--on-button: #000000', 'text on yellow is black')
    t.match(page.headers.get('cache-control'), 'no-store')
    t.equal(page.headers.get('referrer-policy'), 'same-origin')
    const csp = page.headers.get('content-security-policy') ?? ''
    t.match(csp, /default-src 'none'/)
    t.match(csp, /img-src https:\/\/cdn\.example\.com(;|$)/)
    t.match(csp, /frame-ancestors 'none'/)
    t.notMatch(csp, /unsafe|\*/)
    t.match(page.body, /<img class="logo"[^>]*width="36" height="36"/)
  }
  const logo_url = 'https://cdn.example.com;sandbox/gone.png'
  const directing = await app.project({ branding: { logo_url } })
  const csp = (await get(`/sign-in${query({}, directing.id)}`)).headers.get('content-security-policy')
  t.match(csp, 'cdn.example.com%3Bsandbox')
  t.notMatch(csp, /[;,] *sandbox/, 'an address adds no directive')
  const plain = await get(`/sign-in${query()}`)
  t.notMatch(plain.headers.get('content-security-policy'), 'img-src')
})

t.test('the language is what the application asks for, else the browser’s, else English', async (t) => {
  const lang = async (more: Record<string, string>, accept = '') =>
    /<html lang="([\w-]+)" dir="(\w+)"/.exec(
      (await get(`/sign-in${query(more)}`, { 'accept-language': accept })).body,
    )?.[0]
  t.equal(await lang({ ui_locales: 'tlh fr-CA de' }, 'es'), '<html lang="fr" dir="ltr"')
  t.equal(await lang({ ui_locales: 'tlh' }, 'ar'), '<html lang="ar" dir="rtl"')
  t.equal(await lang({}, 'xx'), '<html lang="en" dir="ltr"')
  const page = await get(`/sign-in${query({ ...byCode, ui_locales: 'zh' })}`)
  t.match(page.body, /<span aria-current="true"><bdi lang="zh">/)
  t.match(
    page.body,
    /href="\/sign-in\?[^"]*state&#61;a\+b%26c[^"]*ui_locales&#61;de"/,
    'other languages keep what was asked',
  )
})

t.test('a step that is asked for by GET leads to its page, and closed sign-up says so', async (t) => {
  for (const path of [
    '/sign-in/second-factor',
    '/sign-in/email/confirm',
    '/sign-in/passkey',
    '/sign-in/continue',
  ]) {
    const answer = await get(path + query(byCode))
    t.equal(answer.status, 303)
    t.match(answer.headers.get('location'), /^\/sign-in\?/)
  }
  const ended = await press(`/sign-in/second-factor/email-code${query()}`, {
    challenge: 'sfc_gone',
    factors: 'email_code',
  })
  t.match(ended, { status: 401, body: /Please start again/ })
  const closed = await app.project({ ...policy, sign_up: 'closed' })
  t.match(await get(`/sign-up${query({}, closed.id)}`), { status: 403, body: /Sign-up is closed/ })
  t.match(await press(`/sign-up${query({}, closed.id)}`, { email: 'a@example.com', password }), {
    status: 403,
    body: /Sign-up is closed/,
  })
  t.notMatch((await get(`/sign-in${query({}, closed.id)}`)).body, /Sign up/)
  const off = await app.project({})
  t.notMatch((await get(`/sign-in${query({}, off.id)}`)).body, /code by mail/)
  t.match(await press(`/sign-in/email${query({}, off.id)}`, { email: 'a@example.com' }), { status: 422 })
})

t.test('people get a page for what does not exist, programs a problem document', async (t) => {
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-language': 'de' }
  const page = await get('/no/such/page', browser)
  t.match(page, { status: 404, body: /Diese Seite gibt es nicht/ })
  t.match(page.headers.get('content-type'), 'text/html')
  t.match(page.headers.get('content-security-policy'), "default-src 'none'")
  for (const [path, headers] of [
    ['/no/such/page', {}],
    ['/no/such/page', { accept: 'text/html;q=0, */*' }],
    ['/api/auth/nothing', browser],
    ['/openapi/nothing.json', browser],
  ] as const)
    t.match(await get(path, headers), { status: 404, body: { code: 'route_not_found' } }, path)
  const help = await get('/problems/rate_limited')
  t.match(help.body, /Cause and remedy[\s\S]*Example[\s\S]*HTTP\/1\.1 429[\s\S]*retry_after/)
})
