// A passkey as second factor and as step-up: asked for where it is due, accepted once, from the sign-in or session that asked.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { createAuthenticator, type SoftKey } from '../support/authenticator.ts'
import { newPerson, proveHolder } from '../support/factors.ts'
import { partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'

const quiet = { verification: { resend_cooldown_seconds: 0 }, sessions: { notify_new_device: false } }
const app = await startTestApp(t, { policy: quiet })
const origin = `http://localhost:${new URL(app.url).port}`
const device = createAuthenticator({ origin })

type Person = Answer & { email: string; password: string }
async function addPasskey(who: Answer): Promise<SoftKey> {
  const headers = bearer(who)
  const { flow, options } = (await app.api('POST', '/passkeys/registration-options', { headers, body: {} }))
    .body
  const { credential, key } = device.create(options)
  const added = await app.api('POST', '/passkeys', { headers, body: { flow, credential } })
  if (added.status !== 201) throw new Error(`not added: ${JSON.stringify(added.body)}`)
  return key
}
async function withPasskey(): Promise<Person & { key: SoftKey }> {
  const who = await app.signUp()
  await proveHolder(app, who.email)
  return { ...who, key: await addPasskey(who) }
}
/** With an authenticator app and a passkey. */
async function withBoth() {
  const who = await newPerson(app)
  return { ...who, key: await addPasskey(who) }
}
const login = ({ email, password }: Pick<Person, 'email' | 'password'>, headers = {}) =>
  app.api('POST', '/login', { headers, body: { email, password } })
const complete = (body: object, headers = {}) => app.api('POST', '/login/second-factor', { headers, body })
const stepUp = (who: Answer, body: object) => app.api('POST', '/step-up', { headers: bearer(who), body })
const sessions = async ({ email }: Person) =>
  (
    await app.sql`select count(*)::int as count from sessions join users on users.id = user_id where email = ${email}`
  )[0]?.count

t.test('a passkey alone makes no second factor due', async (t) => {
  const who = await withPasskey()
  t.equal((await login(who)).status, 200)
})

t.test(
  'a due second factor asks for the passkeys of the account, and one completes the sign-in',
  async (t) => {
    const who = await withBoth()
    const due = await login(who)
    isProblem(t, due, 'second_factor_required')
    t.same(due.body.factors, ['totp', 'passkey', 'recovery_code'])
    const { challenge, passkey_options: options } = due.body
    t.match(options, {
      rpId: 'localhost',
      userVerification: 'required',
      allowCredentials: [{ type: 'public-key', id: who.key.id }],
    })
    const credential = who.key.get(options)
    const done = await complete({ challenge, method: 'passkey', credential, trust_device: true })
    t.equal(done.status, 200)
    t.match(partsOf(done.body.access_token)[1], { acr: '2', amr: ['pwd', 'hwk', 'user', 'mfa'] })
    t.match(done.body.device_token, /^std_/)
    isProblem(t, await complete({ challenge, method: 'passkey', credential }), 'second_factor_invalid')
  },
)

t.test('the answer is for its own challenge, and for one use', async (t) => {
  const [who, other] = [await withBoth(), await withBoth()]
  const [first, second, foreign] = [await login(who), await login(who), await login(other)]
  const answer = (due: Answer, key = who.key, lies = {}) => key.get(due.body.passkey_options, lies)
  const refused = async (challenge: string, credential: object, headers = {}) =>
    isProblem(
      t,
      await complete({ challenge, method: 'passkey', credential }, headers),
      'second_factor_invalid',
    )
  const before = await sessions(who)
  await refused(first.body.challenge, answer(second))
  await refused(first.body.challenge, answer(foreign, other.key))
  await refused(first.body.challenge, answer(first, other.key))
  await refused(second.body.challenge, answer(second, who.key, { userVerified: false }))
  t.equal(await sessions(who), before)
  const third = await login(who)
  const credential = answer(third)
  const all = await Promise.all(
    Array.from({ length: 12 }, () =>
      complete({ challenge: third.body.challenge, method: 'passkey', credential }),
    ),
  )
  t.equal(all.filter(({ status }) => status === 200).length, 1, 'of twelve at once one succeeds')
  t.equal(await sessions(who), before + 1)
})

t.test('a sign-in flow is no second factor, and the reverse', async (t) => {
  const who = await withBoth()
  const due = await login(who)
  const open = (await app.api('POST', '/passkeys/sign-in-options', { body: {} })).body
  isProblem(
    t,
    await complete({
      challenge: due.body.challenge,
      method: 'passkey',
      credential: who.key.get(open.options),
    }),
    'second_factor_invalid',
  )
  const credential = who.key.get(due.body.passkey_options)
  isProblem(
    t,
    await app.api('POST', '/login/passkey', { body: { flow: open.flow, credential } }),
    'validation_failed',
  )
})

t.test('the method says which field it needs', async (t) => {
  const who = await withBoth()
  const { challenge, passkey_options: options } = (await login(who)).body
  const noCredential = await complete({ challenge, method: 'passkey', code: '123456' })
  isProblem(t, noCredential, 'validation_failed')
  t.match(noCredential.body.errors, { credential: ['Is required.'] })
  const noCode = await complete({ challenge, method: 'totp', credential: who.key.get(options) })
  isProblem(t, noCode, 'validation_failed')
  t.match(noCode.body.errors, { code: ['Is required.'] })
})

t.test('policy: a passkey does where a factor is demanded and none is enrolled', async (t) => {
  const strict = await app.project({ ...quiet, factors: { required: 'always' } })
  const headers = { 'project-id': strict.id }
  const email = 'always@example.com'
  const signedUp = await app.api('POST', '/signup', {
    headers,
    body: { email, password: 'a good long password' },
  })
  t.equal(signedUp.status, 201)
  await proveHolder(app, email)
  const own = { ...headers, ...bearer(signedUp) }
  const { flow, options } = (
    await app.api('POST', '/passkeys/registration-options', { headers: own, body: {} })
  ).body
  const { credential, key } = device.create(options)
  t.equal((await app.api('POST', '/passkeys', { headers: own, body: { flow, credential } })).status, 201)
  const due = await login({ email, password: 'a good long password' }, headers)
  t.same(due.body.factors, ['passkey', 'email_code'])
  const { challenge, passkey_options: asked } = due.body
  const done = await complete({ challenge, method: 'passkey', credential: key.get(asked) }, headers)
  t.equal(done.status, 200)
})

t.test('step-up: a session that is not recent asks for the passkey, which renews it at acr 2', async (t) => {
  const who = await withPasskey()
  await app.sql`update sessions set auth_time = now() - interval '1 hour'`
  const refused = await app.api('POST', '/passkeys/registration-options', { headers: bearer(who), body: {} })
  isProblem(t, refused, 'step_up_required')
  t.same(refused.body.factors, ['password', 'passkey'])
  const { passkey_options: options } = refused.body
  const other = await withPasskey()
  isProblem(
    t,
    await stepUp(other, { method: 'passkey', credential: who.key.get(options) }),
    'validation_failed',
  )
  const wrong = await stepUp(who, { method: 'passkey', credential: other.key.get(options) })
  isProblem(t, wrong, 'validation_failed')
  t.ok(wrong.body.errors.credential)
  isProblem(t, await stepUp(who, { method: 'passkey' }), 'validation_failed')
  const again = (await app.api('POST', '/passkeys/registration-options', { headers: bearer(who), body: {} }))
    .body
  const done = await stepUp(who, { method: 'passkey', credential: who.key.get(again.passkey_options) })
  t.equal(done.status, 200)
  t.match(partsOf(done.body.access_token)[1], { acr: '2' })
  t.equal(
    (await app.api('POST', '/passkeys/registration-options', { headers: bearer(done), body: {} })).status,
    200,
  )
  t.match((await app.api('GET', '/factors', { headers: bearer(done) })).body, {
    totp: false,
    passkeys: [{ id: /.+/, name: /.+/, created_at: /Z$/ }],
  })
})

t.test('guessed codes do not lock the passkey', async (t) => {
  const who = await withBoth()
  for (let challenges = 0; challenges < 2; challenges++) {
    const { challenge } = (await login(who)).body
    for (let tries = 0; tries < 5; tries++)
      await complete({ challenge, method: 'totp', code: who.authenticator.wrong() })
  }
  const due = await login(who)
  const { challenge, passkey_options: options } = due.body
  isProblem(
    t,
    await complete({ challenge, method: 'totp', code: who.authenticator.code() }),
    'too_many_attempts',
  )
  const done = await complete({ challenge, method: 'passkey', credential: who.key.get(options) })
  t.equal(done.status, 200)
  await app.sql`update sessions set auth_time = now() - interval '1 hour'`
  const refused = await app.api('POST', '/factors/recovery-codes', { headers: bearer(done) })
  const credential = who.key.get(refused.body.passkey_options)
  t.equal((await stepUp(done, { method: 'passkey', credential })).status, 200)
})
