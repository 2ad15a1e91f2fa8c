// POST /refresh, as contracts.md §1 and decision 2 of the design have it. Time is turned by ageing the row.
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)

const refresh = (refresh_token: unknown, headers: Record<string, string> = {}) =>
  app.api('POST', '/refresh', { headers, body: { refresh_token } })
const me = (answer: Answer) => app.api('GET', '/me', { headers: bearer(answer) })

/** The session id that an access token names. */
function sessionOf(answer: Answer): string {
  const [, claims = ''] = String(answer.body.access_token).split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).sid
}
async function row(answer: Answer) {
  const [found] = await app.sql`select * from sessions where id = ${sessionOf(answer)}`
  if (!found) throw new Error('The session has no row.')
  return found
}
async function audited(answer: Answer): Promise<string[]> {
  const rows =
    await app.sql`select event from audit_events where session_id = ${sessionOf(answer)} and event like 'refresh%' order by id`
  return rows.map(({ event }) => event)
}
const age = (answer: Answer, seconds: number) =>
  app.sql`update sessions set rotated_at = rotated_at - make_interval(secs => ${seconds}),
    recovered_at = recovered_at - make_interval(secs => ${seconds}) where id = ${sessionOf(answer)}`

type Test = Parameters<typeof isProblem>[0]

/** Refused, and the whole session with it: neither its newest refresh token nor its access token works any more. */
async function isDead(t: Test, newest: Answer): Promise<void> {
  isProblem(t, await refresh(newest.body.refresh_token), 'invalid_refresh_token')
  isProblem(t, await me(newest), 'unauthenticated')
}

t.test('POST /refresh · 200 · new tokens in the shape of the sign-in, of the same session', async (t) => {
  const signedUp = await app.signUp()
  const answer = await refresh(signedUp.body.refresh_token)
  t.equal(answer.status, 200)
  t.same(Object.keys(answer.body), Object.keys(signedUp.body))
  t.ok(answer.body.refresh_token.length >= 40)
  t.not(answer.body.refresh_token, signedUp.body.refresh_token)
  t.not(answer.body.access_token, signedUp.body.access_token)
  t.same(answer.body.user, signedUp.body.user)
  t.equal(sessionOf(answer), sessionOf(signedUp))
  t.equal((await me(answer)).status, 200)
  t.equal((await me(signedUp)).status, 200, 'an access token lives as long as it says')
  t.same(await audited(answer), [])
})

t.test('POST /refresh · 200 · ten in a row', async (t) => {
  const signedUp = await app.signUp()
  const seen = new Set([signedUp.body.refresh_token])
  let answer: Answer = signedUp
  for (let turn = 0; turn < 10; turn++) {
    answer = await refresh(answer.body.refresh_token)
    t.equal(answer.status, 200)
    seen.add(answer.body.refresh_token)
  }
  t.equal(seen.size, 11)
  const [count] =
    await app.sql`select count(*)::int as rows from sessions where user_id = ${answer.body.user.id}`
  t.equal(count?.rows, 1, 'rotation adds no rows')
})

t.test('POST /refresh · 200 · no Authorization is needed, and a bad one does not disturb', async (t) => {
  const { body } = await app.signUp()
  t.equal((await refresh(body.refresh_token, { authorization: 'Bearer nonsense' })).status, 200)
})

t.test('POST /refresh · 200 · a replay within the grace gives the same refresh token again', async (t) => {
  const signedUp = await app.signUp()
  const first = await refresh(signedUp.body.refresh_token)
  await me(first)
  await age(first, 28)
  const replay = await refresh(signedUp.body.refresh_token)
  t.equal(replay.status, 200)
  t.equal(replay.body.refresh_token, first.body.refresh_token)
  t.equal(replay.body.refresh_token_expires_at, first.body.refresh_token_expires_at)
  t.equal((await me(replay)).status, 200)
  t.equal((await refresh(replay.body.refresh_token)).status, 200)
})

t.test('POST /refresh · 200 · policy: the grace can be another, or none', async (t) => {
  const none = await app.project({ tokens: { replay_grace_seconds: 0 } })
  const headers = { 'project-id': none.id }
  const signedUp = await app.api('POST', '/signup', {
    headers,
    body: { email: 'grace@example.com', password: 'a good long password' },
  })
  const first = await refresh(signedUp.body.refresh_token, headers)
  await app.api('GET', '/me', { headers: { ...headers, ...bearer(first) } })
  await age(first, 1)
  isProblem(t, await refresh(signedUp.body.refresh_token, headers), 'invalid_refresh_token')
})

t.test(
  'POST /refresh · 401 · a replay after the grace, when the successor was used, ends the session',
  async (t) => {
    const signedUp = await app.signUp()
    const first = await refresh(signedUp.body.refresh_token)
    t.equal((await me(first)).status, 200)
    await age(first, 31)
    isProblem(t, await refresh(signedUp.body.refresh_token), 'invalid_refresh_token')
    await isDead(t, first)
    t.match(await row(first), { revoked_at: /^\d{4}/, revoked_reason: 'reuse' })
    t.same(await audited(first), ['refresh_reused'])
  },
)

t.test('POST /refresh · 401 · reuse ends that session alone', async (t) => {
  const { email, password, ...signedUp } = await app.signUp()
  const other = await app.api('POST', '/login', { body: { email, password } })
  const first = await refresh(signedUp.body.refresh_token)
  await me(first)
  await age(first, 31)
  await refresh(signedUp.body.refresh_token)
  await isDead(t, first)
  t.equal((await me(other)).status, 200)
  t.equal((await refresh(other.body.refresh_token)).status, 200)
})

t.test(
  'POST /refresh · 200 · a lost answer is repeated once, while its successor was never used',
  async (t) => {
    const signedUp = await app.signUp()
    const lost = await refresh(signedUp.body.refresh_token)
    await age(lost, 31)
    const recovered = await refresh(signedUp.body.refresh_token)
    t.equal(recovered.status, 200)
    t.equal(recovered.body.refresh_token, lost.body.refresh_token)
    t.same(await audited(recovered), ['refresh_recovered'])
    const tab = await refresh(signedUp.body.refresh_token)
    t.equal(tab.status, 200, 'other tabs converge within the grace')
    t.equal(tab.body.refresh_token, lost.body.refresh_token)
    await age(recovered, 31)
    isProblem(t, await refresh(signedUp.body.refresh_token), 'invalid_refresh_token')
    await isDead(t, recovered)
    t.same(await audited(recovered), ['refresh_recovered', 'refresh_reused'])
  },
)

t.test('POST /refresh · 200 · after a lost answer was repeated, the session goes on', async (t) => {
  const signedUp = await app.signUp()
  const lost = await refresh(signedUp.body.refresh_token)
  await age(lost, 31)
  const recovered = await refresh(signedUp.body.refresh_token)
  t.equal((await me(recovered)).status, 200)
  const next = await refresh(recovered.body.refresh_token)
  t.equal(next.status, 200)
  await age(next, 31)
  t.equal((await refresh(recovered.body.refresh_token)).status, 200, 'and a later answer may be lost again')
})

t.test('POST /refresh · 401 · an answer is lost for no longer than an access token lives', async (t) => {
  const signedUp = await app.signUp()
  const lost = await refresh(signedUp.body.refresh_token)
  await age(lost, 901)
  isProblem(t, await refresh(signedUp.body.refresh_token), 'invalid_refresh_token')
  await isDead(t, lost)
})

t.test('POST /refresh · 401 · a token two generations behind ends the session, grace or not', async (t) => {
  const signedUp = await app.signUp()
  const first = await refresh(signedUp.body.refresh_token)
  const second = await refresh(first.body.refresh_token)
  isProblem(t, await refresh(signedUp.body.refresh_token), 'invalid_refresh_token')
  await isDead(t, second)
  t.same(await audited(second), ['refresh_reused'])
  isProblem(t, await refresh(first.body.refresh_token), 'invalid_refresh_token')
  t.same(await audited(second), ['refresh_reused'], 'what is dead already is audited once')
})

t.test('POST /refresh · 401 · unknown: a session that never was, or is gone', async (t) => {
  const signedUp = await app.signUp()
  await app.sql`delete from sessions where id = ${sessionOf(signedUp)}`
  isProblem(t, await refresh(signedUp.body.refresh_token), 'invalid_refresh_token')
})

t.test('POST /refresh · 401 · garbage of every kind', async (t) => {
  const { body } = await app.signUp()
  const token: string = body.refresh_token
  const garbage = [
    'x'.repeat(40),
    'x'.repeat(1024),
    '€'.repeat(80),
    ' '.repeat(60),
    `${token} `,
    ` ${token}`,
    `${token}A`,
    `${token}==`,
    token.slice(0, -1),
    token.replace('srt_', 'srt-'),
    token.replace('srt_', ''),
    token.toUpperCase(),
    `srt_${'A'.repeat(token.length - 4)}`,
    body.access_token,
  ]
  for (const text of garbage) isProblem(t, await refresh(text), 'invalid_refresh_token')
  t.equal((await refresh(token)).status, 200, 'none of which ended the session')
})

t.test('POST /refresh · 401 · one flipped bit anywhere makes it another token', async (t) => {
  const { body } = await app.signUp()
  const token: string = body.refresh_token
  const bytes = Buffer.from(token.slice(4), 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
    const { status } = await refresh(`srt_${flipped.toString('base64url')}`)
    if (status !== 401) t.fail(`byte ${at}: ${status}`)
  }
  t.equal((await refresh(token)).status, 200, 'and ended nothing')
})

t.test('POST /refresh · 401 · another project, which ends nothing in its own', async (t) => {
  const { body } = await app.signUp()
  const other = await app.project()
  isProblem(t, await refresh(body.refresh_token, { 'project-id': other.id }), 'invalid_refresh_token')
  t.equal((await refresh(body.refresh_token)).status, 200)
})

t.test('POST /refresh · 401 · expired, sliding or absolute', async (t) => {
  const idle = await app.signUp()
  await app.sql`update sessions set expires_at = now() where id = ${sessionOf(idle)}`
  isProblem(t, await refresh(idle.body.refresh_token), 'invalid_refresh_token')
  t.same(await audited(idle), [], 'which is no reuse')
  const busy = await app.signUp()
  await app.sql`update sessions set absolute_expires_at = now() + interval '1 hour' where id = ${sessionOf(busy)}`
  const last = await refresh(busy.body.refresh_token)
  await app.sql`update sessions set expires_at = expires_at - interval '1 hour',
    absolute_expires_at = absolute_expires_at - interval '1 hour' where id = ${sessionOf(busy)}`
  isProblem(t, await refresh(last.body.refresh_token), 'invalid_refresh_token')
  isProblem(t, await me(last), 'unauthenticated')
  t.same(await audited(busy), [])
})

t.test(
  'POST /refresh · 401 · revoked by logout, by logout-all, by a new password, by an operator',
  async (t) => {
    const away = await app.signUp()
    await app.api('POST', '/logout', { headers: bearer(away) })
    isProblem(t, await refresh(away.body.refresh_token), 'invalid_refresh_token')
    t.match(await row(away), { revoked_reason: 'logout' })

    const everywhere = await app.signUp()
    await app.api('POST', '/logout-all', { headers: bearer(everywhere) })
    isProblem(t, await refresh(everywhere.body.refresh_token), 'invalid_refresh_token')

    const { email, password, ...elsewhere } = await app.signUp()
    const here = await app.api('POST', '/login', { body: { email, password } })
    const change = { current_password: password, new_password: 'another good password' }
    const changed = await app.api('POST', '/change-password', { headers: bearer(here), body: change })
    isProblem(t, await refresh(elsewhere.body.refresh_token), 'invalid_refresh_token')
    t.equal((await refresh(changed.body.refresh_token)).status, 200)

    const disabled = await app.signUp()
    await app.sql`update users set disabled_at = now() where email = ${disabled.email}`
    isProblem(t, await refresh(disabled.body.refresh_token), 'invalid_refresh_token')
    t.same(await audited(disabled), [])
  },
)

t.test(
  'POST /refresh · 403 · strict: an unverified user is kept out, and let in again when verified',
  async (t) => {
    const strict = await app.project({ verification: { mode: 'strict' } })
    const headers = { 'project-id': strict.id }
    const body = { email: 'strict@example.com', password: 'a good long password' }
    await app.api('POST', '/signup', { headers, body })
    const [mail] = await app.mailbox.waitFor(body.email)
    await app.api('POST', '/verify-email/confirm', { headers, body: { token: mail?.token } })
    const signedIn = await app.api('POST', '/login', { headers, body })
    await app.sql`update users set email_verified_at = null where project_id = ${strict.id}`
    isProblem(t, await refresh(signedIn.body.refresh_token, headers), 'email_verification_required')
    await app.sql`update users set email_verified_at = now() where project_id = ${strict.id}`
    t.equal((await refresh(signedIn.body.refresh_token, headers)).status, 200)
  },
)

t.test('POST /refresh · 422 · missing, too short, too long, or no text', async (t) => {
  isProblem(t, await app.api('POST', '/refresh', { body: {} }), 'validation_failed', ['refresh_token'])
  isProblem(t, await app.api('POST', '/refresh'), 'validation_failed', ['refresh_token'])
  for (const wrong of ['', 'x'.repeat(39), 'x'.repeat(1025), 7, null, true, ['x'.repeat(40)], {}])
    isProblem(t, await refresh(wrong), 'validation_failed', ['refresh_token'])
})

t.test('POST /refresh · every refresh slides the life of the session, up to its absolute end', async (t) => {
  const signedUp = await app.signUp()
  await app.sql`update sessions set expires_at = now() + interval '1 hour' where id = ${sessionOf(signedUp)}`
  const slid = await refresh(signedUp.body.refresh_token)
  const days = (text: string) => (Date.parse(text) - Date.now()) / 86_400_000
  t.ok(Math.abs(days(slid.body.refresh_token_expires_at) - 30) < 0.001, 'thirty days from now')
  await app.sql`update sessions set absolute_expires_at = now() + interval '1 day' where id = ${sessionOf(slid)}`
  const capped = await refresh(slid.body.refresh_token)
  t.ok(Math.abs(days(capped.body.refresh_token_expires_at) - 1) < 0.001, 'never past the absolute end')
  const { absolute_expires_at: before } = await row(signedUp)
  await refresh(capped.body.refresh_token)
  t.same((await row(signedUp)).absolute_expires_at, before, 'which no refresh moves')
})

t.test(
  'POST /refresh · ninety days after the sign-in it is over, however often it was refreshed',
  async (t) => {
    const signedUp = await app.signUp()
    const [session] = await app.sql`select absolute_expires_at - created_at = interval '90 days' as ninety
    from sessions where id = ${sessionOf(signedUp)}`
    t.equal(session?.ninety, true)
  },
)

t.test('POST /refresh · an access token never outlives its session', async (t) => {
  const signedUp = await app.signUp()
  await app.sql`update sessions set absolute_expires_at = now() + interval '10 seconds' where id = ${sessionOf(signedUp)}`
  const last = await refresh(signedUp.body.refresh_token)
  t.equal(last.body.expires_at, last.body.refresh_token_expires_at)
  t.ok(last.body.expires_in <= 10)
})

t.test('POST /refresh · policy: the lifetimes are the project’s', async (t) => {
  const short = await app.project({
    tokens: { access_seconds: 60, refresh_seconds: 3600, absolute_seconds: 1800 },
  })
  const answer = await app.api('POST', '/signup', {
    headers: { 'project-id': short.id },
    body: { email: 'short@example.com', password: 'a good long password' },
  })
  const left = (text: string) => (Date.parse(text) - Date.now()) / 1000
  t.equal(answer.body.expires_in, 60)
  t.ok(Math.abs(left(answer.body.expires_at) - 60) < 5)
  t.ok(Math.abs(left(answer.body.refresh_token_expires_at) - 1800) < 5, 'the shorter of the two')
})
