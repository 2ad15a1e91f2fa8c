// Projects: a cache that is never older than two seconds, and what operators may do.

import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { PolicyError } from '../../src/domain/policy.ts'
import { createProjects } from '../../src/domain/projects.ts'
import { createStore, type Store } from '../../src/repositories/store.ts'
import { createDatabase, unwalled } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const sql = postgres(await createDatabase(t), { max: 4, onnotice: () => {} })
t.teardown(() => sql.end())
const store = createStore(unwalled(sql))
/** What operators do elsewhere: another process with a cache of its own. */
const elsewhere = createProjects(store)

/** Lets the clock stand, and pass at our word: a busy machine would let it pass at its own. */
// Whole, so that what passed is exactly what is found to have passed.
const start = Math.ceil(performance.now())
let passed = 0
t.intercept(performance, 'now', { value: () => start + passed })
const pass = (ms: number) => {
  passed += ms
}

/** The projects of an instance, and how often it asked the database. */
function counted() {
  let reads = 0
  const counting: Store = {
    ...store,
    everywhere: {
      ...store.everywhere,
      projects: {
        ...store.everywhere.projects,
        find(id) {
          reads++
          return store.everywhere.projects.find(id)
        },
      },
    },
  }
  return { projects: createProjects(counting), reads: () => reads }
}

t.test('a project is read once for many requests, also when they come at the same time', async (t) => {
  const { project } = await elsewhere.create('Busy', {})
  const { projects, reads } = counted()
  await Promise.all(Array.from({ length: 50 }, () => projects.get(project.id)))
  for (let i = 0; i < 50; i++) await projects.get(project.id)
  t.equal(reads(), 1)
  t.equal(projects.peek(project.id)?.name, 'Busy')
})

t.test('a changed policy is in force within two seconds, without any request waiting for it', async (t) => {
  const { project } = await elsewhere.create('Changing', { tokens: { access_seconds: 60 } })
  const { projects, reads } = counted()
  t.equal((await projects.get(project.id)).policy.tokens.access_seconds, 60)
  await elsewhere.setPolicy(project.id, { tokens: { access_seconds: 120 } })
  pass(1000)
  const isNew = () => {
    const peeked = projects.peek(project.id)
    t.ok(peeked, 'a busy project is always at hand')
    return peeked?.policy.tokens.access_seconds === 120
  }
  await eventually('the new policy', async () => isNew())
  t.equal(reads(), 2, 'and the reload was one read')
})

t.test('a project that nobody asked for in two seconds is read before it is used', async (t) => {
  const { project } = await elsewhere.create('Quiet', {})
  const { projects } = counted()
  await projects.get(project.id)
  await elsewhere.rotateSecret(project.id)
  pass(2000)
  t.equal(projects.peek(project.id), null)
  t.not(
    (await projects.get(project.id)).secretHash?.toString('hex'),
    project.secretHash?.toString('hex'),
    'the new secret, not the remembered one',
  )
})

t.test('a project that does not exist is not remembered as missing', async (t) => {
  const { projects, reads } = counted()
  const id = randomUUID()
  await t.rejects(projects.get(id), { code: 'project_unknown' })
  await t.rejects(projects.get(id), { code: 'project_unknown' })
  t.equal(reads(), 2)
  await store.everywhere.projects.add({ id, name: 'Late' })
  t.equal((await projects.get(id)).name, 'Late')
})

t.test('a database that is away for a moment does not lose what is fresh enough', async (t) => {
  const { project } = await elsewhere.create('Sturdy', {})
  let away = false
  const projects = createProjects({
    ...store,
    everywhere: {
      ...store.everywhere,
      projects: {
        ...store.everywhere.projects,
        find: (id) => (away ? Promise.reject(new Error('away')) : store.everywhere.projects.find(id)),
      },
    },
  })
  await projects.get(project.id)
  away = true
  pass(1050)
  t.ok(projects.peek(project.id), 'stale enough to reload, fresh enough to use')
  pass(900)
  await t.rejects(projects.get(project.id), { message: 'away' }, 'too old: the failure is told')
  away = false
  t.ok(await projects.get(project.id))
})

t.test('the default project is one, however many make it at once', async (t) => {
  const made = await Promise.all(Array.from({ length: 8 }, () => elsewhere.ensureDefault()))
  t.equal(new Set(made.map(({ id }) => id)).size, 1)
  const rows = await sql`select name, secret_hash from projects where is_default`
  t.same(rows.length, 1)
  t.equal(rows[0]?.secret_hash, null, 'it has no secret until an operator asks for one')
})

t.test('a secret proves its own project and no other; a rotated one proves nothing', async (t) => {
  const one = await elsewhere.create('One', {})
  const two = await elsewhere.create('Two', {})
  t.ok(elsewhere.proves(one.project, one.secret))
  t.notOk(elsewhere.proves(two.project, one.secret))
  const rotated = await elsewhere.rotateSecret(one.project.id)
  t.notOk(elsewhere.proves(rotated.project, one.secret))
  t.ok(elsewhere.proves(rotated.project, rotated.secret))
  const without = await elsewhere.ensureDefault()
  for (const secret of ['', 'null', one.secret]) t.notOk(elsewhere.proves(without, secret))
})

t.test('a refused policy changes nothing', async (t) => {
  const { project } = await elsewhere.create('Careful', { tokens: { access_seconds: 60 } })
  await t.rejects(elsewhere.setPolicy(project.id, { tokens: { access_seconds: 0 } }), PolicyError)
  t.equal((await elsewhere.get(project.id)).policy.tokens.access_seconds, 60)
  const [{ before } = { before: -1 }] = await sql`select count(*)::int as before from projects`
  await t.rejects(elsewhere.create('Never', { nonsense: true }), PolicyError)
  const [{ after } = { after: -2 }] = await sql`select count(*)::int as after from projects`
  t.equal(after, before)
})

t.test('setting a policy replaces the last one: what it leaves out has its default again', async (t) => {
  const { project } = await elsewhere.create('Twice', { tokens: { access_seconds: 60 } })
  const changed = await elsewhere.setPolicy(project.id, { lockout: { failures: 9 } })
  t.equal(changed.policy.tokens.access_seconds, 900)
  t.equal(changed.policy.lockout.failures, 9)
  await t.rejects(elsewhere.setPolicy(randomUUID(), {}), { code: 'project_unknown' })
})
