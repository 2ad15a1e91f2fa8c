// Social sign-in at the same moment: one account, one identity, one session for one code, one way in that remains.
import t from 'tap'
import { type Answer, bearer, freePort, startTestApp } from '../support/app.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { newProofKey } from '../support/pkce.ts'
import { newWanderer } from '../support/wanderer.ts'

const port = await freePort()
const origin = `http://127.0.0.1:${port}`
const callback = `${origin}/api/auth/login/social/acme/callback`
const issuer = await startIssuer(t, [callback])
const home = 'https://app.example.com'
const { verifier, challenge } = newProofKey()
const providers = {
  acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }),
  same: issuer.policy(),
}
const app = await startTestApp(t, {
  policy: { providers, redirect_urls: [home] },
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})

const times = (count: number, work: (index: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const tally = (answers: { status: number }[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
const signIn = (id_token: string) =>
  app.api('POST', '/login/social', { body: { provider: 'acme', id_token } })
const rows = async (table: 'users' | 'identities', column: 'email' | 'subject', value: string) => {
  const [row] =
    await app.sql`select count(*)::int as n from ${app.sql(table)} where ${app.sql(column)} = ${value}`
  return row?.n
}
async function comeBack(subject: string): Promise<string> {
  issuer.people.set(subject, { email: `${subject}@example.com`, email_verified: true })
  const browser = newWanderer()
  const query = new URLSearchParams({
    redirect_to: home,
    project_id: app.projectId,
    code_challenge: challenge,
  })
  const back = await browser.toCallback(
    `${origin}/api/auth/login/social/acme?${query}`,
    issuer,
    subject,
    callback,
  )
  return new URL((await browser.visit(back)).location ?? '').searchParams.get('code') ?? ''
}

t.test('eight first sign-ins of one person make one account with one identity', async (t) => {
  const sub = newSubject()
  const email = `${sub}@example.com`
  const tokens = await Promise.all(Array.from({ length: 8 }, () => issuer.idToken({ sub, email })))
  const answers = await times(8, (index) => signIn(tokens[index] ?? ''))
  t.same(tally(answers), { 200: 8 })
  t.equal(new Set(answers.map(({ body }) => body.user.uuid)).size, 1)
  t.equal(await rows('users', 'email', email), 1)
  t.equal(await rows('identities', 'subject', sub), 1)
})

t.test('first sign-ins of one person by several addresses leave one account', async (t) => {
  const sub = newSubject()
  const tokens = await Promise.all(
    Array.from({ length: 4 }, (_, index) => issuer.idToken({ sub, email: `${sub}-${index}@example.com` })),
  )
  const answers = await times(4, (index) => signIn(tokens[index] ?? ''))
  t.same(tally(answers), { 200: 4 })
  t.equal(new Set(answers.map(({ body }) => body.user.uuid)).size, 1)
  const [row] = await app.sql`select count(*)::int as n from users where email like ${`${sub}-%`}`
  t.equal(row?.n, 1, 'and no account that nobody can open')
})

t.test('several people with one verified address share its one account', async (t) => {
  const email = `${newSubject()}@example.com`
  const tokens = await Promise.all(Array.from({ length: 4 }, () => issuer.idToken({ email })))
  const answers = await times(4, (index) => signIn(tokens[index] ?? ''))
  t.same(tally(answers), { 200: 4 })
  t.equal(await rows('users', 'email', email), 1)
})

t.test('one token presented eight times at once opens one session', async (t) => {
  const sub = newSubject()
  const token = await issuer.idToken({ sub, email: `${sub}@example.com`, nonce: 'n' })
  const body = { provider: 'acme', id_token: token, nonce: 'n' }
  t.same(tally(await times(8, () => app.api('POST', '/login/social', { body }))), { 200: 1, 401: 7 })
})

t.test('one code exchanged eight times at once opens one session, and that one ends', async (t) => {
  const subject = newSubject()
  const code = await comeBack(subject)
  const body = { code, code_verifier: verifier }
  const answers = await times(8, () => app.api('POST', '/login/social/exchange', { body }))
  t.same(tally(answers), { 200: 1, 401: 7 })
  const sessions = await app.sql`select revoked_reason from sessions join users on users.id = user_id
    where email = ${`${subject}@example.com`}`
  t.same(
    sessions.map((row) => row.revoked_reason),
    ['reuse'],
  )
  const good = answers.find(({ status }) => status === 200)
  const headers = { authorization: `Bearer ${good?.body.access_token}` }
  t.equal((await app.api('GET', '/me', { headers })).status, 401)
})

t.test('a provider’s code that comes back twice at once is good once at most', async (t) => {
  const subject = newSubject()
  issuer.people.set(subject, { email: `${subject}@example.com`, email_verified: true })
  const browser = newWanderer()
  const query = new URLSearchParams({
    redirect_to: home,
    project_id: app.projectId,
    code_challenge: challenge,
  })
  const start = `${origin}/api/auth/login/social/acme?${query}`
  const back = await browser.toCallback(start, issuer, subject, callback)
  const cookies = browser.jar.get(new URL(origin).host)
  const copies = Array.from({ length: 4 }, () => {
    const copy = newWanderer()
    copy.jar.set(new URL(origin).host, new Map(cookies))
    return copy
  })
  const stops = await Promise.all(copies.map((copy) => copy.visit(back)))
  const ends = stops.map(({ location }) => new URL(location ?? 'about:blank').searchParams)
  const good = ends.filter((query) => query.has('code')).length
  // A provider that sees its code twice may take back what it gave for the first (RFC 6749 §4.1.2).
  t.ok(good <= 1, `${good} codes`)
  t.equal(ends.filter((query) => query.get('error') === 'invalid_social_login').length, 4 - good)
  const [row] = await app.sql`select count(*)::int as n from verification_tokens
    join users on users.id = user_id where purpose = 'social_sign_in' and users.email = ${`${subject}@example.com`}`
  t.equal(row?.n, good)
})

t.test('of two last ways in that are removed at once, one remains', async (t) => {
  const sub = newSubject()
  const user = await signIn(await issuer.idToken({ sub, email: `${sub}@example.com` }))
  const headers = bearer(user)
  await app.api('POST', '/identities/same', { headers, body: { id_token: await issuer.idToken() } })
  const { data } = (await app.api('GET', '/identities', { headers })).body
  t.equal(data.length, 2)
  const answers = await times(2, (index) => app.api('DELETE', `/identities/${data[index].id}`, { headers }))
  t.same(tally(answers), { 204: 1, 422: 1 })
})

t.test('eight first passwords at once set one', async (t) => {
  const sub = newSubject()
  const user = await signIn(await issuer.idToken({ sub, email: `${sub}@example.com` }))
  const answers = await times(8, (index) =>
    app.api('POST', '/set-password', {
      headers: bearer(user),
      body: { new_password: `a password ${index}` },
    }),
  )
  t.same(tally(answers), { 200: 1, 422: 7 })
})

t.test('a squatter who links or sets a password while the owner arrives keeps no way in', async (t) => {
  for (let round = 0; round < 5; round++) {
    const squatter = await app.signUp()
    const linked = newSubject()
    const id_token = await issuer.idToken({ sub: linked })
    const [owner] = await Promise.all([
      signIn(await issuer.idToken({ email: squatter.email })),
      app.api('POST', '/identities/same', { headers: bearer(squatter), body: { id_token } }),
      app.api('POST', '/set-password', {
        headers: bearer(squatter),
        body: { new_password: 'the squatter’s password' },
      }),
    ])
    t.equal(owner.status, 200)
    t.equal(await rows('identities', 'subject', linked), 0)
    const [row] = await app.sql`select password_hash from users where email = ${squatter.email}`
    t.equal(row?.password_hash, null)
  }
})
