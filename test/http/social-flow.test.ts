// GET /login/social/{provider}, its callback, and the exchange: against a real provider, and against whoever meddles.
import t from 'tap'
import { freePort, startTestApp } from '../support/app.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { newProofKey } from '../support/pkce.ts'
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
  redirect_urls: [`${home}/in`, `${home}/in?tab=1`, `${home}/in?code=planted&error=planted`],
}
const app = await startTestApp(t, {
  policy,
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})
const apart = await app.project(policy)
const elsewhere = await app.project({ ...policy, cookies: { same_site: 'none' } })
const { verifier, challenge } = newProofKey()

const newPerson = (over: object = {}) => {
  const subject = newSubject()
  const email = `${subject}@example.com`
  issuer.people.set(subject, { email, email_verified: true, name: 'Ada', ...over })
  return { subject, email }
}
const startAt = (query: Record<string, string> = {}, provider = 'acme') =>
  `${origin}/api/auth/login/social/${provider}?${new URLSearchParams({ redirect_to: `${home}/in?tab=1`, project_id: app.projectId, code_challenge: challenge, ...query })}`
const exchange = (body: object, headers: Record<string, string> = {}) =>
  app.api('POST', '/login/social/exchange', { headers, body: { code_verifier: verifier, ...body } })

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

t.test('a code is good with the verifier of its challenge alone, and there is none without', async (t) => {
  const code = (await wander(newPerson().subject)).end.searchParams.get('code')
  isProblem(t, await exchange({ code, code_verifier: undefined }), 'validation_failed', ['code_verifier'])
  const other = newProofKey().verifier
  isProblem(t, await exchange({ code, code_verifier: other }), 'invalid_social_login')
  isProblem(t, await exchange({ code, code_verifier: challenge }), 'invalid_social_login')
  t.equal((await exchange({ code })).status, 200, 'a wrong one spends nothing')

  const bare = new URL(startAt())
  bare.searchParams.delete('code_challenge')
  const refused = await app.send('GET', bare.pathname + bare.search)
  isProblem(t, refused, 'validation_failed', ['code_challenge'])
  t.equal(refused.headers.getSetCookie().length, 0, 'and nothing was begun')
  for (const code_challenge of [
    '',
    'short',
    `${challenge}=`,
    `${challenge}A`,
    `${challenge.slice(0, 42)}+`,
  ]) {
    const url = new URL(startAt({ code_challenge }))
    isProblem(t, await app.send('GET', url.pathname + url.search), 'validation_failed', ['code_challenge'])
  }
  const plain = new URL(startAt({ code_challenge_method: 'plain' }))
  const answer = await app.send('GET', plain.pathname + plain.search)
  isProblem(t, answer, 'validation_failed', ['code_challenge_method'])
})

t.test('a code that comes back with its verifier ends the session that it opened', async (t) => {
  const { subject, email } = newPerson()
  const code = (await wander(subject)).end.searchParams.get('code')
  const first = await exchange({ code })
  const other = await exchange({ code: (await wander(subject)).end.searchParams.get('code') })
  const headers = { authorization: `Bearer ${first.body.access_token}` }
  t.equal((await app.api('GET', '/me', { headers })).status, 200)

  isProblem(t, await exchange({ code, code_verifier: newProofKey().verifier }), 'invalid_social_login')
  isProblem(t, await exchange({ code }, { 'project-id': apart.id }), 'invalid_social_login')
  t.equal((await app.api('GET', '/me', { headers })).status, 200, 'a code alone, or elsewhere, ends nothing')

  isProblem(t, await exchange({ code }), 'invalid_social_login')
  isProblem(t, await app.api('GET', '/me', { headers }), 'unauthenticated')
  const refresh = { body: { refresh_token: first.body.refresh_token } }
  isProblem(t, await app.api('POST', '/refresh', refresh), 'invalid_refresh_token')
  const still = { authorization: `Bearer ${other.body.access_token}` }
  t.equal((await app.api('GET', '/me', { headers: still })).status, 200, 'another session stays')
  const events = await app.sql`select event, outcome from audit_events
    join users on users.id = user_id where email = ${email} and event = 'code_reused'`
  t.same(
    events.map(({ outcome }) => outcome),
    ['refused'],
    'and it is written down, once',
  )
  isProblem(t, await exchange({ code }), 'invalid_social_login')
})

t.test('two sign-ins that one browser began end each by itself, in either order', async (t) => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const browser = newWanderer()
    const people = [newPerson(), newPerson()]
    const backs: string[] = []
    for (const { subject } of people) {
      // Each in a tab of its own; the provider knows nobody yet.
      const tab = newWanderer()
      tab.jar.set(new URL(origin).host, browser.jar.get(new URL(origin).host) ?? new Map())
      backs.push(await tab.toCallback(startAt(), issuer, subject, callbackOf('acme')))
      browser.jar.set(new URL(origin).host, tab.jar.get(new URL(origin).host) ?? new Map())
    }
    for (const at of order) {
      const { location } = await browser.visit(backs[at] ?? '')
      const answer = await exchange({ code: new URL(location ?? '').searchParams.get('code') })
      t.equal(answer.body.user?.email, people[at]?.email)
    }
    t.equal(browser.jar.get(new URL(origin).host)?.size, 0)
  }
})

t.test('what is no flow of this browser clears none of its flows', async (t) => {
  const browser = newWanderer()
  const back = await browser.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  const id = back.match(/state=[^.]+\.([0-9a-z]+)\./)?.[1] ?? ''
  for (const stranger of [
    back.replace('/acme/', '/twin/'),
    back.replace(/state=([^&]+)/, 'state=$1x'),
    `${callbackOf('acme')}?state=${app.projectId}.${id}.guess.&code=x`,
    `${callbackOf('acme')}?error=access_denied&state=${app.projectId}.${id}.guess.`,
    callbackOf('acme'),
  ])
    t.equal((await browser.visit(stranger)).status, 422, stranger)
  const { location } = await browser.visit(back)
  t.equal((await exchange({ code: new URL(location ?? '').searchParams.get('code') })).status, 200)
})

t.test('a browser that begins again and again carries the newest flows alone', async (t) => {
  const browser = newWanderer()
  for (let i = 0; i < 8; i++) await browser.visit(startAt())
  const names = () => [...(browser.jar.get(new URL(origin).host)?.keys() ?? [])]
  t.ok(names().length <= 4, `${names().length} flows`)
  const back = await browser.toCallback(startAt(), issuer, newPerson().subject, callbackOf('acme'))
  t.equal((await browser.visit(back)).status, 302, 'the newest one is among them')
})

t.test('who is signed in by cookie and loads the callback again goes on to where it ended', async (t) => {
  const { subject } = newPerson()
  const { browser, back, end } = await wander(subject, { session_transport: 'cookie' })
  t.equal(end.href, `${home}/in?tab=1`)
  for (const again of [back, back.replace(/code=[^&]+/, 'code=another'), back.replace(/&?code=[^&]+/, '')]) {
    const stop = await browser.visit(again)
    t.equal(stop.status, 302)
    t.equal(stop.location, `${home}/in?tab=1`, 'with neither a code nor an error')
  }
  const cookies = [...(browser.jar.get(new URL(origin).host) ?? [])]
  const cookie = cookies.map(([name, value]) => `${name}=${value}`).join('; ')
  t.equal((await app.api('GET', '/me', { headers: { cookie } })).status, 200, 'and is still signed in')

  t.equal((await newWanderer().visit(back)).status, 422, 'another browser gets the page')
  t.equal((await browser.visit(back.replace('/acme/', '/twin/'))).status, 422, 'and so does another provider')
  const bent = back.replace(/(state=[^&]+)..(&|$)/, '$1AA$2')
  t.equal((await browser.visit(bent)).status, 422, 'or an end that we did not write')
  await app.setPolicy({ ...policy, redirect_urls: [`${home}/other`] })
  t.equal((await browser.visit(back)).status, 422, 'or one that is no longer listed')
  await app.setPolicy(policy)
  await app.api('POST', '/logout-all', { headers: { cookie } })
  t.equal((await browser.visit(back)).status, 422, 'or a person who has signed out')
})

t.test(
  'whatever stands for the provider or the project, a browser at the callback gets a page',
  async (t) => {
    const long = 'a'.repeat(65)
    for (const path of [
      `${long}/callback?state=x&code=y`,
      `${'a'.repeat(600)}/callback`,
      `${'%61'.repeat(2000)}/callback?state=${app.projectId}.x`,
      '%00/callback',
      'acme/callback?state=none',
      `acme/callback?state=${apart.id}.x`,
      `acme/callback?state=00000000-0000-4000-8000-000000000000.x`,
      `acme/callback?state=${app.projectId}&state=twice`,
    ]) {
      const answer = await app.send('GET', `/api/auth/login/social/${path}`)
      t.equal(answer.status, 422, path.slice(0, 40))
      t.match(answer.headers.get('content-type'), /^text\/html/)
      t.match(answer.body, /This sign-in cannot be continued/)
    }
  },
)

t.test('a cookie that another site would not send is not promised', async (t) => {
  const url = new URL(startAt({ session_transport: 'cookie', project_id: elsewhere.id }))
  const refused = await app.send('GET', url.pathname + url.search)
  isProblem(t, refused, 'validation_failed', ['session_transport'])
  const byCode = new URL(startAt({ project_id: elsewhere.id }))
  t.equal((await app.send('GET', byCode.pathname + byCode.search)).status, 302)
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
    t.match(stop.text, /This sign-in cannot be continued/, why)
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
    'https://app.example.com/in/',
    'https://app.example.com/in?tab=2',
    'https://app.example.com/other/../in',
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
