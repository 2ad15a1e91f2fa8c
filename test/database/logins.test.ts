// The roles that the service logs in as: from their connections nothing leads to more than they have.
import { randomBytes, randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { deriveLogins, loginState, loginUrl } from '../../src/database/logins.ts'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { openPools, type Pools } from '../../src/database/pools.ts'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { createDatabase, serverUrl } from '../support/database.ts'

const secrets: readonly [string, ...string[]] = ['the secret of this test, which is long enough']

/** A migrated database whose logins are made, as a start makes them. */
async function prepared(t: Test) {
  const url = await createDatabase(t)
  const logins = deriveLogins(url, secrets)
  const warnings: string[] = []
  const warn = (line: string) => void warnings.push(line)
  t.equal(await migrateDatabase(url, { logins }), true)
  const pools = await openPools(url, { warn, logins })
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  t.teardown(() => Promise.all([pools.end(), sql.end()]))
  return { url, logins, pools, sql, warnings, warn }
}

/** Everything that would make more of a connection, and what it is afterwards. */
async function becomesNothing(t: Test, pool: Pools['service'], owner: string) {
  for (const attempt of [
    'set role none',
    'reset role',
    'reset session authorization',
    'set session authorization default',
  ]) {
    await pool.unsafe(attempt)
    const [me] = await pool`select current_user = session_user as same,
      rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as mighty,
      exists (select from pg_auth_members where member = pg_roles.oid) as member,
      exists (select from pg_class where relowner = pg_roles.oid) as owns
      from pg_roles where rolname = current_user`
    t.same({ ...me }, { same: true, mighty: false, member: false, owns: false }, attempt)
  }
  for (const attempt of [
    `set role ${owner}`,
    `set session authorization ${owner}`,
    'set role sallyport_service',
    `alter role ${owner} nologin`,
    'create role another superuser',
    'alter table users disable row level security',
    'alter table users owner to current_user',
    'drop policy project_wall on users',
    'create table public.mine ()',
    'set session_replication_role = replica',
    "copy users to program 'cat'",
    "select pg_read_file('/etc/hostname')",
    'update drizzle.__drizzle_migrations set hash = hash',
  ])
    await t.rejects(pool.unsafe(attempt), attempt)
}

t.test('from the service’s and the jobs’ connections no statement gives more', async (t) => {
  const { url, pools, warnings } = await prepared(t)
  const owner = decodeURIComponent(new URL(url).username)
  await becomesNothing(t, pools.service, owner)
  await becomesNothing(t, pools.unscoped, owner)
  for (const table of ['projects', 'signing_keys', 'jwt_signing_keys'])
    await t.rejects(pools.service.unsafe(`select from ${table}`), { code: '42501' }, table)
  await pools.service.transaction('', null, async (tx) => {
    await tx`set local sallyport.everywhere = 'on'`
    t.equal((await tx`select from users`).length, 0)
  })
  t.same(warnings, [])
})

t.test('the service adds rows to the security log, and can neither change nor delete one', async (t) => {
  const { pools, sql } = await prepared(t)
  const id = randomUUID()
  await sql`insert into projects (id, name) values (${id}, 'P')`
  await pools.service.transaction('', id, async (tx) => {
    await tx`insert into security_log (project_id, event, actor) values (${id}, 'signed_in', 'owner')`
    t.equal((await tx`select from security_log`).length, 1)
  })
  for (const statement of [
    'delete from security_log',
    "update security_log set event = 'signed_out'",
    'truncate security_log',
    'delete from security_log_chains',
    'update security_log_chains set project_id = project_id',
  ])
    await t.rejects(
      pools.service.transaction('', id, async (tx) => void (await tx.unsafe(statement))),
      { code: '42501' },
      statement,
    )
  t.equal((await pools.unscoped`delete from security_log returning id`).length, 1, 'retention may')
})

t.test('a second start changes nothing, many starts at once agree, a new table is granted', async (t) => {
  const { url, logins, pools, sql } = await prepared(t)
  t.equal(await loginState(sql, logins), 'ready')
  await sql`create table later (id int, project_id uuid not null)`
  t.equal(await loginState(sql, logins), 'missing')
  const all = await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(url, { logins })))
  t.same(all, [true, true, true, true])
  t.equal((await pools.service`select from later`).length, 0)
  t.equal((await pools.unscoped`select from later`).length, 0)
})

t.test(
  'while the secret is replaced old and new logins work; afterwards the old ones are closed',
  async (t) => {
    const { url, logins, warn } = await prepared(t)
    const next = 'another secret, as long as the one before it'
    const during = deriveLogins(url, [next, secrets[0]])
    t.not(during.service.name, logins.service.name)
    t.equal(await migrateDatabase(url, { logins: during }), true)
    for (const either of [during, logins]) {
      const pools = await openPools(url, { warn, logins: either })
      await pools.service`select 1`
      await pools.end()
    }
    t.equal(await migrateDatabase(url, { logins: deriveLogins(url, [next]) }), true)
    const late = postgres(loginUrl(url, logins.service), { max: 1 })
    t.teardown(() => late.end())
    await t.rejects(late`select 1`, { code: '28000' })
  },
)

t.test('a role that may not create roles serves itself, and the operator is told what to do', async (t) => {
  const name = `bare_${randomBytes(6).toString('hex')}`
  const admin = postgres(serverUrl(), { max: 1, onnotice: () => {} })
  await admin.unsafe(`create role ${name} login password 'secret' nosuperuser nocreaterole`)
  await admin.unsafe(`create database ${name} owner ${name}`)
  const url = Object.assign(new URL(serverUrl()), { username: name, password: 'secret', pathname: name }).href
  const warnings: string[] = []
  t.equal(await migrateDatabase(url, { logins: deriveLogins(url, secrets) }), false)
  const pools = await openPools(url, { warn: (line) => void warnings.push(line), logins: null })
  t.match(warnings, [/DATABASE_MIGRATION_URL/])
  t.equal((await pools.service`select current_user as name`)[0]?.name, name)
  await pools.end()
  await admin.unsafe(`drop database ${name} with (force)`)
  await admin.unsafe(`drop role ${name}`)
  await admin.end()
})

t.test('where the logins are refused, the service goes on as before and says so', async (t) => {
  const { url, logins, sql } = await prepared(t)
  await sql.unsafe(`alter role ${logins.unscoped.name} nologin`)
  const warnings: string[] = []
  const pools = await openPools(url, { warn: (line) => void warnings.push(line), logins })
  t.match(warnings, [/superuser or as the owner/])
  t.equal((await pools.service`select current_user as name`)[0]?.name, 'sallyport_service')
  await pools.end()
})

t.test('a running service uses no other login', async (t) => {
  const app = await startTestApp(t)
  await app.signUp()
  const { service, unscoped } = deriveLogins(app.databaseUrl, [testSecretKey])
  const rows = await app.sql`select distinct usename as name from pg_stat_activity
    where datname = current_database() and application_name like 'sallyport%' order by 1`
  t.same(
    rows.map(({ name }) => name),
    [unscoped.name, service.name].sort(),
  )
  const [stored] = await app.sql`select rolpassword from pg_authid where rolname = ${service.name}`
  t.match(stored?.rolpassword, /^SCRAM-SHA-256\$/)
})
