// DELETE /me and GET /me/export: leaving at once or with time to come back, and a copy of everything.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { deleteDueUsers } from '../../src/repositories/accounts/deletion.ts'
import { createStores } from '../../src/repositories/store.ts'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { unwalled } from '../support/database.ts'
import { dataUri, pixels } from '../support/pictures.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const patient = await startTestApp(t, { policy: { deletion: { grace_seconds: 3600 } } })
const { unscoped } = createStores(unwalled(patient.sql))

type App = typeof app
type Who = Answer & { email: string; password: string }
const leave = (at: App, who: Answer, body: unknown) => at.api('DELETE', '/me', { headers: bearer(who), body })
const signIn = (at: App, { email, password }: Pick<Who, 'email' | 'password'>) =>
  at.api('POST', '/login', { body: { email, password } })
const me = (at: App, who: Answer) => at.api('GET', '/me', { headers: bearer(who) })
const refresh = (at: App, who: Answer) =>
  at.api('POST', '/refresh', { body: { refresh_token: who.body.refresh_token } })
const exported = (at: App, who: Answer) => at.api('GET', '/me/export', { headers: bearer(who) })
const row = async (at: App, { email }: { email: string }) =>
  (await at.sql`select * from users where email = ${email}`).at(0)
const eventsOf = async (at: App, { email }: { email: string }, event: string) =>
  at.sql`select * from audit_events where event = ${event} and user_id = (select id from users where email = ${email})`
/** Moves the moment at which the account is due into the past. */
const due = (who: Who) =>
  patient.sql`update users set deletion_due_at = now() - interval '1 second' where email = ${who.email}`

const owned = ['sessions', 'verification_tokens', 'audit_events', 'outbox', 'known_addresses', 'avatars']

t.test(
  'DELETE /me · 204 · the account, its sessions and everything that hung on it are gone at once',
  async (t) => {
    const who = await app.signUp()
    const other = await signIn(app, who)
    await app.api('PUT', '/avatar', {
      headers: bearer(who),
      body: { avatar: dataUri('image/png', pixels['image/png']) },
    })
    const id = (await row(app, who))?.id
    const answer = await leave(app, who, { current_password: who.password })
    t.equal(answer.status, 204)
    t.equal(answer.body, '')
    for (const session of [who, other]) {
      isProblem(t, await me(app, session), 'unauthenticated')
      isProblem(t, await refresh(app, session), 'invalid_refresh_token')
    }
    isProblem(t, await signIn(app, who), 'invalid_credentials')
    isProblem(t, await leave(app, who, { current_password: who.password }), 'unauthenticated')
    t.equal(await row(app, who), undefined)
    for (const table of owned) {
      const [{ count } = { count: -1 }] =
        await app.sql`select count(*)::int from ${app.sql(table)} where user_id = ${id}`
      t.equal(count, 0, table)
    }
  },
)

t.test('DELETE /me · 204 · the address is free again at once', async (t) => {
  const who = await app.signUp()
  await leave(app, who, { current_password: who.password })
  const again = await app.signUp({ email: who.email })
  t.equal(again.status, 201)
  t.not(again.body.user.uuid, who.body.user.uuid)
  isProblem(t, await me(app, who), 'unauthenticated')
})

t.test('DELETE /me · 204 · by cookie, and the cookies are cleared', async (t) => {
  const { email, password } = await app.signUp()
  const headers = { 'session-transport': 'cookie' }
  const signedIn = await app.api('POST', '/login', { headers, body: { email, password } })
  const cookie = cookieHeader(signedIn)
  const body = { current_password: password }
  const foreign = { ...cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  isProblem(t, await app.api('DELETE', '/me', { headers: foreign, body }), 'cross_site_request')
  const answer = await app.api('DELETE', '/me', { headers: cookie, body })
  t.equal(answer.status, 204)
  t.same(Object.values(answer.cookies), ['', ''])
})

t.test('DELETE /me · 422 · a wrong current password, and nothing changes', async (t) => {
  const who = await app.signUp()
  for (const body of [
    { current_password: 'a wrong password' },
    { current_password: '' },
    { current_password: null },
    { current_password: 5 },
  ])
    isProblem(t, await leave(app, who, body), 'validation_failed', ['current_password'])
  t.equal((await me(app, who)).status, 200)
})

t.test('DELETE /me · 429 · wrong passwords count like failed sign-ins', async (t) => {
  const who = await app.signUp()
  for (let tries = 0; tries < 5; tries++)
    isProblem(t, await leave(app, who, { current_password: 'wrong' }), 'validation_failed', [
      'current_password',
    ])
  isProblem(t, await leave(app, who, { current_password: who.password }), 'too_many_attempts')
  isProblem(t, await signIn(app, who), 'too_many_attempts')
  t.equal((await me(app, who)).status, 200)
})

t.test('DELETE /me · an account without a password needs a sign-in of the last five minutes', async (t) => {
  const who = await app.signUp()
  await app.sql`update users set password_hash = null where email = ${who.email}`
  await app.sql`update sessions set auth_time = now() - interval '6 minutes'
    where user_id = (select id from users where email = ${who.email})`
  isProblem(t, await leave(app, who, { current_password: who.password }), 'step_up_required')
  isProblem(t, await leave(app, who, {}), 'step_up_required')
  await app.sql`update sessions set auth_time = now() - interval '4 minutes'
    where user_id = (select id from users where email = ${who.email})`
  t.equal((await leave(app, who, {})).status, 204)
  t.equal(await row(app, who), undefined)
})

t.test('DELETE /me · 401 · not signed in, or in another project', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  const body = { current_password: who.password }
  isProblem(t, await app.api('DELETE', '/me', { body }), 'unauthenticated')
  const headers = { ...bearer(who), 'project-id': other.id }
  isProblem(t, await app.api('DELETE', '/me', { headers, body }), 'unauthenticated')
  t.equal((await me(app, who)).status, 200)
})

t.test('leaving one project leaves the other one’s account of the same address alone', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  const headers = { 'project-id': other.id }
  const twin = await app.api('POST', '/signup', {
    headers,
    body: { email: who.email, password: who.password },
  })
  await leave(app, who, { current_password: who.password })
  t.equal((await app.api('GET', '/me', { headers: { ...bearer(twin), ...headers } })).status, 200)
})

t.test(
  'with a grace period · every session ends, the address stays taken, signing in restores',
  async (t) => {
    const who = await patient.signUp({ metadata: { plan: 'pro' } })
    const other = await signIn(patient, who)
    t.equal((await leave(patient, who, { current_password: who.password })).status, 204)
    const [left] = await patient.sql`
      select extract(epoch from deletion_due_at - now())::int as seconds from users where email = ${who.email}`
    t.ok(left?.seconds > 3500 && left?.seconds <= 3600)
    for (const session of [who, other]) {
      isProblem(t, await me(patient, session), 'unauthenticated')
      isProblem(t, await refresh(patient, session), 'invalid_refresh_token')
    }
    t.equal((await eventsOf(patient, who, 'deletion_requested')).length, 1)
    isProblem(t, await patient.signUp({ email: who.email }), 'validation_failed', ['email'])
    isProblem(t, await signIn(patient, { ...who, password: 'a wrong password' }), 'invalid_credentials')
    t.ok((await row(patient, who))?.deletion_due_at, 'a wrong password restores nothing')

    const back = await signIn(patient, who)
    t.equal(back.status, 200)
    t.same(back.body.user, who.body.user)
    t.equal((await row(patient, who))?.deletion_due_at, null)
    t.equal((await eventsOf(patient, who, 'account_restored')).length, 1)
    t.equal((await me(patient, back)).status, 200)
    isProblem(t, await me(patient, who), 'unauthenticated')
    isProblem(t, await refresh(patient, other), 'invalid_refresh_token')
    t.equal((await signIn(patient, who)).status, 200)
    t.equal((await eventsOf(patient, who, 'account_restored')).length, 1, 'it is restored once')
  },
)

t.test(
  'with a grace period · once it is over, the account is as unknown as the cleanup job would leave it',
  async (t) => {
    const who = await patient.signUp()
    await leave(patient, who, { current_password: who.password })
    await due(who)
    isProblem(t, await signIn(patient, who), 'invalid_credentials')
    t.ok((await row(patient, who))?.deletion_due_at, 'the cleanup job has not run')
    const again = await patient.signUp({ email: who.email })
    t.equal(again.status, 201, 'its address is free')
    t.not(again.body.user.uuid, who.body.user.uuid)
  },
)

t.test('with a grace period · where verification is demanded the address is freed as well', async (t) => {
  const project = await patient.project({ deletion: { grace_seconds: 60 }, verification: { mode: 'strict' } })
  const headers = { 'project-id': project.id }
  const email = `strict-${randomUUID()}@example.com`
  const body = { email, password: 'a good long password' }
  const confirmNewest = async (count: number) => {
    const token = (await patient.mailbox.waitFor(email, { count })).at(-1)?.token
    return patient.api('POST', '/verify-email/confirm', { headers, body: { token } })
  }
  const first = await patient.api('POST', '/signup', { headers, body })
  t.equal((await confirmNewest(1)).body.user.uuid, first.body.user.uuid)
  await patient.sql`update users set deletion_due_at = now() - interval '1 second' where email = ${email}`
  const second = await patient.api('POST', '/signup', { headers, body })
  t.equal(second.status, 202)
  t.equal((await confirmNewest(2)).status, 200)
  t.same(
    (await patient.sql`select uuid from users where email = ${email}`).map(({ uuid }) => uuid),
    [second.body.user.uuid],
  )
  t.not(second.body.user.uuid, first.body.user.uuid)
})

t.test('accounts that are due are removed in batches, by several at once, and no others', async (t) => {
  const people = await Promise.all(Array.from({ length: 7 }, () => patient.signUp()))
  const [kept, waiting, ...leaving] = people as [Who, Who, ...Who[]]
  for (const who of [waiting, ...leaving]) await leave(patient, who, { current_password: who.password })
  for (const who of leaving) await due(who)
  const [one, two] = await Promise.all([deleteDueUsers(unscoped, 2), deleteDueUsers(unscoped, 2)])
  t.ok(one <= 2 && two <= 2)
  let removed = one + two
  for (let batch = 1; batch > 0; removed += batch) batch = await deleteDueUsers(unscoped, 2)
  t.equal(removed, leaving.length)
  for (const who of leaving) t.equal(await row(patient, who), undefined)
  for (const who of [kept, waiting]) t.ok(await row(patient, who))
})

t.test('GET /me/export · 200 · everything we hold, as a file', async (t) => {
  const who = await app.signUp({ display_name: 'Ada', metadata: { plan: 'free' } })
  await signIn(app, who)
  await app.api('PATCH', '/profile', { headers: bearer(who), body: { locale: 'de' } })
  const picture = dataUri('image/gif', pixels['image/gif'])
  await app.api('PUT', '/avatar', { headers: bearer(who), body: { avatar: picture } })
  await app.mailbox.waitFor(who.email)
  const answer = await exported(app, who)
  t.equal(answer.status, 200)
  const { uuid } = who.body.user
  t.equal(answer.headers.get('content-disposition'), `attachment; filename="account-${uuid}.json"`)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  const { body } = answer
  t.same(body.user, (await me(app, who)).body.user)
  t.match(body.account, { locale: 'de', has_password: true, disabled_at: null, deletion_due_at: null })
  t.match(body.avatar, { media_type: 'image/gif', data_uri: picture })
  t.equal(body.sessions.length, 2)
  t.equal(body.verification_tokens[0].purpose, 'verify_email')
  t.equal(body.mails[0].kind, 'verify_email')
  t.ok(body.known_addresses.count >= 1)
  t.equal(body.known_addresses.count, body.known_addresses.last_used_at.length)
  const [{ count } = { count: -1 }] = await app.sql`
    select count(*)::int from audit_events where user_id = ${who.body.user.id}`
  t.equal(body.activity.length, count)
  t.equal(body.activity[0].event, 'data_exported', 'this export among it')
  t.same(
    ['signed_up', 'signed_in', 'profile_updated', 'avatar_updated'].filter(
      (event) => !body.activity.some((entry: { event: string }) => entry.event === event),
    ),
    [],
  )
})

t.test('GET /me/export · no secret, no hash, nothing of anybody else', async (t) => {
  const [who, stranger] = [await app.signUp(), await app.signUp({ display_name: 'Mallory' })]
  await app.mailbox.waitFor(who.email)
  const text = JSON.stringify((await exported(app, who)).body)
  const { id } = who.body.user
  const [user] = await app.sql`select password_hash from users where id = ${id}`
  const hashes = await app.sql`select encode(token_hash, 'hex') as token, encode(code_hash, 'hex') as code
    from verification_tokens where user_id = ${id}`
  const known =
    await app.sql`select encode(key_hash, 'hex') as key from known_addresses where user_id = ${id}`
  const [mail] = await app.mailbox.waitFor(who.email)
  const secrets = [
    user?.password_hash,
    '$argon2',
    ...hashes.flatMap(({ token, code }) => [token, code]),
    ...known.map(({ key }) => key),
    who.body.access_token,
    who.body.refresh_token,
    mail?.token,
    stranger.email,
    stranger.body.user.uuid,
    'Mallory',
  ]
  for (const secret of secrets) {
    t.ok(secret)
    t.notOk(text.includes(String(secret)))
    t.notOk(text.includes(Buffer.from(String(secret), 'hex').toString('base64') || ' '))
  }
})

t.test('GET /me/export · 401 · not signed in, or in another project', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  isProblem(t, await app.api('GET', '/me/export'), 'unauthenticated')
  const headers = { ...bearer(who), 'project-id': other.id }
  isProblem(t, await app.api('GET', '/me/export', { headers }), 'unauthenticated')
})

t.test('GET /me/export · holds the newest 10 000 events of a longer story', async (t) => {
  const who = await app.signUp()
  await app.sql`insert into audit_events (project_id, user_id, event)
    select ${app.projectId}, ${who.body.user.id}, 'signed_in' from generate_series(1, 10500)`
  const { body } = await exported(app, who)
  t.equal(body.activity.length, 10_000)
  t.equal(body.activity[0].event, 'data_exported')
})

t.test('an export sees one moment, whatever is changed beside it', async (t) => {
  const who = await app.signUp({ metadata: { count: 0 } })
  let going = true
  const writer = (async () => {
    for (let count = 1; going; count++) {
      const answer = await app.api('PATCH', '/profile', {
        headers: bearer(who),
        body: { metadata: { count } },
      })
      t.equal(answer.status, 200)
    }
  })()
  for (let round = 0; round < 15; round++) {
    const { status, body } = await exported(app, who)
    t.equal(status, 200)
    const updates = body.activity.filter((entry: { event: string }) => entry.event === 'profile_updated')
    t.equal(body.user.metadata.count, updates.length, 'as many changes as the audit tells of')
  }
  going = false
  await writer
})

t.test('a refresh that meets a deletion leaves nothing that lives', async (t) => {
  for (const at of [app, patient])
    for (let round = 0; round < 4; round++) {
      const who = await at.signUp()
      const other = await signIn(at, who)
      const tries = async () => {
        const answers: Answer[] = []
        for (let i = 0; i < 8; i++) answers.push(await refresh(at, other))
        return answers
      }
      const [gone, answers] = await Promise.all([leave(at, who, { current_password: who.password }), tries()])
      t.equal(gone.status, 204)
      for (const answer of answers) {
        t.ok([200, 401].includes(answer.status), `refresh: ${answer.status}`)
        if (answer.status !== 200) continue
        isProblem(t, await me(at, answer), 'unauthenticated')
        isProblem(t, await refresh(at, answer), 'invalid_refresh_token')
      }
    }
})

t.test('whatever meets a deletion is done before it or refused, never half', async (t) => {
  for (let round = 0; round < 6; round++) {
    const who = await app.signUp()
    const delayed = async (ms: number, work: () => Promise<Answer>) => {
      await sleep(ms)
      return work()
    }
    const headers = bearer(who)
    const [gone, again, ...answers] = await Promise.all([
      leave(app, who, { current_password: who.password }),
      leave(app, who, { current_password: who.password }),
      signIn(app, who),
      delayed(10, () => signIn(app, who)),
      ...[0, 10, 20, 30, 40].flatMap((ms) => [
        delayed(ms, () => app.api('PATCH', '/profile', { headers, body: { first_name: 'Ada' } })),
        delayed(ms, () =>
          app.api('PUT', '/avatar', { headers, body: { avatar: dataUri('image/png', pixels['image/png']) } }),
        ),
        delayed(ms, () => app.api('DELETE', '/avatar', { headers })),
        delayed(ms, () => exported(app, who)),
      ]),
    ])
    t.same([gone.status, again.status].sort(), [204, 401], 'one of two deletions wins')
    for (const { status } of answers) t.ok([200, 204, 401].includes(status), String(status))
    t.equal(await row(app, who), undefined)
  }
})

t.test('sign-ins that meet in the grace period restore the account once', async (t) => {
  for (let round = 0; round < 3; round++) {
    const who = await patient.signUp()
    await leave(patient, who, { current_password: who.password })
    const answers = await Promise.all(Array.from({ length: 4 }, () => signIn(patient, who)))
    for (const answer of answers) {
      t.equal(answer.status, 200)
      t.equal((await me(patient, answer)).status, 200)
    }
    t.equal((await eventsOf(patient, who, 'account_restored')).length, 1)
  }
})
