// Stores: each transaction has its own connection, and learns of no other one that used it before.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { openPool } from '../../src/database/pool.ts'
import { isUnavailable } from '../../src/repositories/availability.ts'
import type { Database } from '../../src/repositories/database.ts'
import { findSessionOwner } from '../../src/repositories/sessions/sessions.ts'
import { createStores, type Store } from '../../src/repositories/store.ts'
import { insertTeam, listTeams } from '../../src/repositories/teams/teams.ts'
import { createDatabase } from '../support/database.ts'

const url = await createDatabase(t)
const pool = openPool(url, { connections: 3 })
t.teardown(() => pool.end({ timeout: 1 }))
const projectId = randomUUID()
await pool`insert into projects (id, name) values (${projectId}, 'Sea')`
const store = createStores(pool).forProject(projectId)
const countTeams = async (db: Database) => (await listTeams(db)).length

t.test('transactions at the same time do not see each other, nor does what runs beside them', async (t) => {
  const add = (tx: Store) => insertTeam(tx, { id: randomUUID(), name: 'Wave' })
  await store.transaction(async (first) => {
    await add(first)
    await store.transaction(async (second) => {
      t.not(first.sql, second.sql, 'each has its own connection')
      await add(second)
      t.same([await countTeams(first), await countTeams(second), await countTeams(store)], [1, 1, 0])
    })
    t.equal(await countTeams(store), 1, 'the second is committed, the first is not')
  })
  t.equal(await countTeams(store), 2)
})

t.test('a transaction inside a transaction is that one', async (t) => {
  const before = await countTeams(store)
  const failing = store.transaction(async (tx) => {
    await tx.transaction(async (same) => {
      t.equal(same, tx)
      await insertTeam(same, { id: randomUUID(), name: 'Foam' })
    })
    throw new Error('Not committed.')
  })
  await t.rejects(failing, { message: 'Not committed.' })
  t.equal(await countTeams(store), before)
})

t.test('what failed in one transaction does not fail the next on its connection', async (t) => {
  const one = openPool(url, { connections: 1 })
  t.teardown(() => one.end({ timeout: 1 }))
  const narrow = createStores(one).forProject(projectId)
  const wrong = (tx: Store) => findSessionOwner(tx, 'no uuid')
  await t.rejects(narrow.transaction(wrong), { cause: { code: '22P02' } })
  await t.rejects(
    narrow.transaction((tx) => wrong(tx).catch(() => null)),
    { code: '22P02' },
    'also where the work took no notice',
  )
  t.equal(await narrow.transaction((tx) => findSessionOwner(tx, randomUUID())), null)
})

t.test('a snapshot sees one moment, a transaction each statement its own', async (t) => {
  const around = async (tx: Database) => {
    const before = await countTeams(tx)
    await pool`insert into teams (id, project_id, name) values (gen_random_uuid(), ${projectId}, 'Tide')`
    return (await countTeams(tx)) - before
  }
  t.equal(await store.readSnapshot(around), 0)
  t.equal(await store.transaction(around), 1)
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
