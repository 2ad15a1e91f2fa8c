// What is good for one use is used once, however many ask at the same time: tokens, codes, addresses.
import t from 'tap'
import { type Answer, startTestApp } from '../support/app.ts'

const app = await startTestApp(t)
const strict = await app.project({ verification: { mode: 'strict', delivery: 'app' } })
const strictByMail = await app.project({ verification: { mode: 'strict' } })

const times = (count: number, work: (index: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const tally = (answers: Answer[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
const password = 'a good long password'

t.test('one verification token redeemed sixteen times at once verifies once', async (t) => {
  const headers = { 'project-id': strict.id, 'project-secret': strict.secret }
  const signUp = await app.api('POST', '/signup', {
    headers,
    body: { email: 'token@example.com', password },
  })
  t.equal(signUp.status, 202)
  const token = signUp.body.verification_token
  t.match(token, /^svt_/)
  const answers = await times(16, () =>
    app.api('POST', '/verify-email/confirm', { headers, body: { token } }),
  )
  t.same(tally(answers), { 200: 1, 422: 15 })
  const [row] = await app.sql`select email_verified_at from users where email = 'token@example.com'`
  t.ok(row?.email_verified_at)
})

t.test('one code redeemed eight times at once verifies once', async (t) => {
  const { email } = await app.signUp()
  const [mail] = await app.mailbox.waitFor(email)
  t.match(mail?.code, /^\d{6}$/)
  const answers = await times(8, () =>
    app.api('POST', '/verify-email/confirm', { body: { email, code: mail?.code } }),
  )
  t.same(tally(answers), { 200: 1, 422: 7 })
})

t.test('a token and the code of the same mail, at once, verify once', async (t) => {
  for (let round = 0; round < 3; round++) {
    const { email } = await app.signUp()
    const [mail] = await app.mailbox.waitFor(email)
    const answers = await Promise.all([
      app.api('POST', '/verify-email/confirm', { body: { email, code: mail?.code } }),
      app.api('POST', '/verify-email/confirm', { body: { token: mail?.token } }),
    ])
    t.same(tally(answers), { 200: 1, 422: 1 })
  }
})

t.test('wrong codes at once are counted one by one: the right one is void after five', async (t) => {
  const { email } = await app.signUp()
  const [mail] = await app.mailbox.waitFor(email)
  const wrong = mail?.code === '000000' ? '000001' : '000000'
  const answers = await times(5, () =>
    app.api('POST', '/verify-email/confirm', { body: { email, code: wrong } }),
  )
  t.same(tally(answers), { 422: 5 })
  const [row] = await app.sql`select code_attempts from verification_tokens where email = ${email}`
  t.equal(row?.code_attempts, 5)
  const late = await app.api('POST', '/verify-email/confirm', { body: { email, code: mail?.code } })
  t.equal(late.status, 422)
  const link = await app.api('POST', '/verify-email/confirm', { body: { token: mail?.token } })
  t.equal(link.status, 200, 'the link of the same mail is no guess and still works')
})

t.test('sixteen sign-ups with one address make one account', async (t) => {
  const email = 'same@example.com'
  const answers = await times(16, (index) =>
    app.api('POST', '/signup', { body: { email: index % 2 ? email : 'SAME@Example.com ', password } }),
  )
  t.same(tally(answers), { 201: 1, 422: 15 })
  for (const { status, body } of answers)
    if (status === 422) t.same(body.errors, { email: ['This e-mail address already has an account.'] })
  const [{ accounts } = { accounts: -1 }] =
    await app.sql`select count(*)::int as accounts from users where email = ${email}`
  t.equal(accounts, 1)
  const [{ sessions } = { sessions: -1 }] = await app.sql`
    select count(*)::int as sessions from sessions join users on users.id = user_id where email = ${email}`
  t.equal(sessions, 1, 'and one session')
  t.equal((await app.mailbox.waitFor(email, { count: 2, ms: 1500 })).length, 1, 'and one mail')
})

t.test('sixteen sign-ups with one address tell nothing where verification is demanded', async (t) => {
  const email = 'same-strict@example.com'
  const headers = { 'project-id': strictByMail.id }
  const answers = await times(16, () => app.api('POST', '/signup', { headers, body: { email, password } }))
  t.same(tally(answers), { 202: 16 })
  t.same(
    new Set(answers.map(({ body }) => Object.keys(body.user).join())).size,
    1,
    'every answer has the same members',
  )
  t.equal(new Set(answers.map(({ body }) => body.user.id)).size, 16, 'and an id of its own')
  const [count] = await app.sql`
    select (select count(*)::int from users where email = ${email}) as accounts,
      (select count(*)::int from claims where email = ${email}) as claims,
      (select count(*)::int from outbox where recipient = ${email}) as owed`
  t.same(count, { accounts: 0, claims: 16, owed: 8 }, 'no account but claims, and mails up to the cap')
})

t.test('eight resends at once start one cooldown and owe one mail', async (t) => {
  const { email } = await app.signUp()
  await app.mailbox.waitFor(email)
  const answers = await times(8, () => app.api('POST', '/verify-email/resend', { body: { email } }))
  t.same(tally(answers), { 200: 8 })
  t.equal(answers.filter(({ body }) => body.resend_cooldown_active).length, 7)
  const [{ owed } = { owed: -1 }] = await app.sql`
    select count(*)::int as owed from outbox join users on users.id = user_id where email = ${email}`
  t.equal(owed, 2, 'the one of the sign-up and one more')
})
