// The security log: what it keeps, that it outlives the account, and that its chain shows every later change.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { deleteAccount } from '../../src/domain/accounts/deletion.ts'
import { changePassword } from '../../src/domain/accounts/password-change.ts'
import { requestReset, resetPassword } from '../../src/domain/accounts/recovery.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { resealChains, sealSecurityLog, sweepSecurityLog } from '../../src/domain/audit/chain.ts'
import { verifySecurityLog } from '../../src/domain/audit/chain-verification.ts'
import { installationId } from '../../src/domain/audit/operator-acts.ts'
import { operatorContext } from '../../src/domain/context.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import type { RefusalFacts } from '../../src/domain/observer.ts'
import { noObserver } from '../../src/domain/observer.ts'
import { readUser } from '../../src/domain/operators/imported-person.ts'
import { listSecurityLog } from '../../src/domain/operators/log.ts'
import { importUsers } from '../../src/domain/operators/user-import.ts'
import * as operators from '../../src/domain/operators/users.ts'
import {
  createProject,
  type Project,
  rotateProjectSecret,
  setPolicy,
} from '../../src/domain/projects/projects.ts'
import { refreshSession } from '../../src/domain/sessions/refresh.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const refusals: RefusalFacts[] = []
const { sql, services, context, signedIn } = await createTestDomain(t, {
  observer: { ...noObserver, refused: (facts) => void refusals.push(facts) },
})
const password = 'a good long password'
const page = { before: null, limit: 10 }
const newEmail = () => `${randomUUID()}@example.com`
const newProject = async (policy: object = {}) => (await createProject(services, 'Log', policy)).project
const as = (project: Project, caller = stranger) => context(caller, null, project)

async function newAccount(project: Project) {
  const email = newEmail()
  const made = await signUp(as(project), { email, password })
  if (made.kind !== 'signed_in') throw new Error('No session.')
  return { email, ...made.grant }
}

const rowsOf = (project: Project) =>
  sql`select * from security_log where project_id = ${project.id} order by id`
const eventsOf = async (project: Project) => (await rowsOf(project)).map(({ event }) => event)
const fails = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('It worked.')),
    () => {},
  )
const verdictOf = async (project: Project) => {
  const [verdict] = await verifySecurityLog(services, project.id)
  if (!verdict) throw new Error('No verdict.')
  return verdict
}

t.test('sign-ins, refusals with their reason, and lockouts stand in the log', async (t) => {
  const project = await newProject({ lockout: { failures: 3 } })
  const { email, user, sessionId } = await newAccount(project)
  const ctx = as(project)
  await signInWithPassword(ctx, { email, password })
  for (let i = 0; i < 4; i++) await fails(signInWithPassword(ctx, { email, password: 'wrong' }))
  const rows = await rowsOf(project)
  t.same(
    rows.map(({ event, outcome, details }) => [event, outcome, details.reason]),
    [
      ['project_created', 'success', undefined],
      ['signed_up', 'success', undefined],
      ['signed_in', 'success', undefined],
      ['sign_in_refused', 'refused', 'wrong_password'],
      ['sign_in_refused', 'refused', 'wrong_password'],
      ['sign_in_refused', 'refused', 'wrong_password'],
      ['sign_in_locked', 'success', undefined],
      ['sign_in_refused', 'refused', 'too_many_attempts'],
    ],
  )
  t.ok(
    rows.slice(1).every(({ account }) => account === user.uuid),
    'each names the account',
  )
  t.ok(rows.slice(1).every(({ address_prefix }) => address_prefix === stranger.addressPrefix))
  t.ok(
    rows.every(({ address_hash }) => address_hash === null),
    'no address of an account, hashed or not',
  )
  t.equal(rows[1]?.session_id, sessionId)
  t.equal(rows[1]?.actor, 'user')
  t.equal(rows[3]?.actor, 'none')
})

t.test('two hundred refused guesses are two hundred rows, in whatever order they come', async (t) => {
  const project = await newProject({ lockout: { failures: 1000 } })
  const { email } = await newAccount(project)
  const guess = (i: number) => {
    const ctx = as(project, { ...stranger, address: `192.0.2.${i}` })
    return fails(signInWithPassword(ctx, { email, password: 'wrong' }))
  }
  for (let from = 0; from < 200; from += 20)
    await Promise.all(Array.from({ length: 20 }, (_, i) => guess(from + i)))
  t.equal((await eventsOf(project)).filter((event) => event === 'sign_in_refused').length, 200)
})

t.test(
  'an address without an account is kept as an HMAC, by which an operator who knows it finds it',
  async (t) => {
    const project = await newProject()
    const email = newEmail()
    await fails(signInWithPassword(as(project), { email, password: 'wrong' }))
    const ctx = operatorContext(services, project)
    const [row, ...more] = await listSecurityLog(ctx, { user: email.toUpperCase() }, page)
    t.equal(more.length, 0)
    t.match(row, { event: 'sign_in_refused', account: null, details: { reason: 'unknown_account' } })
    t.notOk(JSON.stringify(await rowsOf(project)).includes(email.split('@')[0] ?? ''))
    t.same(await listSecurityLog(ctx, { user: newEmail() }, page), [])
  },
)

t.test('the log outlives the account, and nothing in it leads to the person', async (t) => {
  const project = await newProject()
  const { email, user, ...grant } = await newAccount(project)
  const ctx = signedIn({ user, ...grant }, stranger, project)
  await changePassword(ctx, { currentPassword: password, newPassword: 'another good password' })
  await deleteAccount(ctx, 'another good password')
  t.equal((await sql`select 1 from audit_events where user_id = ${user.id}`).length, 0)
  const found = await listSecurityLog(operatorContext(services, project), { user: user.uuid }, page)
  t.same(
    found.map(({ event }) => event),
    ['account_deleted', 'password_changed', 'signed_up'],
  )
  const text = JSON.stringify(await rowsOf(project))
  for (const trace of [email, email.split('@')[0] ?? '', `"user_id"`]) t.notOk(text.includes(trace), trace)
})

t.test('an account whose grace is over is logged as deleted', async (t) => {
  const project = await newProject({ deletion: { grace_seconds: 60 } })
  const { user, email: _, ...grant } = await newAccount(project)
  await deleteAccount(signedIn({ user, ...grant }, stranger, project), password)
  await sql`update users set deletion_due_at = now() - interval '1 second' where id = ${user.id}`
  await signUp(as(project), { email: user.email, password })
  const rows = await rowsOf(project)
  t.same(
    rows.filter(({ account }) => account === user.uuid).map(({ event, details }) => [event, details.reason]),
    [
      ['signed_up', undefined],
      ['deletion_requested', undefined],
      ['account_deleted', 'grace_over'],
    ],
  )
})

t.test('acts of an operator are logged as such, whatever they are', async (t) => {
  const project = await newProject()
  const ctx = operatorContext(services, project)
  const email = newEmail()
  await operators.createUser(ctx, { email, password })
  await operators.setUserRole(ctx, email, 'admin', { force: true })
  await operators.setUserDisabled(ctx, email, true)
  await operators.setUserDisabled(ctx, email, false)
  await operators.removeUser(ctx, email)
  const imported = readUser({ email: newEmail() })
  if (typeof imported === 'string') throw new Error(imported)
  await importUsers(ctx, [imported])
  await setPolicy(services, project.id, {})
  await rotateProjectSecret(services, project.id)
  const rows = await rowsOf(project)
  t.same(
    rows.map(({ event }) => event),
    [
      'project_created',
      'account_created',
      'role_changed',
      'account_disabled',
      'account_enabled',
      'account_deleted',
      'account_created',
      'policy_changed',
      'project_secret_rotated',
    ],
  )
  t.ok(rows.every(({ actor, details }) => actor === 'operator' && details.via === 'command_line'))
})

t.test(
  'a reset is logged the same way for known and unknown addresses; a wrong proof with its reason',
  async (t) => {
    const project = await newProject()
    const { email, user } = await newAccount(project)
    const unknown = newEmail()
    await requestReset(as(project), { email, redirectTo: null })
    await requestReset(as(project), { email: unknown, redirectTo: null })
    await fails(resetPassword(as(project), { email, code: '000000' }, 'another good password'))
    await fails(resetPassword(as(project), { token: 'svt_nonsense' }, 'another good password'))
    const rows = (await rowsOf(project)).slice(2)
    t.same(
      rows.map(({ event, account, details }) => [event, account, details.reason]),
      [
        ['password_reset_requested', user.uuid, undefined],
        ['password_reset_requested', null, undefined],
        ['proof_refused', user.uuid, 'invalid_verification_code'],
        ['proof_refused', null, 'invalid_verification_token'],
      ],
    )
  },
)

t.test('a reused refresh token is a refusal of its session', async (t) => {
  const project = await newProject({ tokens: { replay_grace_seconds: 0, access_seconds: 1 } })
  const { sessionId, generation } = await newAccount(project)
  const ctx = as(project)
  await refreshSession(ctx, { sessionId, generation })
  await refreshSession(ctx, { sessionId, generation: generation + 1 })
  await fails(refreshSession(ctx, { sessionId, generation }))
  const [row] =
    await sql`select * from security_log where project_id = ${project.id} and event = 'refresh_reused'`
  t.match(row, { outcome: 'refused', session_id: sessionId })
  t.same(await eventsOf(project), ['project_created', 'signed_up', 'refresh_reused'], 'a refresh is no row')
})

t.test('a refusal is reported once, with network, account and reason, and without the address', async (t) => {
  const project = await newProject()
  const { email, user } = await newAccount(project)
  refusals.length = 0
  await fails(signInWithPassword(as(project), { email, password: 'wrong' }))
  t.same(refusals, [
    {
      event: 'sign_in_refused',
      reason: 'wrong_password',
      projectId: project.id,
      account: user.uuid,
      addressPrefix: stranger.addressPrefix,
    },
  ])
})

t.test('sealed rows verify, whatever order they were committed in', async (t) => {
  const project = await newProject({ lockout: { failures: 1000 } })
  await Promise.all(
    Array.from({ length: 40 }, () =>
      fails(signInWithPassword(as(project), { email: newEmail(), password: 'no' })),
    ),
  )
  // Two jobs at once: one seals, the other passes by.
  await Promise.all([sealSecurityLog(services), sealSecurityLog(services)])
  await sealSecurityLog(services)
  await fails(signInWithPassword(as(project), { email: newEmail(), password: 'no' }))
  t.match(await verdictOf(project), { rows: 41, unsealed: 1, broken: null, head: { position: 41 } })
  await sealSecurityLog(services)
  t.match(await verdictOf(project), { rows: 42, unsealed: 0, broken: null })
})

t.test('a transaction that commits late is sealed after those that it was overtaken by', async (t) => {
  const project = await newProject()
  const late = await sql.reserve()
  await late`begin`
  await late`insert into security_log (project_id, event, actor) values (${project.id}, 'signed_in', 'user')`
  await fails(signInWithPassword(as(project), { email: newEmail(), password: 'no' }))
  await sealSecurityLog(services)
  await late`commit`
  late.release()
  await sealSecurityLog(services)
  const rows = await sql`select event from security_log where project_id = ${project.id} order by position`
  t.same(
    rows.map(({ event }) => event),
    ['project_created', 'sign_in_refused', 'signed_in'],
  )
  t.match(await verdictOf(project), { rows: 3, broken: null })
})

const tampering: Record<string, (id: string) => Promise<unknown>> = {
  'a changed event': (id) =>
    sql`update security_log set event = 'signed_in' where project_id = ${id} and position = 3`,
  'a changed account': (id) =>
    sql`update security_log set account = ${randomUUID()} where project_id = ${id} and position = 3`,
  'a changed instant': (id) =>
    sql`update security_log set at = at - interval '1 millisecond' where project_id = ${id} and position = 3`,
  'changed details': (id) =>
    sql`update security_log set details = '{}' where project_id = ${id} and position = 3`,
  'a removed row': (id) => sql`delete from security_log where project_id = ${id} and position = 3`,
  'removed rows at the end': (id) => sql`delete from security_log where project_id = ${id} and position >= 3`,
  'removed rows at the beginning': (id) =>
    sql`delete from security_log where project_id = ${id} and position <= 2`,
  'a removed end whose head was moved along': (id) => sql`with cut as (
      delete from security_log where project_id = ${id} and position > 3)
    update security_log_chains set head_position = 3, head_hash = (
      select hash from security_log where project_id = ${id} and position = 3) where project_id = ${id}`,
  'a removed beginning whose anchor was moved along': (id) => sql`with cut as (
      delete from security_log where project_id = ${id} and position <= 3)
    update security_log_chains set anchor_position = 3, anchor_hash = (
      select hash from security_log where project_id = ${id} and position = 3) where project_id = ${id}`,
  'two rows that changed places': (id) => sql`update security_log a set event = b.event, details = b.details,
      account = b.account, address_hash = b.address_hash from security_log b
    where a.project_id = ${id} and b.project_id = ${id} and a.position in (1, 3) and b.position = 4 - a.position`,
  'a row inserted in place of another': async (id) => {
    await sql`delete from security_log where project_id = ${id} and position = 3`
    await sql`insert into security_log (project_id, event, actor, position, hash)
      values (${id}, 'signed_in', 'user', 3, '\\x00')`
  },
  'a chain that was removed': (id) => sql`delete from security_log_chains where project_id = ${id}`,
}

for (const [name, tamper] of Object.entries(tampering))
  t.test(`${name} is found`, async (t) => {
    const project = await newProject()
    for (let i = 0; i < 4; i++)
      await fails(signInWithPassword(as(project), { email: newEmail(), password: 'no' }))
    await sealSecurityLog(services)
    t.equal((await verdictOf(project)).broken, null)
    await tamper(project.id)
    t.type((await verdictOf(project)).broken, 'string')
    const others = (await verifySecurityLog(services, null)).filter(
      ({ projectId }) => projectId !== project.id,
    )
    t.ok(
      others.every(({ broken }) => broken === null),
      'and every other project is whole',
    )
    await sql`delete from security_log where project_id = ${project.id}`
    await sql`delete from security_log_chains where project_id = ${project.id}`
  })

t.test('retention deletes the oldest rows, and what stays still verifies', async (t) => {
  const project = await newProject({ audit: { retention_days: 30 } })
  for (let i = 0; i < 5; i++)
    await fails(signInWithPassword(as(project), { email: newEmail(), password: 'no' }))
  // Aged before they are sealed: a sealed row cannot be aged.
  await sql`update security_log set at = now() - interval '31 days'
    where project_id = ${project.id} and id in (
      select id from security_log where project_id = ${project.id} order by id limit 3)`
  await sealSecurityLog(services)
  t.equal(await sweepSecurityLog(services), 3)
  t.match(await verdictOf(project), { rows: 3, broken: null, head: { position: 6 } })
  t.equal(await sweepSecurityLog(services), 0)
  await sql`insert into security_log (project_id, event, actor, position, hash)
    values (${project.id}, 'signed_in', 'user', 2, '\\x00')`
  t.match((await verdictOf(project)).broken, /up to position 3/)
})

t.test('a row that is kept keeps those after it, however old they say they are', async (t) => {
  const project = await newProject({ audit: { retention_days: 30 } })
  await sql`insert into security_log (project_id, event, actor, at)
    values (${project.id}, 'signed_in', 'user', now() - interval '40 days')`
  await sealSecurityLog(services)
  t.equal(await sweepSecurityLog(services), 0)
})

t.test('a new SECRET_KEY opens the chain once it is sealed anew', async (t) => {
  const project = await newProject()
  await sealSecurityLog(services)
  const [old] = services.keys.sealing
  const fresh = Buffer.alloc(32, 9)
  const under = (...sealing: [Buffer, ...Buffer[]]) => ({ ...services, keys: { ...services.keys, sealing } })
  t.match((await verifySecurityLog(under(fresh), project.id))[0]?.broken, /SECRET_KEY/)
  t.ok((await resealChains(under(fresh, old))) > 0)
  t.equal((await verifySecurityLog(under(fresh), project.id))[0]?.broken, null)
  await resealChains(under(old, fresh))
  t.notOk((await verifySecurityLog(services, null)).some(({ projectId }) => projectId === installationId))
})
