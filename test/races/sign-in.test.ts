// Many sign-ins at once: right ones are never taken for guesses, wrong ones never get more tries than the policy has.
import t from 'tap'
import { startTestApp } from '../support/app.ts'

const app = await startTestApp(t)
const signIn = (email: string, password: string) => app.api('POST', '/login', { body: { email, password } })
const statuses = async (tries: Promise<{ status: number }>[]) =>
  (await Promise.all(tries)).map(({ status }) => status).sort()

t.test('forty right passwords at once, for one account from one address, all sign in', async (t) => {
  const { email, password } = await app.signUp()
  t.same(
    await statuses(Array.from({ length: 40 }, () => signIn(email, password))),
    Array.from({ length: 40 }, () => 200),
  )
})

t.test('forty wrong ones at once: five are told so, the others to wait', async (t) => {
  const { email } = await app.signUp()
  const all = await statuses(Array.from({ length: 40 }, (_, i) => signIn(email, `wrong ${i}`)))
  t.same(all, [...Array.from({ length: 5 }, () => 401), ...Array.from({ length: 35 }, () => 429)])
})

t.test('a right one among them is let in or told to wait, and never refused as wrong', async (t) => {
  const { email, password } = await app.signUp()
  const wrong = Array.from({ length: 12 }, (_, i) => signIn(email, `wrong ${i}`))
  const { status } = await signIn(email, password)
  await Promise.all(wrong)
  t.ok(status === 200 || status === 429, String(status))
})
