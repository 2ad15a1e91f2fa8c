// Passwords: the same work for known and unknown accounts, a bounded queue, and hashes renewed to the current parameters.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { problemKinds } from '../../schemas/errors.ts'
import { createHashScheduler } from '../../src/crypto/hash-scheduler.ts'
import { type Argon2, isCurrent, loadArgon2, passwordBytes } from '../../src/crypto/passwords.ts'
import { resetPassword } from '../../src/domain/accounts/recovery.ts'
import { signUp } from '../../src/domain/accounts/sign-up.ts'
import { hashPassword, verifyPassword } from '../../src/domain/credentials/passwords.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { AuthError } from '../../src/domain/errors.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import { authenticateSession } from '../../src/domain/sessions/sessions.ts'
import { problemFacts } from '../../src/http/problems.ts'
import { refusalOf } from '../../src/http/refusal.ts'
import { insertUser } from '../../src/repositories/accounts/users.ts'
import { findPasswordHash, renewPasswordHash } from '../../src/repositories/credentials/passwords.ts'
import { cheapParameters, createTestDomain } from '../support/domain.ts'
import { eventually } from '../support/eventually.ts'

const argon2 = await loadArgon2()
const { sql, context } = await createTestDomain(t)
const { store } = context()

const newEmail = () => `${randomUUID()}@example.com`
const signIn = (email: string, password: string) => signInWithPassword(context(), { email, password })

/** A user as another version of the service may have left them. */
async function userWithHash(passwordHash: string | null) {
  const email = newEmail()
  const user = await insertUser(store, {
    uuid: randomUUID(),
    email,
    passwordHash,
    displayName: null,
    firstName: null,
    lastName: null,
    metadata: {},
  })
  if (!user) throw new Error('The address was taken.')
  return { email, user, hash: () => findPasswordHash(store, user.id) }
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
  const ctx = (await createTestDomain(t, { argon2: watched, parameters })).context()
  const hash = () => hashPassword(ctx, 'right')
  t.equal(await verifyPassword(ctx, null, 'whatever'), false)
  t.equal(await verifyPassword(ctx, await hash(), 'wrong'), false)
  t.equal(await verifyPassword(ctx, await hash(), 'right'), true)
  t.equal(checked.length, 3)
  for (const phc of checked) t.ok(isCurrent(phc, parameters), phc)
})

t.test('checks in a project with imported hashes leave a slot to other projects', async (t) => {
  const begun: string[] = []
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const held: Argon2 = {
    ...argon2,
    async verify(phc, password) {
      begun.push(Buffer.from(password).toString())
      await gate
      return argon2.verify(phc, password)
    },
  }
  const domain = await createTestDomain(t, {
    argon2: held,
    scheduler: createHashScheduler({ slots: 2 }),
    policy: { import: { password_kinds: ['bcrypt:4'] } },
  })
  const { project: other } = await createProject(domain.services, 'Other', {})
  const check = (project: Project, password: string) =>
    verifyPassword(domain.context(undefined, null, project), null, password)
  const checks = [
    check(domain.project, 'one'),
    check(domain.project, 'two'),
    check(domain.project, 'three'),
    check(other, 'of another project'),
  ]
  await eventually('the other project is served', async () => begun.length === 2)
  t.same(begun.toSorted(), ['of another project', 'one'])
  open()
  t.same(await Promise.all(checks), [false, false, false, false])
  t.equal(domain.services.passwords.scheduler.depth().running, 0)
  t.equal(domain.services.passwords.importedScheduler.depth().running, 0)
})

t.test('a password that NFKC changes costs two checks, whether or not there is an account', async (t) => {
  let checks = 0
  const watched: Argon2 = {
    ...argon2,
    verify(phc, password) {
      checks++
      return argon2.verify(phc, password)
    },
  }
  const ctx = (await createTestDomain(t, { argon2: watched })).context()
  const own = await hashPassword(ctx, 'right')
  const foreign = await argon2.hash(Buffer.from('10 m² is right'), cheapParameters)
  const counted = async (hash: string | null, password: string) => {
    checks = 0
    const fits = await verifyPassword(ctx, hash, password)
    return [fits, checks]
  }
  for (const wrong of ['½', 'µ-wave', 'cafe\u0301', 'ﬁne', 'Ångström \u212b']) {
    t.same(await counted(null, wrong), [false, 2], wrong)
    t.same(await counted(own, wrong), [false, 2], wrong)
    t.same(await counted(foreign, wrong), [false, 2], wrong)
  }
  for (const hash of [null, own, foreign]) t.same(await counted(hash, 'plain, é'), [false, 1])
  t.same(await counted(foreign, '10 m² is right'), [true, 2])
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
  t.equal(await hash(), renewed, 'the next sign-in does not renew it again')
  const principal = await authenticateSession(context(), first)
  t.equal(principal.user.email, email)
})

t.test('a wrong password renews nothing', async (t) => {
  const old = await argon2.hash(passwordBytes('a good long password'), { memoryKib: 32, passes: 2, lanes: 1 })
  const { email, hash } = await userWithHash(old)
  await t.rejects(signIn(email, 'a wrong long password'), { code: 'invalid_credentials' })
  t.equal(await hash(), old)
})

t.test('a renewal does not overwrite a hash that was replaced meanwhile', async (t) => {
  const { user, hash } = await userWithHash('the newer hash')
  await renewPasswordHash(store, user.id, 'the hash that was read', 'the renewed hash')
  t.equal(await hash(), 'the newer hash')
})

t.test('a sign-in succeeds where the hash queue has no room for the renewal', async (t) => {
  const old = await argon2.hash(passwordBytes('a good long password'), { memoryKib: 32, passes: 2, lanes: 1 })
  const { email, hash } = await userWithHash(old)
  let hashing = 0
  const inner = createHashScheduler()
  const crowded = await createTestDomain(t, {
    scheduler: {
      ...inner,
      // The check finds room, the renewal does not.
      acquire: () =>
        hashing++ === 0 ? inner.acquire() : createHashScheduler({ slots: 0, queue: 0 }).acquire(),
    },
  })
  await crowded.sql`
    insert into users (uuid, project_id, email, password_hash)
    values (${randomUUID()}, ${crowded.project.id}, ${email}, ${old})`
  const grant = await signInWithPassword(crowded.context(), { email, password: 'a good long password' })
  t.equal(grant.user.email, email)
  t.equal(hashing, 2)
  t.equal(await hash(), old)
})

t.test('a reset that finds no room to hash the password counts no wrong code', async (t) => {
  const crowded = await createTestDomain(t, { scheduler: createHashScheduler({ slots: 0, queue: 0 }) })
  const proof = { email: newEmail(), code: '123456' }
  await t.rejects(resetPassword(crowded.context(), proof, 'a good long password'), { code: 'overloaded' })
  const buckets = await crowded.sql`select bucket, attempts from sign_in_failures`
  t.same([...buckets], [{ bucket: 'code', attempts: 0 }])
})

t.test('passwords are equal when their NFKC forms are', async (t) => {
  const email = newEmail()
  await signUp(context(), { email, password: 'Zo\u00eb \u210c\ufb01 1\u00bd' })
  t.ok(await signIn(email, 'Zoe\u0308 Hfi 11\u20442'))
  await t.rejects(signIn(email, 'Zoe Hfi 11\u20442'), { code: 'invalid_credentials' })
})

t.test('nothing is trimmed, folded or cut off', async (t) => {
  const email = newEmail()
  const password = ` ${'pässwörd '.repeat(28)} x`
  t.equal(password.length, 255)
  await signUp(context(), { email, password })
  t.ok(await signIn(email, password))
  for (const other of [password.trim(), `${password} `, password.slice(0, -1), password.toUpperCase()])
    await t.rejects(signIn(email, other), { code: 'invalid_credentials' })
  await sql`delete from sign_in_failures`
  await t.rejects(signIn(email, `${password.slice(0, -1)}y`), { code: 'invalid_credentials' })
  t.ok(await signIn(email, password))
})

t.test('where the hash queue is full the answer is 503, and the attempt is not counted', async (t) => {
  const full = createHashScheduler({ slots: 0, queue: 0 })
  const crowded = await createTestDomain(t, { scheduler: full })
  const credentials = { email: newEmail(), password: 'a good long password' }
  for (const refused of [
    () => signInWithPassword(crowded.context(), credentials),
    () => signUp(crowded.context(), credentials),
  ]) {
    const error = await refused().catch((thrown: unknown) => thrown)
    t.ok(error instanceof AuthError)
    const refusal = refusalOf(error)
    const problem = refusal && problemFacts(refusal)
    t.equal(problem?.code, 'service_unavailable')
    t.equal(problemKinds.service_unavailable.status, 503)
    t.ok((problem?.retryAfterSeconds ?? 0) >= 1)
  }
  const rows = await crowded.sql`select attempts from sign_in_failures where attempts > 0`
  t.equal(rows.length, 0, 'a busy service locks no account')
  const [{ accounts } = { accounts: -1 }] = await crowded.sql`select count(*)::int as accounts from users`
  t.equal(accounts, 0)
})
