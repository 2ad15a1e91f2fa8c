// API keys: made, shown and revoked by their user in a session; used by programs within their scopes and never beyond.
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintApiKey } from '../../src/crypto/api-key.ts'
import { packageRoot } from '../../src/package.ts'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { dataUri, pixels } from '../support/pictures.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)

const make = (who: Answer, body: Record<string, unknown> = {}) =>
  app.api('POST', '/api-keys', { headers: bearer(who), body: { name: 'A program', ...body } })
const list = async (who: Answer) => (await app.api('GET', '/api-keys', { headers: bearer(who) })).body.data
const revoke = (who: Answer, id: string) =>
  app.api('POST', `/api-keys/${id}/revoke`, { headers: bearer(who) })
const byBearer = (key: string) => ({ authorization: `Bearer ${key}` })
const me = (headers: Record<string, string>) => app.api('GET', '/me', { headers })
const eventsOf = async (who: Answer) =>
  (
    await app.sql`select event from audit_events where user_id = ${who.body.user.id}
      and event like 'api_key%' order by id`
  ).map(({ event }) => event)
async function keyOf(who: Answer, body: Record<string, unknown> = {}): Promise<string> {
  return (await make(who, body)).body.plain_text_key
}

t.test('POST /api-keys · 201 · the key is shown once, and only its hash rests', async (t) => {
  const who = await app.signUp()
  const expires_at = new Date(Date.now() + 86_400_000).toISOString()
  const { status, body, headers } = await make(who, { scopes: ['me:read', 'orders:write'], expires_at })
  t.equal(status, 201)
  t.equal(headers.get('cache-control'), 'no-store')
  const { plain_text_key: plain, ...entry } = body
  t.match(plain, /^uak_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  t.same(
    { ...entry, id: 'id', created_at: 'then' },
    {
      id: 'id',
      name: 'A program',
      key_prefix: plain.slice(0, 16),
      scopes: ['me:read', 'orders:write'],
      expires_at,
      last_used_at: null,
      revoked_at: null,
      created_at: 'then',
    },
  )
  t.same(await list(who), [entry])
  const rows = await app.sql`select *, key_hash = sha256(${Buffer.from(plain)}) as fits from api_keys
    where id = ${entry.id}`
  t.equal(rows[0]?.fits, true)
  const at = JSON.stringify(rows) + JSON.stringify(app.logs) + JSON.stringify(await app.mailbox.all())
  t.notOk(at.includes(plain.slice(17)), 'neither a row nor a log line nor a mail holds the secret')
  t.same(await eventsOf(who), ['api_key_created'])
})

t.test('POST /api-keys · 201 · its owner is told by mail, where we send mail', async (t) => {
  const who = await app.signUp()
  await make(who, { name: 'A secret name' })
  const notice = await eventually('the mail', async () =>
    (await app.mailbox.all()).find(({ to, kind }) => to === who.email && kind === 'api_key_created'),
  )
  t.match(notice?.text, /API key has just been made/)
  t.match(notice?.text, '127.0.0.0/24', 'where from')
  t.notMatch(notice?.text, /uak_|A secret name/)
  const { id } = await app.project({ verification: { delivery: 'app' } })
  const headers = { 'project-id': id }
  const there = await app.api('POST', '/signup', {
    headers,
    body: { email: who.email, password: who.password },
  })
  const body = { name: 'A program' }
  t.equal(
    (await app.api('POST', '/api-keys', { headers: { ...headers, ...bearer(there) }, body })).status,
    201,
  )
  t.same(await app.sql`select kind from outbox where project_id = ${id}`, [])
})

t.test('POST /api-keys · 201 · without scopes a key reads; a repeated scope counts once', async (t) => {
  const who = await app.signUp()
  t.same((await make(who)).body.scopes, ['read'])
  t.same((await make(who, { scopes: ['a', 'b', 'a'] })).body.scopes, ['a', 'b'])
  t.same((await make(who, { scopes: [] })).body.scopes, [])
  t.same((await make(who, { expires_at: null })).body.expires_at, null)
})

t.test('POST /api-keys · 422 · what a name, a scope and an expiry may not be', async (t) => {
  const who = await app.signUp()
  const bad: [Record<string, unknown>, string][] = [
    [{ name: undefined }, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(256) }, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: 'a\0b' }, 'name'],
    [{ scopes: 'me:read' }, 'scopes'],
    [{ scopes: [7] }, 'scopes'],
    [{ scopes: [''] }, 'scopes'],
    [{ scopes: ['me:read profile:write'] }, 'scopes'],
    [{ scopes: ['a"b'] }, 'scopes'],
    [{ scopes: ['*'] }, 'scopes'],
    [{ scopes: ['ünïcode'] }, 'scopes'],
    [{ scopes: ['x'.repeat(65)] }, 'scopes'],
    [{ scopes: Array.from({ length: 51 }, (_, at) => `scope-${at}`) }, 'scopes'],
    [{ scopes: { 0: 'me:read' } }, 'scopes'],
    ...[
      'tomorrow',
      '',
      '2099-01-01',
      '2099-02-30T00:00:00Z',
      '2016-12-31T23:59:60Z',
      '2001-01-01T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '9999-12-31T23:59:59-23:59',
      4_102_444_800,
      new Date(Date.now() - 1000).toISOString(),
    ].map((expires_at): [Record<string, unknown>, string] => [{ expires_at }, 'expires_at']),
  ]
  for (const [body, field] of bad) isProblem(t, await make(who, body), 'validation_failed', [field])
  t.same(await list(who), [])
  t.same(await eventsOf(who), [])
})

t.test(
  'POST /api-keys · 409 · no more than the policy allows; a revoked or expired one frees its place',
  async (t) => {
    const project = await app.project({ api_keys: { max_per_user: 2 } })
    const headers = { 'project-id': project.id }
    const who = await app.api('POST', '/signup', {
      headers,
      body: { email: 'limit@example.com', password: 'a good long password' },
    })
    const one = () =>
      app.api('POST', '/api-keys', { headers: { ...headers, ...bearer(who) }, body: { name: 'one' } })
    const [first, second] = [await one(), await one()]
    t.same([first.status, second.status], [201, 201])
    isProblem(t, await one(), 'api_key_limit_reached')
    await app.api('POST', `/api-keys/${first.body.id}/revoke`, { headers: { ...headers, ...bearer(who) } })
    t.equal((await one()).status, 201)
    isProblem(t, await one(), 'api_key_limit_reached')
    await app.sql`update api_keys set expires_at = now() - interval '1 second' where id = ${second.body.id}`
    t.equal((await one()).status, 201)
    const none = await app.project({ api_keys: { max_per_user: 0 } })
    const nobody = await app.api('POST', '/signup', {
      headers: { 'project-id': none.id },
      body: { email: 'limit@example.com', password: 'a good long password' },
    })
    const refused = { headers: { 'project-id': none.id, ...bearer(nobody) }, body: { name: 'one' } }
    isProblem(t, await app.api('POST', '/api-keys', refused), 'api_key_limit_reached')
  },
)

t.test('GET /api-keys · 200 · one’s own, the living first, the ended with when', async (t) => {
  const [who, stranger] = [await app.signUp(), await app.signUp()]
  await make(stranger, { name: 'Theirs' })
  const [ended] = [await make(who, { name: 'ended' }), await make(who, { name: 'old' })]
  await make(who, { name: 'new' })
  await revoke(who, ended.body.id)
  await app.sql`update api_keys set created_at = created_at + interval '1 hour' where id = ${ended.body.id}`
  const keys = await list(who)
  t.same(
    keys.map(({ name }: { name: string }) => name),
    ['new', 'old', 'ended'],
  )
  t.same(
    keys.map(({ revoked_at }: { revoked_at: string | null }) => revoked_at === null),
    [true, true, false],
  )
  t.notMatch(JSON.stringify(keys), /plain|hash|uak_\w{12}_/)
})

t.test('/api-keys · 401 · not signed in, or in another project', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  const { id } = (await make(who)).body
  for (const headers of [{}, { ...bearer(who), 'project-id': other.id }]) {
    isProblem(t, await app.api('GET', '/api-keys', { headers }), 'unauthenticated')
    isProblem(t, await app.api('POST', '/api-keys', { headers, body: { name: 'x' } }), 'unauthenticated')
    isProblem(t, await app.api('POST', `/api-keys/${id}/revoke`, { headers }), 'unauthenticated')
  }
  t.equal((await list(who))[0].revoked_at, null)
})

t.test(
  'POST /api-keys/{id}/revoke · 200 · dead at the next request; again, and nothing changes',
  async (t) => {
    const who = await app.signUp()
    const { id, plain_text_key: key } = (await make(who)).body
    const other = await keyOf(who)
    t.equal((await me(byBearer(key))).status, 200)
    const answer = await revoke(who, id)
    t.same([answer.status, answer.body], [200, { message: 'API key revoked.' }])
    isProblem(t, await me(byBearer(key)), 'unauthenticated')
    const revokedAt = (await list(who)).find((entry: { id: string }) => entry.id === id).revoked_at
    t.equal((await revoke(who, id)).status, 200)
    t.equal((await list(who)).find((entry: { id: string }) => entry.id === id).revoked_at, revokedAt)
    t.same(await eventsOf(who), ['api_key_created', 'api_key_created', 'api_key_revoked'])
    t.equal((await me(byBearer(other))).status, 200, 'the other one lives')
  },
)

t.test(
  'POST /api-keys/{id}/revoke · 404 · another’s, another project’s, unknown, or no id at all',
  async (t) => {
    const [who, stranger] = [await app.signUp(), await app.signUp()]
    const { id, plain_text_key: theirs } = (await make(stranger)).body
    for (const bad of [id, randomUUID(), 'no-uuid', '%00', "1' or '1'='1"])
      isProblem(t, await revoke(who, encodeURIComponent(bad)), 'not_found')
    t.equal((await me(byBearer(theirs))).status, 200)
  },
)

t.test('a key reads what its scopes name, by Authorization and by x-api-key', async (t) => {
  const who = await app.signUp()
  const team = await app.api('POST', '/teams', { headers: bearer(who), body: { name: 'Rockets' } })
  const reads: [string, string][] = [
    ['/me', 'me:read'],
    ['/sessions', 'sessions:read'],
    ['/me/activity', 'activity:read'],
    ['/teams', 'teams:read'],
    [`/teams/${team.body.id}`, 'teams:read'],
    [`/teams/${team.body.id}/members`, 'teams:read'],
  ]
  for (const scopes of [['read'], ...reads.map(([, scope]) => [scope]), ['other:read', 'me', 'ME:READ']]) {
    const key = await keyOf(who, { scopes })
    for (const [path, scope] of reads)
      for (const headers of [byBearer(key), { 'x-api-key': key }]) {
        const answer = await app.api('GET', path, { headers })
        if (scopes.includes(scope) || scopes.includes('read')) {
          t.equal(answer.status, 200, `${path} with ${scopes}`)
          continue
        }
        isProblem(t, answer, 'insufficient_scope')
        t.equal(answer.headers.get('www-authenticate'), `Bearer error="insufficient_scope", scope="${scope}"`)
      }
  }
  const key = await keyOf(who)
  t.equal((await me({ 'x-api-key': key })).body.user.uuid, who.body.user.uuid)
  const devices = (await app.api('GET', '/sessions', { headers: byBearer(key) })).body.data
  t.same(
    devices.map(({ current }: { current: boolean }) => current),
    [false],
    'a key is used in no session',
  )
})

t.test('a key with profile:write changes the profile and the picture, and the trail says so', async (t) => {
  const who = await app.signUp()
  const { id, plain_text_key: key } = (await make(who, { scopes: ['profile:write'] })).body
  const headers = byBearer(key)
  const change = { headers, body: { first_name: 'Ada' } }
  t.equal((await app.api('PATCH', '/profile', change)).body.user.first_name, 'Ada')
  const avatar = dataUri('image/png', pixels['image/png'])
  t.equal((await app.api('PUT', '/avatar', { headers, body: { avatar } })).status, 200)
  t.equal((await app.api('DELETE', '/avatar', { headers })).status, 204)
  const told = (await app.api('GET', '/me/activity', { headers: bearer(who) })).body.data
  for (const [at, event] of ['avatar_removed', 'avatar_updated', 'profile_updated'].entries())
    t.match(told[at], { event, session_id: null, api_key_id: id, team_id: null }, 'the trail names the key')
  t.match(told[3], { event: 'api_key_created', session_id: /./, api_key_id: id }, 'and who made it')
  await revoke(who, id)
  const [last] = (await app.api('GET', '/me/export', { headers: bearer(who) })).body.activity.slice(1)
  t.match(last, { event: 'api_key_revoked', session_id: /./, api_key_id: id })
  const reading = byBearer(await keyOf(who))
  isProblem(t, await app.api('PATCH', '/profile', { ...change, headers: reading }), 'insufficient_scope')
})

t.test('a key opens nothing that is not for keys, whatever its scopes', async (t) => {
  const who = await app.signUp()
  const { id } = (await make(who)).body
  const scopes = ['read', 'write', 'me:write', 'password:write', 'admin', 'api-keys:write', 'sessions:write']
  const key = await keyOf(who, { scopes })
  const lines = readFileSync(join(packageRoot, 'openapi/routes.txt'), 'utf8').trim().split('\n')
  const closed = lines
    .map((line) => line.split(/ +/))
    .filter(
      ([, path, access, scope]) =>
        /^\/api/.test(String(path)) && ['user', 'leaving'].includes(String(access)) && scope === '-',
    )
  t.ok(closed.length >= 10, `${closed.length} routes`)
  const everything = {
    name: 'more',
    current_password: who.password,
    new_password: 'another good password',
    new_email: 'mallory@example.com',
  }
  for (const headers of [byBearer(key), { 'x-api-key': key }])
    for (const [method = '', path = ''] of closed) {
      const at = path.replace('/api/auth', '').replace(':id', id)
      const body = method === 'GET' ? undefined : everything
      isProblem(t, await app.api(method, at, { headers, body }), 'unauthenticated')
    }
  t.equal((await list(who)).length, 2)
  t.equal((await me(bearer(who))).body.user.email, who.email)
  t.equal(
    (await app.api('POST', '/login', { body: { email: who.email, password: who.password } })).status,
    200,
  )
})

t.test('the wall · a key of one project is nothing in another', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const other = await app.project()
  const twin = await app.api('POST', '/signup', {
    headers: { 'project-id': other.id },
    body: { email: who.email, password: who.password },
  })
  t.equal(twin.status, 201)
  for (const headers of [byBearer(key), { 'x-api-key': key }])
    isProblem(t, await me({ ...headers, 'project-id': other.id }), 'unauthenticated')
  // Two projects may come to the same prefix; each finds its own.
  await app.sql`insert into api_keys (id, project_id, user_id, name, key_prefix, key_hash, scopes)
    select gen_random_uuid(), ${other.id}, ${twin.body.user.id}, name, key_prefix, sha256('another'), scopes
    from api_keys where user_id = ${who.body.user.id}`
  isProblem(t, await me({ ...byBearer(key), 'project-id': other.id }), 'unauthenticated')
  t.equal((await me(byBearer(key))).status, 200)
})

t.test('no key · 401 · wrong checksum, truncated, unicode, long, and without a query', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const turned = `${key.slice(0, 30)}${key[30] === 'a' ? 'b' : 'a'}${key.slice(31)}`
  const junk = [
    turned,
    key.slice(0, -1),
    key.slice(0, 16),
    `${key}x`,
    key.toLowerCase(),
    `uak_${'a'.repeat(10_000)}`,
    'uak_',
    "uak_' or '1'='1",
    `${key}, ${key}`,
    Buffer.from('uak_ünïcödé_').toString('latin1'),
  ]
  await app.sql.begin(async (tx) => {
    // Whoever asked the table now would wait for us.
    await tx`lock table api_keys in access exclusive mode`
    for (const text of junk) {
      isProblem(t, await me({ 'x-api-key': text }), 'unauthenticated')
      isProblem(t, await me(byBearer(text)), 'unauthenticated')
    }
    isProblem(t, await me({ 'x-api-key': '' }), 'unauthenticated')
  })
  t.equal((await me(byBearer(key))).status, 200)
})

t.test(
  'no key · 401 · a well-formed one that nobody made, and a right prefix with another secret',
  async (t) => {
    const who = await app.signUp()
    const key = await keyOf(who)
    isProblem(t, await me(byBearer(mintApiKey().plain)), 'unauthenticated')
    const impostor = mintApiKey().plain
    // Whoever has seen the prefix makes the rest up, checksum and all.
    await app.sql`update api_keys set key_prefix = ${impostor.slice(0, 16)} where key_prefix = ${key.slice(0, 16)}`
    isProblem(t, await me(byBearer(impostor)), 'unauthenticated')
    const [row] = await app.sql`select last_used_at from api_keys where key_prefix = ${impostor.slice(0, 16)}`
    t.equal(row?.last_used_at, null, 'and it was not used')
    await app.sql`update api_keys set key_hash = ${createHash('sha256').update(impostor).digest()}
    where key_prefix = ${impostor.slice(0, 16)}`
    t.equal((await me(byBearer(impostor))).status, 200, 'the hash is what decides')
  },
)

t.test('a key in a cookie or in the query is no key', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const name = `sallyport_access_${app.projectId}`
  for (const cookie of [`${name}=${key}`, `x-api-key=${key}`, `api_key=${key}`])
    isProblem(t, await me({ cookie }), 'unauthenticated')
  for (const query of ['api_key', 'x-api-key', 'access_token', 'token', 'key'])
    isProblem(t, await app.api('GET', `/me?${query}=${key}`), 'unauthenticated')
  isProblem(t, await me({ authorization: `Basic ${key}` }), 'unauthenticated')
  isProblem(t, await me({ authorization: key }), 'unauthenticated')
})

t.test('Authorization goes before x-api-key, and x-api-key before the cookie', async (t) => {
  const [who, second, third] = [await app.signUp(), await app.signUp(), await app.signUp()]
  const [key, other] = [await keyOf(who), await keyOf(second)]
  const cookie = cookieHeader(
    await app.api('POST', '/login', {
      headers: { 'session-transport': 'cookie' },
      body: { email: third.email, password: third.password },
    }),
  )
  const uuid = async (headers: Record<string, string>) => (await me(headers)).body.user?.uuid
  t.equal(await uuid({ ...byBearer(key), 'x-api-key': other }), who.body.user.uuid)
  t.equal(await uuid({ ...bearer(who), 'x-api-key': other }), who.body.user.uuid)
  t.equal(await uuid({ 'x-api-key': other, ...cookie }), second.body.user.uuid)
  t.equal(await uuid(cookie), third.body.user.uuid)
  isProblem(t, await me({ ...byBearer('junk'), 'x-api-key': other }), 'unauthenticated')
  isProblem(t, await me({ 'x-api-key': 'junk', ...cookie }), 'unauthenticated')
})

t.test('last use is written at most once a minute', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const used = async () => (await list(who))[0].last_used_at
  t.equal(await used(), null)
  await Promise.all(Array.from({ length: 8 }, () => me(byBearer(key))))
  const first = await used()
  t.ok(first)
  await me(byBearer(key))
  t.equal(await used(), first)
  await app.sql`update api_keys set last_used_at = last_used_at - interval '61 seconds'`
  // A key that was read a moment ago is not read again for up to half a minute, unless its user changes.
  await app.sql`update users set updated_at = now() where id = ${who.body.user.id}`
  await me(byBearer(key))
  t.ok(new Date(await used()) >= new Date(first))
})

t.test('a key dies with its expiry', async (t) => {
  const who = await app.signUp()
  const { id, plain_text_key: key } = (await make(who, { expires_at: '2099-01-01T00:00:00+01:00' })).body
  t.equal((await list(who))[0].expires_at, '2098-12-31T23:00:00.000Z')
  t.equal((await me(byBearer(key))).status, 200)
  await app.sql`update api_keys set expires_at = now() where id = ${id}`
  isProblem(t, await me(byBearer(key)), 'unauthenticated')
})

t.test(
  'a key of a disabled account, or of an unproven one where proof is demanded, is refused',
  async (t) => {
    const who = await app.signUp()
    const key = await keyOf(who)
    await app.sql`update users set disabled_at = now() where id = ${who.body.user.id}`
    isProblem(t, await me(byBearer(key)), 'unauthenticated')
    await app.sql`update users set disabled_at = null where id = ${who.body.user.id}`
    t.equal((await me(byBearer(key))).status, 200)
    await app.setPolicy({ verification: { mode: 'strict' } })
    isProblem(t, await me(byBearer(key)), 'unauthenticated')
    await app.sql`update users set email_verified_at = now() where id = ${who.body.user.id}`
    t.equal((await me(byBearer(key))).status, 200)
    await app.setPolicy({})
  },
)

t.test('changing the password and logout-all keep keys, a reset voids them', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const change = { current_password: who.password, new_password: 'another good password' }
  const renewed = await app.api('POST', '/change-password', { headers: bearer(who), body: change })
  t.equal(renewed.status, 200)
  t.equal((await app.api('POST', '/logout-all', { headers: bearer(renewed) })).status, 200)
  t.equal((await me(byBearer(key))).status, 200)
  await app.api('POST', '/forgot-password', { body: { email: who.email } })
  const mails = await app.mailbox.waitFor(who.email, { count: 4 })
  const token = mails.find(({ kind }) => kind === 'reset_password')?.token
  const body = { token, password: 'a third good password' }
  t.equal((await app.api('POST', '/reset-password', { body })).status, 200)
  isProblem(t, await me(byBearer(key)), 'unauthenticated')
  t.same(await eventsOf(who), ['api_key_created', 'api_keys_revoked'])
})

t.test('taking a change of address back voids keys', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const new_email = `moved-${randomUUID()}@example.com`
  const body = { new_email, current_password: who.password }
  await app.api('POST', '/change-email', { headers: bearer(who), body })
  const [asked] = await app.mailbox.waitFor(new_email)
  const proof = { headers: bearer(who), body: { token: asked?.token } }
  await app.api('POST', '/change-email/confirm', proof)
  t.equal((await me(byBearer(key))).body.user.email, new_email)
  const token = await eventually(
    'the mail',
    async () =>
      (await app.mailbox.all()).find(({ to, kind }) => to === who.email && kind === 'email_changed')?.token,
  )
  t.equal((await app.api('POST', '/change-email/undo', { body: { token } })).status, 200)
  isProblem(t, await me(byBearer(key)), 'unauthenticated')
})

t.test('leaving ends keys for good, at once or with a grace period', async (t) => {
  const who = await app.signUp()
  const key = await keyOf(who)
  const body = { current_password: who.password }
  t.equal((await app.api('DELETE', '/me', { headers: bearer(who), body })).status, 204)
  isProblem(t, await me(byBearer(key)), 'unauthenticated')
  const [rows] = await app.sql`select count(*)::int as keys from api_keys where user_id = ${who.body.user.id}`
  t.equal(rows?.keys, 0)

  const patient = await app.project({ deletion: { grace_seconds: 3600 } })
  const headers = { 'project-id': patient.id }
  const credentials = { email: who.email, password: who.password }
  const left = await app.api('POST', '/signup', { headers, body: credentials })
  const theirs = await app.api('POST', '/api-keys', {
    headers: { ...headers, ...bearer(left) },
    body: { name: 'one' },
  })
  const used = () => me({ ...headers, ...byBearer(theirs.body.plain_text_key) })
  t.equal((await used()).status, 200)
  await app.api('DELETE', '/me', { headers: { ...headers, ...bearer(left) }, body })
  isProblem(t, await used(), 'unauthenticated')
  t.equal((await app.api('POST', '/login', { headers, body: credentials })).status, 200)
  isProblem(t, await used(), 'unauthenticated')
})

t.test('GET /me/export · 200 · the keys are in it, and nothing that opens anything', async (t) => {
  const who = await app.signUp()
  const { plain_text_key: key, ...entry } = (await make(who, { scopes: ['orders:read'] })).body
  const { body } = await app.api('GET', '/me/export', { headers: bearer(who) })
  t.same(body.api_keys, [entry])
  const hash = createHash('sha256').update(key).digest()
  for (const secret of [key.slice(17), hash.toString('hex'), hash.toString('base64')])
    t.notOk(JSON.stringify(body).includes(secret))
})

t.test('limits count requests by key like any other', async (t) => {
  const project = await app.project({ limits: { read: { max: 3, window_seconds: 60 } } })
  const headers = { 'project-id': project.id }
  const who = await app.api('POST', '/signup', {
    headers,
    body: { email: 'often@example.com', password: 'a good long password' },
  })
  const made = await app.api('POST', '/api-keys', {
    headers: { ...headers, ...bearer(who) },
    body: { name: 'one' },
  })
  const used = () => me({ ...headers, ...byBearer(made.body.plain_text_key) })
  for (let round = 0; round < 3; round++) t.equal((await used()).status, 200)
  isProblem(t, await used(), 'rate_limited')
})
