// Row-level security between projects: which rows the service's connections read and change, whatever the query says. The
// test's own connection, whose role bypasses it, inserts the rows.
import { randomBytes, randomUUID } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { openPool, type Pool, type Sql } from '../../src/database/pool.ts'
import { openPools, type Pools } from '../../src/database/pools.ts'
import { serviceRole } from '../../src/database/row-level-security.ts'
import { cleanUp } from '../../src/jobs/cleanup.ts'
import { takeMails } from '../../src/repositories/mail/mail-queue.ts'
import { createStores } from '../../src/repositories/store.ts'
import { createDatabase, serverUrl } from '../support/database.ts'

const url = await createDatabase(t)
const sql = postgres(url, { max: 2, onnotice: () => {} })
const warnings: string[] = []
const warn = (line: string) => void warnings.push(line)
const pools = await openPools(url, { warn })
const { service } = pools
t.teardown(() => Promise.all([pools.end(), sql.end()]))
const [a, b] = [randomUUID(), randomUUID()]

/** Every table with rows of a project, from the catalogue, so that a new table is covered. */
async function tablesOf(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql`select table_name from information_schema.columns
    where table_schema = 'public' and column_name = 'project_id' order by 1`
  return rows.map((row) => row.table_name as string)
}

const values: Record<string, string> = {
  uuid: 'gen_random_uuid()',
  text: 'gen_random_uuid()::text',
  bytea: "decode(replace(gen_random_uuid()::text, '-', ''), 'hex')",
  bigint: '(random() * 1e15)::bigint',
  integer: '1',
  jsonb: "'{}'",
  boolean: 'false',
  'timestamp with time zone': 'now()',
}

/** Two projects, and a row for each of them in every table. */
async function insertRows(sql: postgres.Sql): Promise<void> {
  await sql`insert into projects (id, name) values (${a}, 'A'), (${b}, 'B')`
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    for (const table of await tablesOf(sql)) {
      const columns = await tx`select column_name as name, data_type as type from information_schema.columns
        where table_schema = 'public' and table_name = ${table} and is_nullable = 'NO' and column_name <> 'project_id'`
      for (const project of [a, b])
        await tx.unsafe(
          `insert into ${table} (project_id, ${columns.map(({ name }) => name)})
            values ('${project}', ${columns.map(({ type }) => values[type] ?? `no value for ${type}`)})`,
        )
    }
  })
}

const count = async (sql: Sql | postgres.Sql, from: string) =>
  Number((await sql.unsafe(`select count(*) as rows from ${from}`))[0]?.rows)

/** Tables in which the service may only insert and read. */
const appendOnly = ['security_log', 'security_log_chains']

/** A change of another project's rows affects no row, or is refused. */
async function removesNothing(t: Test, by: Sql, table: string, change: string): Promise<void> {
  if (appendOnly.includes(table)) await t.rejects(by.unsafe(change), { code: '42501' }, change)
  else t.equal((await by.unsafe(change)).length, 0, change)
}

await insertRows(sql)
const tables = await tablesOf(sql)

t.test('without a project, no row of any table is read, changed or inserted', async (t) => {
  t.ok(tables.length >= 17)
  for (const table of tables) {
    t.equal(await count(sql, table), 2, `${table} has a row of each project`)
    t.equal(await count(service, table), 0, table)
    await removesNothing(t, service, table, `delete from ${table} returning 1`)
    const copy = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1::text::jsonb)`
    const [row] = await sql.unsafe(`select to_jsonb(rows)::text as row from ${table} as rows limit 1`)
    await t.rejects(service.unsafe(copy, [row?.row]), { code: '42501' }, `${table}: insert`)
  }
})

t.test('one project sees, changes and removes nothing of another, even by id', async (t) => {
  const ofA = service.of(a)
  for (const table of tables) {
    t.equal(await count(ofA, table), 1, table)
    t.equal(await count(ofA, `${table} where project_id = '${b}'`), 0, `${table}: by project`)
    const [row] = await sql.unsafe(
      `select to_jsonb(rows) as json, to_jsonb(rows)::text as text from ${table} as rows where project_id = '${b}'`,
    )
    if (row?.json.id !== undefined)
      t.equal(await count(ofA, `${table} where id = '${row.json.id}'`), 0, `${table}: by id`)
    for (const change of [
      `update ${table} set project_id = project_id where project_id = '${b}'`,
      `delete from ${table} where project_id = '${b}'`,
    ])
      await removesNothing(t, ofA, table, `${change} returning 1`)
    await t.rejects(ofA.unsafe(`update ${table} set project_id = '${b}'`), { code: '42501' }, 'moving a row')
    const copy = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1::text::jsonb)`
    await t.rejects(ofA.unsafe(copy, [row?.text]), { code: '42501' }, `${table}: insert`)
    t.equal(await count(sql, table), 2)
  }
})

t.test('the service’s role owns nothing, and reads neither projects nor signing keys', async (t) => {
  const [me] =
    await service`select current_user as name, rolsuper or rolbypassrls or rolcreaterole as privileged
    from pg_roles where rolname = current_user`
  t.same({ ...me }, { name: serviceRole, privileged: false })
  for (const table of ['projects', 'signing_keys', 'jwt_signing_keys'])
    await t.rejects(service.unsafe(`select from ${table}`), { code: '42501' }, table)
  await service.transaction('', null, async (tx) => {
    await tx`set local sallyport.everywhere = 'on'`
    t.equal(await count(tx, 'users'), 0, 'the setting has no effect for the service role')
  })
  await t.rejects(service`alter table users disable row level security`, { code: '42501' })
  t.equal(await count(pools.unscoped, 'users'), 2)
  t.same(warnings, [])
})

t.test('a connection that is used for several projects shows each its own rows alone', async (t) => {
  const one = openPool(url, { connections: 1, role: serviceRole })
  t.teardown(() => one.end({ timeout: 1 }))
  const seen = async (sql: Sql) => (await sql`select project_id as id, pg_backend_pid() as pid from users`)[0]
  const first = await seen(one.of(a))
  t.equal(first?.id, a)
  const asked = Array.from({ length: 60 }, (_, index) => [a, b, null][(index * 7) % 3] ?? null)
  const answers = await Promise.all(asked.map((project) => seen(project ? one.of(project) : one)))
  t.same(
    answers.map((row) => row?.id ?? null),
    asked,
  )
  t.equal((await seen(one.of(b)))?.pid, first?.pid, 'on one connection')

  await one.transaction('', b, async (tx) => {
    t.equal((await seen(tx))?.id, b)
    t.equal((await seen(tx.of(b)))?.id, b)
    t.throws(() => tx.of(a), /asked for the rows of another/)
  })
  await one.transaction('isolation level repeatable read', null, async (tx) =>
    t.equal(await seen(tx), undefined),
  )
  await t.rejects(
    one.transaction('', a, () => one.of('x').unsafe('select 1')),
    /no id of a project/,
  )
  t.equal((await seen(one.of(a)))?.id, a)
})

t.test('behind a pooler every statement sets its own project, and no setting stays', async (t) => {
  const pooled = openPool(url, { connections: 1, pooled: true, role: serviceRole })
  const unscoped = openPool(url, { connections: 1, pooled: true, unscoped: true })
  const bare = openPool(url, { connections: 1, pooled: true })
  t.teardown(() => Promise.all([pooled, unscoped, bare].map((pool) => pool.end({ timeout: 1 }))))
  const asked = Array.from({ length: 30 }, (_, index) => [a, b, null][(index * 7) % 3] ?? null)
  const counts = await Promise.all(
    asked.map((project) => count(project ? pooled.of(project) : pooled, 'users')),
  )
  t.same(
    counts,
    asked.map((project) => (project ? 1 : 0)),
  )
  await t.rejects(pooled.of(a)`select 1 / 0`, { code: '22012' })
  t.equal(await pooled.transaction('', b, (tx) => count(tx, `users where project_id = '${b}'`)), 1)
  t.equal(await count(unscoped, 'users'), 2)
  // The same session, with no setting of this pool.
  const [left] =
    await bare`select current_user = session_user as same, current_setting('sallyport.project', true) as project`
  t.same({ ...left }, { same: true, project: null })
})

/** A proxy to the server that breaks the statement that sets the project, while `state.on`. */
async function startTamperingProxy(t: { teardown(work: () => unknown): void }) {
  const sockets = new Set<Socket>()
  const state = { on: false, sent: '' }
  const target = new URL(url)
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const end of [socket, upstream])
      sockets.add(end.on('error', () => {}).on('close', () => end.destroy()))
    socket.on('data', (data) => {
      const text = data.toString('latin1')
      state.sent += text
      upstream.write(
        state.on ? text.replace(/set sallyport\.project/, 'sxt sallyport.project') : text,
        'latin1',
      )
    })
    upstream.pipe(socket)
    socket.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const through = Object.assign(new URL(url), { port: typeof address === 'object' ? address?.port : 0 })
  return { url: through.href, state }
}

t.test('where the project cannot be set, no statement is sent', async (t) => {
  const { url, state } = await startTamperingProxy(t)
  const pool = openPool(url, { connections: 1, role: serviceRole })
  t.teardown(() => pool.end({ timeout: 1 }))
  t.equal(await count(pool.of(a), 'users'), 1)
  state.on = true
  state.sent = ''
  const refused = [
    pool.of(b).unsafe("update users set display_name = 'everybody'"),
    pool.of(b).unsafe('delete from users'),
    pool.transaction('', b, (tx) => tx.unsafe('delete from users')),
  ]
  for (const { status } of await Promise.allSettled(refused)) t.equal(status, 'rejected')
  t.match(state.sent, /set sallyport\.project/)
  t.notMatch(state.sent, /everybody|delete/)
  t.equal(await count(sql, "users where display_name is distinct from 'everybody'"), 2)
  state.on = false
  t.equal(await count(pool.of(b), `users where project_id = '${b}'`), 1, 'and the next connection works')
})

t.test('a project that all statements share is set once for each connection', async (t) => {
  const { url, state } = await startTamperingProxy(t)
  const pool = openPool(url, { connections: 2, role: serviceRole })
  t.teardown(() => pool.end({ timeout: 1 }))
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: 20 }, () => count(pool.of(a), 'users')))
  await pool.transaction('', a, (tx) => count(tx, 'users'))
  t.equal(state.sent.match(/set sallyport\.project/g)?.length, 2)
})

/** A database whose owner has no other privileges. */
async function plainOwner(t: { teardown(work: () => unknown): void }) {
  const name = `plain_${randomBytes(6).toString('hex')}`
  const admin = postgres(serverUrl(), { max: 1, onnotice: () => {} })
  for (const role of [name, `${name}_app`])
    await admin.unsafe(`create role ${role} login password 'secret' nosuperuser nocreaterole`)
  await admin.unsafe(`create database ${name} owner ${name}`)
  const login = (username: string) =>
    Object.assign(new URL(serverUrl()), { username, password: 'secret', pathname: `/${name}` }).href
  const opened: Pools[] = []
  const root = postgres(Object.assign(new URL(serverUrl()), { pathname: `/${name}` }).href, {
    max: 2,
    onnotice: () => {},
  })
  t.teardown(async () => {
    await Promise.all([root.end(), ...opened.map((pools) => pools.end())])
    await admin.unsafe(`drop database ${name} with (force)`)
    await admin.unsafe(`drop role ${name}, ${name}_app`)
    await admin.end()
  })
  return {
    root,
    owner: login(name),
    app: login(`${name}_app`),
    async open(url: string) {
      const pools = await openPools(url, { warn })
      opened.push(pools)
      return pools
    },
  }
}

async function isIsolated(t: Test, { service, unscoped }: Pools) {
  for (const [pool, rows] of [
    [service, 0],
    [service.of(a), 1],
    [unscoped, 2],
  ] as [Pool, number][])
    for (const table of tables) t.equal(await count(pool, table), rows, table)
  await t.rejects(service.of(a).unsafe(`update users set project_id = '${b}'`), { code: '42501' })
}

t.test(
  'an owner without other privileges is restricted as well, and its jobs work in every project',
  async (t) => {
    const { root, owner, open } = await plainOwner(t)
    await Promise.all([migrateDatabase(owner), migrateDatabase(owner)])
    await migrateDatabase(owner)
    await insertRows(root)
    const pools = await open(owner)
    await isIsolated(t, pools)
    t.equal((await pools.service`select current_user = session_user as same`)[0]?.same, true)
    const stores = createStores(pools.service, { unscopedPool: pools.unscoped })
    await root`update sessions set expires_at = now() - interval '2 days'`
    t.match(await cleanUp(stores, new AbortController().signal), { sessions: 2 })
    await root`update outbox set next_attempt_at = now()`
    await root`update outbox set user_id = null`
    t.equal((await takeMails(stores.unscoped, 10, 60)).length, 2)
    t.same(warnings, [])
  },
)

t.test('a login that owns nothing serves a database that its owner has migrated', async (t) => {
  const { root, owner, app, open } = await plainOwner(t)
  await migrateDatabase(app, { ownerUrl: owner })
  await migrateDatabase(app, { ownerUrl: owner })
  await insertRows(root)
  const pools = await open(app)
  await isIsolated(t, pools)
  await t.rejects(pools.unscoped`create table mine ()`, { code: '42501' })
})

t.test(
  'a role that bypasses row-level security and cannot become the service role gets a warning',
  async (t) => {
    const { root, owner, open } = await plainOwner(t)
    await migrateDatabase(owner)
    await root.unsafe(`alter role ${new URL(owner).username} bypassrls`)
    await open(owner)
    t.match(warnings.splice(0).join(), /row-level security/)
  },
)
