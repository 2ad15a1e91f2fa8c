// Lockout: which bucket refuses whom, and for how long.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { AuthError } from '../../src/domain/errors.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import * as lockout from '../../src/domain/throttling/lockout.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const { sql, services, context } = await createTestDomain(t)
const policy = { lockout: { failures: 3, window_seconds: 600, base_seconds: 60 } }
const newProject = async () => (await createProject(services, 'Lockout', policy)).project
const passwordAttempt = (project: Project, email: string, address: string, addressKnown: boolean) =>
  lockout.passwordAttempt(context({ ...stranger, address }, null, project), email, addressKnown)
const codeAttempt = (project: Project, email: string) =>
  lockout.codeAttempt(context(stranger, null, project), email)

let addresses = 0
const newAddress = () => `192.0.2.${++addresses}`
const newEmail = () => `${randomUUID()}@example.com`

/** Seconds to wait, or null where the attempt may be made. */
async function waitOf(attempt: { reserve(): Promise<void> }): Promise<number | null> {
  try {
    await attempt.reserve()
    return null
  } catch (error) {
    if (!(error instanceof AuthError) || error.code !== 'too_many_attempts') throw error
    return error.details.retryAfterSeconds ?? 0
  }
}

t.test('as many failures as the policy says are borne, and the next attempt waits', async (t) => {
  const project = await newProject()
  const [email, address] = [newEmail(), newAddress()]
  const attempt = () => waitOf(passwordAttempt(project, email, address, false))
  t.same([await attempt(), await attempt(), await attempt()], [null, null, null])
  const wait = (await attempt()) ?? 0
  t.ok(wait > 55 && wait <= 60, `${wait} seconds`)
  t.equal(await waitOf(passwordAttempt(project, newEmail(), address, false)), null, 'another account may')
  t.equal(await waitOf(passwordAttempt(project, email, newAddress(), false)), null, 'another address may')
  const elsewhere = await newProject()
  t.equal(await waitOf(passwordAttempt(elsewhere, email, address, false)), null, 'another project may')
})

t.test('each failure after a lock doubles it, up to 2^10 times', async (t) => {
  const project = await newProject()
  const [email, address] = [newEmail(), newAddress()]
  const attempt = () => waitOf(passwordAttempt(project, email, address, false))
  for (let i = 0; i < 3; i++) await attempt()
  const waits: number[] = []
  for (let i = 0; i < 13; i++) {
    waits.push((await attempt()) ?? 0)
    // The lock is over; the window is not.
    await sql`update sign_in_failures set locked_until = now() - interval '1 second' where project_id = ${project.id}`
    t.equal(await attempt(), null)
  }
  const doubled = Array.from({ length: 13 }, (_, i) => 60 * 2 ** Math.min(i, 10))
  for (const [i, wait] of waits.entries())
    t.ok(Math.abs(wait - (doubled[i] ?? 0)) <= 3, `${wait} where ${doubled[i]} was expected`)
})

t.test('a waiting attempt counts nothing, so waiting is enough', async (t) => {
  const project = await newProject()
  const [email, address] = [newEmail(), newAddress()]
  const attempt = () => waitOf(passwordAttempt(project, email, address, false))
  for (let i = 0; i < 20; i++) await attempt()
  const rows = await sql`select bucket, attempts from sign_in_failures where project_id = ${project.id}`
  t.same(new Set(rows.map((row) => row.attempts)), new Set([3]))
})

t.test('refused attempts count nothing either when they come at the same time', async (t) => {
  for (let round = 0; round < 5; round++) {
    const project = await newProject()
    const [email, address] = [newEmail(), newAddress()]
    const waits = await Promise.all(
      Array.from({ length: 20 }, () => waitOf(passwordAttempt(project, email, address, false))),
    )
    t.equal(waits.filter((wait) => wait === null).length, 3)
    const rows = await sql`select bucket, attempts from sign_in_failures where project_id = ${project.id}`
    t.same(Object.fromEntries(rows.map((row) => [row.bucket, row.attempts])), {
      account: 3,
      account_address: 3,
      address: 3,
    })
  }
})

t.test('a window that is over forgets', async (t) => {
  const project = await newProject()
  const [email, address] = [newEmail(), newAddress()]
  const attempt = () => waitOf(passwordAttempt(project, email, address, false))
  await attempt()
  await attempt()
  await sql`update sign_in_failures set window_started_at = now() - interval '601 seconds' where project_id = ${project.id}`
  t.same([await attempt(), await attempt(), await attempt()], [null, null, null], 'three more are borne')
  t.ok(await attempt())
})

t.test('a success empties the strict bucket and gives the loose ones their attempt back', async (t) => {
  const project = await newProject()
  const [email, address] = [newEmail(), newAddress()]
  await passwordAttempt(project, email, address, false).reserve()
  await passwordAttempt(project, email, address, false).reserve()
  const right = passwordAttempt(project, email, address, false)
  await right.reserve()
  await right.release('succeeded')
  const rows =
    await sql`select bucket, attempts, locked_until from sign_in_failures where project_id = ${project.id}`
  t.same(Object.fromEntries(rows.map((row) => [row.bucket, row.attempts])), {
    account: 2,
    account_address: 0,
    address: 2,
  })
  t.ok(
    rows.every((row) => row.locked_until === null),
    'the lock that the third attempt put on itself is gone',
  )
})

t.test('one account guessed at from everywhere locks at twenty times the failures', async (t) => {
  const project = await newProject()
  const email = newEmail()
  for (let i = 0; i < 60; i++)
    t.equal(await waitOf(passwordAttempt(project, email, newAddress(), false)), null)
  t.ok(await waitOf(passwordAttempt(project, email, newAddress(), false)), 'an unknown address waits')
  const home = newAddress()
  t.equal(await waitOf(passwordAttempt(project, email, home, true)), null, 'a known address never does')
  t.same(
    [
      await waitOf(passwordAttempt(project, email, home, true)),
      await waitOf(passwordAttempt(project, email, home, true)),
    ],
    [null, null],
  )
  t.ok(await waitOf(passwordAttempt(project, email, home, true)), 'until its own strict bucket is full')
})

t.test('one address that guesses at every account locks at twenty times the failures', async (t) => {
  const project = await newProject()
  const address = newAddress()
  for (let i = 0; i < 60; i++)
    t.equal(await waitOf(passwordAttempt(project, newEmail(), address, false)), null)
  t.ok(await waitOf(passwordAttempt(project, newEmail(), address, false)))
  t.ok(
    await waitOf(passwordAttempt(project, newEmail(), address, true)),
    'that an account knows the address opens its own bucket alone',
  )
  t.equal(await waitOf(passwordAttempt(project, newEmail(), newAddress(), false)), null)
})

t.test('ten wrong short codes in an hour, over all codes of an address, and not one more', async (t) => {
  const project = await newProject()
  const email = newEmail()
  for (let i = 0; i < 10; i++) t.equal(await waitOf(codeAttempt(project, email)), null)
  const wait = (await waitOf(codeAttempt(project, email))) ?? 0
  t.ok(wait > 3590 && wait <= 3600)
  t.equal(
    await waitOf(passwordAttempt(project, email, newAddress(), false)),
    null,
    'signing in is another matter',
  )
})

t.test('a lock of mailed codes grows to eight hours at most', async (t) => {
  const project = await newProject()
  const email = newEmail()
  for (let i = 0; i < 10; i++) await waitOf(codeAttempt(project, email))
  for (const hours of [1, 2, 4, 8, 8, 8]) {
    const wait = (await waitOf(codeAttempt(project, email))) ?? 0
    t.ok(Math.abs(wait - hours * 3600) <= 3, `${wait} seconds where ${hours} hours were expected`)
    await sql`update sign_in_failures set locked_until = now() - interval '1 second' where project_id = ${project.id}`
    t.equal(await waitOf(codeAttempt(project, email)), null)
  }
})

t.test('a new password clears the failures of its account from there, and no other', async (t) => {
  const project = await newProject()
  const [email, another, address] = [newEmail(), newEmail(), newAddress()]
  const attempt = (of: string) => waitOf(passwordAttempt(project, of, address, false))
  for (const of of [email, another]) for (let i = 0; i < 3; i++) await attempt(of)
  const counts = async () =>
    Object.fromEntries(
      (
        await sql`select bucket, sum(attempts)::int as n from sign_in_failures
          where project_id = ${project.id} group by bucket`
      ).map(({ bucket, n }) => [bucket, n]),
    )
  t.same(await counts(), { account: 6, account_address: 6, address: 6 })
  await lockout.clearPasswordFailures(context({ ...stranger, address }, null, project), email)
  t.same(await counts(), { account: 6, account_address: 3, address: 6 })
  t.equal(await attempt(email), null)
  t.not(await attempt(another), null)
})

t.test('the rows name neither address nor account', async (t) => {
  const project = await newProject()
  await passwordAttempt(project, 'ada@example.com', '203.0.113.9', false).reserve()
  const rows = await sql`select * from sign_in_failures where project_id = ${project.id}`
  t.equal(rows.length, 3)
  const text = rows
    .map((row) => `${JSON.stringify(row)} ${Buffer.from(row.key_hash).toString('latin1')}`)
    .join()
  t.notMatch(text, /ada@|example\.com|203\.0\.113/)
  t.ok(rows.every((row) => row.key_hash.length === 32))
})
