// POST /change-email, /change-email/confirm, /change-email/undo: the new address proves itself, the old one can take it back.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t, { policy: { redirect_urls: ['https://app.example.com/new'] } })
let addresses = 0
const fresh = () => `moved-${++addresses}@example.com`

type Person = Answer & { email: string; password: string }
const request = (person: Person, new_email: string, more: object = {}) =>
  app.api('POST', '/change-email', {
    headers: bearer(person),
    body: { new_email, current_password: person.password, ...more },
  })
const confirm = (body: object, person?: Answer) =>
  app.api('POST', '/change-email/confirm', { body, headers: person ? bearer(person) : {} })
const undo = (token: string | null | undefined) => app.api('POST', '/change-email/undo', { body: { token } })
const signIn = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })

async function mailOf(address: string, kind: string) {
  for (let i = 0; i < 160; i++) {
    const mail = (await app.mailbox.all()).filter((one) => one.to === address && one.kind === kind).at(-1)
    if (mail) return mail
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`No ${kind} came for ${address}.`)
}

/** Changes the address of a new person, and returns the mail that can undo it. */
async function moved() {
  const person = await app.signUp()
  const to = fresh()
  t.equal((await request(person, to)).status, 202)
  t.equal((await confirm({ token: (await mailOf(to, 'change_email')).token }, person)).status, 200)
  return { person, to, notice: await mailOf(person.email, 'email_changed') }
}

t.test('POST /change-email · 202 · nothing changes before the new address has proven itself', async (t) => {
  const person = await app.signUp()
  const to = fresh()
  const answer = await request(person, ` ${to.toUpperCase()} `)
  t.equal(answer.status, 202)
  t.same(answer.body, { message: 'If this address can be used, a message to confirm it is on its way.' })
  t.equal((await app.api('GET', '/me', { headers: bearer(person) })).body.user.email, person.email)
  const mail = await mailOf(to, 'change_email')
  const done = await confirm({ token: mail.token }, person)
  t.equal(done.status, 200)
  t.equal(done.body.user.email, to)
  t.ok(done.body.user.email_verified_at)
  t.equal((await signIn(to, person.password)).status, 200)
  t.equal((await signIn(person.email, person.password)).status, 401)
})

t.test('POST /change-email/confirm · by the code of the same mail', async (t) => {
  const person = await app.signUp()
  const to = fresh()
  await request(person, to)
  const { code } = await mailOf(to, 'change_email')
  const other = await app.signUp()
  isProblem(t, await confirm({ email: to, code }), 'unauthenticated')
  isProblem(t, await confirm({ email: to, code }, other), 'validation_failed')
  t.equal((await confirm({ email: to, code }, person)).status, 200)
})

t.test(
  'POST /change-email · 422 · wrong password, the same address, a redirect that is not listed',
  async (t) => {
    const person = await app.signUp()
    const refusals: [Answer, string][] = [
      [await request(person, fresh(), { current_password: 'wrong' }), 'current_password'],
      [await request(person, person.email), 'new_email'],
      [await request(person, 'no address'), 'new_email'],
      [await request(person, fresh(), { redirect_to: 'https://evil.example' }), 'redirect_to'],
      [await request(person, fresh(), { redirect_to: 'https://app.example.com/old' }), 'redirect_to'],
    ]
    for (const [answer, field] of refusals) {
      isProblem(t, answer, 'validation_failed')
      t.ok(answer.body.errors[field], field)
    }
    isProblem(t, await app.api('POST', '/change-email', { body: { new_email: fresh() } }), 'unauthenticated')
  },
)

t.test('POST /change-email · wrong passwords count like failed sign-ins', async (t) => {
  const person = await app.signUp()
  for (let i = 0; i < 5; i++) await request(person, fresh(), { current_password: 'wrong' })
  isProblem(t, await request(person, fresh()), 'too_many_attempts')
})

t.test('POST /change-email · a taken address gets the same answer and no mail', async (t) => {
  const [person, owner] = [await app.signUp(), await app.signUp()]
  const [free, taken] = [await request(person, fresh()), await request(person, owner.email)]
  t.same([taken.status, taken.body], [free.status, free.body])
  const [owed] = await app.sql`select count(*)::int as mails from outbox
    where kind = 'change_email' and recipient = ${owner.email}`
  t.equal(owed?.mails, 0)
  const [told] = await app.sql`select count(*)::int as mails from outbox
    where kind = 'email_change_requested' and user_id = ${person.body.user.id}`
  t.equal(told?.mails, 2, 'nor does the own mailbox tell which one is taken')
})

t.test('POST /change-email/confirm · 422 · the address was taken meanwhile', async (t) => {
  const person = await app.signUp()
  const to = fresh()
  await request(person, to)
  const { token } = await mailOf(to, 'change_email')
  await app.signUp({ email: to })
  const answer = await confirm({ token }, person)
  isProblem(t, answer, 'validation_failed')
  t.ok(answer.body.errors.token)
  t.equal((await app.api('GET', '/me', { headers: bearer(person) })).body.user.email, person.email)
})

t.test('POST /change-email/confirm · a right code that comes too late is no wrong code', async (t) => {
  const person = await app.signUp()
  const to = fresh()
  await request(person, to)
  const { code } = await mailOf(to, 'change_email')
  await app.signUp({ email: to })
  isProblem(t, await confirm({ email: to, code }, person), 'validation_failed')
  const counted = await app.sql`select sum(attempts)::int as n from sign_in_failures where bucket = 'code'
    and project_id = ${app.projectId} and window_started_at > now() - interval '5 seconds'`
  t.equal(counted[0]?.n, 0)
})

t.test('POST /change-email/confirm · two accounts that want one address: one gets it', async (t) => {
  const to = fresh()
  const tokens: (string | null | undefined)[] = []
  const people = [await app.signUp(), await app.signUp()]
  for (const person of people) {
    await request(person, to)
    for (let i = 0; i < 160; i++) {
      const mails = (await app.mailbox.all()).filter((one) => one.to === to)
      if (mails.length > tokens.length) {
        tokens.push(mails.at(-1)?.token)
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const answers = await Promise.all(tokens.map((token, at) => confirm({ token }, people[at])))
  t.same(answers.map(({ status }) => status).sort(), [200, 422])
})

t.test('a reset voids a change that is pending', async (t) => {
  const person = await app.signUp()
  const to = fresh()
  await request(person, to)
  const { token } = await mailOf(to, 'change_email')
  await app.api('POST', '/forgot-password', { body: { email: person.email } })
  const reset = await mailOf(person.email, 'reset_password')
  const body = { token: reset.token, password: 'another good password' }
  t.equal((await app.api('POST', '/reset-password', { body })).status, 200)
  isProblem(t, await confirm({ token }), 'validation_failed')
})

t.test(
  'POST /change-email/undo · 200 · the old address is back, every session and the password are gone',
  async (t) => {
    const { person, to, notice } = await moved()
    t.notMatch(notice.text, to, 'the new address is masked')
    const answer = await undo(notice.token)
    t.equal(answer.status, 200)
    t.equal(answer.body.user.email, person.email)
    isProblem(t, await app.api('GET', '/me', { headers: bearer(person) }), 'unauthenticated')
    isProblem(t, await signIn(person.email, person.password), 'invalid_credentials')
    const reset = await mailOf(person.email, 'reset_password')
    const body = { token: reset.token, password: 'another good password' }
    t.equal((await app.api('POST', '/reset-password', { body })).status, 200)
    t.equal((await signIn(person.email, 'another good password')).status, 200)
    isProblem(t, await undo(notice.token), 'validation_failed')
  },
)

t.test(
  'POST /change-email/undo · works after the address was changed twice, and after a reset by the new one',
  async (t) => {
    const { person, to, notice } = await moved()
    const again = await signIn(to, person.password)
    const third = fresh()
    await request({ ...again, email: to, password: person.password }, third)
    t.equal((await confirm({ token: (await mailOf(third, 'change_email')).token }, again)).status, 200)
    await mailOf(to, 'email_changed')
    await app.api('POST', '/forgot-password', { body: { email: third } })
    const body = { token: (await mailOf(third, 'reset_password')).token, password: 'password of the thief' }
    t.equal((await app.api('POST', '/reset-password', { body })).status, 200)
    const answer = await undo(notice.token)
    t.same([answer.status, answer.body.user?.email], [200, person.email])
  },
)

t.test('POST /change-email/undo · 422 · after seven days', async (t) => {
  const { notice } = await moved()
  await app.sql`update verification_tokens set expires_at = expires_at - interval '7 days'
    where purpose = 'undo_email_change'`
  isProblem(t, await undo(notice.token), 'validation_failed')
})

t.test('tokens of one purpose do nothing for another', async (t) => {
  const person = await app.signUp()
  const to = fresh()
  await request(person, to)
  const { token } = await mailOf(to, 'change_email')
  isProblem(t, await undo(token), 'validation_failed')
  isProblem(t, await app.api('POST', '/verify-email/confirm', { body: { token } }), 'validation_failed')
  const body = { token, password: 'another good password' }
  isProblem(t, await app.api('POST', '/reset-password', { body }), 'validation_failed')
  t.equal((await confirm({ token }, person)).status, 200)
})

t.test('POST /change-email/confirm · by the link, with the password of the account that asked', async (t) => {
  const [person, owner] = [await app.signUp(), await app.signUp()]
  const to = fresh()
  await request(person, to)
  const { token } = await mailOf(to, 'change_email')
  isProblem(t, await confirm({ token }), 'unauthenticated')
  isProblem(t, await confirm({ token }, owner), 'unauthenticated')
  const wrong = await confirm({ token, current_password: owner.password.replace(/.$/, '?') })
  isProblem(t, wrong, 'validation_failed')
  t.ok(wrong.body.errors.current_password)
  t.equal((await confirm({ token, current_password: person.password })).status, 200)
})

t.test('POST /change-email · the owner is told at the address that the account has', async (t) => {
  const person = await app.signUp()
  await request(person, fresh())
  const mail = await mailOf(person.email, 'email_change_requested')
  t.notOk(mail.link)
})

for (const [what, act] of [
  [
    'a changed password',
    (person: Person) =>
      app.api('POST', '/change-password', {
        headers: bearer(person),
        body: { current_password: person.password, new_password: 'another good password' },
      }),
  ],
  ['signing out everywhere', (person: Person) => app.api('POST', '/logout-all', { headers: bearer(person) })],
] as const)
  t.test(`a pending change ends with ${what}`, async (t) => {
    const person = await app.signUp()
    const to = fresh()
    await request(person, to)
    const { token } = await mailOf(to, 'change_email')
    t.equal((await act(person)).status, 200)
    isProblem(t, await confirm({ token, current_password: 'another good password' }), 'validation_failed')
  })
