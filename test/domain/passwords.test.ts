// Passwords: the same work for everybody, in bounded time, and hashes that follow the parameters in force.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { problemKinds } from '../../schemas/errors.ts'
import { createHashScheduler } from '../../src/crypto/hash-scheduler.ts'
import { type Argon2, isCurrent, loadArgon2, passwordBytes } from '../../src/crypto/passwords.ts'
import { AuthError } from '../../src/domain/errors.ts'
import { createPasswords } from '../../src/domain/passwords.ts'
import { faceOf } from '../../src/http/problems.ts'
import { refusalOf } from '../../src/http/refusal.ts'
import { cheapParameters, createTestDomain, stranger } from '../support/domain.ts'

const argon2 = await loadArgon2()
const { sql, store, domain, project } = await createTestDomain(t)

const newEmail = () => `${randomUUID()}@example.com`
const signIn = (email: string, password: string) =>
  domain.signIn.withPassword(project, { email, password }, stranger)

/** A user as another version of the service may have left them. */
async function userWithHash(passwordHash: string | null) {
  const email = newEmail()
  const user = await store.users.add({
    uuid: randomUUID(),
    projectId: project.id,
    email,
    passwordHash,
    displayName: null,
    firstName: null,
    lastName: null,
    metadata: {},
  })
  if (!user) throw new Error('The address was taken.')
  return { email, user, hash: () => store.passwords.find(project.id, user.id) }
}

t.test('an unknown account costs one check of a hash with the parameters in force', async (t) => {
  const checked: string[] = []
  const watched: Argon2 = {
    ...argon2,
    verify(phc, password) {
      checked.push(phc)
      return argon2.verify(phc, password)
    },
  }
  const parameters = { memoryKib: 128, passes: 2, lanes: 1 }
  const passwords = await createPasswords({ argon2: watched, parameters, scheduler: createHashScheduler() })
  const hash = () => passwords.hash(project, stranger, 'right')
  t.equal(await passwords.verify(project, stranger, null, 'whatever'), false)
  t.equal(await passwords.verify(project, stranger, await hash(), 'wrong'), false)
  t.equal(await passwords.verify(project, stranger, await hash(), 'right'), true)
  t.equal(checked.length, 3)
  for (const phc of checked) t.ok(isCurrent(phc, parameters), phc)
})

t.test('an account without a password is refused in the same words as an unknown one', async (t) => {
  const { email } = await userWithHash(null)
  await t.rejects(signIn(email, ''), { code: 'invalid_credentials' })
  await t.rejects(signIn(newEmail(), 'a good long password'), { code: 'invalid_credentials' })
})

t.test('a hash with older parameters is renewed by a sign-in, and no session ends', async (t) => {
  const old = await argon2.hash(passwordBytes('a good long password'), {
    memoryKib: 32,
    passes: 2,
    lanes: 1,
  })
  const { email, hash } = await userWithHash(old)
  const first = await signIn(email, 'a good long password')
  const renewed = (await hash()) ?? ''
  t.not(renewed, old)
  t.ok(isCurrent(renewed, cheapParameters))
  t.ok(await argon2.verify(renewed, passwordBytes('a good long password')))
  await signIn(email, 'a good long password')
  t.equal(await hash(), renewed, 'the next sign-in leaves it alone')
  const principal = await domain.sessions.authenticate(project, first)
  t.equal(principal.user.email, email)
})

t.test('a wrong password renews nothing', async (t) => {
  const old = await argon2.hash(passwordBytes('a good long password'), { memoryKib: 32, passes: 2, lanes: 1 })
  const { email, hash } = await userWithHash(old)
  await t.rejects(signIn(email, 'a wrong long password'), { code: 'invalid_credentials' })
  t.equal(await hash(), old)
})

t.test('a hash that was replaced meanwhile is not renewed over', async (t) => {
  const { user, hash } = await userWithHash('the newer hash')
  await store.passwords.rehash(project.id, user.id, 'the hash that was read', 'the renewed hash')
  t.equal(await hash(), 'the newer hash')
})

t.test('a sign-in succeeds where there is no room to renew its hash', async (t) => {
  const old = await argon2.hash(passwordBytes('a good long password'), { memoryKib: 32, passes: 2, lanes: 1 })
  const { email, hash } = await userWithHash(old)
  let hashing = 0
  const inner = createHashScheduler()
  const crowded = await createTestDomain(t, {
    scheduler: {
      ...inner,
      // The check finds room, the renewal does not.
      run: (work) =>
        hashing++ === 0 ? inner.run(work) : createHashScheduler({ slots: 0, queue: 0 }).run(work),
    },
  })
  await crowded.sql`
    insert into users (uuid, project_id, email, password_hash)
    values (${randomUUID()}, ${crowded.project.id}, ${email}, ${old})`
  const grant = await crowded.domain.signIn.withPassword(
    crowded.project,
    { email, password: 'a good long password' },
    stranger,
  )
  t.equal(grant.user.email, email)
  t.equal(hashing, 2)
  t.equal(await hash(), old)
})

t.test('passwords are equal when their NFKC forms are', async (t) => {
  const email = newEmail()
  await domain.users.signUp(project, { email, password: 'Zo\u00eb \u210c\ufb01 1\u00bd' }, stranger)
  t.ok(await signIn(email, 'Zoe\u0308 Hfi 11\u20442'))
  await t.rejects(signIn(email, 'Zoe Hfi 11\u20442'), { code: 'invalid_credentials' })
})

t.test('nothing is trimmed, folded or cut off', async (t) => {
  const email = newEmail()
  const password = ` ${'pässwörd '.repeat(28)} x`
  t.equal(password.length, 255)
  await domain.users.signUp(project, { email, password }, stranger)
  t.ok(await signIn(email, password))
  for (const other of [password.trim(), `${password} `, password.slice(0, -1), password.toUpperCase()])
    await t.rejects(signIn(email, other), { code: 'invalid_credentials' })
  await sql`delete from sign_in_failures`
  await t.rejects(signIn(email, `${password.slice(0, -1)}y`), { code: 'invalid_credentials' })
  t.ok(await signIn(email, password))
})

t.test('where no hash can be begun the answer is 503, and the attempt is not counted', async (t) => {
  const full = createHashScheduler({ slots: 0, queue: 0 })
  const crowded = await createTestDomain(t, { scheduler: full })
  const credentials = { email: newEmail(), password: 'a good long password' }
  for (const refused of [
    () => crowded.domain.signIn.withPassword(crowded.project, credentials, stranger),
    () => crowded.domain.users.signUp(crowded.project, credentials, stranger),
  ]) {
    const error = await refused().catch((thrown: unknown) => thrown)
    t.ok(error instanceof AuthError)
    const refusal = refusalOf(error)
    const face = refusal && faceOf(refusal)
    t.equal(face?.code, 'service_unavailable')
    t.equal(problemKinds.service_unavailable.status, 503)
    t.ok((face?.retryAfterSeconds ?? 0) >= 1)
  }
  const rows = await crowded.sql`select attempts from sign_in_failures where attempts > 0`
  t.equal(rows.length, 0, 'nobody is locked out by a busy service')
  const [{ accounts } = { accounts: -1 }] = await crowded.sql`select count(*)::int as accounts from users`
  t.equal(accounts, 0)
})
