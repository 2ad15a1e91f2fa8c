// Users by the admin API: search, changes with ETags, what is done to one user, and what belongs to them.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { bearer, startTestApp } from '../../support/app.ts'
import { mailOfKind, newPerson } from '../../support/factors.ts'
import { adminWith, basic, newOperator, sparingFactors } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t, { policy: { sessions: { notify_new_device: false } } })
await sparingFactors(app)
const owner = await newOperator(app, ['owner', null])
const support = await newOperator(app, ['support', app.projectId])
const viewer = await newOperator(app, ['viewer', app.projectId])
const users = `/projects/${app.projectId}/users`
const uuidOf = (answer: { body: { user: { uuid: string } } }) => answer.body.user.uuid
const emails = (answer: { body: { data: { email: string }[] } }) => answer.body.data.map(({ email }) => email)

t.test('search', async (t) => {
  const { id } = await app.project({ sessions: { max_per_user: 5 } })
  const path = `/projects/${id}/users`
  const search = (query: Record<string, string>) =>
    owner.admin('GET', `${path}?${new URLSearchParams(query)}`)
  const create = async (email: string, body = {}) => {
    const made = await owner.admin('POST', path, { body: { email, ...body } })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
    return made.body
  }
  const ada = await create('ada@example.com', { display_name: 'Ada Lovelace', verified: true })
  await create('adam@example.com', { first_name: 'Adam', last_name: 'Müller-Öz', verified: true })
  await create('bob@example.com', { display_name: '</script> Ada' })
  const grace = await create('grace@example.com', { display_name: 'Grace Ada Adams', verified: true })
  await create('a_b%c@example.com')

  t.test('by the beginning of the address, in its order', async (t) => {
    t.same(emails(await search({ email: 'ADA' })), ['ada@example.com', 'adam@example.com'])
    t.same(emails(await search({ email: 'a_' })), ['a_b%c@example.com'], 'no character is a wildcard')
    t.same(emails(await search({ email: '%' })), [])
  })

  t.test('by beginnings of words of the name', async (t) => {
    t.same(emails(await search({ name: 'ada' })).sort(), [
      'ada@example.com',
      'adam@example.com',
      'bob@example.com',
      'grace@example.com',
    ])
    t.same(emails(await search({ name: 'LOVE ada' })), ['ada@example.com'])
    t.same(emails(await search({ name: 'mül' })), ['adam@example.com'])
    t.same(emails(await search({ name: 'ÖZ' })), ['adam@example.com'])
    t.same(emails(await search({ name: '</script>' })), ['bob@example.com'])
    t.same(emails(await search({ name: '---' })), [])
    t.same(emails(await search({ name: 'ada', email: 'g' })), ['grace@example.com'])
  })

  t.test('by UUID, state and date', async (t) => {
    t.same(emails(await search({ uuid: grace.uuid.toUpperCase() })), ['grace@example.com'])
    t.same(emails(await search({ uuid: randomUUID() })), [])
    t.same(emails(await search({ uuid: 'none' })), [])
    const several = `${grace.uuid},none,${randomUUID()},${ada.uuid},${grace.uuid}`
    t.same(emails(await search({ uuid: several })), ['grace@example.com', 'ada@example.com'])
    const stranger = uuidOf(await app.signUp())
    t.same(emails(await search({ uuid: stranger })), [], 'none of another project')
    t.same(emails(await search({ state: 'unverified' })), ['a_b%c@example.com', 'bob@example.com'])
    await owner.admin('POST', `${path}/${grace.uuid}/disable`)
    t.same(emails(await search({ state: 'disabled' })), ['grace@example.com'])
    t.same(emails(await search({ state: 'disabled', name: 'ada' })), ['grace@example.com'])
    t.equal(emails(await search({ state: 'active' })).length, 4)
    await app.sql`update users set created_at = now() - interval '2 days' where uuid = ${grace.uuid}`
    t.equal(
      emails(await search({ created_since: new Date(Date.now() - 86_400_000).toISOString() })).length,
      4,
    )
    t.equal(emails(await search({})).at(-1), 'grace@example.com', 'the newest first')
  })

  t.test('in pages, each user once', async (t) => {
    for (const query of [
      {},
      { email: 'a' },
      { name: 'ada' },
      { state: 'active' },
      { state: 'active', name: 'a' },
    ]) {
      const whole = emails(await search(query as Record<string, string>))
      const found: string[] = []
      let cursor: string | null = ''
      for (let page = 0; cursor !== null && page < 10; page++) {
        const answer = await search({ ...query, limit: '1', ...(cursor && { cursor }) })
        found.push(...emails(answer))
        cursor = answer.body.next_cursor
      }
      t.same(found, whole, JSON.stringify(query))
    }
  })

  t.test('a cursor of another search, project or of none is refused', async (t) => {
    const { next_cursor: cursor } = (await search({ limit: '1' })).body
    const foreign = `${users}?limit=1&cursor=${cursor}`
    for (const answer of [
      await owner.admin('GET', foreign),
      await search({ email: 'a', cursor }),
      await search({ cursor: 'garbage' }),
      await search({ cursor: `${cursor}x` }),
      await search({ cursor: Buffer.from('["2099-01-01",1]').toString('base64url') }),
    ])
      isProblem(t, answer, 'validation_failed', ['cursor'])
    isProblem(t, await search({ limit: '0' }), 'validation_failed', ['limit'])
    isProblem(t, await search({ created_since: 'yesterday' }), 'validation_failed', ['created_since'])
  })

  t.test('names that change are found by the new words alone', async (t) => {
    const headers = { 'if-match': '*' }
    await owner.admin('PATCH', `${path}/${grace.uuid}`, { headers, body: { display_name: 'Hopper' } })
    t.same(emails(await search({ name: 'hop' })), ['grace@example.com'])
    t.notOk(emails(await search({ name: 'ada' })).includes('grace@example.com'))
    await owner.admin('PATCH', `${path}/${grace.uuid}`, { headers, body: { display_name: null } })
    t.same(emails(await search({ name: 'hop' })), [])
  })
})

t.test('a user is created, shown, and changed from the state that was read', async (t) => {
  const body = {
    email: ' New@Example.com ',
    display_name: '</script>',
    password: 'a good long password',
    verified: true,
  }
  const made = await owner.admin('POST', users, { body })
  t.match(made.body, {
    email: 'new@example.com',
    display_name: '</script>',
    has_password: true,
    email_proof: 'holder',
  })
  isProblem(t, await owner.admin('POST', users, { body }), 'validation_failed', ['email'])
  t.equal(made.body.last_sign_in_at, null)
  const signIn = () =>
    app.api('POST', '/login', { body: { email: 'new@example.com', password: body.password } })
  t.equal((await signIn()).status, 200)
  const path = `${users}/${made.body.uuid}`
  const read = await viewer.admin('GET', path)
  t.ok(Math.abs(Date.now() - Date.parse(read.body.last_sign_in_at)) < 60_000, 'when they signed in last')
  const etag = read.headers.get('etag') ?? ''
  // Is no change of what the operator has read.
  await signIn()
  await app.sql`insert into identities (id, project_id, user_id, provider, issuer, subject)
    select gen_random_uuid(), project_id, id, 'google', 'https://accounts.google.com', 'new'
    from users where uuid = ${made.body.uuid}`
  t.match((await viewer.admin('GET', path)).body, { providers: ['google'], passkeys: 0 })
  const change = { first_name: 'Ada', metadata: { plan: 'pro', old: null }, role: 'admin', locale: 'de' }
  isProblem(t, await owner.admin('PATCH', path, { body: change }), 'precondition_required')
  const changed = await owner.admin('PATCH', path, { body: change, headers: { 'if-match': etag } })
  t.match(changed.body, { first_name: 'Ada', metadata: { plan: 'pro' }, role: 'admin', locale: 'de' })
  isProblem(
    t,
    await owner.admin('PATCH', path, { body: change, headers: { 'if-match': etag } }),
    'precondition_failed',
  )
  const both = await Promise.all(
    ['one', 'two'].map((first_name) =>
      owner.admin('PATCH', path, {
        body: { first_name },
        headers: { 'if-match': changed.headers.get('etag') ?? '' },
      }),
    ),
  )
  t.same(both.map(({ status }) => status).sort(), [200, 412])
  const large = { metadata: { text: 'x'.repeat(20_000) } }
  isProblem(
    t,
    await owner.admin('PATCH', path, { body: large, headers: { 'if-match': '*' } }),
    'validation_failed',
    ['metadata'],
  )
  const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
  for (const levels of [33, 3000])
    isProblem(
      t,
      await owner.admin('PATCH', path, { body: { metadata: nested(levels) }, headers: { 'if-match': '*' } }),
      'validation_failed',
      ['metadata'],
    )
  // A proxy that compresses the answer weakens its ETag.
  const weakened = `W/${(await viewer.admin('GET', path)).headers.get('etag')}`
  const deep = { metadata: { deep: nested(31) } }
  t.equal((await owner.admin('PATCH', path, { body: deep, headers: { 'if-match': weakened } })).status, 200)
  const huge = { display_name: 'x'.repeat(64_000) }
  isProblem(
    t,
    await owner.admin('PATCH', path, { body: huge, headers: { 'if-match': '*' } }),
    'validation_failed',
    ['display_name'],
  )
  isProblem(t, await viewer.admin('PATCH', path, { body: change }), 'insufficient_role')
  isProblem(t, await owner.admin('GET', `${users}/${randomUUID()}`), 'not_found')
  isProblem(t, await owner.admin('GET', `${users}/no-uuid`), 'not_found')
  const other = await app.project()
  isProblem(t, await owner.admin('GET', `/projects/${other.id}/users/${made.body.uuid}`), 'not_found')
  const weak = await owner.admin('POST', users, {
    body: { email: 'weak@example.com', password: 'password1' },
  })
  isProblem(t, weak, 'validation_failed')
})

t.test('fields that the schema of a creation does not have are not stored', async (t) => {
  for (const body of [
    { locale: 'x'.repeat(1000) },
    { locale: 7 },
    { metadata: 'no object' },
    { metadata: { plan: 'pro' } },
  ]) {
    const email = `${randomUUID()}@example.com`
    const made = await owner.admin('POST', users, { body: { email, ...body } })
    t.equal(made.status, 201, JSON.stringify(body).slice(0, 40))
    t.match(made.body, { locale: null, metadata: {} })
    t.same(made.body.metadata, {})
  }
})

t.test('an unproven account becomes no admin', async (t) => {
  const user = await app.signUp()
  const answer = await owner.admin('PATCH', `${users}/${uuidOf(user)}`, {
    body: { role: 'admin' },
    headers: { 'if-match': '*' },
  })
  isProblem(t, answer, 'validation_failed', ['email'])
})

t.test('support disables nobody, but ends sessions, at once', async (t) => {
  const user = await app.signUp()
  const path = `${users}/${uuidOf(user)}`
  isProblem(t, await support.admin('POST', `${path}/disable`), 'insufficient_role')
  await app.api('POST', '/login', { body: { email: user.email, password: user.password } })
  const listed = await support.admin('GET', `${path}/sessions`)
  t.equal(listed.body.data.length, 2)
  const [first] = listed.body.data
  t.equal((await support.admin('DELETE', `${path}/sessions/${first.id}`)).status, 204)
  isProblem(t, await support.admin('DELETE', `${path}/sessions/${first.id}`), 'not_found')
  isProblem(t, await support.admin('DELETE', `${path}/sessions/nothing`), 'not_found')
  t.equal((await support.admin('DELETE', `${path}/sessions`)).status, 204)
  t.equal((await app.api('GET', '/me', { headers: bearer(user) })).status, 401)
  t.equal((await support.admin('GET', `${path}/sessions`)).body.data.length, 0)
  const log =
    await app.sql`select event, actor, details from security_log where account = ${uuidOf(user)} and actor = 'operator'`
  t.same(
    log.map(({ event }) => event),
    ['session_revoked', 'signed_out_everywhere'],
  )
  t.ok(log.every(({ details }) => details.by === support.uuid && details.via === 'admin_api'))
})

t.test('a user is disabled and enabled, deleted and restored', async (t) => {
  const user = await app.signUp()
  const path = `${users}/${uuidOf(user)}`
  const login = () => app.api('POST', '/login', { body: { email: user.email, password: user.password } })
  t.ok((await owner.admin('POST', `${path}/disable`)).body.disabled_at)
  t.equal((await login()).status, 403)
  t.equal((await owner.admin('POST', `${path}/enable`)).body.disabled_at, null)
  t.equal((await login()).status, 200)

  const slow = await app.project({ deletion: { grace_seconds: 3600 }, verification: { mode: 'off' } })
  const made = await owner.admin('POST', `/projects/${slow.id}/users`, { body: { email: 'x@example.com' } })
  const its = `/projects/${slow.id}/users/${made.body.uuid}`
  const waiting = await owner.admin('DELETE', its)
  t.equal(waiting.status, 200)
  t.ok(waiting.body.deletion_due_at)
  t.equal((await owner.admin('POST', `${its}/restore`)).body.deletion_due_at, null)
  t.equal((await owner.admin('DELETE', `${its}?now=true`)).status, 204)
  isProblem(t, await owner.admin('GET', its), 'not_found')

  t.equal((await owner.admin('DELETE', path)).status, 204)
  isProblem(t, await owner.admin('GET', path), 'not_found')
  const [gone] =
    await app.sql`select actor, details from security_log where account = ${uuidOf(user)} and event = 'account_deleted'`
  t.match(gone, { actor: 'operator', details: { by: owner.uuid } })
})

t.test('a reset is sent, an address vouched for, factors reset after a wait', async (t) => {
  const user = await newPerson(app)
  const path = `${users}/${uuidOf(user)}`
  t.equal((await support.admin('POST', `${path}/send-reset`)).status, 202)
  t.ok((await mailOfKind(app, user.email, 'reset_password')).link)
  const [event] = await app.sql`select address_prefix, user_agent from audit_events
    where event = 'password_reset_requested' and user_id = (select id from users where uuid = ${uuidOf(user)})`
  t.same(
    { ...event },
    { address_prefix: null, user_agent: null },
    'the owner is not shown where the operator sits',
  )
  const bad = { redirect_to: 'https://evil.example' }
  isProblem(t, await support.admin('POST', `${path}/send-reset`, { body: bad }), 'validation_failed', [
    'redirect_to',
  ])

  const unproven = await app.signUp()
  const verified = await support.admin('POST', `${users}/${uuidOf(unproven)}/verify`)
  t.match(verified.body, { email_proof: 'holder' })
  t.ok(verified.body.email_verified_at)

  const factors = await support.admin('GET', `${path}/factors`)
  t.same(factors.body, {
    totp: true,
    passkeys: [],
    recovery_codes_left: 10,
    trusted_devices: [],
    reset_due_at: null,
  })
  isProblem(t, await viewer.admin('GET', `${path}/factors`), 'insufficient_role')
  isProblem(t, await support.admin('POST', `${path}/reset-factors`), 'insufficient_role')
  const due = await owner.admin('POST', `${path}/reset-factors`)
  t.equal(due.status, 202)
  t.equal((await owner.admin('GET', path)).body.factors_reset_due_at, due.body.reset_due_at)
  t.equal((await owner.admin('DELETE', `${path}/reset-factors`)).status, 204)
  t.equal((await owner.admin('GET', path)).body.factors_reset_due_at, null)
  isProblem(t, await owner.admin('POST', `${users}/${uuidOf(unproven)}/reset-factors`), 'validation_failed')
})

t.test('what belongs to a user', async (t) => {
  const user = await app.signUp()
  const path = `${users}/${uuidOf(user)}`
  const key = await app.api('POST', '/api-keys', { headers: bearer(user), body: { name: 'Script' } })
  await app.api('POST', '/teams', { headers: bearer(user), body: { name: 'Rockets' } })
  const keys = await viewer.admin('GET', `${path}/api-keys`)
  t.match(keys.body.data, [{ name: 'Script', revoked_at: null }])
  t.notOk(JSON.stringify(keys.body).includes(key.body.plain_text_key))
  t.equal((await owner.admin('POST', `${path}/api-keys/${keys.body.data[0].id}/revoke`)).status, 204)
  t.ok((await viewer.admin('GET', `${path}/api-keys`)).body.data[0].revoked_at)
  isProblem(t, await owner.admin('POST', `${path}/api-keys/${randomUUID()}/revoke`), 'not_found')
  t.match((await viewer.admin('GET', `${path}/teams`)).body.data, [{ name: 'Rockets', role: 'ADMIN' }])
  t.same((await viewer.admin('GET', `${path}/identities`)).body.data, [])
  isProblem(t, await viewer.admin('GET', `${path}/activity`), 'insufficient_role')
  const page = await support.admin('GET', `${path}/activity?limit=1`)
  t.equal(page.body.data[0].event, 'api_key_revoked')
  const rest = await support.admin('GET', `${path}/activity?cursor=${page.body.next_cursor}`)
  t.equal(rest.body.data.at(-1).event, 'signed_up')
  isProblem(t, await support.admin('GET', `${path}/activity?cursor=x`), 'validation_failed', ['cursor'])
  const exported = await owner.admin('GET', `${path}/export`)
  t.equal(exported.body.user.email, user.email)
  t.ok(exported.body.activity.some(({ event }: { event: string }) => event === 'data_exported'))
})

t.test('a back end finds and creates users of its own project by its secret', async (t) => {
  const { id, secret } = await app.project({ verification: { delivery: 'app' } })
  const backEnd = adminWith(app, basic(id, secret))
  const headers = { 'idempotency-key': randomUUID() }
  const body = { email: 'mine@example.com', verified: true }
  const made = await backEnd('POST', `/projects/${id}/users`, { body, headers })
  const again = await backEnd('POST', `/projects/${id}/users`, { body, headers })
  t.equal(again.body.uuid, made.body.uuid)
  t.same(emails(await backEnd('GET', `/projects/${id}/users?email=mine`)), ['mine@example.com'])
  const reset = await backEnd('POST', `/projects/${id}/users/${made.body.uuid}/send-reset`)
  t.match(reset.body.token, /^svt_/, 'the application delivers the mail')
  isProblem(t, await backEnd('GET', users), 'project_not_found')
  const [row] =
    await app.sql`select details from security_log where project_id = ${id} and event = 'account_created'`
  t.equal(row?.details.via, 'project_secret')
})
