// GET /login/social/{provider}, its callback, and the exchange: against a real provider, and against whoever meddles.
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { freePort, startTestApp } from '../support/app.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { isProblem } from '../support/problems.ts'
import { newWanderer, type Wanderer } from '../support/wanderer.ts'

const port = await freePort()
const origin = `http://127.0.0.1:${port}`
const callbackOf = (name: string) => `${origin}/api/auth/login/social/${name}/callback`
const issuer = await startIssuer(t, [callbackOf('acme'), callbackOf('twin')])
const secret = { client_secret_env: 'SOCIAL_SECRET_ACME' }
const home = 'https://app.example.com'
const policy = {
  providers: {
    acme: issuer.policy(secret),
    twin: issuer.policy(secret),
    forgetful: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_NOT_SET' }),
    apple: { client_ids: ['a'] },
  },
  link_origins: [home],
}
const app = await startTestApp(t, {
  policy,
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})
const apart = await app.project(policy)

const newPerson = (over: object = {}) => {
  const subject = newSubject()
  const email = `${subject}@example.com`
  issuer.people.set(subject, { email, email_verified: true, name: 'Ada', ...over })
  return { subject, email }
}
const startAt = (query: Record<string, string> = {}, provider = 'acme') =>
  `${origin}/api/auth/login/social/${provider}?${new URLSearchParams({ redirect_to: `${home}/in?tab=1`, project_id: app.projectId, ...query })}`
const exchange = (body: object, headers: Record<string, string> = {}) =>
  app.api('POST', '/login/social/exchange', { headers, body })

/** All of it: to the provider and back, to where the application is told. */
async function wander(
  subject: string | null,
  query: Record<string, string> = {},
  browser: Wanderer = newWanderer(),
) {
  const back = await browser.toCallback(startAt(query), issuer, subject, callbackOf('acme'))
  const stop = await browser.visit(back)
  return { browser, back, stop, end: new URL(stop.location ?? 'about:blank') }
}

t.test('a browser goes to the provider and comes back with a code for its application', async (t) => {
  const { subject, email } = newPerson()
  const { browser, stop, end, back } = await wander(subject)
  t.equal(stop.status, 302)
  t.equal(end.origin + end.pathname, `${home}/in`)
  t.equal(end.searchParams.get('tab'), '1', 'what the application wrote stays')
  const code = end.searchParams.get('code') ?? ''
  t.match(code, /^ssc_/)
  t.notOk(new URL(back).searchParams.get('code') === code, 'it is ours, not the provider’s')
  t.equal(browser.jar.get(new URL(origin).host)?.size, 0, 'and the browser carries nothing any more')
  const answer = await exchange({ code })
  t.equal(answer.status, 200)
  t.match(answer.body.user, { email, provider: 'acme', display_name: 'Ada' })
  t.ok(
    answer.body.user.email_verified_at,
    'told by the userinfo endpoint, as the letter of the standard has it',
  )
  isProblem(t, await exchange({ code }), 'invalid_social_login')
})

t.test('what the browser carries is HttpOnly, sealed, and for ten minutes', async (t) => {
  const response = await fetch(startAt(), { redirect: 'manual' })
  t.equal(response.status, 302)
  const cookie = response.headers.getSetCookie()[0] ?? ''
  t.match(cookie, /^sallyport_social_.+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/)
  const to = new URL(response.headers.get('location') ?? '')
  t.equal(to.origin, issuer.url)
  t.equal(to.searchParams.get('code_challenge_method'), 'S256')
  for (const name of ['state', 'nonce', 'code_challenge']) {
    const value = to.searchParams.get(name) ?? ''
    t.ok(value.length >= 43, name)
    t.notOk(cookie.includes(value), `${name} cannot be read in it`)
  }
})

t.test('session_transport=cookie: the browser is signed in where it arrives', async (t) => {
  const { subject, email } = newPerson()
  const { browser, end } = await wander(subject, { session_transport: 'cookie' })
  t.equal(end.href, `${home}/in?tab=1`)
  const cookies = [...(browser.jar.get(new URL(origin).host) ?? [])]
  t.equal(cookies.length, 2)
  const cookie = cookies.map(([name, value]) => `${name}=${value}`).join('; ')
  const me = await app.api('GET', '/me', { headers: { cookie } })
  t.equal(me.body.user?.email, email)
})

t.test('a challenge binds the code to whoever began: it is good with the verifier alone', async (t) => {
  const { subject } = newPerson()
  const verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(verifier).digest('base64url')
  const { end } = await wander(subject, { code_challenge })
  const code = end.searchParams.get('code')
  isProblem(t, await exchange({ code }), 'invalid_social_login')
  isProblem(
    t,
    await exchange({ code, code_verifier: verifier.replace(/^./, 'A').replace(/.$/, 'B') }),
    'invalid_social_login',
  )
  t.equal((await exchange({ code, code_verifier: verifier })).status, 200, 'a wrong one spends nothing')
  const plain = (await wander(newPerson().subject)).end.searchParams.get('code')
  isProblem(t, await exchange({ code: plain, code_verifier: verifier }), 'invalid_social_login')
})

t.test(
  'a code dies after a minute, in another project, and with whatever ends the account’s sessions',
  async (t) => {
    const fresh = async () => (await wander(newPerson().subject)).end.searchParams.get('code')
    const late = await fresh()
    await app.sql`update verification_tokens set expires_at = now() where purpose = 'social_sign_in'`
    isProblem(t, await exchange({ code: late }), 'invalid_social_login')
    const code = await fresh()
    isProblem(t, await exchange({ code }, { 'project-id': apart.id }), 'invalid_social_login')
    await app.sql`update users set disabled_at = now() where id = (
    select user_id from verification_tokens order by created_at desc limit 1)`
    isProblem(t, await exchange({ code }), 'invalid_social_login')
    for (const junk of ['', 'x', 7, null]) t.ok([401, 422].includes((await exchange({ code: junk })).status))
  },
)

t.test('another browser, another provider, another project, twice: a page, and nothing else', async (t) => {
  const refused = async (browser: Wanderer, url: string, why: string) => {
    const stop = await browser.visit(url)
    t.equal(stop.status, 422, why)
    t.match(stop.text, /This sign-in cannot go on/, why)
    t.notMatch(stop.text, /at .*\.ts|Error/, 'no stack')
  }
  const users = async () => (await app.sql`select count(*)::int as n from users`)[0]?.n
  const fresh = async (browser: Wanderer) =>
    browser.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  const before = await users()

  const owner = newWanderer()
  await refused(newWanderer(), await fresh(owner), 'a browser that did not begin')
  const victim = newWanderer()
  await victim.visit(startAt())
  await refused(victim, await fresh(newWanderer()), 'a browser that began another one')
  const swapped = newWanderer()
  await refused(swapped, (await fresh(swapped)).replace('/acme/', '/twin/'), 'another provider')
  const moved = newWanderer()
  await refused(moved, (await fresh(moved)).replaceAll(app.projectId, apart.id), 'another project')
  const bent = newWanderer()
  await refused(bent, (await fresh(bent)).replace(/state=([^&]+)/, 'state=$1x'), 'another state')
  const eager = newWanderer()
  await eager.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  await refused(eager, `${callbackOf('acme')}?state=${app.projectId}.`, 'no state')
  const unknown = newWanderer()
  await refused(unknown, (await fresh(unknown)).replace('/acme/', '/nobody/'), 'a provider that is none')
  t.equal(await users(), before)

  const twice = newWanderer()
  const back = await fresh(twice)
  t.equal((await twice.visit(back)).status, 302)
  await refused(twice, back, 'a second time')
})

t.test('a bent cookie opens nothing', async (t) => {
  const browser = newWanderer()
  const back = await browser.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  const cookies = browser.jar.get(new URL(origin).host) ?? new Map()
  const [[name, value] = ['', '']] = [...cookies]
  for (const bent of [
    '',
    'x',
    value.slice(1),
    `${value.slice(0, -4)}AAAA`,
    '%00',
    Buffer.from('{}').toString('base64url'),
  ]) {
    cookies.set(name, bent)
    t.equal((await browser.visit(back)).status, 422, bent.slice(0, 10))
    cookies.set(name, bent)
  }
})

t.test('what the provider refuses is told to the application by name', async (t) => {
  const cancelled = await wander(null)
  t.equal(cancelled.end.searchParams.get('error'), 'access_denied')
  t.equal(cancelled.end.searchParams.get('code'), null)
  const { subject, email } = newPerson()
  await wander(subject)
  await app.sql`update users set disabled_at = now() where email = ${email}`
  t.equal((await wander(subject)).end.searchParams.get('error'), 'account_disabled')
  const nameless = newPerson({ email: undefined })
  t.equal((await wander(nameless.subject)).end.searchParams.get('error'), 'social_email_missing')
  const taken = await app.signUp()
  const squatter = newPerson({ email: taken.email, email_verified: false })
  t.equal((await wander(squatter.subject)).end.searchParams.get('error'), 'email_verification_required')

  const browser = newWanderer()
  const back = await browser.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  const bent = await browser.visit(back.replace(/([?&]code=)[^&]+/, '$1nonsense'))
  t.equal(new URL(bent.location ?? '').searchParams.get('error'), 'invalid_social_login')

  const stranded = newWanderer()
  const waiting = await stranded.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  await issuer.listen(false)
  const down = await stranded.visit(waiting)
  await issuer.listen(true)
  t.equal(new URL(down.location ?? '').searchParams.get('error'), 'provider_unavailable')
})

t.test('redirect_to is an address on the list, whatever tricks it plays', async (t) => {
  const get = (query: Record<string, string>, provider = 'acme') => {
    const url = new URL(startAt(query, provider))
    return app.send('GET', url.pathname + url.search)
  }
  for (const redirect_to of [
    'https://evil.example',
    'https://app.example.com.evil.example/in',
    'https://app.example.com@evil.example/in',
    'https://app.example.com:444/in',
    'http://app.example.com/in',
    '//app.example.com/in',
    '/in',
    'javascript:alert(1)//https://app.example.com',
    'https:\\\\evil.example\\app.example.com',
    'https://evil.example/https://app.example.com',
    ' ',
  ])
    isProblem(t, await get({ redirect_to }), 'validation_failed', ['redirect_to'])
  isProblem(t, await get({ redirect_to: '' }), 'validation_failed', ['redirect_to'])
  isProblem(t, await get({ session_transport: 'pigeon' }), 'validation_failed', ['session_transport'])
  isProblem(t, await get({ code_challenge: 'short' }), 'validation_failed', ['code_challenge'])
  for (const provider of ['google', 'nobody', 'apple', 'constructor'])
    isProblem(t, await get({}, provider), 'validation_failed', ['provider'])
  isProblem(t, await get({ project_id: 'none' }), 'project_not_found')
  isProblem(t, await get({}, 'forgetful'), 'provider_unavailable')
  const { end } = await wander(newPerson().subject, { redirect_to: `${home}/in?code=planted&error=planted` })
  t.match(end.searchParams.getAll('code'), [/^ssc_/])
  t.equal(end.searchParams.get('error'), null)
})

t.test('no secret of any of this is logged', async (t) => {
  const logged = JSON.stringify(app.logs)
  t.notMatch(logged, /ssc_|code_challenge|the secret of the client/)
})
