// A password changed by address and old password: what a stranger sees is a failed sign-in, what an owner gets is safe.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Argon2, loadArgon2 } from '../../src/crypto/passwords.ts'
import { changePassword, changePasswordByAddress } from '../../src/domain/accounts/password-change.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import type { Principal } from '../../src/domain/actor.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { authenticateSession } from '../../src/domain/sessions/sessions.ts'
import { removePassword } from '../../src/repositories/credentials/passwords.ts'
import { createTestDomain, stranger } from '../support/domain.ts'

const checked: string[] = []
const argon2 = await loadArgon2()
const watched: Argon2 = {
  ...argon2,
  verify(phc, password) {
    checked.push(phc)
    return argon2.verify(phc, password)
  },
}
const { services, project, context, signedIn, sql } = await createTestDomain(t, {
  argon2: watched,
  policy: { sessions: { notify_new_device: false } },
})
const password = 'a good long password'
const better = 'a better and longer password'

async function person(of = project) {
  const email = `${randomUUID()}@example.com`
  const signedUp = await signUp(context(stranger, null, of), { email, password })
  if (signedUp.kind !== 'signed_in') throw new Error('A session was expected.')
  const principal = await authenticateSession(context(stranger, null, of), signedUp.grant)
  return { email, principal, grant: signedUp.grant }
}
const change = (
  email: string,
  oldPassword: string,
  newPassword: string,
  principal: Principal | null = null,
  caller = stranger,
) => changePasswordByAddress(context(caller, principal), { email, oldPassword, newPassword })
const signIn = (email: string, secret: string, caller = stranger) =>
  signInWithPassword(context(caller), { email, password: secret })
const events = async ({ user }: Principal, event: string) =>
  (await sql`select count(*)::int as n from audit_events where user_id = ${user.id} and event = ${event}`)[0]
    ?.n
const mails = async ({ user }: Principal, kind: string) =>
  (await sql`select count(*)::int as n from outbox where user_id = ${user.id} and kind = ${kind}`)[0]?.n

t.test('the old password and the address give a new password, and every session ends', async (t) => {
  const { email, principal, grant } = await person()
  const user = await change(` ${email.toUpperCase()} `, password, better)
  t.equal(user.uuid, principal.user.uuid)
  t.notOk('passwordHash' in user, 'no hash leaves the domain')
  await t.rejects(authenticateSession(context(), grant), { code: 'unauthenticated' })
  await t.rejects(signIn(email, password), { code: 'invalid_credentials' })
  t.ok(await signIn(email, better))
  t.equal(await events(principal, 'password_changed'), 1)
  t.equal(await mails(principal, 'password_changed'), 1, 'and the owner is told')
})

t.test('a principal keeps the session that asked, and no other', async (t) => {
  const { email, principal, grant } = await person()
  const other = await signIn(email, password)
  await change(email, password, better, principal)
  t.equal((await authenticateSession(context(), grant)).user.email, email)
  await t.rejects(authenticateSession(context(), other), { code: 'unauthenticated' })
})

t.test('a principal cannot change the password of somebody else, and no hash is computed', async (t) => {
  const [ada, bob] = [await person(), await person()]
  const before = checked.length
  await t.rejects(change(bob.email, password, better, ada.principal), { code: 'not_own_account' })
  await t.rejects(change('nobody@example.com', password, better, ada.principal), { code: 'not_own_account' })
  t.equal(checked.length, before)
  t.ok(await signIn(bob.email, password))
})

t.test('whether the new one is the old one is told only to who knows the old one', async (t) => {
  const { email, principal } = await person()
  await t.rejects(change(email, password, password), { code: 'password_unchanged' })
  await t.rejects(change(email, 'wrong wrong wrong', 'wrong wrong wrong'), { code: 'invalid_credentials' })
  t.ok(await signIn(email, password), 'nothing was changed')
  t.equal(await events(principal, 'password_changed'), 0)
})

t.test('an unknown address, an account without a password and a wrong one cost the same', async (t) => {
  const { email } = await person()
  const { email: passwordless, principal } = await person()
  await removePassword(context().store, principal.user.id)
  for (const address of [email, passwordless, 'nobody-at-all@example.com']) {
    const before = checked.length
    await t.rejects(change(address, 'a wrong long password', better), { code: 'invalid_credentials' })
    t.equal(checked.length - before, 1, `${address}: one check`)
  }
})

t.test('failures count like failed sign-ins, in both directions, known and unknown', async (t) => {
  for (const email of [(await person()).email, 'never-seen@example.com']) {
    const caller = { ...stranger, address: `198.51.100.${email.length}` }
    for (let i = 0; i < 5; i++)
      await t.rejects(change(email, `wrong ${i}`, better, null, caller), { code: 'invalid_credentials' })
    await t.rejects(change(email, password, better, null, caller), { code: 'too_many_attempts' })
    await t.rejects(signIn(email, password, caller), {
      code: 'too_many_attempts',
    })
  }
})

t.test('a disabled account and an unproven address are told after a correct password alone', async (t) => {
  const { email, principal } = await person()
  await sql`update users set disabled_at = now() where id = ${principal.user.id}`
  await t.rejects(change(email, 'wrong', better), { code: 'invalid_credentials' })
  await t.rejects(change(email, password, better), { code: 'account_disabled' })

  const { project: strict } = await createProject(services, 'Strict', { verification: { mode: 'strict' } })
  const inStrict = context(stranger, null, strict)
  await signUp(inStrict, { email, password })
  const asked = { email, oldPassword: password, newPassword: better }
  await t.rejects(changePasswordByAddress(inStrict, { ...asked, oldPassword: 'wrong' }), {
    code: 'invalid_credentials',
  })
  await t.rejects(changePasswordByAddress(inStrict, asked), {
    code: 'email_verification_required',
  })
})

t.test('an account of another project has another password', async (t) => {
  const { email } = await person()
  const { project: other } = await createProject(services, 'Other', {})
  await t.rejects(
    changePasswordByAddress(context(stranger, null, other), {
      email,
      oldPassword: password,
      newPassword: better,
    }),
    { code: 'invalid_credentials' },
  )
})

t.test('eight changes at once: one wins, and the password is the winner’s', async (t) => {
  const { email, principal } = await person()
  const wishes = Array.from({ length: 8 }, (_, index) => `the wish of number ${index}`)
  const outcomes = await Promise.allSettled(wishes.map((wish) => change(email, password, wish)))
  const winners = wishes.filter((_, index) => outcomes[index]?.status === 'fulfilled')
  t.equal(winners.length, 1)
  for (const outcome of outcomes)
    if (outcome.status === 'rejected')
      t.match(outcome.reason.code, /^(?:invalid_credentials|too_many_attempts)$/)
  t.equal(await events(principal, 'password_changed'), 1)
  const caller = { ...stranger, address: '203.0.113.77' }
  t.ok(await signIn(email, winners[0] ?? '', caller))
})

t.test('a change in a session is in the trail and told by mail as well', async (t) => {
  const { principal } = await person()
  await changePassword(signedIn(principal), {
    currentPassword: password,
    newPassword: better,
  })
  t.equal(await events(principal, 'password_changed'), 1)
  t.equal(await mails(principal, 'password_changed'), 1)
})
