// Passwords under contention: guesses that come together, changes that come together, sign-ins during a change.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'

const app = await startTestApp(t)

const login = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })
const me = (answer: Answer) => app.api('GET', '/me', { headers: bearer(answer) })
const times = (count: number, work: (index: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const tally = (answers: Answer[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

t.test(
  'of sixteen wrong passwords at once exactly five are checked and eleven are told to wait',
  async (t) => {
    const { email } = await app.signUp()
    const answers = await times(16, (index) => login(email, `wrong password ${index}`))
    t.same(tally(answers), { 401: 5, 429: 11 })
    for (const { status, body, headers } of answers) {
      t.equal(body.message, 'Invalid credentials.')
      if (status === 429) t.equal(headers.get('retry-after'), String(body.retry_after))
    }
    t.equal((await login(email, 'a good long password')).status, 429, 'the right one waits too')
  },
)

t.test('the same holds for an address that has no account', async (t) => {
  const answers = await times(16, () => login('nobody@example.com', 'wrong password'))
  t.same(tally(answers), { 401: 5, 429: 11 })
})

t.test('of wrong current passwords at once exactly five are checked', async (t) => {
  const signedUp = await app.signUp()
  const answers = await times(12, (index) =>
    app.api('POST', '/change-password', {
      headers: bearer(signedUp),
      body: { current_password: `wrong ${index}`, new_password: 'another good password' },
    }),
  )
  t.same(tally(answers), { 422: 5, 429: 7 })
})

t.test('of four changes at once from the same password one wins', async (t) => {
  for (let round = 0; round < 2; round++) {
    const { email, password, ...signedUp } = await app.signUp()
    const next = (index: number) => `new password number ${index}`
    const answers = await times(4, (index) =>
      app.api('POST', '/change-password', {
        headers: bearer(signedUp),
        body: { current_password: password, new_password: next(index) },
      }),
    )
    const { 200: won, 401: ended = 0, 422: refused = 0 } = tally(answers)
    t.same([won, ended + refused], [1, 3], 'the former token of the session may be dead by then')
    const winner = answers.findIndex(({ status }) => status === 200)
    t.equal((await login(email, next(winner))).status, 200)
    for (const index of [0, 1, 2, 3])
      if (index !== winner) t.equal((await login(email, next(index))).status, 401)
    const [changed] = answers.filter(({ status }) => status === 200)
    t.equal(changed && (await me(changed)).status, 200, 'the session that changed it lives')
  }
})

t.test('a sign-in while the password changes opens no session on the old password', async (t) => {
  for (let round = 0; round < 4; round++) {
    const { email, password, ...signedUp } = await app.signUp()
    const next = 'a quite different password'
    const [changed, ...old] = await Promise.all([
      app.api('POST', '/change-password', {
        headers: bearer(signedUp),
        body: { current_password: password, new_password: next },
      }),
      ...[1, 2, 3].map(() => login(email, password)),
    ])
    t.equal(changed.status, 200)
    for (const answer of old) {
      t.ok([200, 401].includes(answer.status), `sign-in: ${answer.status}`)
      if (answer.status === 200) t.equal((await me(answer)).status, 401, 'opened before, ended by the change')
    }
    const [{ alive } = { alive: -1 }] = await app.sql`
      select count(*)::int as alive from sessions join users on users.id = user_id
      where email = ${email} and sessions.epoch = users.epoch and revoked_at is null`
    t.equal(alive, 1, "only the caller's session lives")
  }
})
