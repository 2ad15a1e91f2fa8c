// POST /login/social, as contracts.md §1 has it: who is let into which account, and what nobody is let in for.
import { createHash } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { type Answer, bearer, startTestApp } from '../support/app.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { isProblem } from '../support/problems.ts'

const issuer = await startIssuer(t)
const other = await startIssuer(t)
const providers = {
  acme: issuer.policy(),
  other: other.policy(),
  resting: issuer.policy({ enabled: false }),
}
const app = await startTestApp(t, { policy: { providers } })
const strict = await app.project({ providers, verification: { mode: 'strict' } })
const apart = await app.project({ providers })

let addresses = 0
const newEmail = () => `social-${++addresses}@example.com`
const signIn = (body: object, headers: Record<string, string> = {}) =>
  app.api('POST', '/login/social', { headers, body: { provider: 'acme', ...body } })
const arrive = async (claims: Record<string, unknown>, headers: Record<string, string> = {}) =>
  signIn({ id_token: await issuer.idToken(claims) }, headers)
const inProject = ({ id }: { id: string }) => ({ 'project-id': id })
const count = async (table: 'users' | 'identities' | 'sessions') => {
  const [row] = await app.sql`select count(*)::int as rows from ${app.sql(table)}`
  return row?.rows as number
}
const events = async (email: string) =>
  (
    await app.sql`select event from audit_events join users on users.id = user_id where email = ${email} order by audit_events.id`
  ).map(({ event }) => event as string)
const me = async (answer: Answer) => app.api('GET', '/me', { headers: bearer(answer) })

t.test('200 · a new person gets an account; the same person gets the same one again', async (t) => {
  const [sub, email] = [newSubject(), newEmail()]
  const first = await arrive({ sub, email: email.toUpperCase(), name: 'Ada Lovelace', given_name: 'Ada' })
  t.equal(first.status, 200)
  t.match(first.body, {
    token_type: 'Bearer',
    user: { email, display_name: 'Ada Lovelace', first_name: 'Ada', provider: 'acme', role: 'user' },
  })
  t.ok(first.body.user.email_verified_at, 'the provider has proven the address')
  t.equal((await me(first)).status, 200)
  const again = await arrive({ sub, email: newEmail() })
  t.equal(again.body.user.uuid, first.body.user.uuid, 'whatever address the provider says now')
  t.equal(again.body.user.email, email)
  const without = await arrive({ sub, email: undefined })
  t.equal(without.body.user.uuid, first.body.user.uuid, 'or none')
  t.same(await events(email), ['signed_up', 'signed_in', 'signed_in'])
  const rows = await app.sql`select provider, issuer, email from identities where subject = ${sub}`
  t.equal(rows.length, 1)
  t.equal(rows[0]?.issuer, issuer.url)
})

t.test('200 · by cookie where the client asks for it', async (t) => {
  const answer = await arrive({ email: newEmail() }, { 'session-transport': 'cookie' })
  t.equal(answer.status, 200)
  t.notOk('access_token' in answer.body)
  t.equal(Object.keys(answer.cookies).length, 2)
})

t.test(
  'a verified address links to the account that has proven it, and its owner is told by mail',
  async (t) => {
    const user = await app.signUp()
    const [verification] = await app.mailbox.waitFor(user.email)
    const body = { token: verification?.token }
    const proof = await app.api('POST', '/verify-email/confirm', { headers: bearer(user), body })
    t.equal(proof.status, 200)
    const [sub] = [newSubject()]
    const answer = await arrive({ sub, email: user.email })
    t.equal(answer.status, 200)
    t.equal(answer.body.user.uuid, user.body.user.uuid)
    t.equal(answer.body.user.provider, null, 'it still is an account with a password')
    t.equal((await me(user)).status, 200, 'the session from before goes on')
    const { email, password } = user
    t.equal((await app.api('POST', '/login', { body: { email, password } })).status, 200, 'and the password')
    t.ok((await events(email)).includes('identity_linked'))
    const mails = await app.mailbox.waitFor(email, { count: 2 })
    const notice = mails.find(({ kind }) => kind === 'identity_linked')
    t.match(notice?.text, /signing in with acme/)
  },
)

t.test(
  'a verified address takes an account over that nobody has proven: whatever opened it is void',
  async (t) => {
    const squatter = await app.signUp({ display_name: 'Mallory' })
    const { email, password } = squatter
    const linked = await app.api('POST', '/identities/other', {
      headers: bearer(squatter),
      body: { id_token: await other.idToken({ sub: 'the squatter', email: newEmail() }) },
    })
    t.equal(linked.status, 200)
    const userId = squatter.body.user.id
    await app.sql`insert into api_keys (id, project_id, user_id, name, key_prefix, key_hash, scopes)
    values (gen_random_uuid(), ${app.projectId}, ${userId}, 'k', 'uak_squattersown', '\\x00', '')`
    await app.mailbox.waitFor(email)
    const [before] = await app.mailbox.waitFor(email)

    const owner = await arrive({ email, name: 'Ada' })
    t.equal(owner.status, 200)
    t.match(owner.body.user, { uuid: squatter.body.user.uuid, display_name: 'Ada', provider: 'acme' })
    t.ok(owner.body.user.email_verified_at)
    t.equal((await me(owner)).status, 200)

    isProblem(t, await me(squatter), 'unauthenticated')
    const refresh = { refresh_token: squatter.body.refresh_token }
    isProblem(t, await app.api('POST', '/refresh', { body: refresh }), 'invalid_refresh_token')
    isProblem(t, await app.api('POST', '/login', { body: { email, password } }), 'invalid_credentials')
    const link = await app.api('POST', '/verify-email/confirm', { body: { token: before?.token } })
    isProblem(t, link, 'validation_failed', ['token'])
    const [key] = await app.sql`select revoked_at from api_keys where user_id = ${userId}`
    t.ok(key?.revoked_at)
    const back = await app.api('POST', '/login/social', {
      body: { provider: 'other', id_token: await other.idToken({ sub: 'the squatter', email: newEmail() }) },
    })
    t.not(back.body.user?.uuid, owner.body.user.uuid, 'the identity that was linked to it opens it no longer')
    t.ok((await events(email)).includes('account_taken_over'))
  },
)

t.test('an unverified address links to nothing, proven or not', async (t) => {
  for (const proven of [true, false]) {
    const user = await app.signUp()
    if (proven) await app.sql`update users set email_verified_at = now() where email = ${user.email}`
    const before = await count('identities')
    for (const email_verified of [false, undefined])
      isProblem(t, await arrive({ email: user.email, email_verified }), 'email_verification_required')
    t.equal(await count('identities'), before)
    t.equal((await me(user)).status, 200)
  }
})

t.test(
  'an unverified address of nobody makes an unverified account, which is asked to prove it',
  async (t) => {
    const [sub, email] = [newSubject(), newEmail()]
    const answer = await arrive({ sub, email, email_verified: false })
    t.equal(answer.status, 200)
    t.equal(answer.body.user.email_verified_at, null)
    t.equal((await app.mailbox.waitFor(email))[0]?.kind, 'verify_email')
    const later = await arrive({ sub, email, email_verified: true })
    t.ok(later.body.user.email_verified_at, 'until the provider says that it is')
    t.equal((await me(answer)).status, 200, 'and nothing ends, because it was the same person')
  },
)

t.test('whoever resets the password of an unproven account is its owner: no identity stays', async (t) => {
  const [sub, email] = [newSubject(), newEmail()]
  const squatter = await arrive({ sub, email, email_verified: false })
  await app.api('POST', '/forgot-password', { body: { email } })
  const mails = await app.mailbox.waitFor(email, { count: 2 })
  const token = mails.find(({ kind }) => kind === 'reset_password')?.token
  const body = { token, password: 'the owner’s own password' }
  t.equal((await app.api('POST', '/reset-password', { body })).status, 200)
  isProblem(t, await me(squatter), 'unauthenticated')
  isProblem(t, await arrive({ sub, email, email_verified: false }), 'email_verification_required')
  const [row] = await app.sql`select provider from users where email = ${email}`
  t.equal(row?.provider, null)
})

t.test('strict: nobody enters before the address is proven, by the provider or by mail', async (t) => {
  const headers = inProject(strict)
  t.equal((await arrive({ email: newEmail() }, headers)).status, 200)
  const [sub, email] = [newSubject(), newEmail()]
  const unproven = { sub, email, email_verified: false }
  const first = await arrive(unproven, headers)
  isProblem(t, first, 'email_verification_required')
  isProblem(t, await arrive(unproven, headers), 'email_verification_required')
  const [row] = await app.sql`select (select count(*)::int from users where email = ${email}) as users,
    (select count(*)::int from claims where email = ${email}) as claims`
  t.same(row, { users: 0, claims: 1 })
  // Of the first claim: the next attempt makes another one, with a mail of its own.
  const [mail] = await app.mailbox.waitFor(email)
  const taken = await arrive({ email, email_verified: false }, headers)
  t.same(Object.keys(taken.body).sort(), Object.keys(first.body).sort(), 'a taken address is told by nothing')
  const confirm = await app.api('POST', '/verify-email/confirm', { headers, body: { token: mail?.token } })
  t.equal(confirm.status, 200)
  t.equal((await arrive(unproven, headers)).status, 200)
})

t.test('a disabled account is refused by identity and by address', async (t) => {
  const [sub, email] = [newSubject(), newEmail()]
  await arrive({ sub, email })
  await app.sql`update users set disabled_at = now() where email = ${email}`
  const before = await count('identities')
  isProblem(t, await arrive({ sub, email }), 'account_disabled')
  isProblem(t, await arrive({ email }), 'account_disabled')
  t.equal(await count('identities'), before)
})

t.test('an account that its owner left is restored, or made anew when its time is over', async (t) => {
  const [sub, email] = [newSubject(), newEmail()]
  const first = await arrive({ sub, email })
  const due = (interval: string) =>
    app.sql`update users set deletion_due_at = now() + ${interval}::interval where email = ${email}`
  await due('1 day')
  t.equal((await arrive({ sub, email })).body.user.uuid, first.body.user.uuid)
  await due('-1 day')
  const anew = await arrive({ sub, email })
  t.equal(anew.status, 200)
  t.not(anew.body.user.uuid, first.body.user.uuid)
  await due('-1 day')
  const elsewhere = await arrive({ sub, email: newEmail() })
  t.equal(elsewhere.status, 200, 'also where the address is another by now')
  t.not(elsewhere.body.user.uuid, anew.body.user.uuid)
})

t.test('a subject is a person of one issuer, and an account of one project', async (t) => {
  const [sub, email] = [newSubject(), newEmail()]
  const mine = await arrive({ sub, email })
  const same = await app.api('POST', '/login/social', {
    body: { provider: 'other', id_token: await other.idToken({ sub, email: newEmail() }) },
  })
  t.not(same.body.user.uuid, mine.body.user.uuid)
  const there = await arrive({ sub, email }, inProject(apart))
  t.not(there.body.user.uuid, mine.body.user.uuid)
  const foreign = await issuer.idToken({ sub, email })
  isProblem(t, await signIn({ provider: 'other', id_token: foreign }), 'invalid_social_login')
})

t.test('422 · fields, and providers that are none or rest', async (t) => {
  const id_token = await issuer.idToken({ email: newEmail() })
  isProblem(t, await app.api('POST', '/login/social', { body: {} }), 'validation_failed', ['provider'])
  isProblem(t, await signIn({}), 'validation_failed', ['id_token'])
  for (const provider of ['google', 'resting', 'constructor', '__proto__', 'ACME'])
    isProblem(t, await signIn({ provider, id_token }), 'validation_failed', ['provider'])
  isProblem(t, await signIn({ provider: 7, id_token }), 'validation_failed', ['provider'])
  isProblem(t, await signIn({ id_token: 7 }), 'validation_failed', ['id_token'])
  isProblem(t, await signIn({ id_token, nonce: 'x'.repeat(256) }), 'validation_failed', ['nonce'])
  isProblem(t, await arrive({ email: undefined }), 'validation_failed', ['id_token'])
  isProblem(t, await arrive({ email: 'nobody@localhost' }), 'validation_failed', ['id_token'])
})

t.test('401 · every bent token: nothing is linked, nothing is made', async (t) => {
  const forged = await generateKeyPair('RS256')
  const now = Math.floor(Date.now() / 1000)
  const email = newEmail()
  const good = await issuer.idToken({ email })
  const [, body = ''] = good.split('.')
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
  const jwks = JSON.stringify(await (await fetch(`${issuer.url}/jwks`)).json())
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const sign = (header: object, key: unknown) =>
    new SignJWT(claims).setProtectedHeader({ kid: 'first', ...header } as never).sign(key as never)
  const tokens: Record<string, string> = {
    'alg none': none,
    'HS256 with the public keys': await sign({ alg: 'HS256' }, Buffer.from(jwks)),
    'another key': await sign({ alg: 'RS256' }, forged.privateKey),
    'unknown kid': await sign({ alg: 'RS256', kid: 'nobody' }, forged.privateKey),
    jku: await issuer.idToken({ email }, { jku: `${issuer.url}/jwks` }),
    x5u: await issuer.idToken({ email }, { x5u: `${issuer.url}/jwks` }),
    'wrong aud': await issuer.idToken({ email, aud: 'another client' }),
    'array aud without azp': await issuer.idToken({ email, aud: [issuer.clientId, 'another'] }),
    'array aud with a foreign azp': await issuer.idToken({ email, aud: [issuer.clientId], azp: 'another' }),
    expired: await issuer.idToken({ email, exp: now - 61, iat: now - 400 }),
    future: await issuer.idToken({ email, iat: now + 120 }),
    'another issuer': await issuer.idToken({ email, iss: other.url }),
    'a nonce nobody named': await issuer.idToken({ email, nonce: 'n' }),
    junk: 'junk',
  }
  const before = [await count('users'), await count('identities'), await count('sessions')]
  for (const [name, id_token] of Object.entries(tokens)) {
    const answer = await signIn({ id_token })
    t.equal(answer.body.message, 'Invalid social login.', name)
    isProblem(t, answer, 'invalid_social_login')
  }
  isProblem(t, await signIn({ id_token: good, nonce: 'n' }), 'invalid_social_login')
  isProblem(
    t,
    await signIn({ access_token: 'an access token says not for whom it is' }),
    'invalid_social_login',
  )
  t.same([await count('users'), await count('identities'), await count('sessions')], before)
  t.notMatch(JSON.stringify(app.logs), good.slice(0, 30), 'and no log holds a token')
})

t.test('200 · what providers are in the habit of: a list of one audience, and true as a text', async (t) => {
  const email = newEmail()
  const listed = await signIn({ id_token: await issuer.idToken({ email, aud: [issuer.clientId] }) })
  t.equal(listed.status, 200)
  const inText = await signIn({
    id_token: await issuer.idToken({ email: newEmail(), email_verified: 'true' }),
  })
  t.ok(inText.body.user.email_verified_at)
  const unclear = await signIn({
    id_token: await issuer.idToken({ email: newEmail(), email_verified: 'sure' }),
  })
  t.equal(unclear.body.user.email_verified_at, null, 'any other word proves nothing')
})

t.test('the operator reads why a token was refused, once, and what to do', async (t) => {
  const lines = () => app.logs.filter(({ msg }) => msg === 'A proof of a provider is refused')
  const id_token = await issuer.idToken({ email: newEmail(), azp: 'a stranger' })
  for (let i = 0; i < 3; i++) isProblem(t, await signIn({ id_token }), 'invalid_social_login')
  const [line, ...more] = lines().filter(({ reason }) => String(reason).startsWith('Issued to another'))
  t.match(line, { provider: 'acme', issuer: issuer.url, reason: /Add the client id .* to client_ids/ })
  t.same(more, [])
  t.notMatch(JSON.stringify(lines()), id_token.slice(0, 30))
})

t.test('401 · a token is good once, however its signature is spelled; and so is a nonce', async (t) => {
  const [sub, email, nonce] = [newSubject(), newEmail(), 'n-0S6_WzA2Mj']
  const id_token = await issuer.idToken({ sub, email, nonce })
  t.equal((await signIn({ id_token, nonce })).status, 200)
  isProblem(t, await signIn({ id_token, nonce }), 'invalid_social_login')
  isProblem(t, await signIn({ id_token: `${id_token}=`, nonce }), 'invalid_social_login')
  const replayed = await issuer.idToken({ sub, email, nonce, name: 'a token of its own' })
  isProblem(t, await signIn({ id_token: replayed, nonce }), 'invalid_social_login')
  const hashed = createHash('sha256').update('raw').digest('hex')
  const native = await issuer.idToken({ sub, email, nonce: hashed })
  t.equal((await signIn({ id_token: native, nonce: 'raw' })).status, 200)
  const [row] = await app.sql`select count(*)::int as n from spent_proofs`
  t.ok(row?.n >= 4)
  const [leak] = await app.sql`select 1 from spent_proofs where encode(mark_hash, 'escape') like ${'%eyJ%'}`
  t.notOk(leak, 'only hashes rest')
})

t.test('503 · a provider that is down: nothing half-made, and the token is still good', async (t) => {
  const down = await startIssuer(t)
  const project = await app.project({ providers: { down: down.policy() } })
  const body = { provider: 'down', id_token: await down.idToken({ email: newEmail() }) }
  await down.listen(false)
  const before = [await count('users'), await count('identities')]
  const answer = await app.api('POST', '/login/social', { headers: inProject(project), body })
  isProblem(t, answer, 'provider_unavailable')
  t.same([await count('users'), await count('identities')], before)
  t.ok(app.logs.some(({ msg, provider }) => msg === 'A provider cannot be asked' && provider === 'down'))
  await down.listen(true)
  await new Promise((resolve) => setTimeout(resolve, 5100))
  t.equal((await app.api('POST', '/login/social', { headers: inProject(project), body })).status, 200)
})

t.test('no call is made on any path but the first use of a key', async (t) => {
  await arrive({ email: newEmail() })
  const before = issuer.asked.length
  for (let i = 0; i < 5; i++) t.equal((await arrive({ email: newEmail() })).status, 200)
  t.equal(issuer.asked.length, before)
})

t.test('what we hold of an identity is in the export and goes with the account', async (t) => {
  const [sub, email] = [newSubject(), newEmail()]
  const user = await arrive({ sub, email })
  const held = await app.api('GET', '/me/export', { headers: bearer(user) })
  t.match(held.body.identities, [{ provider: 'acme', issuer: issuer.url, subject: sub, email }])
  t.equal(held.body.account.has_password, false)
  t.equal((await app.api('DELETE', '/me', { headers: bearer(user), body: {} })).status, 204)
  t.same(await app.sql`select 1 from identities where subject = ${sub}`, [])
})
