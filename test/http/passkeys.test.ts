// Passkeys over the wire: registration, sign-in, the list, and what each refusal says.
import t from 'tap'
import { type Answer, bearer, startTestApp, type TestApp } from '../support/app.ts'
import { createAuthenticator, type Lies, type SoftKey } from '../support/authenticator.ts'
import { partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'

const policy = {
  verification: { resend_cooldown_seconds: 0 },
  sessions: { notify_new_device: false },
  passkeys: { related_origins: ['https://app.example.net'], manage_url: 'https://app.example.com/account' },
}
const app = await startTestApp(t, { policy })
const { port } = new URL(app.url)
const origin = `http://localhost:${port}`
const device = createAuthenticator({ origin })

type Person = Answer & { email: string; password: string }
const typeCode = async (who: Person, kind = 'verify_email') => {
  const mails = (await app.mailbox.waitFor(who.email)).filter((mail) => mail.kind === kind)
  const body = { email: who.email, code: mails.at(-1)?.code }
  return app.api('POST', '/verify-email/confirm', { headers: bearer(who), body })
}
/** A person who typed the mailed code in their session. */
async function arrive(): Promise<Person> {
  const who = await app.signUp({ display_name: 'Ada' })
  const confirmed = await typeCode(who)
  if (confirmed.status !== 200) throw new Error(`The code was not accepted: ${confirmed.status}`)
  return who
}
const begin = (who: Answer, body: object = {}) =>
  app.api('POST', '/passkeys/registration-options', { headers: bearer(who), body })
const add = (who: Answer, body: object) => app.api('POST', '/passkeys', { headers: bearer(who), body })
async function register(who: Answer, facts: object = {}, lies: Lies = {}) {
  const { flow, options } = (await begin(who)).body
  const { credential, key } = device.create(options, lies)
  return { key, answer: await add(who, { flow, credential, ...facts }) }
}
const ask = async (body: object = {}, headers: Record<string, string> = {}) =>
  app.api('POST', '/passkeys/sign-in-options', { headers, body })
async function enter(key: SoftKey, lies: Lies = {}, headers: Record<string, string> = {}) {
  const { flow, options } = (await ask({}, headers)).body
  return app.api('POST', '/login/passkey', { headers, body: { flow, credential: key.get(options, lies) } })
}
const list = (who: Answer) => app.api('GET', '/passkeys', { headers: bearer(who) })

t.test('POST /passkeys/registration-options · 200 · discoverable, verified, not attested', async (t) => {
  const who = await arrive()
  const answer = await begin(who)
  t.equal(answer.status, 200)
  const { user, rp, ...options } = answer.body.options
  t.same(rp, { id: 'localhost', name: 'Test' })
  t.match(user, { name: who.email, displayName: 'Ada' })
  t.match(options, {
    timeout: 600_000,
    attestation: 'none',
    authenticatorSelection: {
      residentKey: 'required',
      requireResidentKey: true,
      userVerification: 'required',
    },
    excludeCredentials: [],
  })
  t.same(
    options.pubKeyCredParams.map(({ alg }: { alg: number }) => alg),
    [-7, -8, -257],
  )
  t.equal(Buffer.from(options.challenge, 'base64url').length, 55)
  t.equal(Buffer.from(user.id, 'base64url').toString('hex').length, 64)
  const { options: quiet } = (await begin(who, { conditional: true })).body
  t.equal(quiet.authenticatorSelection.userVerification, 'preferred')
})

t.test('POST /passkeys · 201 · then GET, PATCH, DELETE', async (t) => {
  const who = await arrive()
  const { key, answer } = await register(who, { name: ' My phone ' })
  t.equal(answer.status, 201)
  t.same(Object.keys(answer.body).sort(), [
    'aaguid',
    'backed_up',
    'created_at',
    'id',
    'last_used_at',
    'name',
    'transports',
  ])
  t.match(answer.body, {
    name: 'My phone',
    backed_up: false,
    last_used_at: null,
    transports: ['internal', 'hybrid'],
  })
  const { answer: second } = await register(who)
  t.equal(second.body.name, 'Passkey')

  const { body } = await list(who)
  t.same(
    body.data.map(({ id }: { id: string }) => id),
    [answer.body.id, second.body.id],
  )
  t.match(body.signals, { rp_id: 'localhost', user_id: key.userHandle, name: who.email, display_name: 'Ada' })
  t.equal(body.signals.all_accepted_credential_ids[0], key.id)

  const path = `/passkeys/${answer.body.id}`
  const headers = bearer(who)
  const renamed = await app.api('PATCH', path, { headers, body: { name: 'Blue key' } })
  t.equal(renamed.body.name, 'Blue key')
  isProblem(t, await app.api('PATCH', path, { headers, body: { name: '  ' } }), 'validation_failed')
  isProblem(t, await app.api('PATCH', path, { headers, body: { name: 'a\nb' } }), 'validation_failed')

  const other = await arrive()
  const foreign = bearer(other)
  isProblem(t, await app.api('PATCH', path, { headers: foreign, body: { name: 'x' } }), 'not_found')
  isProblem(t, await app.api('DELETE', path, { headers: foreign }), 'not_found')
  isProblem(t, await app.api('DELETE', '/passkeys/none', { headers }), 'not_found')

  t.equal((await app.api('DELETE', path, { headers })).status, 204)
  t.notOk((await list(who)).body.signals.all_accepted_credential_ids.includes(key.id))
  isProblem(t, await app.api('DELETE', path, { headers }), 'not_found')
  const kinds = (await app.mailbox.waitFor(who.email, { count: 4 })).map(({ kind }) => kind)
  t.ok(kinds.includes('passkey_added') && kinds.includes('passkey_removed'))
  const { body: activity } = await app.api('GET', '/me/activity', { headers })
  const events = activity.data.map(({ event }: { event: string }) => event)
  for (const event of ['passkey_added', 'passkey_renamed', 'passkey_removed'])
    t.ok(events.includes(event), event)
  const exported = await app.api('GET', '/me/export', { headers })
  t.match(exported.body.passkeys, [{ id: second.body.id, name: 'Passkey' }])
})

t.test('POST /login/passkey · 200 · by bearer and by cookie, with the strength in the token', async (t) => {
  const who = await arrive()
  const { key } = await register(who)
  const answer = await enter(key)
  t.equal(answer.status, 200)
  t.equal(answer.body.user.uuid, who.body.user.uuid)
  t.match(partsOf(answer.body.access_token)[1], { acr: '2', amr: ['hwk', 'user'] })
  const byCookie = await enter(key, {}, { 'session-transport': 'cookie' })
  t.equal(byCookie.status, 200)
  t.notOk('access_token' in byCookie.body)
  t.equal(Object.keys(byCookie.cookies).length, 2)
})

t.test('POST /passkeys/sign-in-options · 200 · one shape for every address', async (t) => {
  const who = await arrive()
  await register(who)
  const shapes = []
  for (const body of [{}, { email: who.email }, { email: 'nobody@example.com' }, { email: '' }]) {
    const answer = await ask(body)
    t.equal(answer.status, 200)
    const { challenge, ...rest } = answer.body.options
    t.equal(Buffer.from(challenge, 'base64url').length, 55)
    shapes.push(rest)
  }
  for (const shape of shapes)
    t.same(shape, { timeout: 600_000, rpId: 'localhost', allowCredentials: [], userVerification: 'required' })
  isProblem(t, await ask({ email: 7 }), 'validation_failed')
})

t.test('401 · a passkey that was removed is named, so that the browser can forget it', async (t) => {
  const who = await arrive()
  const { key, answer } = await register(who)
  await app.api('DELETE', `/passkeys/${answer.body.id}`, { headers: bearer(who) })
  const refused = await enter(key)
  isProblem(t, refused, 'passkey_unknown')
  t.equal(refused.body.credential_id, key.id)
  const other = await app.project(policy)
  const elsewhere = await enter(key, {}, { 'project-id': other.id })
  isProblem(t, elsewhere, 'passkey_unknown')
  t.notOk('credential_id' in elsewhere.body, 'a passkey of another project on the same domain stays')
})

t.test('422 · flow: used, of another project, account or client, or none at all', async (t) => {
  const who = await arrive()
  const { key } = await register(who)
  const login = (
    flow: unknown,
    options: Parameters<SoftKey['get']>[0],
    headers: Record<string, string> = {},
  ) => app.api('POST', '/login/passkey', { headers, body: { flow, credential: key.get(options) } })
  const isOver = (answer: Answer, name: string) => {
    isProblem(t, answer, 'validation_failed')
    t.same(Object.keys(answer.body.errors), ['flow'], name)
  }
  const used = (await ask()).body
  const repeated = { 'idempotency-key': 'one and the same' }
  t.equal((await login(used.flow, used.options, repeated)).status, 200)
  isOver(await login(used.flow, used.options, repeated), 'used; no key repeats it')
  const other = await app.project(policy)
  const elsewhere = (await ask({}, { 'project-id': other.id })).body
  isOver(await login(elsewhere.flow, elsewhere.options), 'of another project')
  const theirs = (await ask({}, { 'user-agent': 'another browser' })).body
  isOver(await login(theirs.flow, theirs.options), 'of another client')
  const begun = (await begin(who)).body
  const asUse = { rpId: 'localhost', challenge: begun.options.challenge }
  isOver(await login(begun.flow, asUse), 'of a registration')
  isProblem(t, await login('x', asUse), 'validation_failed')
  const made = device.create(begun.options)
  const stranger = await arrive()
  isOver(await add(stranger, { flow: begun.flow, credential: made.credential }), 'of another account')
  t.equal((await add(who, { flow: begun.flow, credential: made.credential })).status, 201)
})

t.test('422 · credential: origin, relying party, verification, counter; nothing tells which', async (t) => {
  const who = await arrive()
  const { key } = await register(who)
  const answers = []
  for (const lies of [
    { origin: 'https://example.com' },
    { crossOrigin: true },
    { rpId: 'example.com' },
    { userVerified: false },
    { userHandle: null },
    { type: 'webauthn.create' },
  ]) {
    const answer = await enter(key, lies)
    isProblem(t, answer, 'validation_failed')
    t.same(Object.keys(answer.body.errors), ['credential'])
    answers.push(answer.body.message)
    const { answer: added } = await register(who, {}, { ...lies, ...(lies.type && { type: 'webauthn.get' }) })
    if (!('userHandle' in lies)) isProblem(t, added, 'validation_failed')
  }
  t.equal(new Set(answers).size, 1)
  await app.sql`update passkeys set sign_count = 9 where user_id = ${who.body.user.id}`
  isProblem(t, await enter(key, { signCount: 9 }), 'validation_failed')
  const mails = await app.mailbox.waitFor(who.email, { count: 4 })
  t.match(mails.find(({ kind }) => kind === 'passkey_counter_back')?.text, /may have been copied/)
  t.equal((await enter(key, { signCount: 10 })).status, 200)
})

t.test('403 · a passkey needs an address that mailbox and holder have proven together', async (t) => {
  const who = await app.signUp()
  isProblem(t, await begin(who), 'email_verification_required')
  await app.sql`update users set email_verified_at = now(), email_proof = 'claim' where id = ${who.body.user.id}`
  isProblem(t, await begin(who), 'email_verification_required')
  // The session's cached account is read again.
  const again = await app.api('POST', '/login', { body: { email: who.email, password: who.password } })
  const holder = { ...again, email: who.email, password: who.password }
  const asked = await app.api('POST', '/verify-email/resend', {
    headers: bearer(again),
    body: { email: who.email },
  })
  t.equal(asked.status, 200)
  await app.mailbox.waitFor(who.email, { count: 2 })
  t.equal((await typeCode(holder)).status, 200)
  t.equal((await begin(again)).status, 200)
})

t.test('401 · long after the sign-in, until the owner is proven again', async (t) => {
  const who = await arrive()
  const { answer } = await register(who)
  await app.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${who.body.user.id}`
  isProblem(t, await begin(who), 'step_up_required')
  isProblem(t, await begin(who, { conditional: true }), 'step_up_required')
  isProblem(
    t,
    await app.api('DELETE', `/passkeys/${answer.body.id}`, { headers: bearer(who) }),
    'step_up_required',
  )
})

t.test('409 · the same credential twice', async (t) => {
  const who = await arrive()
  const { key } = await register(who)
  const credentialId = Buffer.from(key.id, 'base64url')
  const { answer } = await register(who, {}, { credentialId })
  isProblem(t, answer, 'passkey_exists')
})

t.test('422 · the last way in', async (t) => {
  const who = await arrive()
  const { answer } = await register(who)
  await app.sql`update users set password_hash = null where id = ${who.body.user.id}`
  const refused = await app.api('DELETE', `/passkeys/${answer.body.id}`, { headers: bearer(who) })
  isProblem(t, refused, 'validation_failed')
  t.match(refused.body.errors.id, [/only way/])
})

t.test('bodies of every wrong shape are refused, and large ones before they are read', async (t) => {
  const who = await arrive()
  const { flow, options } = (await begin(who)).body
  const { credential } = device.create(options)
  const { response } = credential
  const large = 'A'.repeat(65_536)
  const sized = await add(who, {
    flow,
    credential: { ...credential, response: { ...response, attestationObject: large } },
  })
  isProblem(t, sized, 'body_too_large')
  for (const wrong of [
    {},
    { flow },
    { flow, credential: null },
    { flow, credential: 'x' },
    { flow, credential: { ...credential, id: '' } },
    { flow, credential: { ...credential, id: 'with spaces' } },
    { flow, credential: { ...credential, type: 'password' } },
    { flow, credential: { ...credential, response: {} } },
    { flow, credential: { ...credential, response: { ...response, clientDataJSON: 7 } } },
    { flow, credential: { ...credential, response: { ...response, attestationObject: 'A'.repeat(40_000) } } },
    { flow, credential: { ...credential, response: { ...response, transports: 'usb' } } },
    { flow, credential, name: 7 },
    { flow, credential, name: 'x'.repeat(101) },
  ])
    isProblem(t, await add(who, wrong), 'validation_failed')
  const nested = Buffer.alloc(24_000, 0x81).toString('base64url')
  const deep = { ...credential, response: { ...response, attestationObject: nested } }
  isProblem(t, await add(who, { flow, credential: deep }), 'validation_failed')
  isProblem(t, await app.api('POST', '/login/passkey', { body: {} }), 'validation_failed')
})

t.test('strangers see and change nothing', async (t) => {
  for (const [method, path, body] of [
    ['GET', '/passkeys'],
    ['POST', '/passkeys/registration-options', {}],
    ['PATCH', '/passkeys/7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d', { name: 'x' }],
    ['DELETE', '/passkeys/7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'],
  ] as const)
    isProblem(t, await app.api(method, path, { body }), 'unauthenticated')
})

t.test(
  '/.well-known · related origins of the projects of one domain, and the page of the default project',
  async (t) => {
    const own = await app.project({
      passkeys: { rp_id: 'example.org', related_origins: ['https://example.de'] },
    })
    await app.project({ passkeys: { related_origins: ['https://second.example.net'] } })
    const read = (path: string, of: TestApp = app) => of.send('GET', path)
    const webauthn = await read('/.well-known/webauthn')
    t.same(webauthn.body, { origins: ['https://app.example.net', 'https://second.example.net'] })
    t.match(webauthn.headers.get('content-type'), /^application\/json/)
    t.match(webauthn.headers.get('cache-control'), /public/)
    t.same((await read(`/projects/${own.id}/.well-known/webauthn`)).body, { origins: ['https://example.de'] })
    t.same((await read(`/projects/${app.projectId}/.well-known/passkey-endpoints`)).body, {
      enroll: 'https://app.example.com/account',
      manage: 'https://app.example.com/account',
    })
    t.same((await read('/.well-known/passkey-endpoints')).body, {})
    t.equal((await read('/projects/7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d/.well-known/webauthn')).status, 404)
    const { options } = (await ask({}, { 'project-id': own.id })).body
    t.equal(options.rpId, 'example.org')
  },
)
