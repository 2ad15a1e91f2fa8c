// Refreshes that meet: other refreshes, sign-outs, a changed password, a lost answer.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'

const app = await startTestApp(t)

const refresh = (token: string) => app.api('POST', '/refresh', { body: { refresh_token: token } })
const me = (answer: Answer) => app.api('GET', '/me', { headers: bearer(answer) })
const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const statuses = (answers: Answer[]) => answers.map(({ status }) => status)

async function sessionOf(email: string) {
  const rows = await app.sql`
    select sessions.* from sessions join users on users.id = user_id where email = ${email}`
  return rows.at(0)
}

t.test('sixteen refreshes with one secret leave one live successor', async (t) => {
  const { body, email } = await app.signUp()
  const answers = await times(16, () => refresh(body.refresh_token))
  t.same(new Set(statuses(answers)), new Set([200]))
  const successors = new Set(answers.map((answer) => answer.body.refresh_token))
  t.equal(successors.size, 1, 'all were given the same refresh token')
  t.notOk(successors.has(body.refresh_token), 'and it is a new one')
  t.match(await sessionOf(email), { generation: 2, revoked_at: null })
  t.same(new Set(statuses(await Promise.all(answers.map(me)))), new Set([200]), 'every access token works')
  const [successor] = successors
  t.equal((await refresh(successor)).status, 200)
})

t.test('six tabs refresh together eight times, one of them late, and nobody is signed out', async (t) => {
  const { body, email } = await app.signUp()
  let previous = body.refresh_token
  let current = (await refresh(previous)).body.refresh_token
  for (let round = 1; round <= 8; round++) {
    const late = await refresh(previous)
    t.equal(late.body.refresh_token, current, 'a tab that slept through the last round is given its token')
    const answers = await times(6, () => refresh(current))
    t.same(statuses(answers), [200, 200, 200, 200, 200, 200], `round ${round}`)
    const given = new Set(answers.map((answer) => answer.body.refresh_token))
    t.equal(given.size, 1, 'all tabs hold the same token')
    t.same(new Set(statuses(await Promise.all([late, ...answers].map(me)))), new Set([200]))
    previous = current
    current = [...given][0]
  }
  t.match(await sessionOf(email), { generation: 10, revoked_at: null })
})

t.test('a refresh that meets a sign-out leaves nothing that lives', async (t) => {
  for (let round = 0; round < 5; round++) {
    const first = await app.signUp()
    const [left, ...refreshed] = await Promise.all([
      app.api('POST', '/logout', { headers: bearer(first) }),
      refresh(first.body.refresh_token),
      refresh(first.body.refresh_token),
    ])
    t.equal(left.status, 200)
    for (const answer of refreshed) {
      t.ok([200, 401].includes(answer.status), `refresh: ${answer.status}`)
      if (answer.status !== 200) continue
      t.equal((await me(answer)).status, 401)
      t.equal((await refresh(answer.body.refresh_token)).status, 401)
    }
    t.match(await sessionOf(first.email), { revoked_reason: 'logout' }, 'a sign-out is never told as reuse')
  }
})

t.test('a refresh that meets logout-all leaves nothing that lives', async (t) => {
  for (let round = 0; round < 4; round++) {
    const { email, password, ...first } = await app.signUp()
    const second = await app.api('POST', '/login', { body: { email, password } })
    const [left, ...refreshed] = await Promise.all([
      app.api('POST', '/logout-all', { headers: bearer(first) }),
      refresh(first.body.refresh_token),
      refresh(second.body.refresh_token),
    ])
    t.equal(left.status, 200)
    for (const answer of refreshed) {
      t.ok([200, 401].includes(answer.status), `refresh: ${answer.status}`)
      if (answer.status !== 200) continue
      t.equal((await me(answer)).status, 401)
      t.equal((await refresh(answer.body.refresh_token)).status, 401)
    }
  }
})

t.test('a refresh that meets change-password: the caller stays, every other session ends', async (t) => {
  for (let round = 0; round < 3; round++) {
    const { email, password, ...mine } = await app.signUp()
    const other = await app.api('POST', '/login', { body: { email, password } })
    const body = { current_password: password, new_password: `another good password ${round}` }
    const own = mine.body.refresh_token
    // The hashes take tens of milliseconds; the refreshes are spread over them so that some meet the commit.
    const spread = async (token: string) => {
      const answers: Answer[] = []
      for (let i = 0; i < 12; i++) answers.push(await refresh(token))
      return answers
    }
    const [changed, kept, ended] = await Promise.all([
      app.api('POST', '/change-password', { headers: bearer(mine), body }),
      spread(own),
      spread(other.body.refresh_token),
    ])
    t.equal(changed.status, 200)
    for (const status of statuses(kept)) t.ok([200, 401].includes(status), `the former token: ${status}`)
    for (const answer of kept) if (answer.status === 200) t.equal((await me(answer)).status, 401)
    t.equal((await me(changed)).status, 200, 'the caller goes on with the tokens of the answer')
    for (const answer of ended) if (answer.status === 200) t.equal((await me(answer)).status, 401)
    t.equal((await refresh(other.body.refresh_token)).status, 401)
  }
})

t.test('two recoveries of one lost answer at the same time converge on one token', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { email, body } = await app.signUp()
    const lost = await refresh(body.refresh_token)
    await app.sql`
      update sessions set rotated_at = rotated_at - interval '1 minute'
      where user_id = (select id from users where email = ${email})`
    const answers = await times(4, () => refresh(body.refresh_token))
    t.same(statuses(answers), [200, 200, 200, 200])
    for (const answer of answers) t.equal(answer.body.refresh_token, lost.body.refresh_token)
    t.equal((await refresh(lost.body.refresh_token)).status, 200, 'and the token works')
    const [{ count } = { count: -1 }] = await app.sql`
      select count(*)::int from audit_events where event = 'refresh_recovered'
        and user_id = (select id from users where email = ${email})`
    t.equal(count, 1, 'the recovery is in the audit once')
  }
})

t.test('of many reuses at the same time one ends the session, and all are refused', async (t) => {
  const { email, body } = await app.signUp()
  const second = await refresh(body.refresh_token)
  const third = await refresh(second.body.refresh_token)
  const answers = await times(8, () => refresh(body.refresh_token))
  t.same(new Set(statuses(answers)), new Set([401]))
  t.equal((await me(third)).status, 401, 'the refusal took the session with it')
  t.match(await sessionOf(email), { revoked_reason: 'reuse' })
  const [{ count } = { count: -1 }] = await app.sql`
    select count(*)::int from audit_events where event = 'refresh_reused'
      and user_id = (select id from users where email = ${email})`
  t.equal(count, 1)
})
