// People whom an operator looks after: made without a sign-up, given a role, kept out and let in, removed.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { formats } from '../../schemas/primitives.ts'
import { isAddress } from '../../src/domain/addresses.ts'
import { type NewPerson, PersonError } from '../../src/domain/people.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const { domain, project, sql } = await createTestDomain(t, { policy: { verification: { mode: 'strict' } } })
const { people } = domain
const password = 'a good long password'

const newEmail = () => `${randomUUID()}@example.com`
async function person(over: Partial<NewPerson> = {}) {
  const email = newEmail()
  return people.create(project, { email, password, verified: true, ...over })
}
const signIn = (email: string, secret = password) =>
  domain.signIn.withPassword(project, { email, password: secret }, stranger)
const eventsOf = async ({ id }: { id: number }) =>
  (await sql`select event from audit_events where user_id = ${id} order by id`).map(({ event }) => event)

t.test('an account is made as it was wanted, and its owner signs in', async (t) => {
  const email = newEmail()
  const user = await people.create(project, {
    email: ` ${email.toUpperCase()} `,
    password,
    firstName: 'Ada',
    lastName: 'Lovelace',
    displayName: 'Ada L.',
    role: 'admin',
    verified: true,
  })
  t.match(user, { email, firstName: 'Ada', lastName: 'Lovelace', displayName: 'Ada L.', role: 'admin' })
  t.ok(user.emailVerifiedAt)
  t.equal((await signIn(email)).user.role, 'admin')
  t.same(await eventsOf(user), ['account_created', 'signed_in'])
  const mails = await sql`select kind from outbox where user_id = ${user.id} and kind <> 'new_device'`
  t.same(mails, [], 'no mail is owed')
})

t.test('what is not said is not assumed: a user, unverified, without a password', async (t) => {
  const email = newEmail()
  const user = await people.create(project, { email, password: null })
  t.match(user, { role: 'user', emailVerifiedAt: null, displayName: null })
  await t.rejects(signIn(email, ''), { code: 'invalid_credentials' })
})

t.test('a taken address is refused, and everything that is wrong is told at once', async (t) => {
  const { email } = await person()
  await t.rejects(people.create(project, { email, password: null }), { code: 'email_taken' })
  const wrong = { email: 'nobody', password: 'short', firstName: 'x'.repeat(256), lastName: 'a\0b' }
  const error = await people.create(project, wrong).catch((thrown: unknown) => thrown)
  t.ok(error instanceof PersonError)
  t.equal((error as PersonError).problems.length, 3)
  t.notMatch((error as PersonError).message, /short/, 'a password is not repeated')
  for (const bad of [
    '',
    'a@b',
    'a b@example.com',
    'ä@example.com',
    `${'a'.repeat(250)}@example.com`,
    'a@b.c\0',
  ])
    await t.rejects(people.create(project, { email: bad, password: null }), PersonError, bad)
})

t.test('the addresses that an operator can give are those that the wire takes', async (t) => {
  const given = ['ada@example.com', ' Ada+x@Sub.Example.com ', 'a@b', 'a..b@example.com', 'a@-b.de', 'é@b.de']
  for (const text of given) t.equal(isAddress(text), formats.email.test(text), text)
})

t.test('sixteen wishes for one account at once make one', async (t) => {
  const email = newEmail()
  const made = await Promise.all(
    Array.from({ length: 16 }, () => people.ensure(project, { email, password, role: 'admin' })),
  )
  t.equal(made.filter((user) => user !== null).length, 1)
  const [row] = await sql`select count(*)::int as n from users where email = ${email}`
  t.equal(row?.n, 1)
  const before = await people.find(project, email)
  t.equal(await people.ensure(project, { email, password: 'another good password', role: 'user' }), null)
  t.same(await people.find(project, email), before, 'one that is there stays as it is')
})

t.test('disabling ends every session at once, and enabling does not bring them back', async (t) => {
  const { email, id } = await person()
  const grant = await signIn(email)
  const disabled = await people.setDisabled(project, email, true)
  t.ok(disabled.disabledAt)
  await t.rejects(domain.sessions.authenticate(project, grant), { code: 'unauthenticated' })
  await t.rejects(domain.sessions.refresh(project, grant), { code: 'invalid_refresh_token' })
  await t.rejects(signIn(email), { code: 'account_disabled' })
  t.same((await people.setDisabled(project, email, true)).disabledAt, disabled.disabledAt, 'once')
  t.equal((await people.setDisabled(project, email, false)).disabledAt, null)
  await t.rejects(domain.sessions.authenticate(project, grant), { code: 'unauthenticated' })
  t.ok(await signIn(email))
  const told = (await eventsOf({ id })).filter((event) => event !== 'signed_in')
  t.same(told, ['account_created', 'account_disabled', 'account_enabled'])
})

t.test('a role is set by an operator, and by nobody at sign-up or in a profile', async (t) => {
  const { email, id } = await person()
  t.equal((await people.setRole(project, email, 'admin')).role, 'admin')
  t.equal((await people.setRole(project, email, 'admin')).role, 'admin')
  t.equal((await signIn(email)).user.role, 'admin')
  t.equal((await people.setRole(project, email, 'user')).role, 'user')
  t.equal((await eventsOf({ id })).filter((event) => event === 'role_changed').length, 2)

  const facts = { email: newEmail(), password, role: 'admin' } as { email: string; password: string }
  const signedUp = await domain.users.signUp(project, facts, stranger)
  t.equal(signedUp.kind === 'verification_required' && signedUp.user.role, 'user')
  const principal = await domain.sessions.authenticate(project, await signIn(email))
  const patch = { displayName: 'Ada', role: 'admin' } as { displayName: string }
  await domain.profile.update(project, principal, stranger, patch)
  t.match(await people.find(project, email), { displayName: 'Ada', role: 'user' })
})

t.test('a removed account is gone with all that hangs on it, and its address is free', async (t) => {
  const { email, id } = await person()
  const grant = await signIn(email)
  t.equal((await people.remove(project, email)).id, id)
  await t.rejects(domain.sessions.authenticate(project, grant), { code: 'unauthenticated' })
  t.same(await sql`select 1 from sessions where user_id = ${id}`, [])
  await t.rejects(people.remove(project, email), { code: 'account_unknown' })
  t.ok(await people.create(project, { email, password }))
})

t.test(
  'an account that others need as their team’s ADMIN is not removed, nor disabled without force',
  async (t) => {
    const [ada, bob, eve] = [await person(), await person(), await person()]
    const actor = async (email: string) => ({
      principal: await domain.sessions.authenticate(project, await signIn(email)),
      caller: stranger,
    })
    const { id } = await domain.teams.create(project, await actor(ada.email), 'Engines')
    await domain.teamMembers.add(project, 'operator', id, { email: bob.email, role: 'VIEWER' })
    await t.rejects(people.remove(project, ada.email), { code: 'team_admin_needed' })
    t.ok(await people.find(project, ada.email))

    await t.rejects(people.setDisabled(project, ada.email, true), { code: 'team_admin_needed' })
    t.equal((await people.find(project, ada.email)).disabledAt, null)
    t.ok(
      (await people.setDisabled(project, bob.email, true)).disabledAt,
      'who is no ADMIN is needed by nobody',
    )
    await domain.teamMembers.add(project, 'operator', id, { email: eve.email, role: 'ADMIN' })
    const both = await Promise.allSettled(
      [ada, eve].map(({ email }) => people.setDisabled(project, email, true)),
    )
    t.same(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'of two at once one stays')
    for (const { email } of [ada, eve])
      t.ok((await people.setDisabled(project, email, true, { force: true })).disabledAt)
  },
)

t.test('an address that nobody has is unknown, as is one of another project', async (t) => {
  const { email } = await person()
  const { project: other } = await domain.projects.create('Other', {})
  for (const [where, who] of [
    [other, email],
    [project, 'nobody@example.com'],
  ] as const) {
    const unknown = { code: 'account_unknown' }
    await t.rejects(people.find(where, who), unknown)
    await t.rejects(people.setDisabled(where, who, true), unknown)
    await t.rejects(people.setRole(where, who, 'admin'), unknown)
    await t.rejects(people.remove(where, who), unknown)
  }
  t.same(await people.list(other, null, 10), [])
})

t.test('the list goes on where it ended', async (t) => {
  const { project: other } = await domain.projects.create('Other', {})
  const made = []
  for (let i = 0; i < 5; i++) made.push(await people.create(other, { email: newEmail(), password: null }))
  const first = await people.list(other, null, 3)
  const rest = await people.list(other, first.at(-1)?.id ?? 0, 3)
  t.same(
    [...first, ...rest].map(({ id }) => id),
    made.map(({ id }) => id),
  )
})
