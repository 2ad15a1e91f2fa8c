// Passkeys at one instant: an answer is good once, and the same passkey is added once.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { createAuthenticator } from '../support/authenticator.ts'

const app = await startTestApp(t, { policy: { sessions: { notify_new_device: false } } })
const device = createAuthenticator({ origin: app.url })

async function arrive() {
  const who = await app.signUp()
  await app.sql`update users set email_verified_at = now(), email_proof = 'holder' where id = ${who.body.user.id}`
  return who
}
const begin = async (who: Answer) =>
  (await app.api('POST', '/passkeys/registration-options', { headers: bearer(who), body: {} })).body
const add = (who: Answer, body: object) => app.api('POST', '/passkeys', { headers: bearer(who), body })
const tally = (answers: readonly Answer[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
const count = async (who: Answer) =>
  (await app.sql`select count(*)::int as n from passkeys where user_id = ${who.body.user.id}`)[0]?.n

t.test('one registration sent eight times at once makes one passkey', async (t) => {
  const who = await arrive()
  const { flow, options } = await begin(who)
  const { credential } = device.create(options)
  const answers = await Promise.all(Array.from({ length: 8 }, () => add(who, { flow, credential })))
  t.same(tally(answers), { 201: 1, 422: 7 })
  t.equal(await count(who), 1)
})

t.test('the same credential in eight flows at once makes one passkey, of one account', async (t) => {
  const people = await Promise.all([arrive(), arrive()])
  const credentialId = Buffer.alloc(32, 7)
  const begun = await Promise.all(
    Array.from({ length: 8 }, async (_, at) => {
      const who = people[at % 2] as Answer
      const { flow, options } = await begin(who)
      return { who, flow, credential: device.create(options, { credentialId }).credential }
    }),
  )
  const answers = await Promise.all(begun.map(({ who, ...body }) => add(who, body)))
  t.same(tally(answers), { 201: 1, 409: 7 })
})

t.test('one sign-in sent eight times at once opens one session', async (t) => {
  const who = await arrive()
  const { flow, options } = await begin(who)
  const { credential, key } = device.create(options)
  await add(who, { flow, credential })
  const asked = (await app.api('POST', '/passkeys/sign-in-options', { body: {} })).body
  const body = { flow: asked.flow, credential: key.get(asked.options) }
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => app.api('POST', '/login/passkey', { body })),
  )
  t.same(tally(answers), { 200: 1, 422: 7 })
})

t.test('two passkeys that are removed at once: one stays where it is the last way in', async (t) => {
  const who = await arrive()
  for (let made = 0; made < 2; made++) {
    const { flow, options } = await begin(who)
    await add(who, { flow, credential: device.create(options).credential })
  }
  await app.sql`update users set password_hash = null where id = ${who.body.user.id}`
  const rows = await app.sql`select id from passkeys where user_id = ${who.body.user.id}`
  const answers = await Promise.all(
    rows.map(({ id }) => app.api('DELETE', `/passkeys/${id}`, { headers: bearer(who) })),
  )
  t.same(tally(answers), { 204: 1, 422: 1 })
  t.equal(await count(who), 1)
})

t.test('eight uses with one counter at once: one is accepted', async (t) => {
  const who = await arrive()
  const { flow, options } = await begin(who)
  const { credential, key } = device.create(options)
  await add(who, { flow, credential })
  const same = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const asked = (await app.api('POST', '/passkeys/sign-in-options', { body: {} })).body
      return { flow: asked.flow, credential: key.get(asked.options, { signCount: 5 }) }
    }),
  )
  const answers = await Promise.all(same.map((body) => app.api('POST', '/login/passkey', { body })))
  t.same(tally(answers), { 200: 1, 422: 7 })
})
