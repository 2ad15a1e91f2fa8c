// Guards what the owner of an account is told, and that "this was not me" takes the account back.
import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestApp } from '../support/app.ts'
import { enrolTotp } from '../support/factors.ts'

const app = await startTestApp(t, {
  policy: {
    verification: { resend_cooldown_seconds: 0 },
    deletion: { grace_seconds: 7 * 86_400 },
    lockout: { failures: 3, window_seconds: 600, base_seconds: 60 },
  },
})
const password = 'a good long password'
const phone = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const forms = { 'content-type': 'application/x-www-form-urlencoded' }

/** A mail of a kind to an address, once it has come. */
async function mailOf(kind: string, email: string) {
  for (let turn = 0; turn < 100; turn++) {
    const mails = (await app.mailbox.all()).filter((mail) => mail.to === email && mail.kind === kind)
    const last = mails.at(-1)
    if (last) return last
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`No ${kind} for ${email}`)
}

const signIn = (email: string, secret = password, headers = phone) =>
  app.api('POST', '/login', { headers, body: { email, password: secret } })

/** An account with a session of its owner and one of a thief on another device, and the link that the owner was mailed. */
async function stolen(project = app.projectId) {
  const of = { 'project-id': project }
  const owner = await app.signUp()
  const { email } = owner
  await app.sql`update users set email_verified_at = now(), email_proof = 'holder' where email = ${email}`
  const thief = await app.api('POST', '/login', { headers: { ...phone, ...of }, body: { email, password } })
  t.equal(thief.status, 200)
  const { link } = await mailOf('new_device', email)
  return { email, owner, thief, page: new URL(link ?? '') }
}

const post = (page: URL) =>
  app.send('POST', page.pathname, { headers: forms, body: page.searchParams.toString() })

t.test('"this was not me" ends every session and the password, and mails a reset', async (t) => {
  const { email, owner, thief, page } = await stolen()
  const key = await app.api('POST', '/api-keys', {
    headers: bearer(thief.body.access_token),
    body: { name: 'planted' },
  })
  t.equal(key.status, 201)
  const change = await app.api('POST', '/change-email', {
    headers: bearer(thief.body.access_token),
    body: { new_email: 'thief@example.net', current_password: password },
  })
  t.equal(change.status, 202)
  const shown = await app.send('GET', page.pathname + page.search)
  t.equal(shown.status, 200)
  t.match(shown.body, /This was not me/)
  const me = (token: string) => app.api('GET', '/me', { headers: bearer(token) })
  t.equal((await me(thief.body.access_token)).status, 200, 'GET changes nothing')

  t.equal((await post(page)).status, 200)
  for (const { body } of [owner, thief]) {
    t.equal((await me(body.access_token)).status, 401)
    const refreshed = await app.api('POST', '/refresh', { body: { refresh_token: body.refresh_token } })
    t.equal(refreshed.status, 401)
  }
  t.equal((await app.api('GET', '/me', { headers: { 'x-api-key': key.body.key } })).status, 401)
  t.equal((await signIn(email)).status, 401, 'the password that the thief knows is gone')
  const [left] = await app.sql`
    select count(*)::int as open from verification_tokens join users on users.id = user_id
    where users.email = ${email} and purpose = 'change_email' and used_at is null and superseded_at is null`
  t.equal(left?.open, 0, 'the change of address is void')

  const { token } = await mailOf('reset_password', email)
  const next = 'an even better password'
  t.equal((await app.api('POST', '/reset-password', { body: { token, password: next } })).status, 200)
  t.equal((await signIn(email, next)).status, 200)

  t.equal((await post(page)).status, 422, 'the link works once')
  t.equal((await signIn(email, next)).status, 200, 'and the second time changes nothing')
  const activity = await app.sql`
    select event from audit_events join users on users.id = user_id where users.email = ${email}`
  t.ok(activity.some(({ event }) => event === 'sign_in_disowned'))
})

t.test('"this was not me" ends the factors that were added since, and no others', async (t) => {
  const { email, thief, page } = await stolen()
  await enrolTotp(app, thief, email)
  const [user] = await app.sql`select id, project_id from users where email = ${email}`
  const addPasskey = (name: string, minutes: number) => app.sql`
    insert into passkeys ${app.sql({
      id: randomUUID(),
      project_id: user?.project_id,
      user_id: user?.id,
      credential_id: randomBytes(16),
      public_key: randomBytes(32),
      name,
      aaguid: randomUUID(),
      backup_eligible: true,
      backed_up: true,
      sign_count: 0,
      created_at: new Date(Date.now() + minutes * 60_000).toISOString(),
    })}`
  await addPasskey('of the owner', -60)
  await addPasskey('of the thief', 1)
  t.equal((await post(page)).status, 200)
  const left = await app.sql`select name from passkeys where user_id = ${user?.id}`
  t.same(
    left.map(({ name }) => name),
    ['of the owner'],
  )
  const [factors] = await app.sql`
    select second_factors, (select count(*)::int from totp_factors where user_id = users.id) as secrets,
      (select count(*)::int from recovery_codes where user_id = users.id) as codes from users where email = ${email}`
  t.same({ ...factors }, { second_factors: '', secrets: 0, codes: 0 })

  const { token } = await mailOf('reset_password', email)
  const next = 'an even better password'
  t.equal((await app.api('POST', '/reset-password', { body: { token, password: next } })).status, 200)
  const again = await signIn(email, next)
  t.equal(again.status, 200, 'no factor of the thief keeps the owner out')
})

t.test('the link of an earlier sign-in works after a later one', async (t) => {
  const { email, page } = await stolen()
  const second = await signIn(email, password, { 'user-agent': 'curl/8.0' })
  t.equal(second.status, 200)
  await app.mailbox.waitFor(email, { count: 3 })
  t.equal((await post(page)).status, 200)
  const { status } = await app.api('GET', '/me', { headers: bearer(second.body.access_token) })
  t.equal(status, 401, 'and ends both')
})

t.test('the link is void once the account has another address, and in another project', async (t) => {
  const { email, thief, page } = await stolen()
  const foreign = new URL(page)
  foreign.searchParams.set('project', (await app.project()).id)
  t.equal((await post(foreign)).status, 422)
  for (const token of ['', 'x', 'ab'.repeat(400), '%00']) {
    const other = new URL(page)
    other.searchParams.set('token', token)
    t.equal((await post(other)).status, 422, token)
  }
  await app.sql`update users set email = ${`moved.${email}`} where email = ${email}`
  t.equal((await post(page)).status, 422)
  t.equal((await app.api('GET', '/me', { headers: bearer(thief.body.access_token) })).status, 200)
})

t.test('sixteen answers of one link end the account once', async (t) => {
  const { email, page } = await stolen()
  const answers = await Promise.all(Array.from({ length: 16 }, () => post(page)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  await mailOf('reset_password', email)
  const [sent] = await app.sql`
    select count(*)::int as resets from outbox join users on users.id = user_id
    where users.email = ${email} and kind = 'reset_password'`
  t.equal(sent?.resets, 1)
})

t.test(
  'a lock after wrong passwords is told to the owner of a proven address, once in an hour',
  async (t) => {
    await app.sql`delete from cooldowns where kind = 'sign_in_failures'`
    const { email } = await app.signUp()
    const wrong = async (address: string) => {
      for (let turn = 0; turn < 4; turn++) await signIn(address, 'not the right password')
    }
    await wrong(email)
    const failures = (address: string) => app.sql`
    select 1 from outbox left join users on users.id = user_id
    where kind = 'sign_in_failures' and coalesce(recipient, users.email) = ${address}`
    t.equal((await failures(email)).length, 0, 'nothing to an unproven address')

    const proven = await app.signUp()
    await app.sql`update users set email_verified_at = now() where email = ${proven.email}`
    await wrong(proven.email)
    const mail = await mailOf('sign_in_failures', proven.email)
    t.match(mail.text, /wrong password or code/)
    t.notMatch(mail.text, /not the right password/)
    await app.sql`delete from sign_in_failures`
    await wrong(proven.email)
    t.equal((await failures(proven.email)).length, 1, 'not twice')
    await app.sql`update cooldowns set last_at = last_at - interval '61 minutes' where kind = 'sign_in_failures'`
    await app.sql`delete from sign_in_failures`
    await wrong(proven.email)
    t.equal((await failures(proven.email)).length, 2, 'but once more after an hour')

    const nobody = 'nobody.here@example.com'
    await wrong(nobody)
    t.equal((await failures(nobody)).length, 0)
    const [cooldowns] =
      await app.sql`select count(*)::int as n from cooldowns where kind = 'sign_in_failures'`
    t.equal(cooldowns?.n, 3, 'the same rows for an address without an account')
  },
)

t.test('a deletion is told, with the way back while there is one', async (t) => {
  const graceful = await app.signUp()
  const gone = await app.api('DELETE', '/me', {
    headers: bearer(graceful.body.access_token),
    body: { current_password: password },
  })
  t.equal(gone.status, 204)
  const told = await mailOf('deletion_scheduled', graceful.email)
  t.match(told.text, /will be deleted in 7 days/)
  t.match(told.text, /sign in before then/)

  await app.setPolicy({ deletion: { grace_seconds: 0 } })
  const atOnce = await app.signUp()
  await app.sql`update users set locale = 'de' where email = ${atOnce.email}`
  const options = { headers: bearer(atOnce.body.access_token), body: { current_password: password } }
  t.equal((await app.api('DELETE', '/me', options)).status, 204)
  const last = await mailOf('account_deleted', atOnce.email)
  t.match(last.text, /wurde gerade mit allem, was dazugehört, gelöscht/)
})
