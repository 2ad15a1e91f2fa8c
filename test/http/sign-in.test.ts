// POST /login, as contracts.md §1 has it.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'

const app = await startTestApp(t)

t.test('200 tokens: a right password gives tokens that open /me', async (t) => {
  const { email, password } = await app.signUp()
  const answer = await app.api('POST', '/login', { body: { email, password } })
  t.equal(answer.status, 200)
  t.equal(answer.body.token_type, 'Bearer')
  t.ok(answer.body.refresh_token.length >= 40)
  const me = await app.api('GET', '/me', { headers: bearer(answer) })
  t.equal(me.status, 200)
  t.equal(me.body.user.email, email)
})
