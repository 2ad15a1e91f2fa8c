// Projects: a cache that is never older than two seconds, and what operators may do.
import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import { PolicyError } from '../../src/domain/projects/policy.ts'
import { ProjectCache } from '../../src/domain/projects/project-cache.ts'
import {
  createProject,
  ensureDefaultProject,
  isProjectSecret,
  rotateProjectSecret,
  setPolicy,
} from '../../src/domain/projects/projects.ts'
import { insertProject } from '../../src/repositories/projects/projects.ts'
import { createDatabase, failingStores, storesOn } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const sql = postgres(await createDatabase(t), { max: 4, onnotice: () => {} })
t.teardown(() => sql.end())
/** What operators do elsewhere: in another process. */
const elsewhere = { stores: storesOn(sql) }

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
  const stores = failingStores(sql, () => {
    reads++
    return false
  })
  return { projects: new ProjectCache(stores), reads: () => reads }
}

t.test('a project is read once for many requests, also when they come at the same time', async (t) => {
  const { project } = await createProject(elsewhere, 'Busy', {})
  const { projects, reads } = counted()
  await Promise.all(Array.from({ length: 50 }, () => projects.get(project.id)))
  for (let i = 0; i < 50; i++) await projects.get(project.id)
  t.equal(reads(), 1)
  t.equal(projects.peek(project.id)?.name, 'Busy')
})

t.test('a changed policy is in force within two seconds, without any request waiting for it', async (t) => {
  const { project } = await createProject(elsewhere, 'Changing', { tokens: { access_seconds: 60 } })
  const { projects, reads } = counted()
  t.equal((await projects.get(project.id)).policy.tokens.access_seconds, 60)
  await setPolicy(elsewhere, project.id, { tokens: { access_seconds: 120 } })
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
  const { project } = await createProject(elsewhere, 'Quiet', {})
  const { projects } = counted()
  await projects.get(project.id)
  await rotateProjectSecret(elsewhere, project.id)
  pass(2000)
  t.equal(projects.peek(project.id), null)
  t.not(
    (await projects.get(project.id)).secretHash?.toString('hex'),
    project.secretHash?.toString('hex'),
    'the new secret, not the cached one',
  )
})

t.test('a project that does not exist is not cached as missing', async (t) => {
  const { projects, reads } = counted()
  const id = randomUUID()
  await t.rejects(projects.get(id), { code: 'project_unknown' })
  await t.rejects(projects.get(id), { code: 'project_unknown' })
  t.equal(reads(), 2)
  await insertProject(elsewhere.stores.unscoped, { id, name: 'Late' })
  t.equal((await projects.get(id)).name, 'Late')
})

t.test('a database that is away for a moment does not lose what is fresh enough', async (t) => {
  const { project } = await createProject(elsewhere, 'Sturdy', {})
  let away = false
  const projects = new ProjectCache(failingStores(sql, () => away))
  await projects.get(project.id)
  away = true
  pass(1050)
  t.ok(projects.peek(project.id), 'stale enough to reload, fresh enough to use')
  pass(900)
  await t.rejects(projects.get(project.id), { cause: { message: 'away' } }, 'too old: the failure is told')
  away = false
  t.ok(await projects.get(project.id))
})

t.test('the default project is one, however many make it at once', async (t) => {
  const made = await Promise.all(Array.from({ length: 8 }, () => ensureDefaultProject(elsewhere)))
  t.equal(new Set(made.map(({ id }) => id)).size, 1)
  const rows = await sql`select name, secret_hash from projects where is_default`
  t.same(rows.length, 1)
  t.equal(rows[0]?.secret_hash, null, 'it has no secret until an operator asks for one')
})

t.test('a secret proves its own project and no other; a rotated one proves nothing', async (t) => {
  const one = await createProject(elsewhere, 'One', {})
  const two = await createProject(elsewhere, 'Two', {})
  t.ok(isProjectSecret(one.project, one.secret))
  t.notOk(isProjectSecret(two.project, one.secret))
  const rotated = await rotateProjectSecret(elsewhere, one.project.id)
  t.notOk(isProjectSecret(rotated.project, one.secret))
  t.ok(isProjectSecret(rotated.project, rotated.secret))
  const without = await ensureDefaultProject(elsewhere)
  for (const secret of ['', 'null', one.secret]) t.notOk(isProjectSecret(without, secret))
})

t.test('a refused policy changes nothing', async (t) => {
  const { project } = await createProject(elsewhere, 'Careful', { tokens: { access_seconds: 60 } })
  await t.rejects(setPolicy(elsewhere, project.id, { tokens: { access_seconds: 0 } }), PolicyError)
  t.equal((await new ProjectCache(elsewhere.stores).get(project.id)).policy.tokens.access_seconds, 60)
  const [{ before } = { before: -1 }] = await sql`select count(*)::int as before from projects`
  await t.rejects(createProject(elsewhere, 'Never', { nonsense: true }), PolicyError)
  const [{ after } = { after: -2 }] = await sql`select count(*)::int as after from projects`
  t.equal(after, before)
})

t.test('setting a policy replaces the last one: what it leaves out has its default again', async (t) => {
  const { project } = await createProject(elsewhere, 'Twice', { tokens: { access_seconds: 60 } })
  const changed = await setPolicy(elsewhere, project.id, { lockout: { failures: 9 } })
  t.equal(changed.policy.tokens.access_seconds, 900)
  t.equal(changed.policy.lockout.failures, 9)
  await t.rejects(setPolicy(elsewhere, randomUUID(), {}), { code: 'project_unknown' })
})
