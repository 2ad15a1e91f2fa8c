// The cache of sessions and keys: it saves statements, and no entry is used when the database would answer differently.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { ChangeFeed } from '../../src/database/change-feed.ts'
import { openPool } from '../../src/database/pool.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { authenticateApiKey, createApiKey, revokeApiKey } from '../../src/domain/api-keys/api-keys.ts'
import { noChangeFeed } from '../../src/domain/change-feed.ts'
import { createContext, type Services } from '../../src/domain/context.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { refreshSession } from '../../src/domain/sessions/refresh.ts'
import { type CacheEntry, createSessionCache } from '../../src/domain/sessions/session-cache.ts'
import { authenticateSession, findCachedPrincipal } from '../../src/domain/sessions/sessions.ts'
import { createTestDomain, stranger } from '../support/domain.ts'
import { eventually } from '../support/eventually.ts'

const seen: string[] = []
const heard: boolean[] = []
let listening: ChangeFeed | undefined
const { sql, services, project, context, signedIn } = await createTestDomain(t, {
  onStatement: (text) => seen.push(text),
  listen: (url) => {
    const pool = openPool(url, { connections: 1 })
    listening = new ChangeFeed({ url, pool, say: (isHeard) => heard.push(isHeard) })
    t.teardown(async () => {
      await listening?.close()
      await pool.end()
    })
    return listening
  },
})
if (!listening) throw new Error('There is no change feed.')
const changeFeed = listening
t.ok(await changeFeed.flush(), 'what changes is told')
t.same(heard, [true])

let people = 0
async function signedUp() {
  const email = `cached-${++people}@example.com`
  const result = await signUp(context(), { email, password: 'a good long password' })
  if (result.kind !== 'signed_in') throw new Error('A session was expected.')
  const { grant } = result
  const token = { sessionId: grant.sessionId, generation: grant.generation }
  return { token, user: grant.user }
}
type Token = Awaited<ReturnType<typeof signedUp>>['token']

const findCached = (token: Token) => findCachedPrincipal(services, project, token)
/** As the service authenticates a request. */
const authenticate = async (token: Token) =>
  findCached(token) ?? (await authenticateSession(context(), token))
/** Waits until everything committed so far was told and the feed is current, so that entries are used. */
const current = () =>
  eventually('a heartbeat', async () => {
    await changeFeed.flush()
    return changeFeed.isCurrent()
  })
/** The entry of a session that was authenticated; a machine too busy for heartbeats caches nothing for a while. */
const cached = (token: Token) =>
  eventually('the session is cached', async () => {
    await current()
    await authenticate(token)
    return findCached(token)
  })
const statementsOn = (table: string, from: number) =>
  seen.slice(from).filter((text) => text.includes(`"${table}"`)).length

t.test('two hundred requests of one session cost far fewer statements', async (t) => {
  const { token, user } = await signedUp()
  await eventually('most of them are cached', async () => {
    const from = seen.length
    for (let i = 0; i < 200; i++) {
      t.equal((await authenticate(token)).user.id, user.id)
      // As requests come: each in a turn of its own.
      await new Promise(setImmediate)
    }
    return statementsOn('sessions', from) < 100
  })
  t.match(services.sessionCache.stats(), { capacity: 5000, size: Number, hits: Number, misses: Number })
})

t.test('without a change feed, every request asks the database', async (t) => {
  const { token } = await signedUp()
  const uncached: Services = { ...services, sessionCache: createSessionCache(noChangeFeed, 10) }
  await authenticateSession(createContext(uncached, project, stranger, null), token)
  for (let i = 0; i < 20; i++) t.equal(findCachedPrincipal(uncached, project, token), null)
  t.match(
    uncached.sessionCache.stats(),
    { hits: 0, misses: 20, size: 0 },
    'nor is anything kept that could never be used',
  )
})

t.test('a generation that was never seen is the database’s to mark', async (t) => {
  const { token } = await signedUp()
  t.ok(await cached(token))
  const next = await refreshSession(context(), token)
  t.equal(findCached(next), null, 'the next generation is not taken on trust')
  await authenticateSession(context(), next)
  const [row] = await sql`select generation, seen_generation from sessions where id = ${token.sessionId}`
  t.same({ ...row }, { generation: 2, seen_generation: 2 })
  t.ok(await cached(next))
  t.ok(await cached(token), 'and the one before is good until it expires, as it is without a cache')
})

t.test('an entry of one project is unknown in another', async (t) => {
  const { token } = await signedUp()
  t.ok(await cached(token))
  const { project: other } = await createProject(services, 'Another', {})
  t.equal(findCachedPrincipal(services, other, token), null)
})

t.test('a read that a revocation overtakes is never cached', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { token, user } = await signedUp()
    let answer: (() => void) | undefined
    const cache = createSessionCache(changeFeed, 10) as Services['sessionCache']
    const slow: Services = {
      ...services,
      sessionCache: {
        ...cache,
        // The row that was read is under way while the database changes.
        read: (id, read) =>
          cache.read(id, async () => {
            const found = await read()
            await new Promise<void>((resolve) => {
              answer = resolve
            })
            return found
          }),
      },
    }
    const reading = authenticateSession(createContext(slow, project, stranger, null), token)
    await eventually('the session is read', async () => answer)
    await sql`update sessions set revoked_at = now() where id = ${token.sessionId}`
    await current()
    answer?.()
    t.equal((await reading).user.id, user.id, 'a request from before is answered as of then')
    t.equal(findCachedPrincipal(slow, project, token), null, 'and none after')
  }
})

t.test('revocations among many readings leave no entry that is stale', async (t) => {
  for (let round = 0; round < 25; round++) {
    const { token } = await signedUp()
    await authenticate(token)
    const readings = Array.from({ length: 20 }, async (_, i) => {
      await sleep(i % 5)
      await authenticate(token).catch(() => {})
    })
    const ways = [
      sql`update sessions set revoked_at = now() where id = ${token.sessionId}`,
      sql`update users set epoch = epoch + 1 where id = (select user_id from sessions where id = ${token.sessionId})`,
      sql`update users set disabled_at = now() where id = (select user_id from sessions where id = ${token.sessionId})`,
      sql`delete from sessions where id = ${token.sessionId}`,
      sql`update sessions set expires_at = now() where id = ${token.sessionId}`,
    ]
    await sleep(2)
    await ways[round % ways.length]
    await current()
    t.equal(findCached(token), null)
    await Promise.all(readings)
    await current()
    t.equal(findCached(token), null, 'nor does one that was under way bring it back')
    await t.rejects(authenticate(token), { code: 'unauthenticated' })
  }
})

t.test('every change that an answer shows is told, and what happens all the time is not', async (t) => {
  const { token, user } = await signedUp()
  const mine = { sessionId: token.sessionId, userId: user.id }
  const told: string[] = []
  changeFeed.subscribe({
    user: (id) => told.push(`user ${id}`),
    project: (id) => told.push(`project ${id}`),
    everything: () => told.push('everything'),
  })
  /** What is told of a piece of SQL. */
  async function telling(change: PromiseLike<unknown>): Promise<string[]> {
    told.length = 0
    await change
    await changeFeed.flush()
    return [...told]
  }
  const key = await createApiKey(signedIn({ user, client: 'canonical', ...token }), {
    name: 'one',
    expiresAt: null,
  })

  const users = Object.keys(user).filter((name) => !['id', 'projectId', 'uuid', 'createdAt'].includes(name))
  t.ok(users.length >= 14)
  const column = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const values: Record<string, string> = {
    email: "'other@example.com'",
    displayName: "'x'",
    firstName: "'x'",
    lastName: "'x'",
    role: "'admin'",
    provider: "'google'",
    avatarId: 'gen_random_uuid()',
    locale: "'de'",
    metadata: `'{"a":1}'`,
    epoch: 'epoch + 1',
  }
  for (const name of users)
    t.same(
      await telling(
        sql.unsafe(
          `update users set ${column(name)} = ${values[name] ?? "now() + interval '1 day'"} where id = ${user.id}`,
        ),
      ),
      [`user ${user.id}`],
      `users.${name}`,
    )
  for (const change of [
    'revoked_at = now()',
    'epoch = epoch + 1',
    "expires_at = expires_at - interval '1 second'",
    'revoked_at = null',
  ])
    t.same(
      await telling(sql.unsafe(`update sessions set ${change} where id = '${mine.sessionId}'`)),
      [`user ${user.id}`],
      `sessions: ${change}`,
    )
  for (const change of ['revoked_at = now()', "scopes = 'me:read'", "expires_at = now() + interval '1 day'"])
    t.same(
      await telling(sql.unsafe(`update api_keys set ${change} where id = '${key.key.id}'`)),
      [`user ${user.id}`],
      `api_keys: ${change}`,
    )
  t.same(await telling(sql`update projects set secret_hash = 'x' where id = ${project.id}`), [
    `project ${project.id}`,
  ])

  const fresh = await signedUp()
  for (const [what, change] of [
    ['a sign-up', () => signedUp()],
    ['a refresh', () => refreshSession(context(), fresh.token)],
    [
      'a rotation',
      () =>
        sql`update sessions set generation = generation + 1, rotated_at = now(), recovered_at = null,
      expires_at = expires_at + interval '1 second'`,
    ],
    [
      'marks of use',
      () => sql`update sessions set last_seen_at = now(), seen_generation = seen_generation + 1`,
    ],
    ['a later end', () => sql`update sessions set expires_at = expires_at + interval '1 second'`],
    ['the use of a key', () => sql`update api_keys set last_used_at = now()`],
    ['an update that changes nothing', () => sql`update users set email = email`],
  ] as const)
    t.same(await telling(change()), [], what)

  // However many sessions a transaction ends, the user is named once; and what had ended before says nothing as it goes.
  await sql`insert into sessions (id, project_id, user_id, epoch, expires_at, absolute_expires_at)
    select gen_random_uuid(), project_id, user_id, epoch, now() + interval '1 day', now() + interval '1 day'
    from sessions, generate_series(1, 50) where id = ${mine.sessionId}`
  t.same(await telling(sql`update sessions set revoked_at = now() where user_id = ${user.id}`), [
    `user ${user.id}`,
  ])
  t.same(await telling(sql`delete from sessions where user_id = ${user.id}`), [])
  const gone = await signedUp()
  t.same(await telling(sql`delete from users where id = ${gone.user.id}`), [`user ${gone.user.id}`])
  t.same(await telling(sql`truncate sessions`), ['everything'])
})

t.test('a key is cached like a session, and its hash is compared each time', async (t) => {
  const { token, user } = await signedUp()
  const { plain, key } = await createApiKey(signedIn({ user, client: 'canonical', ...token }), {
    name: 'one',
    expiresAt: null,
  })
  t.equal((await authenticateApiKey(context(), plain))?.key.id, key.id)
  await eventually('authenticated without a statement', async () => {
    await current()
    const from = seen.length
    t.equal((await authenticateApiKey(context(), plain))?.user.id, user.id)
    return statementsOn('api_keys', from) === 0
  })
  t.match(services.apiKeyCache.stats(), { hits: 1, size: 1 })
  const strict = {
    ...project,
    policy: { ...project.policy, verification: { ...project.policy.verification } },
  }
  strict.policy.verification.mode = 'strict'
  t.equal(await authenticateApiKey(context(stranger, null, strict), plain), null, 'the policy of now decides')
  await revokeApiKey(signedIn({ user, client: 'canonical', ...token }), key.id)
  t.equal(await authenticateApiKey(context(), plain), null, 'and is gone with its revocation')
})

t.test('the end of a session is kept by the database’s clock', async (t) => {
  const { token } = await signedUp()
  await sql`update sessions set expires_at = now() + interval '4 seconds' where id = ${token.sessionId}`
  t.ok(await cached(token))
  await eventually('the end', async () => {
    const [row] = await sql`select expires_at <= now() as over from sessions where id = ${token.sessionId}`
    return row?.over
  })
  await current()
  t.equal(findCached(token), null)
})

t.test('a cache is bounded in number and in weight', async (t) => {
  const { user } = await signedUp()
  const current = { isCurrent: () => true, subscribe() {} }
  const facts = (metadata: Record<string, unknown>): CacheEntry => ({
    projectId: project.id,
    user: { ...user, metadata },
    now: new Date(0),
    expiresAt: null,
  })
  const few = createSessionCache(current, 100)
  for (let i = 0; i < 1000; i++) await few.read(`light ${i}`, async () => facts({}))
  t.equal(few.stats().size, 100)
  t.ok(few.find(project.id, 'light 999'))
  t.equal(few.find(project.id, 'light 0'), null, 'the oldest went')
  const heavy = { text: 'x'.repeat(16_000) }
  for (let i = 0; i < 10; i++) await few.read(`heavy ${i}`, async () => facts(heavy))
  t.equal(few.stats().size, 1, 'sixteen kilobytes weigh as much as sixty others')
  await t.rejects(
    few.read('none', async () => Promise.reject(new Error('away'))),
    { message: 'away' },
  )
})
