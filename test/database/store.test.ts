// The store: repositories are built once for each connection, and no transaction learns of another on the same one.
import t from 'tap'
import { openPool } from '../../src/database/pool.ts'
import { createStore, type Repositories } from '../../src/repositories/store.ts'
import { createDatabase } from '../support/database.ts'

const url = await createDatabase(t)
const pool = openPool(url, { connections: 2 })
t.teardown(() => pool.end({ timeout: 1 }))
const store = createStore(pool)

t.test('transactions on one connection get the same repositories, at the same time others', async (t) => {
  const seen: Repositories[] = []
  const note = async (tx: Repositories) => void seen.push(tx)
  for (let time = 0; time < 3; time++) await store.transaction(note)
  await store.snapshot(note)
  t.equal(new Set(seen).size, 1, 'one after another they have one connection')

  await store.transaction(async (first) => {
    await store.transaction(async (second) => {
      t.not(first, second, 'at the same time each has its own')
      t.ok(seen.includes(first) !== seen.includes(second))
    })
  })
  await store.transaction(async (tx) => t.not(tx.users, store.users, 'and never what runs beside it'))
})

t.test('what failed in one transaction does not fail the next on its connection', async (t) => {
  const one = openPool(url, { connections: 1 })
  t.teardown(() => one.end({ timeout: 1 }))
  const narrow = createStore(one)
  const wrong = (tx: Repositories) => tx.users.find('no uuid', 1)
  await t.rejects(narrow.transaction(wrong), { cause: { code: '22P02' } })
  await t.rejects(
    narrow.transaction((tx) => wrong(tx).catch(() => null)),
    { code: '22P02' },
    'also where the work took no notice',
  )
  t.equal(await narrow.transaction((tx) => tx.users.find('00000000-0000-4000-8000-000000000000', 1)), null)
})

t.test('a snapshot sees one moment, a transaction each statement its own', async (t) => {
  const projects = async (tx: Repositories) => (await tx.projects.list()).length
  const around = async (tx: Repositories, name: string) => {
    const before = await projects(tx)
    await pool`insert into projects (id, name) values (gen_random_uuid(), ${name})`
    return (await projects(tx)) - before
  }
  t.equal(await store.snapshot((tx) => around(tx, 'one')), 0)
  t.equal(await store.transaction((tx) => around(tx, 'two')), 1)
})
