// API keys that are made, revoked and voided at the same time: never more than allowed, none that survives a reset.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'

const app = await startTestApp(t)
const project = await app.project({ api_keys: { max_per_user: 3 } })
const headers = { 'project-id': project.id }
const password = 'a good long password'
let people = 0

const signUp = () =>
  app.api('POST', '/signup', { headers, body: { email: `racer-${++people}@example.com`, password } })
const make = (who: Answer) =>
  app.api('POST', '/api-keys', { headers: { ...headers, ...bearer(who) }, body: { name: 'one' } })
const isAlive = async (key: string) =>
  (await app.api('GET', '/me', { headers: { ...headers, 'x-api-key': key } })).status === 200
const living = async (who: Answer) => {
  const [row] = await app.sql`select count(*)::int as keys from api_keys
    where user_id = ${who.body.user.id} and revoked_at is null`
  return row?.keys as number
}
const tally = (answers: Answer[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

t.test('sixteen keys at once are as many as the policy allows', async (t) => {
  for (let round = 0; round < 4; round++) {
    const who = await signUp()
    const second = await app.api('POST', '/login', {
      headers,
      body: { email: who.body.user.email, password },
    })
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, at) => make(at % 2 === 0 ? who : second)),
    )
    t.same(tally(answers), { 201: 3, 409: 13 })
    t.equal(await living(who), 3)
  }
})

t.test('a key revoked eight times at once is revoked once', async (t) => {
  const who = await signUp()
  const { id } = (await make(who)).body
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      app.api('POST', `/api-keys/${id}/revoke`, { headers: { ...headers, ...bearer(who) } }),
    ),
  )
  t.same(tally(answers), { 200: 8 })
  const [row] = await app.sql`select count(*)::int as events from audit_events
    where user_id = ${who.body.user.id} and event = 'api_key_revoked'`
  t.equal(row?.events, 1)
})

t.test('a key that meets a password reset is made before it and void, or not made', async (t) => {
  for (let round = 0; round < 6; round++) {
    const who = await signUp()
    const { email } = who.body.user
    await app.api('POST', '/forgot-password', { headers, body: { email } })
    const mails = await app.mailbox.waitFor(email, { count: 2 })
    const token = mails.find(({ kind }) => kind === 'reset_password')?.token
    const later = async (ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      return make(who)
    }
    const body = { token, password: 'another good password' }
    const [reset, ...made] = await Promise.all([
      app.api('POST', '/reset-password', { headers, body }),
      ...[0, 10, 20, 30, 40, 60, 80].map(later),
    ])
    t.equal(reset.status, 200)
    for (const answer of made) {
      t.ok([201, 401, 409].includes(answer.status), String(answer.status))
      if (answer.status === 201) t.notOk(await isAlive(answer.body.plain_text_key))
    }
    t.equal(await living(who), 0)
  }
})

t.test('keys that meet the deletion of their account are gone with it', async (t) => {
  for (let round = 0; round < 6; round++) {
    const who = await signUp()
    const { id, plain_text_key: key } = (await make(who)).body
    const signedIn = { headers: { ...headers, ...bearer(who) } }
    const [gone, ...answers] = await Promise.all([
      app.api('DELETE', '/me', { ...signedIn, body: { current_password: password } }),
      make(who),
      app.api('POST', `/api-keys/${id}/revoke`, signedIn),
      app.api('GET', '/me', { headers: { ...headers, 'x-api-key': key } }),
      make(who),
    ])
    t.equal(gone.status, 204)
    for (const { status } of answers) t.ok([200, 201, 401, 404].includes(status), String(status))
    t.equal(await living(who), 0)
    t.notOk(await isAlive(key))
  }
})
