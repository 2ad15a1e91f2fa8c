// Accounts that an operator manages: created without a sign-up, given a role, disabled and enabled, deleted.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { formats } from '../../schemas/primitives.ts'
import { updateProfile } from '../../src/domain/accounts/profile.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { operatorContext } from '../../src/domain/context.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import {
  createUser,
  ensureUser,
  findAccount,
  listUsers,
  removeUser,
  setUserDisabled,
  setUserRole,
  type UserFacts,
  UserFactsError,
} from '../../src/domain/operators/users.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { refreshSession } from '../../src/domain/sessions/refresh.ts'
import { authenticateSession } from '../../src/domain/sessions/sessions.ts'
import { addMember } from '../../src/domain/teams/members.ts'
import { createTeam } from '../../src/domain/teams/teams.ts'
import { isMailbox } from '../../src/formats.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const { context, project, services, signedIn, sql } = await createTestDomain(t, {
  policy: { verification: { mode: 'strict' } },
})
const ctx = operatorContext(services, project)
const password = 'a good long password'

const newEmail = () => `${randomUUID()}@example.com`
async function person(over: Partial<UserFacts> = {}) {
  const email = newEmail()
  return createUser(ctx, { email, password, verified: true, ...over })
}
const signIn = (email: string, secret = password) =>
  signInWithPassword(context(), { email, password: secret })
const eventsOf = async ({ id }: { id: number }) =>
  (await sql`select event from audit_events where user_id = ${id} order by id`).map(({ event }) => event)

t.test('an account is made as it was wanted, and its owner signs in', async (t) => {
  const email = newEmail()
  const user = await createUser(ctx, {
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
  const user = await createUser(ctx, { email, password: null })
  t.match(user, { role: 'user', emailVerifiedAt: null, displayName: null })
  await t.rejects(signIn(email, ''), { code: 'invalid_credentials' })
})

t.test('a taken address is refused, and everything that is wrong is told at once', async (t) => {
  const { email } = await person()
  await t.rejects(createUser(ctx, { email, password: null }), { code: 'email_taken' })
  const wrong = { email: 'nobody', password: 'short', firstName: 'x'.repeat(256), lastName: 'a\0b' }
  const error = await createUser(ctx, wrong).catch((thrown: unknown) => thrown)
  t.ok(error instanceof UserFactsError)
  t.equal((error as UserFactsError).problems.length, 3)
  t.notMatch((error as UserFactsError).message, /short/, 'a password is not repeated')
  for (const bad of [
    '',
    'a@b',
    'a b@example.com',
    'ä@example.com',
    `${'a'.repeat(250)}@example.com`,
    'a@b.c\0',
  ])
    await t.rejects(createUser(ctx, { email: bad, password: null }), UserFactsError, bad)
})

t.test('the addresses that an operator can give are those that the wire takes', async (t) => {
  const given = ['ada@example.com', ' Ada+x@Sub.Example.com ', 'a@b', 'a..b@example.com', 'a@-b.de', 'é@b.de']
  for (const text of given) t.equal(isMailbox(text), formats.email.test(text), text)
})

t.test('sixteen wishes for one account at once make one', async (t) => {
  const email = newEmail()
  const made = await Promise.all(
    Array.from({ length: 16 }, () => ensureUser(ctx, { email, password, role: 'admin' })),
  )
  t.equal(made.filter((user) => user !== null).length, 1)
  const [row] = await sql`select count(*)::int as n from users where email = ${email}`
  t.equal(row?.n, 1)
  const before = await findAccount(ctx, email)
  t.equal(await ensureUser(ctx, { email, password: 'another good password', role: 'user' }), null)
  t.same(await findAccount(ctx, email), before, 'one that is there stays as it is')
})

t.test('disabling ends every session at once, and enabling does not bring them back', async (t) => {
  const { email, id } = await person()
  const grant = await signIn(email)
  const disabled = await setUserDisabled(ctx, email, true)
  t.ok(disabled.disabledAt)
  await t.rejects(authenticateSession(context(), grant), { code: 'unauthenticated' })
  await t.rejects(refreshSession(context(), grant), { code: 'invalid_refresh_token' })
  await t.rejects(signIn(email), { code: 'account_disabled' })
  t.same((await setUserDisabled(ctx, email, true)).disabledAt, disabled.disabledAt, 'once')
  t.equal((await setUserDisabled(ctx, email, false)).disabledAt, null)
  await t.rejects(authenticateSession(context(), grant), { code: 'unauthenticated' })
  t.ok(await signIn(email))
  const told = (await eventsOf({ id })).filter((event) => event !== 'signed_in')
  t.same(told, ['account_created', 'account_disabled', 'account_enabled'])
})

t.test('a role is set by an operator, and by nobody at sign-up or in a profile', async (t) => {
  const { email, id } = await person()
  t.equal((await setUserRole(ctx, email, 'admin')).role, 'admin')
  t.equal((await setUserRole(ctx, email, 'admin')).role, 'admin')
  t.equal((await signIn(email)).user.role, 'admin')
  t.equal((await setUserRole(ctx, email, 'user')).role, 'user')
  t.equal((await eventsOf({ id })).filter((event) => event === 'role_changed').length, 2)

  const facts = { email: newEmail(), password, role: 'admin' } as { email: string; password: string }
  const signedUp = await signUp(context(), facts)
  t.equal(signedUp.kind === 'verification_required' && signedUp.user.role, 'user')
  const principal = await authenticateSession(context(), await signIn(email))
  const patch = { displayName: 'Ada', role: 'admin' } as { displayName: string }
  await updateProfile(context(stranger, principal), patch)
  t.match(await findAccount(ctx, email), { displayName: 'Ada', role: 'user' })
})

t.test('a removed account is gone with all that hangs on it, and its address is free', async (t) => {
  const { email, id } = await person()
  const grant = await signIn(email)
  t.equal((await removeUser(ctx, email)).id, id)
  await t.rejects(authenticateSession(context(), grant), { code: 'unauthenticated' })
  t.same(await sql`select 1 from sessions where user_id = ${id}`, [])
  await t.rejects(removeUser(ctx, email), { code: 'account_unknown' })
  t.ok(await createUser(ctx, { email, password }))
})

t.test(
  'an account that others need as their team’s ADMIN is not removed, nor disabled without force',
  async (t) => {
    const [ada, bob, eve] = [await person(), await person(), await person()]
    const { id } = await createTeam(signedIn(await signIn(ada.email)), 'Engines')
    await addMember(ctx, id, { email: bob.email, role: 'VIEWER' })
    await t.rejects(removeUser(ctx, ada.email), { code: 'team_admin_needed' })
    t.ok(await findAccount(ctx, ada.email))

    await t.rejects(setUserDisabled(ctx, ada.email, true), { code: 'team_admin_needed' })
    t.equal((await findAccount(ctx, ada.email)).disabledAt, null)
    t.ok((await setUserDisabled(ctx, bob.email, true)).disabledAt, 'who is no ADMIN is needed by nobody')
    await addMember(ctx, id, { email: eve.email, role: 'ADMIN' })
    const both = await Promise.allSettled([ada, eve].map(({ email }) => setUserDisabled(ctx, email, true)))
    t.same(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'of two at once one stays')
    for (const { email } of [ada, eve])
      t.ok((await setUserDisabled(ctx, email, true, { force: true })).disabledAt)
  },
)

t.test('an address that nobody has is unknown, as is one of another project', async (t) => {
  const { email } = await person()
  const { project: other } = await createProject(services, 'Other', {})
  for (const [where, who] of [
    [operatorContext(services, other), email],
    [ctx, 'nobody@example.com'],
  ] as const) {
    const unknown = { code: 'account_unknown' }
    await t.rejects(findAccount(where, who), unknown)
    await t.rejects(setUserDisabled(where, who, true), unknown)
    await t.rejects(setUserRole(where, who, 'admin'), unknown)
    await t.rejects(removeUser(where, who), unknown)
  }
  t.same(await listUsers(operatorContext(services, other), null, 10), [])
})

t.test(
  'a password that the project refuses makes no account, and the sentence does not repeat it',
  async (t) => {
    const email = newEmail()
    const refused = async (password: string, sentence: RegExp, more: Partial<UserFacts> = {}) => {
      const error = await createUser(ctx, { email, password, ...more }).catch((thrown: unknown) => thrown)
      t.ok(error instanceof UserFactsError, password)
      t.match((error as UserFactsError).problems, [sentence])
      t.notMatch((error as UserFactsError).message, password)
    }
    await refused('letmein123', /^The password is one of the most common/)
    await refused(`${email}!`, /^The password must not be the e-mail address/)
    await refused('Lovelace99', /^The password must not be/, { lastName: 'Lovelace' })
    await t.rejects(ensureUser(ctx, { email, password: 'letmein123' }), UserFactsError)
    await t.rejects(findAccount(ctx, email), { code: 'account_unknown' })
  },
)

t.test('the list goes on where it ended', async (t) => {
  const { project: other } = await createProject(services, 'Other', {})
  const elsewhere = operatorContext(services, other)
  const made = []
  for (let i = 0; i < 5; i++) made.push(await createUser(elsewhere, { email: newEmail(), password: null }))
  const first = await listUsers(elsewhere, null, 3)
  const rest = await listUsers(elsewhere, first.at(-1)?.id ?? 0, 3)
  t.same(
    [...first, ...rest].map(({ id }) => id),
    made.map(({ id }) => id),
  )
})
