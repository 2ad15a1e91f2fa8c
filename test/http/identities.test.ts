// GET, POST and DELETE /identities, and POST /set-password: by their owner alone, lately signed in, never the last way in.
import t from 'tap'
import { bearer, startTestApp } from '../support/app.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { isProblem } from '../support/problems.ts'

const issuer = await startIssuer(t)
const other = await startIssuer(t)
const providers = { acme: issuer.policy(), other: other.policy() }
const app = await startTestApp(t, { policy: { providers } })

const arrive = async (claims: Record<string, unknown> = {}) => {
  const sub = newSubject()
  const id_token = await issuer.idToken({ sub, email: `${sub}@example.com`, ...claims })
  return app.api('POST', '/login/social', { body: { provider: 'acme', id_token } })
}
type Answered = Awaited<ReturnType<typeof arrive>>
const list = async (user: Answered) =>
  (await app.api('GET', '/identities', { headers: bearer(user) })).body.data
const link = async (user: Answered, body: object = {}, provider = 'other', claims = {}) =>
  app.api('POST', `/identities/${provider}`, {
    headers: bearer(user),
    body: { id_token: await other.idToken(claims), ...body },
  })
const unlink = (user: Answered, id: string) =>
  app.api('DELETE', `/identities/${id}`, { headers: bearer(user) })
const grow = (user: Answered) =>
  app.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${user.body.user.id}`

t.test('an owner sees their own identities, and nobody else’s', async (t) => {
  const user = await arrive()
  await arrive()
  t.match(await list(user), [{ provider: 'acme', email: user.body.user.email }])
  t.equal((await list(user)).length, 1)
  isProblem(t, await app.api('GET', '/identities'), 'unauthenticated')
})

t.test(
  'a second provider is linked after a recent sign-in, whatever its address, and told by mail',
  async (t) => {
    const user = await app.signUp()
    const sub = newSubject()
    const claims = { sub, email: 'elsewhere@example.net' }
    const linked = await link(user, {}, 'other', claims)
    t.equal(linked.status, 200)
    t.match(linked.body, { provider: 'other', email: 'elsewhere@example.net' })
    const again = await link(user, {}, 'other', claims)
    t.equal(again.body.id, linked.body.id, 'linking it twice is linking it once')
    const id_token = await other.idToken({ sub })
    const entered = await app.api('POST', '/login/social', { body: { provider: 'other', id_token } })
    t.equal(entered.body.user.uuid, user.body.user.uuid)
    const mails = await app.mailbox.waitFor(user.email, { count: 2 })
    t.ok(mails.some(({ kind }) => kind === 'identity_linked'))
    const held = await app.api('GET', '/me/activity', { headers: bearer(user) })
    t.ok(held.body.data.some(({ event }: { event: string }) => event === 'identity_linked'))
  },
)

t.test(
  'after a while it takes the password, or another sign-in where there is none; policy says when',
  async (t) => {
    const user = await app.signUp()
    await grow(user)
    isProblem(t, await link(user), 'step_up_required')
    isProblem(t, await link(user, { current_password: 'wrong' }), 'validation_failed', ['current_password'])
    t.equal((await link(user, { current_password: user.password })).status, 200)
    const social = await arrive()
    await grow(social)
    isProblem(t, await link(social), 'step_up_required')
    const patient = await app.project({ providers, reauthentication: { max_age_seconds: 600 } })
    const headers = { 'project-id': patient.id }
    const id_token = await issuer.idToken({ email: 'patient@example.com' })
    const there = await app.api('POST', '/login/social', { headers, body: { provider: 'acme', id_token } })
    await grow(there)
    const body = { id_token: await other.idToken() }
    const answer = await app.api('POST', '/identities/other', {
      headers: { ...headers, ...bearer(there) },
      body,
    })
    t.equal(answer.status, 200)
  },
)

t.test('an identity of another account, a bent token and an unknown provider link nothing', async (t) => {
  const [user, rival] = [await app.signUp(), await app.signUp()]
  const sub = newSubject()
  await link(rival, {}, 'other', { sub })
  isProblem(t, await link(user, {}, 'other', { sub }), 'validation_failed', ['id_token'])
  isProblem(t, await link(user, { id_token: 'junk' }), 'invalid_social_login')
  const id_token = await other.idToken()
  t.equal((await link(user, { id_token })).status, 200)
  isProblem(t, await link(rival, { id_token }), 'invalid_social_login')
  isProblem(t, await link(user, {}, 'nobody'), 'validation_failed', ['provider'])
  isProblem(
    t,
    await app.api('POST', '/identities/other', { headers: bearer(user), body: {} }),
    'validation_failed',
    ['id_token'],
  )
  isProblem(t, await app.api('POST', '/identities/other', { body: { id_token } }), 'unauthenticated')
  t.equal((await list(user)).length, 1)
})

t.test('an identity is removed while another way in remains, and never the last one', async (t) => {
  const user = await arrive()
  const [{ id }] = await list(user)
  isProblem(t, await unlink(user, id), 'validation_failed', ['id'])
  const second = await link(user)
  t.equal((await unlink(user, id)).status, 204)
  isProblem(t, await unlink(user, id), 'not_found')
  isProblem(t, await unlink(user, second.body.id), 'validation_failed', ['id'])
  const me = await app.api('GET', '/me', { headers: bearer(user) })
  t.equal(me.body.user.provider, null, 'the provider that the account came from opens it no longer')
  const rival = await arrive()
  isProblem(t, await unlink(rival, second.body.id), 'not_found')
  for (const junk of ['none', '00000000-0000-4000-8000-000000000000'])
    isProblem(t, await unlink(user, junk), 'not_found')
  const owner = await app.signUp()
  const only = await link(owner)
  t.equal((await unlink(owner, only.body.id)).status, 204, 'a password is a way in')
})

t.test('an identity of a provider that rests is no way in', async (t) => {
  const project = await app.project({
    providers: { acme: issuer.policy(), other: other.policy({ enabled: false }) },
  })
  const headers = { 'project-id': project.id }
  const id_token = await issuer.idToken({ email: 'resting@example.com' })
  const user = await app.api('POST', '/login/social', { headers, body: { provider: 'acme', id_token } })
  await app.sql`insert into identities (id, project_id, user_id, provider, issuer, subject)
    values (gen_random_uuid(), ${project.id}, ${user.body.user.id}, 'other', ${other.url}, 'resting')`
  const all = await app.api('GET', '/identities', { headers: { ...headers, ...bearer(user) } })
  const { id } = all.body.data.find(({ provider }: { provider: string }) => provider === 'acme')
  const answer = await app.api('DELETE', `/identities/${id}`, { headers: { ...headers, ...bearer(user) } })
  isProblem(t, answer, 'validation_failed', ['id'])
})

t.test(
  'an account without a password is given one: once, by a recent sign-in, and told by mail',
  async (t) => {
    const user = await arrive()
    const { email } = user.body.user
    const elsewhere = await app.api('POST', '/login/social', {
      body: { provider: 'acme', id_token: await issuer.idToken({ email }) },
    })
    const set = (who: Answered, new_password: unknown) =>
      app.api('POST', '/set-password', { headers: bearer(who), body: { new_password } })
    isProblem(t, await set(user, 'short'), 'validation_failed', ['new_password'])
    const done = await set(user, 'a good long password')
    t.equal(done.body.message, 'Password set.')
    t.equal((await app.api('GET', '/me', { headers: bearer(done) })).status, 200)
    for (const former of [user, elsewhere])
      isProblem(t, await app.api('GET', '/me', { headers: bearer(former) }), 'unauthenticated')
    const login = await app.api('POST', '/login', { body: { email, password: 'a good long password' } })
    t.equal(login.status, 200)
    isProblem(t, await set(done, 'another long password'), 'validation_failed', ['new_password'])
    t.ok((await app.mailbox.waitFor(email, { count: 2 })).some(({ kind }) => kind === 'password_changed'))
    const late = await arrive()
    await grow(late)
    isProblem(t, await set(late, 'a good long password'), 'step_up_required')
  },
)

t.test('whoever brings the old address back takes every identity away', async (t) => {
  const user = await app.signUp()
  await link(user)
  const body = { new_email: `moved-${user.email}`, current_password: user.password }
  await app.api('POST', '/change-email', { headers: bearer(user), body })
  const [proof] = await app.mailbox.waitFor(body.new_email)
  const headers = bearer(user)
  await app.api('POST', '/change-email/confirm', { headers, body: { token: proof?.token } })
  const told = await app.mailbox.waitFor(user.email, { count: 4 })
  const token = told.find(({ kind }) => kind === 'email_changed')?.token
  t.equal((await app.api('POST', '/change-email/undo', { body: { token } })).status, 200)
  t.same(await app.sql`select 1 from identities where user_id = ${user.body.user.id}`, [])
})
