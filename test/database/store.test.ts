// The store: repositories are built once for each connection, and no transaction learns of another on the same one.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { openPool } from '../../src/database/pool.ts'
import { isUnavailable } from '../../src/repositories/availability.ts'
import { createStore, type Repositories } from '../../src/repositories/store.ts'
import { createDatabase } from '../support/database.ts'

const url = await createDatabase(t)
const pool = openPool(url, { connections: 2 })
t.teardown(() => pool.end({ timeout: 1 }))
const store = createStore(pool)
const project = randomUUID()

t.test('transactions on one connection get the same repositories, at the same time others', async (t) => {
  const seen: Repositories[] = []
  const note = async (tx: Repositories) => void seen.push(tx)
  for (let time = 0; time < 3; time++) await store.transaction(project, note)
  await store.snapshot(project, note)
  t.equal(new Set(seen).size, 1, 'one after another they have one connection')

  await store.transaction(project, async (first) => {
    await store.transaction(project, async (second) => {
      t.not(first, second, 'at the same time each has its own')
      t.ok(seen.includes(first) !== seen.includes(second))
    })
  })
  await store.transaction(project, async (tx) =>
    t.not(tx.users, store.users, 'and never what runs beside it'),
  )
})

t.test('what failed in one transaction does not fail the next on its connection', async (t) => {
  const one = openPool(url, { connections: 1 })
  t.teardown(() => one.end({ timeout: 1 }))
  const narrow = createStore(one)
  const wrong = (tx: Repositories) => tx.sessions.findOwner(project, 'no uuid')
  await t.rejects(narrow.transaction(project, wrong), { cause: { code: '22P02' } })
  await t.rejects(
    narrow.transaction(project, (tx) => wrong(tx).catch(() => null)),
    { code: '22P02' },
    'also where the work took no notice',
  )
  t.equal(await narrow.transaction(project, (tx) => tx.sessions.findOwner(project, randomUUID())), null)
})

t.test('a snapshot sees one moment, a transaction each statement its own', async (t) => {
  await pool`insert into projects (id, name) values (${project}, 'Sea')`
  const teams = async (tx: Repositories) => (await tx.teams.list(project)).length
  const around = async (tx: Repositories) => {
    const before = await teams(tx)
    await pool`insert into teams (id, project_id, name) values (gen_random_uuid(), ${project}, 'Tide')`
    return (await teams(tx)) - before
  }
  t.equal(await store.snapshot(project, around), 0)
  t.equal(await store.transaction(project, around), 1)
})

t.test('a process that has no file left to connect with has no database for now', (t) => {
  const failing = (code: string) => Object.assign(new Error(`connect ${code}`), { code })
  for (const code of ['EMFILE', 'ENFILE', 'ECONNREFUSED']) {
    t.ok(isUnavailable(failing(code)), code)
    t.ok(isUnavailable(new Error('Failed query', { cause: failing(code) })), 'as a cause')
    t.ok(isUnavailable(new AggregateError([failing(code)])), 'of one of several addresses')
  }
  for (const code of ['ENOENT', '23505', '42601']) t.notOk(isUnavailable(failing(code)), code)
  t.end()
})
