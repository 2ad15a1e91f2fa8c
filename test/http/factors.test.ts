// Enrolling, listing and removing second factors: GET /factors, /factors/totp, /factors/recovery-codes, /factors/trusted-devices.
import t from 'tap'
import { unseal } from '../../src/crypto/seal.ts'
import { resealTotpSecrets } from '../../src/domain/credentials/totp.ts'
import { serviceKeys } from '../../src/domain/services.ts'
import { type Answer, bearer, startTestApp, testSecretKey } from '../support/app.ts'
import { storesOn } from '../support/database.ts'
import {
  authenticatorOf,
  enrolTotp,
  mailOfKind,
  newPerson,
  proveHolder,
  renewSteps,
} from '../support/factors.ts'
import { partsOf } from '../support/forge.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t, {
  policy: { verification: { resend_cooldown_seconds: 0 }, sessions: { notify_new_device: false } },
})
const propose = (who: Answer) => app.api('POST', '/factors/totp', { headers: bearer(who) })
const confirm = (who: Answer, code: unknown) =>
  app.api('POST', '/factors/totp/confirm', { headers: bearer(who), body: { code } })
const factors = async (who: Answer) => (await app.api('GET', '/factors', { headers: bearer(who) })).body
const later = (who: Answer) =>
  app.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${who.body.user.id}`

t.test('an authenticator is proposed, proven by a code, and only then asked for', async (t) => {
  const who = await app.signUp()
  await proveHolder(app, who.email)
  t.same(await factors(who), { totp: false, passkeys: [], recovery_codes_left: 0, trusted_devices: [] })
  const { body, status } = await propose(who)
  t.equal(status, 201)
  t.match(body.otpauth_uri, /^otpauth:\/\/totp\//)
  t.equal(new URL(body.otpauth_uri).searchParams.get('secret'), body.secret)
  t.match(body.qr_svg, /^<svg .*<\/svg>\s*$/s)
  t.equal((await factors(who)).totp, false, 'not active yet')
  const { email, password } = who
  t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 200)

  const confirmed = await confirm(who, authenticatorOf(body.secret).code())
  t.equal(confirmed.status, 200)
  t.equal(new Set(confirmed.body.recovery_codes).size, 10)
  t.match(await factors(who), { totp: true, recovery_codes_left: 10 })
  isProblem(t, await app.api('POST', '/login', { body: { email, password } }), 'second_factor_required')
  t.ok(await mailOfKind(app, email, 'factor_added'))
  const { data } = (await app.api('GET', '/me/activity', { headers: bearer(who) })).body
  t.equal(data.filter(({ event }: { event: string }) => event === 'factor_added').length, 1)
  const [row] = await app.sql`select sealed_secret from totp_factors where user_id = ${who.body.user.id}`
  t.notOk(row?.sealed_secret.toString('latin1').includes(body.secret), 'sealed at rest')
})

t.test(
  'enrolling ends the other sessions; this one keeps its tokens and has proven both factors',
  async (t) => {
    const who = await app.signUp()
    const { email, password } = who
    const other = await app.api('POST', '/login', { body: { email, password } })
    await enrolTotp(app, who, email)
    t.equal((await app.api('GET', '/me', { headers: bearer(other) })).status, 401)
    t.equal((await app.api('GET', '/me', { headers: bearer(who) })).status, 200)
    const { refresh_token } = who.body
    const refreshed = await app.api('POST', '/refresh', { body: { refresh_token } })
    t.match(partsOf(refreshed.body.access_token)[1], { acr: '2', amr: ['pwd', 'otp', 'mfa'] })
    const { data } = (await app.api('GET', '/sessions', { headers: bearer(refreshed) })).body
    t.match(data, [{ acr: '2', amr: ['pwd', 'otp', 'mfa'], current: true }])
  },
)

t.test('nobody plants a factor: 403 until mailbox and holder have proven the address together', async (t) => {
  const who = await app.signUp()
  isProblem(t, await propose(who), 'email_verification_required')
  const [mail] = await app.mailbox.waitFor(who.email)
  await app.api('POST', '/verify-email/confirm', { body: { token: mail?.token } })
  isProblem(t, await propose(who), 'email_verification_required')
  const resent = await app.api('POST', '/verify-email/resend', {
    headers: bearer(who),
    body: { email: who.email },
  })
  t.equal(resent.status, 200)
  const mails = await app.mailbox.waitFor(who.email, { count: 2 })
  const body = { email: who.email, code: mails.at(-1)?.code }
  t.equal((await app.api('POST', '/verify-email/confirm', { headers: bearer(who), body })).status, 200)
  t.equal((await propose(who)).status, 201, 'a mailed code typed in the session is such a proof')
})

t.test('a session that is not recent proposes nothing, and an API key neither', async (t) => {
  const who = await app.signUp()
  await proveHolder(app, who.email)
  await later(who)
  isProblem(t, await propose(who), 'step_up_required')
  isProblem(t, await app.api('POST', '/factors/totp'), 'unauthenticated')
  const key = await app.api('POST', '/api-keys', { headers: bearer(who), body: { name: 'key' } })
  const headers = { authorization: `Bearer ${key.body.plain_text_key}` }
  for (const [method, path] of [
    ['GET', '/factors'],
    ['POST', '/factors/totp'],
    ['DELETE', '/factors/totp'],
    ['POST', '/factors/recovery-codes'],
    ['DELETE', '/factors/trusted-devices'],
  ] as const)
    isProblem(t, await app.api(method, path, { headers }), 'unauthenticated')
})

t.test('a proposal is confirmed by a code of its own alone, once', async (t) => {
  const who = await app.signUp()
  await proveHolder(app, who.email)
  isProblem(t, await confirm(who, '123456'), 'validation_failed', ['code'])
  const first = authenticatorOf((await propose(who)).body.secret)
  const second = authenticatorOf((await propose(who)).body.secret)
  isProblem(t, await confirm(who, first.code()), 'validation_failed', ['code'])
  isProblem(t, await confirm(who, second.wrong()), 'validation_failed', ['code'])
  for (const code of ['12345', '1234567', '12345a', 'abcdef', '', '１２３４５'])
    isProblem(t, await confirm(who, code), 'validation_failed', ['code'])
  isProblem(t, await confirm(who, 123456), 'validation_failed', ['code'])
  for (const drift of [-2, 2])
    isProblem(t, await confirm(who, second.code(drift)), 'validation_failed', ['code'])
  const answers = await Promise.all([0, 1, 2, 3].map(() => confirm(who, second.code())))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal((await factors(who)).recovery_codes_left, 10)
  isProblem(t, await propose(who), 'validation_failed', ['totp'])
})

t.test('guessing codes to confirm is counted for the account', async (t) => {
  const who = await app.signUp()
  await proveHolder(app, who.email)
  const authenticator = authenticatorOf((await propose(who)).body.secret)
  for (let tries = 0; tries < 10; tries++)
    isProblem(t, await confirm(who, authenticator.wrong()), 'validation_failed', ['code'])
  isProblem(t, await confirm(who, authenticator.code()), 'too_many_attempts')
})

t.test(
  'removing the authenticator needs the factor, and takes recovery codes and trust with it',
  async (t) => {
    const { authenticator, ...who } = await newPerson(app)
    const remove = (by: Answer) => app.api('DELETE', '/factors/totp', { headers: bearer(by) })
    await later(who)
    const refused = await remove(who)
    isProblem(t, refused, 'step_up_required')
    t.same(refused.body.factors, ['totp', 'recovery_code'])
    t.match(refused.headers.get('www-authenticate'), /acr_values="2", max_age="300"/)
    const step = (body: object) => app.api('POST', '/step-up', { headers: bearer(who), body })
    isProblem(t, await step({ method: 'password', password: who.password }), 'validation_failed', ['method'])
    const stepped = await step({ method: 'totp', code: authenticator.code() })
    t.equal(stepped.status, 200)
    t.equal((await remove(stepped)).status, 204)
    isProblem(t, await remove(stepped), 'not_found')
    t.same(await factors(stepped), { totp: false, passkeys: [], recovery_codes_left: 0, trusted_devices: [] })
    const { email, password } = who
    t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 200)
    t.ok(await mailOfKind(app, email, 'factor_removed'))
  },
)

t.test('new recovery codes end the old ones; without a factor there are none', async (t) => {
  const { authenticator, ...who } = await newPerson(app)
  const renew = (by: Answer) => app.api('POST', '/factors/recovery-codes', { headers: bearer(by) })
  const renewed = await renew(who)
  t.equal(renewed.status, 201)
  t.equal(renewed.body.recovery_codes.length, 10)
  const { email, password } = who
  const complete = async (code: string | undefined) => {
    const { body } = await app.api('POST', '/login', { body: { email, password } })
    const { challenge } = body
    return app.api('POST', '/login/second-factor', { body: { challenge, method: 'recovery_code', code } })
  }
  isProblem(t, await complete(authenticator.recoveryCodes[0]), 'second_factor_invalid')
  t.equal((await complete(renewed.body.recovery_codes[0])).status, 200)
  t.ok(await mailOfKind(app, email, 'recovery_codes_renewed'))
  isProblem(t, await renew(await app.signUp()), 'validation_failed', ['factors'])
  const rows = await app.sql`select code_hash from recovery_codes where user_id = ${who.body.user.id}`
  t.ok(rows.every(({ code_hash }) => code_hash.length === 32))
})

t.test('the owner is told when three recovery codes are left', async (t) => {
  const { authenticator, email, password } = await newPerson(app)
  for (const [index, code] of authenticator.recoveryCodes.entries()) {
    if (index === 7) break
    const { body } = await app.api('POST', '/login', { body: { email, password } })
    const sent = { challenge: body.challenge, method: 'recovery_code', code: ` ${code.toUpperCase()} ` }
    t.equal((await app.api('POST', '/login/second-factor', { body: sent })).status, 200, String(index))
  }
  t.ok(await mailOfKind(app, email, 'recovery_codes_low'))
})

t.test('the export lists what belongs to factors, without secrets', async (t) => {
  const { authenticator, ...who } = await newPerson(app)
  await renewSteps(app, who.email)
  const exported = await app.api('GET', '/me/export', { headers: bearer(who) })
  t.equal(exported.status, 200)
  t.equal(exported.body.authenticators.length, 1)
  t.equal(exported.body.recovery_codes.length, 10)
  t.same(exported.body.trusted_devices, [])
  t.notMatch(JSON.stringify(exported.body), new RegExp(authenticator.secret))
})

t.test('secrets are sealed anew under another master secret, and are the same', async (t) => {
  const alone = await startTestApp(t)
  const { authenticator, ...who } = await newPerson(alone)
  const sealed = async (): Promise<Buffer> =>
    (await alone.sql`select sealed_secret from totp_factors where user_id = ${who.body.user.id}`)[0]
      ?.sealed_secret
  const stores = storesOn(alone.sql)
  const former = serviceKeys([testSecretKey])
  const next = serviceKeys(['another secret of more than thirty-two bytes'])
  const both = { ...next, sealing: [next.sealing[0], former.sealing[0]] as const }
  const context = `totp ${alone.projectId} ${who.body.user.uuid}`
  const before = unseal(former.sealing, await sealed(), context)
  t.equal(await resealTotpSecrets({ stores, keys: both }), 1)
  t.same(unseal(next.sealing, await sealed(), context), before)
  t.equal(unseal(former.sealing, await sealed(), context), null)
  t.equal(await resealTotpSecrets({ stores, keys: both }), 0)
  t.ok(authenticator.secret)
})
