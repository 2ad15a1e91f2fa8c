// What a sign-in asks of the database: as few statements as its promises allow, and nothing by halves.
import t from 'tap'
import { openPool } from '../../src/database/pool.ts'
import { signUp as signUpWith } from '../../src/domain/accounts/sign-up.ts'
import { createContext } from '../../src/domain/context.ts'
import { authenticateByFirstFactor } from '../../src/domain/credentials/second-factor.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { AuthError } from '../../src/domain/errors.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { refreshSession } from '../../src/domain/sessions/refresh.ts'
import { authenticateSession, openSession } from '../../src/domain/sessions/sessions.ts'
import { signInAttempt } from '../../src/domain/throttling/lockout.ts'
import { advanceEpoch, findUserByEmail, type UserRow } from '../../src/repositories/accounts/users.ts'
import { createStores } from '../../src/repositories/store.ts'
import { createDatabase } from '../support/database.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const seen: string[] = []
const { sql, services, context, project } = await createTestDomain(t, {
  policy: { lockout: { failures: 2 }, sessions: { max_per_user: 2 } },
  onStatement: (text) => seen.push(text),
})
const password = 'a good long password'
const credentials = (email: string) => ({ email, password })
const signUp = (email: string) => signUpWith(context(), credentials(email))
const signIn = (email: string, given = password, caller = stranger) =>
  signInWithPassword(context(caller), { email, password: given })

/** What a session of an account without a second factor is opened from. */
async function enterByPassword(user: UserRow) {
  const authenticated = await authenticateByFirstFactor(context(), { user, amr: ['pwd'] })
  if (authenticated instanceof AuthError) throw authenticated
  return authenticated
}

/** How many statements `work` sends; begin and commit are statements. */
async function count(work: () => Promise<unknown>): Promise<number> {
  const before = seen.length
  await work()
  return seen.length - before
}

const refused = (code: string, work: () => Promise<unknown>) => async () => {
  const error = await work().then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof AuthError) || error.code !== code) throw error ?? new Error(`No ${code}.`)
}

t.test('a sign-in is two statements: one before the password is checked, one after', async (t) => {
  await signUp('two@example.com')
  t.equal(await count(() => signIn('two@example.com')), 2)
  const device = { ...stranger, device: 'another device', address: '192.0.2.77' }
  t.equal(
    await count(() => signIn('two@example.com', password, device)),
    2,
    'and so is one from a new device, of which the owner is told',
  )
  const mails = await sql`select details from outbox where kind = 'new_device'`
  t.same(
    mails.map(({ details }) => details.device),
    ['another device'],
  )
})

t.test('also while a lazy move lasts', async (t) => {
  const policy = {
    import: {
      verify_url: 'https://old.example.com/check',
      verify_until: new Date(Date.now() + 86_400_000).toISOString(),
      verify_secret_env: 'IMPORT_SECRET_OLD',
    },
  }
  const { project: moving } = await createProject(services, 'Moving', policy)
  const ctx = createContext(services, moving, stranger, null)
  await signUpWith(ctx, credentials('lazy@example.com'))
  t.equal(await count(() => signInWithPassword(ctx, credentials('lazy@example.com'))), 2)
})

t.test(
  'a wrong password is two, whether or not there is an account: it is told when its count is kept',
  async (t) => {
    await signUp('wrong@example.com')
    const wrong = (email: string) => refused('invalid_credentials', () => signIn(email, 'a wrong password'))
    t.equal(await count(wrong('wrong@example.com')), 2)
    t.equal(await count(wrong('nobody@example.com')), 2)
    await wrong('wrong@example.com')()
    t.equal(
      await count(refused('too_many_attempts', () => signIn('wrong@example.com'))),
      3,
      'and a wait three',
    )
  },
)

t.test('a sign-up is six: a look, a transaction of three writes', async (t) => {
  await signUp('first@example.com')
  t.equal(await count(() => signUp('six@example.com')), 6)
})

/** Rows that a sign-in reads by plans that were made while the tables were empty. */
async function rowsRead(t: Parameters<typeof createDatabase>[0]): Promise<Record<string, number>> {
  const pool = openPool(await createDatabase(t), { connections: 1 })
  t.teardown(() => pool.end())
  const planned = { ...services, stores: createStores(pool) }
  const { project } = await createProject(planned, 'Plans', { lockout: { failures: 50 } })
  const [row] = await pool<{ id: number }[]>`insert into users (uuid, project_id, email)
    values (gen_random_uuid(), ${project.id}, 'planned@example.com') returning id::int`
  const from = (address: string) => createContext(planned, project, { ...stranger, address }, null)
  const user = await findUserByEmail(from('192.0.2.5').store, 'planned@example.com')
  if (!row || !user) throw new Error('There is no user.')
  async function enter(): Promise<void> {
    const attempt = signInAttempt(from('192.0.2.5'), user?.email ?? '')
    await attempt.reserve()
    if (user) await openSession(from(stranger.address), await enterByPassword(user), 'signed_in', { attempt })
    await signInAttempt(from('192.0.2.6'), 'nobody@example.com').reserve()
  }
  /** Rows that the one connection has read from each table until now. */
  async function read(): Promise<Record<string, number>> {
    await pool`select pg_stat_force_next_flush()`
    const rows = await pool<{ name: string; read: number }[]>`select relname as name,
      (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_user_tables`
    return Object.fromEntries(rows.map(({ name, read }) => [name, read]))
  }
  // An analysis of them half-filled would make another plan, which lasts until the next one.
  for (const table of ['users', 'sign_in_failures', 'sessions', 'known_addresses'])
    await pool.unsafe(`alter table ${table} set (autovacuum_enabled = off)`)
  // Plans are made and kept while the tables are empty.
  for (let i = 0; i < 12; i++) await enter()
  await pool`insert into sign_in_failures (project_id, bucket, key_hash, attempts, window_started_at)
    select ${project.id}, 'address', sha256(n::text::bytea), 1, now() from generate_series(1, 3000) as n`
  await pool`insert into users (uuid, project_id, email)
    select gen_random_uuid(), ${project.id}, n || '@example.com' from generate_series(1, 3000) as n`
  await pool`insert into sessions (id, project_id, user_id, epoch, expires_at, absolute_expires_at)
    select gen_random_uuid(), project_id, id, 0, now() + interval '1 day', now() + interval '1 day' from users`
  await pool`insert into known_addresses (project_id, user_id, key_hash)
    select project_id, id, sha256(id::text::bytea) from users`
  const before = await read()
  await enter()
  const after = await read()
  const counted = ['sign_in_failures', 'sessions', 'known_addresses'] as const
  return Object.fromEntries(
    counted.map((table) => [table, (after[table] ?? Number.NaN) - (before[table] ?? Number.NaN)]),
  )
}

t.test('a sign-in reads the rows that concern it, however many there are beside them', async (t) => {
  let rows: Record<string, number> = {}
  // Much DDL in other databases of the server makes PostgreSQL drop every plan, also those that the test is about.
  for (let attempt = 0; attempt < 3; attempt++) {
    rows = await rowsRead(t)
    if (Object.values(rows).every((read) => read < 100)) break
  }
  for (const [table, read] of Object.entries(rows)) t.ok(read < 100, `${read} of ${table}`)
})

t.test('an authenticated request and a refresh are one', async (t) => {
  await signUp('one@example.com')
  const { sessionId, generation } = await signIn('one@example.com')
  const token = { sessionId, generation }
  await authenticateSession(context(), token)
  t.equal(await count(() => authenticateSession(context(), token)), 1)
  t.equal(await count(() => refreshSession(context(), token)), 1)
})

t.test('a session that is not opened leaves nothing behind, and its attempt stays counted', async (t) => {
  const email = 'halves@example.com'
  await signUp(email)
  const caller = { ...stranger, address: '192.0.2.99', device: 'never seen' }
  const ctx = context(caller)
  const user = await findUserByEmail(ctx.store, email)
  t.ok(user)
  if (!user) return
  const attempt = signInAttempt(ctx, email)
  await attempt.reserve()
  await advanceEpoch(ctx.store, user.id)
  const rows = () => sql`
    select (select count(*)::int from sessions where user_id = ${user.id}) as sessions,
      (select count(*)::int from known_addresses where user_id = ${user.id}) as addresses,
      (select count(*)::int from audit_events where user_id = ${user.id}) as events,
      (select attempts from sign_in_failures where project_id = ${project.id}
        and key_hash = ${attempt.counted.keys[1]?.keyHash ?? ''}) as attempts`
  const before = await rows()
  t.equal(before[0]?.attempts, 1)
  t.equal(await openSession(ctx, await enterByPassword(user), 'signed_in', { attempt }), null)
  t.same(await rows(), before)

  const again = await findUserByEmail(ctx.store, email)
  t.ok(again && (await openSession(ctx, await enterByPassword(again), 'signed_in', { attempt })))
  t.match((await rows())[0], { sessions: 2, addresses: 4, events: 2, attempts: 0 })
})

t.test('the limit of sessions counts the new one, and ends the oldest', async (t) => {
  const email = 'limit@example.com'
  await signUp(email)
  const ids = [await signIn(email), await signIn(email), await signIn(email)].map(
    ({ sessionId }) => sessionId,
  )
  const alive = await sql`select sessions.id from sessions join users on users.id = user_id
    where users.email = ${email} and revoked_at is null`
  t.same(new Set(alive.map(({ id }) => id)), new Set(ids.slice(1)))
})

t.test('sixteen sign-ins of one account at once all succeed, whatever they end', async (t) => {
  const email = 'sixteen@example.com'
  await signUp(email)
  const from = (i: number) => ({
    ...stranger,
    address: `192.0.2.${100 + (i % 4)}`,
    device: `device ${i % 3}`,
  })
  await Promise.all(Array.from({ length: 16 }, (_, i) => signIn(email, password, from(i))))
  await signIn(email)
  const [row] = await sql`select count(*)::int as alive from sessions join users on users.id = user_id
    where users.email = ${email} and revoked_at is null`
  t.equal(row?.alive, 2)
  const mails = await sql`select details ->> 'device' as device from outbox join users on users.id = user_id
    where users.email = ${email} and kind = 'new_device' order by 1`
  t.same(
    mails.map(({ device }) => device),
    ['device 0', 'device 1', 'device 2'],
    'and each new device is told of once',
  )
})

t.test('a sign-in to an account that has changed meanwhile cancels no deletion', async (t) => {
  const email = 'leaving@example.com'
  await signUp(email)
  const dueAt = () =>
    sql`select deletion_due_at from users where email = ${email}`.then(([row]) => row?.deletion_due_at)
  await sql`update users set deletion_due_at = now() + interval '1 day' where email = ${email}`
  const user = await findUserByEmail(context().store, email)
  if (!user) throw new Error('There is no account.')
  const authenticated = await enterByPassword(user)
  await sql`update users set disabled_at = now() where email = ${email}`
  t.equal(await openSession(context(), authenticated, 'signed_in'), null)
  t.ok(await dueAt(), 'it was disabled')
  await sql`update users set disabled_at = null where email = ${email}`
  t.ok(await openSession(context(), authenticated, 'signed_in'))
  t.equal(await dueAt(), null, 'as it was read')
})
