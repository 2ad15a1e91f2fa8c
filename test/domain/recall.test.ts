// What is remembered of sessions and keys: it saves statements, and it is never used when it may be wrong.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Notices, openNotices } from '../../src/database/notices.ts'
import { openPool } from '../../src/database/pool.ts'
import { createApiKeys } from '../../src/domain/api-keys.ts'
import { createRecall, type Memorable, noNotices } from '../../src/domain/recall.ts'
import { createSessions } from '../../src/domain/sessions.ts'
import { createTestDomain, stranger } from '../support/domain.ts'
import { eventually } from '../support/eventually.ts'

const seen: string[] = []
const heard: boolean[] = []
let listening: Notices | undefined
const { sql, store, domain, project } = await createTestDomain(t, {
  onStatement: (text) => seen.push(text),
  listen: (url) => {
    const pool = openPool(url, { connections: 1 })
    listening = openNotices({ url, pool, say: (isHeard) => heard.push(isHeard) })
    t.teardown(async () => {
      await listening?.close()
      await pool.end()
    })
    return listening
  },
})
if (!listening) throw new Error('Nobody listens.')
const notices = listening
t.ok(await notices.catchUp(), 'what changes is heard')
t.same(heard, [true])

let people = 0
async function signedUp() {
  const email = `recalled-${++people}@example.com`
  const result = await domain.users.signUp(project, { email, password: 'a good long password' }, stranger)
  if (!('grant' in result) || !result.grant) throw new Error('Nobody was signed up.')
  const { grant } = result
  const token = { sessionId: grant.sessionId, generation: grant.generation }
  return { token, user: grant.user }
}
type Token = Awaited<ReturnType<typeof signedUp>>['token']

const { recall, authenticate } = domain.sessions
/** As the service recognises who asks. */
const recognise = async (token: Token) => recall(project, token) ?? (await authenticate(project, token))
/** Lets everything committed so far be heard, until a beat was answered so lately that what is remembered is used. */
const current = () =>
  eventually('a beat', async () => {
    await notices.catchUp()
    return notices.isCurrent()
  })
/** Who is remembered after they were recognised; on a machine that is too busy to beat, nobody is for a while. */
const recalled = (token: Token) =>
  eventually('somebody is remembered', async () => {
    await current()
    await recognise(token)
    return recall(project, token)
  })
const statementsOn = (table: string, from: number) =>
  seen.slice(from).filter((text) => text.includes(`"${table}"`)).length

t.test('two hundred requests of one session cost far fewer statements', async (t) => {
  const { token, user } = await signedUp()
  await eventually('most of them are remembered', async () => {
    const from = seen.length
    for (let i = 0; i < 200; i++) {
      t.equal((await recognise(token)).user.id, user.id)
      // As requests come: each in a turn of its own.
      await new Promise(setImmediate)
    }
    return statementsOn('sessions', from) < 100
  })
  t.match(domain.sessions.stats(), { capacity: 5000, size: Number, hits: Number, misses: Number })
})

t.test('where nobody listens, every request asks the database', async (t) => {
  const { token } = await signedUp()
  const lockout = { addressKey: () => Buffer.alloc(0) } as never
  const sessions = createSessions({ store, lockout, notices: noNotices })
  await sessions.authenticate(project, token)
  for (let i = 0; i < 20; i++) t.equal(sessions.recall(project, token), null)
  t.match(sessions.stats(), { hits: 0, misses: 20, size: 0 }, 'nor is anything kept that could never be used')
})

t.test('a generation that was never seen is the database’s to mark', async (t) => {
  const { token } = await signedUp()
  t.ok(await recalled(token))
  const next = await domain.sessions.refresh(project, token)
  t.equal(recall(project, next), null, 'the next generation is not taken on trust')
  await authenticate(project, next)
  const [row] = await sql`select generation, seen_generation from sessions where id = ${token.sessionId}`
  t.same({ ...row }, { generation: 2, seen_generation: 2 })
  t.ok(await recalled(next))
  t.ok(await recalled(token), 'and the one before is good until it expires, as it was without a memory')
})

t.test('what is remembered of one project is unknown in another', async (t) => {
  const { token } = await signedUp()
  t.ok(await recalled(token))
  const { project: other } = await domain.projects.create('Another', {})
  t.equal(recall(other, token), null)
})

t.test('a reading that a revocation overtakes is never remembered', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { token, user } = await signedUp()
    let answer: (() => void) | undefined
    const slow = createSessions({
      store: {
        ...store,
        sessions: {
          ...store.sessions,
          // What was read is on its way while the world moves on.
          async look(projectId, id) {
            const found = await store.sessions.look(projectId, id)
            await new Promise<void>((resolve) => {
              answer = resolve
            })
            return found
          },
        },
      },
      lockout: {} as never,
      notices,
    })
    const reading = slow.authenticate(project, token)
    await eventually('the session is read', async () => answer)
    await sql`update sessions set revoked_at = now() where id = ${token.sessionId}`
    await current()
    answer?.()
    t.equal((await reading).user.id, user.id, 'whoever asked before is answered as of then')
    t.equal(slow.recall(project, token), null, 'and nobody after')
  }
})

t.test('revocations among many readings leave no entry that is stale', async (t) => {
  for (let round = 0; round < 25; round++) {
    const { token } = await signedUp()
    await recognise(token)
    const readings = Array.from({ length: 20 }, async (_, i) => {
      await sleep(i % 5)
      await recognise(token).catch(() => {})
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
    t.equal(recall(project, token), null)
    await Promise.all(readings)
    await current()
    t.equal(recall(project, token), null, 'nor does one that was under way bring it back')
    await t.rejects(recognise(token), { code: 'unauthenticated' })
  }
})

t.test('every change that an answer shows is told, and what happens all the time is not', async (t) => {
  const { token, user } = await signedUp()
  const mine = { sessionId: token.sessionId, userId: user.id }
  const told: string[] = []
  notices.subscribe({
    user: (id) => told.push(`user ${id}`),
    project: (id) => told.push(`project ${id}`),
    everything: () => told.push('everything'),
  })
  /** What is told of a piece of SQL. */
  async function telling(change: PromiseLike<unknown>): Promise<string[]> {
    told.length = 0
    await change
    await notices.catchUp()
    return [...told]
  }
  const key = await domain.apiKeys.create(
    project,
    { user, ...token },
    { name: 'one', expiresAt: null },
    stranger,
  )

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
    ['a refresh', () => domain.sessions.refresh(project, fresh.token)],
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

t.test('a key is remembered like a session, and its hash is compared each time', async (t) => {
  const { token, user } = await signedUp()
  const { plain, key } = await domain.apiKeys.create(
    project,
    { user, ...token },
    { name: 'one', expiresAt: null },
    stranger,
  )
  t.equal((await domain.apiKeys.recognize(project, plain))?.key.id, key.id)
  await eventually('recognised without a statement', async () => {
    await current()
    const from = seen.length
    t.equal((await domain.apiKeys.recognize(project, plain))?.user.id, user.id)
    return statementsOn('api_keys', from) === 0
  })
  t.match(domain.apiKeys.stats(), { hits: 1, size: 1 })
  const strict = {
    ...project,
    policy: { ...project.policy, verification: { ...project.policy.verification } },
  }
  strict.policy.verification.mode = 'strict'
  t.equal(await domain.apiKeys.recognize(strict, plain), null, 'the policy of now decides')
  await domain.apiKeys.revoke(project, { user, ...token }, key.id, stranger)
  t.equal(await domain.apiKeys.recognize(project, plain), null, 'and is gone with its revocation')
  t.ok(createApiKeys({ store, notices: noNotices }))
})

t.test('the end of a session is kept by the database’s clock', async (t) => {
  const { token } = await signedUp()
  await sql`update sessions set expires_at = now() + interval '4 seconds' where id = ${token.sessionId}`
  t.ok(await recalled(token))
  await eventually('the end', async () => {
    const [row] = await sql`select expires_at <= now() as over from sessions where id = ${token.sessionId}`
    return row?.over
  })
  await current()
  t.equal(recall(project, token), null)
})

t.test('a memory is bounded in number and in weight', async (t) => {
  const { user } = await signedUp()
  const current = { isCurrent: () => true, subscribe() {} }
  const facts = (metadata: Record<string, unknown>): Memorable => ({
    projectId: project.id,
    user: { ...user, metadata },
    now: new Date(0),
    expiresAt: null,
  })
  const few = createRecall(current, 100)
  for (let i = 0; i < 1000; i++) await few.reading(`light ${i}`, async () => facts({}))
  t.equal(few.stats().size, 100)
  t.ok(few.find(project.id, 'light 999'))
  t.equal(few.find(project.id, 'light 0'), null, 'the oldest went')
  const heavy = { text: 'x'.repeat(16_000) }
  for (let i = 0; i < 10; i++) await few.reading(`heavy ${i}`, async () => facts(heavy))
  t.equal(few.stats().size, 1, 'sixteen kilobytes weigh as much as sixty others')
  await t.rejects(
    few.reading('none', async () => Promise.reject(new Error('away'))),
    { message: 'away' },
  )
})
