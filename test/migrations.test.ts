// Migrations: applied once, in order, by however many instances; a server that is too old is refused in words.
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { DatabaseError, isMigrated, migrateDatabase } from '../src/database/migrations.ts'
import { openPool } from '../src/database/pool.ts'
import { operatorMessage } from '../src/operator-messages.ts'
import { packageRoot } from '../src/package.ts'
import { createDatabase } from './support/database.ts'

const folder = join(packageRoot, 'drizzle', 'migrations')
const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
  entries: { idx: number; when: number; tag: string }[]
}

function connect(t: { teardown(work: () => unknown): void }, url: string) {
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}
const applied = async (sql: postgres.Sql) =>
  [...(await sql`select id, hash, created_at from drizzle.__drizzle_migrations order by id`)].map((row) => ({
    ...row,
  }))
const tablesOf = async (sql: postgres.Sql) =>
  (await sql`select table_name from information_schema.tables where table_schema = 'public' order by 1`).map(
    ({ table_name }) => table_name as string,
  )

t.test('the journal names every file, in the order of time', async (t) => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'))
  t.same(journal.entries.map(({ tag }) => `${tag}.sql`).sort(), files.sort())
  for (const [index, { idx, tag, when }] of journal.entries.entries()) {
    t.equal(idx, index)
    t.match(tag, new RegExp(`^${String(index).padStart(4, '0')}_`), 'the number is the place')
    t.ok(when > (journal.entries[index - 1]?.when ?? 0), `${tag} is younger than the one before`)
  }
})

t.test('a migration only adds while instances of the last version still run', async (t) => {
  for (const { tag } of journal.entries.slice(1)) {
    const text = readFileSync(join(folder, `${tag}.sql`), 'utf8')
    t.notMatch(text, /drop\s+(?:table|column)|rename\s+(?:to|column)/i, tag)
  }
})

t.test('an empty database gets every table', async (t) => {
  const url = await createDatabase(t, { template: false })
  const sql = connect(t, url)
  t.equal(await isMigrated(sql), false)
  await migrateDatabase(url)
  t.equal(await isMigrated(sql), true)
  t.equal((await applied(sql)).length, journal.entries.length)
  const tables = await tablesOf(sql)
  for (const table of [
    'projects',
    'users',
    'sessions',
    'verification_tokens',
    'outbox',
    'signing_keys',
    'jwt_signing_keys',
  ])
    t.ok(tables.includes(table), table)
})

t.test('a second run changes nothing and keeps the data', async (t) => {
  const url = await createDatabase(t)
  const sql = connect(t, url)
  await sql`insert into projects (id, name) values (gen_random_uuid(), 'Kept')`
  const before = [await applied(sql), await tablesOf(sql)]
  await migrateDatabase(url)
  t.same([await applied(sql), await tablesOf(sql)], before)
  t.equal((await sql`select name from projects`)[0]?.name, 'Kept')
})

t.test('a run that has nothing to do waits for nobody', async (t) => {
  const url = await createDatabase(t)
  const sql = connect(t, url)
  await sql.begin(async (tx) => {
    // Another instance holds the lock of the migrations.
    await tx`select pg_advisory_xact_lock(7255979162::bigint)`
    await migrateDatabase(url)
  })
  t.pass('it returned while the lock was held')
})

t.test('eight instances at once migrate an empty database once', async (t) => {
  const url = await createDatabase(t, { template: false })
  await Promise.all(Array.from({ length: 8 }, () => migrateDatabase(url)))
  const sql = connect(t, url)
  t.equal((await applied(sql)).length, journal.entries.length)
  const [{ locks } = { locks: -1 }] = await sql`
    select count(*)::int as locks from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`
  t.equal(locks, 0, 'and nobody keeps the lock')
})

t.test('a database of a newer version counts as migrated: the last version may run beside it', async (t) => {
  const url = await createDatabase(t)
  const sql = connect(t, url)
  const later = (journal.entries.at(-1)?.when ?? 0) + 1000
  await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of a later version', ${later})`
  t.equal(await isMigrated(sql), true)
  await migrateDatabase(url)
  t.equal((await applied(sql)).length, journal.entries.length + 1)
})

t.test('a migration that was cut off is finished by the next start', async (t) => {
  const url = await createDatabase(t, { template: false })
  const sql = connect(t, url)
  // What drizzle leaves behind when it is killed before the first migration is committed.
  await sql`create schema drizzle`
  await sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`
  t.equal(await isMigrated(sql), false)
  await migrateDatabase(url)
  t.equal(await isMigrated(sql), true)
})

t.test('every index of a project is led by the project', async (t) => {
  const sql = connect(t, await createDatabase(t))
  const indexes = await sql`
    select c.relname as name, t.relname as table, pg_get_indexdef(i.indexrelid) as definition,
      (select attname from pg_attribute where attrelid = t.oid and attnum = i.indkey[0]) as first
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
      join pg_namespace n on n.oid = t.relnamespace
    where n.nspname = 'public'
      and exists (select 1 from pg_attribute where attrelid = t.oid and attname = 'project_id' and not attisdropped)`
  t.ok(indexes.length >= 10)
  const whole = indexes.filter(
    // A BRIN index has ranges of the table, whatever the project.
    ({ first, definition }) => first !== 'project_id' && !/\(id\)| USING brin /.test(definition),
  )
  // Read by the courier and by sweepers for all projects at once.
  const reasons = /^(?:outbox_owed|outbox_dead|.*_(?:expires|expired|due|purge|sweep)\w*)$/
  t.same(
    whole.map(({ name }) => name as string).filter((name) => !reasons.test(name)),
    [],
  )
})

/** A server that speaks PostgreSQL's protocol well enough to say its version and nothing else. */
function serverOfVersion(version: number): Promise<{ url: string; close(): void }> {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5)
    head.write(type, 0)
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const int16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255])
  const int32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer).swap32()
  const text = String(version)
  const columns = message(
    'T',
    Buffer.concat([
      int16(1),
      Buffer.from('version\0'),
      int32(0),
      int16(0),
      int32(23),
      int16(4),
      int32(0xffffffff),
      int16(0),
    ]),
  )
  const row = message('D', Buffer.concat([int16(1), int32(text.length), Buffer.from(text)]))
  const done = message('C', Buffer.from('SELECT 1\0'))
  const ready = message('Z', Buffer.from('I'))
  const answers: Record<string, Buffer> = {
    P: message('1', Buffer.alloc(0)),
    D: Buffer.concat([message('t', int16(0)), columns]),
    B: message('2', Buffer.alloc(0)),
    E: Buffer.concat([row, done]),
    S: ready,
    Q: Buffer.concat([columns, row, done, ready]),
  }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let buffered = Buffer.alloc(0)
    let greeted = false
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk])
      for (;;) {
        const typeLength = greeted ? 1 : 0
        if (buffered.length < typeLength + 4) return
        const length = buffered.readInt32BE(typeLength) + typeLength
        if (buffered.length < length) return
        const type = greeted ? buffered.toString('latin1', 0, 1) : 'startup'
        buffered = buffered.subarray(length)
        if (type === 'startup') {
          greeted = true
          socket.write(Buffer.concat([message('R', int32(0)), ready]))
        } else if (type === 'X') socket.end()
        else socket.write(answers[type] ?? Buffer.alloc(0))
      }
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : 0
      resolve({
        url: `postgres://somebody:a-password@127.0.0.1:${port}/database`,
        close() {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
      })
    })
  })
}

t.test('PostgreSQL 14 is refused in a sentence, before anything is changed', async (t) => {
  const server = await serverOfVersion(140_022)
  t.teardown(() => server.close())
  const error = await migrateDatabase(server.url).catch((thrown: unknown) => thrown)
  t.ok(error instanceof DatabaseError)
  t.equal(operatorMessage(error), 'This PostgreSQL is too old: Sallyport needs version 15 or later.')
})

t.test('a database that is not there is told in a sentence without its password', async (t) => {
  const url = new URL(await createDatabase(t))
  url.pathname = '/no_such_database'
  for (const wrong of [url.href, 'postgres://somebody:a-password@127.0.0.1:1/database']) {
    const error = await migrateDatabase(wrong).catch((thrown: unknown) => thrown)
    const said = operatorMessage(error)
    t.match(
      said,
      /^The database of DATABASE_URL cannot be used: .+\. Check that it runs and that the URL is right\.$/,
    )
    t.notMatch(said, new RegExp(`a-password|${url.password}`))
  }
})

t.test('a pool that asks whether a database is migrated leaves it as it was', async (t) => {
  const url = await createDatabase(t, { template: false })
  const pool = openPool(url, { connections: 1 })
  t.teardown(() => pool.end({ timeout: 1 }))
  t.equal(await isMigrated(pool), false)
  t.same(await tablesOf(connect(t, url)), [])
})
