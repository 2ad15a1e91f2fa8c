// The account pages without script: their forms, as a browser submits them.
import t from 'tap'
import { type Answer, cookieHeader, freePort, startTestApp } from '../support/app.ts'
import { authenticatorOf, mailOfKind, proveHolder, renewSteps } from '../support/factors.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { newOperator, sparingFactors } from '../support/operators.ts'
import { pixels } from '../support/pictures.ts'
import { newWanderer } from '../support/wanderer.ts'

const port = await freePort()
const origin = `http://127.0.0.1:${port}`
const callback = `${origin}/api/auth/login/social/acme/callback`
const issuer = await startIssuer(t, [callback])
const app = await startTestApp(t, {
  policy: {
    providers: { acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) },
    verification: { resend_cooldown_seconds: 0 },
    sessions: { notify_new_device: false },
    deletion: { grace_seconds: 14 * 86_400 },
  },
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})
const password = 'a good long password'
const query = (more: Record<string, string> = {}) =>
  `?${new URLSearchParams({ project: app.projectId, ...more })}`

/** A person at a browser, which keeps its cookies. */
async function newPerson() {
  const { email } = await app.signUp({ password })
  await proveHolder(app, email)
  const headers: Record<string, string> = {}
  const jar: Answer['cookies'] = {}
  const keep = (answer: Answer) => {
    Object.assign(headers, cookieHeader({ ...answer, cookies: Object.assign(jar, answer.cookies) }))
    return answer
  }
  const get = async (path: string, more: Record<string, string> = {}) =>
    keep(await app.send('GET', path + query(more), { headers }))
  const press = async (
    path: string,
    fields: Record<string, string> = {},
    more: Record<string, string> = {},
  ) =>
    keep(
      await app.send('POST', path + query(), {
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers, ...more },
        body: new URLSearchParams(fields).toString(),
      }),
    )
  /** The page that a form leads to. */
  const follow = (answer: Answer) => {
    t.equal(answer.status, 303, 'a form that succeeds redirects to a page')
    const to = new URL(answer.headers.get('location') ?? '', origin)
    return get(to.pathname, Object.fromEntries(to.searchParams))
  }
  await press('/sign-in', { email, password })
  const api = (method: string, path: string, body?: unknown) =>
    app.api(method, path, { headers, ...(body === undefined ? {} : { body }) })
  /** Makes the sign-in an hour old, so that sensitive forms ask for a step-up. */
  const waitLong = () =>
    app.sql`update sessions set auth_time = now() - interval '1 hour'
      where user_id = (select id from users where email = ${email})`
  return { email, headers, get, press, follow, api, waitLong, keep }
}
const heading = ({ body }: Answer) => /<h2>(.*?)<\/h2>/s.exec(body)?.[1]
const noticeIn = ({ body }: Answer) => /class="notice (?:good|bad)"[^>]*>([^<]*)/.exec(body)?.[1]
const fieldError = ({ body }: Answer, name: string) =>
  new RegExp(`id="${name}-wrong"[^>]*>([^<]*)`).exec(body)?.[1]
const text = (html: string) =>
  html.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))).replaceAll('&amp;', '&')
const hiddenIn = ({ body }: Answer, name: string) =>
  text(new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? '').replaceAll('&quot;', '"')
/** The hidden fields of the form of a step-up. */
const carried = (answer: Answer) => ({
  act: hiddenIn(answer, 'act'),
  fields: hiddenIn(answer, 'fields'),
  factors: hiddenIn(answer, 'factors'),
})
const codesIn = ({ body }: Answer) =>
  [...body.matchAll(/<li><code>([^<]+)<\/code>/g)].map(([, code]) => code ?? '')

const tabs = ['', '/security', '/devices', '/connections', '/data']
const acts = [
  ...['/names', '/picture', '/picture/remove', '/email', '/email/confirm', '/email/cancel'],
  ...['/email/verification', '/email/verify', '/step-up', '/step-up/email-code'],
  ...['/security/password', '/security/first-password', '/security/totp', '/security/totp/confirm'],
  ...['/security/totp/remove', '/security/recovery-codes', '/security/trusted-devices/end'],
  ...[
    '/security/passkeys',
    '/security/passkeys/new',
    '/security/passkeys/rename',
    '/security/passkeys/remove',
  ],
  ...['/devices/end', '/devices/end-others', '/devices/sign-out', '/devices/sign-out-everywhere'],
  ...[
    '/connections/link',
    '/connections/unlink',
    '/connections/keys',
    '/connections/keys/revoke',
    '/data/export',
    '/data/delete',
  ],
]

t.test(
  'without a session every page and form redirects to /sign-in, which leads back to the page',
  async (t) => {
    for (const tab of tabs) {
      const answer = await app.send('GET', `/account${tab}${query()}`)
      t.equal(answer.status, 303)
      const to = new URL(answer.headers.get('location') ?? '', origin)
      t.equal(to.pathname, '/sign-in')
      t.equal(to.searchParams.get('section') ?? '', tab.slice(1))
    }
    for (const act of acts) {
      const answer = await app.send('POST', `/account${act}${query()}`, {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'sure=yes',
      })
      t.equal(answer.status, 303, act)
      t.match(answer.headers.get('location'), /^\/sign-in\?/)
    }
    const { email } = await newPerson()
    const answer = await app.send('POST', `/sign-in${query({ section: 'security', ui_locales: 'de' })}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ email, password }).toString(),
    })
    t.match(answer.headers.get('location'), /^\/account\/security\?project=.*ui_locales=de/)
  },
)

t.test('forms of another site change nothing', async (t) => {
  const person = await newPerson()
  for (const act of acts) {
    const answer = await person.press(
      `/account${act}`,
      { display_name: 'Mallory', sure: 'yes' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    )
    t.equal(answer.status, 403, act)
  }
  t.match((await person.api('GET', '/me')).body, { user: { display_name: null } })
})

t.test('every tab is shown and not cached, and a GET of a form redirects to its tab', async (t) => {
  const person = await newPerson()
  for (const tab of tabs) {
    const page = await person.get(`/account${tab}`)
    t.equal(page.status, 200)
    t.equal(page.headers.get('cache-control'), 'no-store')
    t.match(page.body, /aria-current="page"/)
    t.notMatch(page.body, /undefined|\[object|null</)
  }
  for (const act of acts) t.equal((await person.get(`/account${act}`)).status, 303, act)
})

t.test('an operator who acts as the user gets no page and can submit no form', async (t) => {
  const person = await newPerson()
  await sparingFactors(app)
  const owner = await newOperator(app, ['owner', null])
  const [user] = await app.sql`select uuid from users where email = ${person.email}`
  const begun = await owner.admin('POST', `/projects/${app.projectId}/users/${user?.uuid}/impersonate`, {
    body: { reason: 'Ticket 4711' },
  })
  t.equal(begun.status, 201)
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    cookie: `sallyport_access_${app.projectId}=${begun.body.access_token}`,
  }
  for (const tab of tabs)
    t.equal((await app.send('GET', `/account${tab}${query()}`, { headers })).status, 403)
  for (const act of acts) {
    const body = 'display_name=Operator&sure=yes'
    t.equal((await app.send('POST', `/account${act}${query()}`, { headers, body })).status, 403, act)
  }
  t.match((await person.api('GET', '/me')).body.user, { display_name: null })
})

t.test('names are saved, and an invalid one is refused at its field', async (t) => {
  const person = await newPerson()
  const saved = await person.follow(
    await person.press('/account/names', { display_name: ' Ada <b> ', first_name: 'Ada', last_name: '' }),
  )
  t.equal(noticeIn(saved), 'Your name is saved.')
  t.match(saved.body, 'Ada &#60;b&#62;')
  t.match((await person.api('GET', '/me')).body.user, { display_name: 'Ada <b>', last_name: null })
  for (const bad of ['a\0b', 'x'.repeat(300), 'a\nb']) {
    const refused = await person.press('/account/names', { display_name: bad, first_name: 'Kept' })
    t.equal(refused.status, 422)
    t.equal(fieldError(refused, 'display_name'), 'Use one line of ordinary characters.')
    t.match(refused.body, 'value="Kept"', 'the rest of the form is not lost')
  }
})

t.test('a picture is uploaded by a form, shown, and removed', async (t) => {
  const person = await newPerson()
  const upload = async (form: FormData) => {
    const request = new Request(origin, { method: 'POST', body: form })
    return person.keep(
      await app.send('POST', `/account/picture${query()}`, {
        headers: { ...person.headers, 'content-type': request.headers.get('content-type') ?? '' },
        body: new Uint8Array(await request.arrayBuffer()),
      }),
    )
  }
  const formOf = (content: Uint8Array<ArrayBuffer> | string, type = 'image/png') => {
    const form = new FormData()
    form.set('picture', new Blob([content], { type }), 'me.png')
    return form
  }
  const shown = await person.follow(await upload(formOf(new Uint8Array(pixels['image/png']))))
  t.equal(noticeIn(shown), 'Your picture is saved.')
  t.match(shown.body, /<img class="face" src="http[^"]*\/api\/auth\/avatars\//)
  t.match(shown.headers.get('content-security-policy'), "img-src 'self' data:")
  const before = (await person.api('GET', '/me')).body.user.avatar_url
  for (const [form, expected] of [
    [formOf('no picture'), /not a whole PNG/],
    [formOf('<svg/>', 'image/svg+xml'), /not a whole PNG/],
    [formOf(new Uint8Array(400_000)), /too large/],
    [new FormData(), /Choose a picture first/],
  ] as const) {
    const refused = await upload(form)
    t.equal(refused.status, 422)
    t.match(refused.body, expected)
  }
  t.equal((await upload(formOf(new Uint8Array(800_000)))).status, 413)
  const broken = await app.send('POST', `/account/picture${query()}`, {
    headers: { ...person.headers, 'content-type': 'multipart/form-data; boundary=x' },
    body: 'no form',
  })
  t.equal(broken.status, 422)
  t.equal((await person.api('GET', '/me')).body.user.avatar_url, before)
  t.equal(
    noticeIn(await person.follow(await person.press('/account/picture/remove'))),
    'Your picture is removed.',
  )
  t.equal((await person.api('GET', '/me')).body.user.avatar_url, null)
})

t.test(
  'a change of address asks for a step-up, keeps what was typed, and is confirmed by the mailed code',
  async (t) => {
    const person = await newPerson()
    const fresh = `new-${person.email}`
    t.equal(
      fieldError(await person.press('/account/email', { new_email: 'no address' }), 'new_email'),
      'Enter an e-mail address such as ada@example.com.',
    )
    t.equal(
      fieldError(await person.press('/account/email', { new_email: person.email }), 'new_email'),
      'This is your address already.',
    )
    await person.waitLong()
    const due = await person.press('/account/email', { new_email: fresh })
    t.equal(heading(due), 'Confirm that it is you')
    const wrong = await person.press('/account/step-up', {
      ...carried(due),
      method: 'password',
      password: 'not it',
    })
    t.equal(wrong.status, 422)
    t.equal(fieldError(wrong, 'password'), 'The password is wrong.')
    const sent = await person.press('/account/step-up', { ...carried(wrong), method: 'password', password })
    t.equal(heading(sent), 'Check your mail')
    t.match(sent.body, fresh)
    const { code = '' } = await mailOfKind(app, fresh, 'change_email')
    t.equal(
      fieldError(await person.press('/account/email/confirm', { email: fresh, code: '12' }), 'code'),
      'Enter the six digits of the code.',
    )
    const bad = code === '000000' ? '111111' : '000000'
    const refused = await person.press('/account/email/confirm', { email: fresh, code: bad })
    t.equal(fieldError(refused, 'code'), 'This code is wrong, or it no longer works.')
    const done = await person.follow(
      await person.press('/account/email/confirm', { email: fresh, code: code ?? '' }),
    )
    t.equal(noticeIn(done), 'Your e-mail address has changed.')
    t.match((await person.api('GET', '/me')).body.user, { email: fresh })
  },
)

t.test('a change of address that was cancelled can no longer be confirmed', async (t) => {
  const person = await newPerson()
  const fresh = `never-${person.email}`
  await person.press('/account/email', { new_email: fresh })
  const { code } = await mailOfKind(app, fresh, 'change_email')
  const kept = await person.follow(await person.press('/account/email/cancel'))
  t.equal(noticeIn(kept), 'Your address stays as it is.')
  const late = await person.press('/account/email/confirm', { email: fresh, code: code ?? '' })
  t.equal(late.status, 422)
  t.match((await person.api('GET', '/me')).body.user, { email: person.email })
})

t.test('the password is changed with the current one, and the other devices are signed out', async (t) => {
  const person = await newPerson()
  const other = await app.api('POST', '/login', { body: { email: person.email, password } })
  const change = (current_password: string, new_password: string) =>
    person.press('/account/security/password', { current_password, new_password })
  t.match(fieldError(await change(password, 'short'), 'new_password'), /at least 8 characters/)
  t.match(fieldError(await change(password, 'password123'), 'new_password'), /most common/)
  t.equal(fieldError(await change('', 'a much better one'), 'current_password'), 'Enter your password.')
  t.equal(
    fieldError(await change('not this one', 'a much better one'), 'current_password'),
    'The password is wrong.',
  )
  t.match(fieldError(await change(password, password), 'new_password'), /differs/)
  const page = await person.follow(await change(password, 'a much better one'))
  t.match(noticeIn(page), 'Your password is changed')
  t.notMatch(page.body, 'a much better one')
  const headers = { authorization: `Bearer ${other.body.access_token}` }
  t.equal((await app.api('GET', '/me', { headers })).status, 401)
  t.equal((await person.api('GET', '/me')).status, 200, 'this browser stays signed in')
  t.equal((await app.api('POST', '/login', { body: { email: person.email, password } })).status, 401)
})

t.test('an authenticator app: set up, recovery codes once, step-up by a code, removed', async (t) => {
  const person = await newPerson()
  await person.waitLong()
  const due = await person.press('/account/security/totp')
  t.equal(heading(due), 'Confirm that it is you')
  const proposed = await person.press('/account/step-up', { ...carried(due), method: 'password', password })
  t.equal(heading(proposed), 'Set up your authenticator app')
  t.match(proposed.body, /src="data:image\/svg\+xml;base64,/)
  const uri = hiddenIn(proposed, 'uri').replaceAll('&#61;', '=')
  const secret = new URL(uri).searchParams.get('secret') ?? ''
  const bare = authenticatorOf(secret)
  t.match(proposed.body.replaceAll(' ', ''), secret, 'the secret is shown as text as well')
  const wrong = await person.press('/account/security/totp/confirm', { uri, code: bare.wrong() })
  t.equal(wrong.status, 422)
  t.equal(fieldError(wrong, 'code'), 'This code is wrong, or it no longer works.')
  t.match(wrong.body, /image\/svg\+xml/, 'the picture is still there')
  const done = await person.press('/account/security/totp/confirm', { uri, code: bare.code() })
  t.equal(heading(done), 'Your recovery codes')
  t.equal(codesIn(done).length, 10)
  const security = await person.get('/account/security')
  t.match(security.body, 'Codes left: 10')
  for (const code of codesIn(done)) t.notMatch(security.body, code, 'they are shown once')

  await renewSteps(app, person.email)
  await person.waitLong()
  const again = await person.press('/account/security/recovery-codes')
  t.match(again.body, 'name="totp"')
  t.notMatch(again.body, 'name="password"', 'a factor is not replaced by the password')
  const byPassword = await person.press('/account/step-up', {
    ...carried(again),
    method: 'password',
    password,
  })
  t.ok(byPassword.status >= 400)
  const renewed = await person.press('/account/step-up', {
    ...carried(again),
    method: 'totp',
    totp: bare.code(),
  })
  t.equal(codesIn(renewed).length, 10)
  t.notSame(codesIn(renewed), codesIn(done))

  await renewSteps(app, person.email)
  await person.waitLong()
  const secretDue = await person.press('/account/security/password', {
    current_password: password,
    new_password: 'a much better one',
  })
  t.equal(heading(secretDue), 'Confirm that it is you')
  t.notMatch(secretDue.body, /a much better one|a good long password/, 'the page does not hold the passwords')
  const back = await person.follow(
    await person.press('/account/step-up', {
      ...carried(secretDue),
      method: 'recovery_code',
      recovery_code: codesIn(renewed)[0] ?? '',
    }),
  )
  t.match(noticeIn(back), 'Confirmed.')
  t.match(back.body, 'Codes left: 9')
  const removed = await person.follow(await person.press('/account/security/totp/remove'))
  t.equal(noticeIn(removed), 'The authenticator app is removed.')
  t.notMatch(removed.body, 'Codes left')
})

t.test('a second factor needs a verified address, and the profile page verifies it', async (t) => {
  const person = await newPerson()
  await app.sql`update users set email_verified_at = null, email_proof = null where email = ${person.email}`
  const refused = await person.press('/account/security/totp')
  t.equal(refused.status, 403)
  t.match(noticeIn(refused), 'Prove your e-mail address first')
  const asked = await person.press('/account/email/verification')
  t.equal(heading(asked), 'Check your mail')
  const { code } = await mailOfKind(app, person.email, 'verify_email')
  const done = await person.follow(await person.press('/account/email/verify', { code: code ?? '' }))
  t.equal(noticeIn(done), 'Your address is verified.')
  t.equal(heading(await person.press('/account/security/totp')), 'Set up your authenticator app')
})

t.test(
  'sessions: the current one is marked; another one, all others and the current one can be ended',
  async (t) => {
    const person = await newPerson()
    const other = () => app.api('POST', '/login', { body: { email: person.email, password } })
    const idsIn = ({ body }: Answer) =>
      [...body.matchAll(/name="id" value="([^"]+)"/g)].map(([, id]) => id ?? '')
    const one = await other()
    const page = await person.get('/account/devices')
    t.equal([...page.body.matchAll(/This device/g)].length, 1)
    const before = idsIn(page).length
    const stranger = await newPerson()
    const { data } = (await stranger.api('GET', '/sessions')).body
    const foreign = await person.press('/account/devices/end', { id: data[0].id })
    t.equal(foreign.status, 422, 'of another account')
    t.equal((await stranger.api('GET', '/me')).status, 200)
    t.equal((await person.press('/account/devices/end', { id: "' or 1=1" })).status, 422)
    const listed = await app.api('GET', '/sessions', {
      headers: { authorization: `Bearer ${one.body.access_token}` },
    })
    const { id } = listed.body.data.find(({ current }: { current: boolean }) => current)
    const ended = await person.follow(await person.press('/account/devices/end', { id }))
    t.equal(noticeIn(ended), 'That device is signed out.')
    t.equal(idsIn(ended).length, before - 1)
    const twice = await person.press('/account/devices/end', { id })
    t.match(noticeIn(twice), 'changed in the meantime', 'a form that is sent twice does no harm')
    await other()
    const others = await person.follow(await person.press('/account/devices/end-others'))
    t.equal(idsIn(others).length, 0)
    const out = await person.press('/account/devices/sign-out')
    t.match(out.headers.get('location'), /^\/sign-in/)
    t.equal((await person.get('/account')).status, 303)
  },
)

/** Links an identity as a person does: the button, the way to the provider, and back. */
async function link(person: Awaited<ReturnType<typeof newPerson>>, subject: string | null) {
  const asked = await person.press('/account/connections/link', { provider: 'acme' })
  const location = text(/<a class="button second" href="([^"]+)"/.exec(asked.body)?.[1] ?? '')
  const browser = newWanderer()
  const jar = new Map(
    person.headers.cookie?.split('; ').map((pair) => pair.split(/=(.*)/s) as [string, string]),
  )
  browser.jar.set(new URL(origin).host, jar)
  const back = await browser.toCallback(location, issuer, subject, callback)
  return { back, jar, stop: await browser.visit(back) }
}

t.test('a provider is connected and disconnected, unless it is the last way in', async (t) => {
  const person = await newPerson()
  const subject = newSubject()
  issuer.people.set(subject, { email: `${subject}@elsewhere.example`, email_verified: true, name: 'Ada' })
  t.match((await person.get('/account/connections')).body, 'Connect Acme')
  const unknown = await person.press('/account/connections/link', { provider: '__proto__' })
  t.equal(unknown.status, 422)
  const doneOf = ({ stop }: Awaited<ReturnType<typeof link>>) => {
    const to = new URL(stop.location ?? '')
    t.equal(to.pathname, '/account/connections')
    return to.searchParams.get('done')
  }
  t.equal(doneOf(await link(person, null)), 'linkFailed', 'refusing at the provider changes nothing')
  t.equal(doneOf(await link(person, subject)), 'linked')
  const page = await person.get('/account/connections', { done: 'linked' })
  t.equal(noticeIn(page), 'The provider is connected.')
  t.match(page.body, `${subject}@elsewhere.example`)
  t.notMatch(page.body, 'Connect Acme')

  const other = await newPerson()
  t.equal(doneOf(await link(other, subject)), 'linkTaken', 'an identity belongs to one account')
  t.match((await other.api('GET', '/identities')).body, { data: [] })

  const { data } = (await person.api('GET', '/identities')).body
  await app.sql`update users set password_hash = null where email = ${person.email}`
  const last = await person.press('/account/connections/unlink', { id: data[0].id })
  t.equal(last.status, 409)
  t.match(noticeIn(last), 'This is the last way into your account.')
  const set = await person.follow(
    await person.press('/account/security/first-password', { new_password: password }),
  )
  t.equal(noticeIn(set), 'Your password is set.')
  const gone = await person.follow(await person.press('/account/connections/unlink', { id: data[0].id }))
  t.equal(noticeIn(gone), 'The provider is disconnected.')
})

t.test('a linking flow works only for the session that began it, and opens no session', async (t) => {
  const person = await newPerson()
  const subject = newSubject()
  issuer.people.set(subject, { email: `${subject}@elsewhere.example`, email_verified: true, name: 'Ada' })
  const asked = await person.press('/account/connections/link', { provider: 'acme' })
  const location = text(/<a class="button second" href="([^"]+)"/.exec(asked.body)?.[1] ?? '')
  for (const who of [await newPerson(), null]) {
    const browser = newWanderer()
    const jar = new Map(
      who?.headers.cookie?.split('; ').map((pair) => pair.split(/=(.*)/s) as [string, string]),
    )
    for (const [name, value] of Object.entries(asked.cookies)) jar.set(name, value)
    browser.jar.set(new URL(origin).host, jar)
    const stop = await browser.visit(await browser.toCallback(location, issuer, subject, callback))
    if (who) t.equal(stop.status, 422)
    else t.match(stop.location, /\/sign-in\?/)
    if (!who) t.equal([...jar.keys()].filter((name) => /access|refresh/.test(name)).length, 0)
    if (who) t.same((await who.api('GET', '/identities')).body.data, [])
  }
  t.same((await person.api('GET', '/identities')).body.data, [])
})

t.test('API keys: made and shown once, listed, revoked', async (t) => {
  const person = await newPerson()
  t.equal(
    fieldError(await person.press('/account/connections/keys', { key_name: ' ' }), 'key_name'),
    'Use one line of ordinary characters.',
  )
  const made = await person.press('/account/connections/keys', {
    key_name: 'Nightly',
    days: '30',
    write: 'yes',
  })
  const key = /uak_\w+/.exec(made.body)?.[0] ?? ''
  t.match(await app.api('GET', '/me', { headers: { 'x-api-key': key } }), { status: 200 })
  const page = await person.get('/account/connections')
  t.match(page.body, 'Nightly')
  t.notMatch(page.body, key)
  const { data } = (await person.api('GET', '/api-keys')).body
  t.match(data, [{ scopes: ['read', 'write'] }])
  const revoked = await person.follow(
    await person.press('/account/connections/keys/revoke', { id: data[0].id }),
  )
  t.equal(noticeIn(revoked), 'The key is revoked.')
  t.equal((await app.api('GET', '/me', { headers: { 'x-api-key': key } })).status, 401)
})

t.test('data: activity, export, and deletion, which a sign-in cancels', async (t) => {
  const person = await newPerson()
  t.match((await person.get('/account/data')).body, 'Signed in')
  t.equal((await person.get('/account/data', { cursor: 'not a cursor' })).status, 200)
  const copy = await person.press('/account/data/export')
  t.match(copy.headers.get('content-disposition'), /attachment; filename="account-/)
  t.match(copy.body, { user: { email: person.email } })
  t.same(Object.keys(copy.body).sort(), Object.keys((await person.api('GET', '/me/export')).body).sort())
  await person.waitLong()
  const due = await person.press('/account/data/export')
  const confirmed = await person.follow(
    await person.press('/account/step-up', { ...carried(due), method: 'password', password }),
  )
  t.match(noticeIn(confirmed), 'Confirmed.')
  t.match((await person.press('/account/data/delete')).body, 'Tick the box')
  await person.waitLong()
  const leaving = await person.press('/account/data/delete', { sure: 'yes' })
  t.equal(heading(leaving), 'Confirm that it is you')
  const left = await person.press('/account/step-up', { ...carried(leaving), method: 'password', password })
  t.match(left.body, /deleted after 14 days/)
  t.equal((await person.get('/account')).status, 303, 'signed out')
  const restored = await app.api('POST', '/login', { body: { email: person.email, password } })
  t.equal(restored.status, 200)
})

t.test('the hidden fields of a step-up are validated as untrusted input', async (t) => {
  const person = await newPerson()
  const press = (fields: Record<string, string>) =>
    person.press('/account/step-up', { method: 'password', password, ...fields })
  for (const fields of [
    {},
    { act: '/sign-in' },
    { act: '__proto__' },
    { act: '/account/names', fields: '{' },
  ]) {
    const answer = await press(fields)
    t.equal(answer.status, 422)
  }
  const answer = await press({ act: '/account/names', fields: '{"display_name":{"a":1}}' })
  t.equal(answer.status, 303)
  t.match((await person.api('GET', '/me')).body.user, { display_name: null })
})
