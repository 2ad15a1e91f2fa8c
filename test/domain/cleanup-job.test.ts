// The cleanup job: deletes what has expired, and nothing that still counts.
import postgres from 'postgres'
import t from 'tap'
import { openPool } from '../../src/database/pool.ts'
import { cleanUp } from '../../src/jobs/cleanup.ts'
import { createStores } from '../../src/repositories/store.ts'
import { bearer, startTestApp } from '../support/app.ts'

const never = new AbortController().signal
const app = await startTestApp(t)
const pool = openPool(app.databaseUrl, { connections: 2 })
const stores = createStores(pool)
t.teardown(() => pool.end({ timeout: 1 }))

const count = async (table: string) => {
  const [row] = await app.sql`select count(*)::int as rows from ${app.sql(table)}`
  return row?.rows as number
}

t.test('events go when the policy’s retention is over, with what was sent of them', async (t) => {
  const { id } = await app.project({ events: { retention_days: 40 } })
  await app.sql`insert into webhooks (id, project_id, url, secret, position, disabled_at)
    values (gen_random_uuid(), ${id}, 'https://example.com/', '\\x00', 0, now())`
  const [hook] = await app.sql`select id from webhooks where project_id = ${id}`
  for (const days of [39, 41]) {
    await app.sql`insert into events (project_id, subject, type, data, at)
      values (${id}, gen_random_uuid(), 'user.created', '{}', now() - ${days} * interval '1 day')`
    for (const state of ['sent', 'dead', 'pending'])
      await app.sql`insert into webhook_deliveries (id, project_id, webhook_id, type, subject, state, created_at, due_at)
        values (gen_random_uuid(), ${id}, ${hook?.id}, 'user.created', gen_random_uuid(), ${state},
          now() - ${days} * interval '1 day', now() + interval '1 day')`
  }
  await cleanUp(stores, never)
  const [events] = await app.sql`select count(*)::int as rows from events where project_id = ${id}`
  t.equal(events?.rows, 1)
  const left = await app.sql`select state from webhook_deliveries where project_id = ${id} order by state`
  t.same(
    left.map(({ state }) => state),
    ['dead', 'pending', 'pending', 'sent'],
  )
})

t.test('expired rows of every kind go, living ones stay', async (t) => {
  const kept = await app.signUp()
  const gone = await app.signUp()
  await app.mailbox.waitFor(gone.email)
  const userId = app.sql`(select id from users where email = ${gone.email})`
  await app.sql`update verification_tokens set expires_at = now() - interval '2 days' where user_id = ${userId}`
  await app.sql`update known_addresses set last_at = now() - interval '200 days' where user_id = ${userId}`
  await app.sql`update outbox set sent_at = now() - interval '8 days' where user_id = ${userId}`
  await app.sql`update audit_events set created_at = now() - interval '500 days' where user_id = ${userId}`
  for (const person of [kept, gone])
    for (const name of ['revoked', 'expired', 'living'])
      await app.api('POST', '/api-keys', { headers: bearer(person), body: { name } })
  await app.sql`update api_keys set revoked_at = now() - interval '31 days'
    where name = 'revoked' and user_id = ${userId}`
  await app.sql`update api_keys set expires_at = now() - interval '31 days'
    where name = 'expired' and user_id = ${userId}`
  await app.sql`update api_keys set revoked_at = now() - interval '29 days' where name = 'revoked' and revoked_at is null`
  await app.sql`update sessions set expires_at = now() - interval '2 days' where user_id = ${userId}`
  await app.api('POST', '/login', { body: { email: gone.email, password: 'wrong' } })
  await app.sql`insert into spent_proofs (project_id, mark_hash, expires_at) values
    (${app.projectId}, '\\x01', now() - interval '2 days'), (${app.projectId}, '\\x02', now() + interval '1 hour')`
  await app.sql`insert into passkey_flows (id, project_id, purpose, challenge_hash, binding_hash, expires_at) values
    (gen_random_uuid(), ${app.projectId}, 'sign_in', '\\x01', '\\x01', now() - interval '1 second'),
    (gen_random_uuid(), ${app.projectId}, 'sign_in', '\\x01', '\\x01', now() + interval '1 minute')`
  await app.sql`insert into idempotency_keys (project_id, key_hash, fingerprint, claim, leased_until, expires_at) values
    (${app.projectId}, '\\x01', '\\x01', gen_random_uuid(), now(), now() - interval '1 second'),
    (${app.projectId}, '\\x02', '\\x01', gen_random_uuid(), now(), now() + interval '1 hour')`
  await app.sql`update sign_in_failures set window_started_at = now() - interval '3 days', locked_until = null`
  await app.sql`insert into sign_in_failures (project_id, bucket, key_hash, attempts, window_started_at, locked_until)
    select ${app.projectId}, 'address', key, attempts, now() - since, now() + wait from (values
      ('\\x01'::bytea, 3, interval '25 hours', null::interval), ('\\x02', 0, interval '2 hours', null),
      ('\\x03', 3, interval '23 hours', null), ('\\x04', 0, interval '5 minutes', null),
      ('\\x05', 0, interval '3 days', interval '1 minute'), ('\\x06', 9, interval '3 days', interval '-23 hours')
    ) as given(key, attempts, since, wait)`
  await app.api('POST', '/verify-email/resend', { body: { email: 'nobody@example.com' } })
  await app.sql`update cooldowns set last_at = now() - interval '3 days'`

  const removed = await cleanUp(stores, never)
  t.match(removed, { sessions: 1, api_keys: 2, verification_tokens: 1, outbox: 1, cooldowns: 1 })
  t.same(Object.keys(removed).sort(), [
    'api_keys',
    'audit_events',
    'cooldowns',
    'idempotency_keys',
    'known_addresses',
    'outbox',
    'passkey_flows',
    'sessions',
    'sign_in_failures',
    'spent_proofs',
    'verification_tokens',
  ])
  t.same(
    (await app.sql`select get_byte(key_hash, 0) as key from sign_in_failures order by key_hash`).map(
      ({ key }) => key,
    ),
    [3, 4, 5, 6],
    'an attempt counts for as long as a policy may say, and a lock to its end',
  )
  const me = { headers: { authorization: `Bearer ${kept.body.access_token}` } }
  t.equal((await app.api('GET', '/me', me)).status, 200)
  t.same(await cleanUp(stores, never), {}, 'a second pass finds nothing')
})

t.test('accounts whose owner left are removed when they are due, and not before', async (t) => {
  const [due, later] = [await app.signUp(), await app.signUp()]
  // Whoever mints the secrets of a mail holds its account.
  await Promise.all([due, later].map(({ email }) => app.mailbox.waitFor(email)))
  await app.sql`update users set deletion_due_at = now() - interval '1 second' where email = ${due.email}`
  await app.sql`update users set deletion_due_at = now() + interval '1 day' where email = ${later.email}`
  t.equal((await cleanUp(stores, never)).users, 1)
  const rows = await app.sql`select email from users where email in (${due.email}, ${later.email})`
  t.same(
    rows.map(({ email }) => email),
    [later.email],
  )
})

t.test(
  'ten thousand expired sessions over many blocks go in steps; what somebody holds is left',
  async (t) => {
    const { email } = await app.signUp()
    await app.sql`insert into sessions (id, project_id, user_id, epoch, expires_at, absolute_expires_at)
    select gen_random_uuid(), project_id, id, 0, now() - interval '2 days', now() - interval '2 days'
    from users, generate_series(1, 10000) where email = ${email}`
    const before = await count('sessions')
    const holder = postgres(app.databaseUrl, { max: 1 })
    await holder.begin(async (tx) => {
      await tx`select 1 from sessions where expires_at < now() - interval '1 day' limit 1 for update`
      t.equal((await cleanUp(stores, never)).sessions, 9999)
    })
    await holder.end()
    t.equal((await cleanUp(stores, never)).sessions, 1)
    t.equal(await count('sessions'), before - 10_000)
  },
)

t.test('one instance cleans up at a time', async (t) => {
  const holder = postgres(app.databaseUrl, { max: 1 })
  await holder.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(7255979163)`
    await app.sql`update cooldowns set last_at = now() - interval '3 days'`
    t.same(await cleanUp(stores, never), {})
  })
  await holder.end()
})
