// Imported users: what is taken, what is refused in a sentence, and that the same again changes nothing.
import { randomUUID } from 'node:crypto'
import { getTableColumns } from 'drizzle-orm'
import t from 'tap'
import { users } from '../../drizzle/tables/users.ts'
import { passwordBytes } from '../../src/crypto/passwords.ts'
import { operatorContext } from '../../src/domain/context.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { ImportPreview } from '../../src/domain/operators/import-preview.ts'
import { type ReadUser, readUser } from '../../src/domain/operators/imported-person.ts'
import { personSchema } from '../../src/domain/operators/person-schema.ts'
import {
  importUsers,
  isLargeImport,
  refreshStatistics,
  StatisticsSchedule,
} from '../../src/domain/operators/user-import.ts'
import { findAccount } from '../../src/domain/operators/users.ts'
import { createProject } from '../../src/domain/projects/projects.ts'
import { findPasswordHash } from '../../src/repositories/credentials/passwords.ts'
import { listExportedUsers } from '../../src/repositories/operators/exported-users.ts'
import { maxTakenItems } from '../../src/repositories/operators/imported-users.ts'
import { createTestDomain } from '../support/domain.ts'

const { argon2, context, project, services, sql } = await createTestDomain(t)
const ctx = operatorContext(services, project)
const password = 'a good long password'
const foreign = { memoryKib: 128, passes: 1, lanes: 2 }
const hash = await argon2.hash(passwordBytes(password), foreign)

function read(value: unknown): ReadUser {
  const person = readUser(value)
  if (typeof person === 'string') throw new Error(person)
  return person
}
const refused = (value: unknown) => {
  const person = readUser(value)
  return typeof person === 'string' ? person : 'taken'
}

t.test('a person comes with everything that is theirs, and signs in with the old password', async (t) => {
  const uuid = randomUUID()
  const person = read({
    email: ' Ada@Example.com ',
    password_hash: hash,
    email_verified_at: '2020-02-03T04:05:06+02:00',
    display_name: 'Ada',
    first_name: 'Ada',
    last_name: 'Lovelace',
    role: 'admin',
    locale: 'de-AT',
    metadata: { plan: 'gold', nested: { a: [1, null, 'ü'] } },
    uuid: uuid.toUpperCase(),
    created_at: '2019-01-01T00:00:00Z',
  })
  t.match(await importUsers(ctx, [person]), { created: 1, taken: [] })
  const grant = await signInWithPassword(context(), { email: 'ada@example.com', password })
  t.match(grant.user, {
    uuid,
    email: 'ada@example.com',
    displayName: 'Ada',
    role: 'admin',
    locale: 'de-AT',
    metadata: { plan: 'gold', nested: { a: [1, null, 'ü'] } },
  })
  t.equal(grant.user.emailVerifiedAt?.toISOString(), '2020-02-03T02:05:06.000Z')
  t.equal(grant.user.createdAt.toISOString(), '2019-01-01T00:00:00.000Z')
  const renewed = await findPasswordHash(ctx.store, grant.user.id)
  t.not(renewed, hash, 'and the hash is renewed with the parameters in force')
  t.match((await sql`select event from audit_events where user_id = ${grant.user.id} order by id`)[0], {
    event: 'account_created',
  })
})

t.test('an address alone is enough', async (t) => {
  const email = `${randomUUID()}@example.com`
  t.match(await importUsers(ctx, [read({ email })]), { created: 1 })
  t.match(await findAccount(ctx, email), { role: 'user', emailVerifiedAt: null, metadata: {} })
})

t.test('who has an account stays as they are; of two with one address the first counts', async (t) => {
  const email = `${randomUUID()}@example.com`
  const first = read({ email, first_name: 'First' })
  const second = read({ email: email.toUpperCase(), first_name: 'Second', role: 'admin' })
  const sameUuid = read({ email: `${randomUUID()}@example.com`, uuid: first.uuid })
  t.match(await importUsers(ctx, [first, second, sameUuid]), { created: 1 })
  t.match(await importUsers(ctx, [second, first]), { created: 0 })
  t.match(await findAccount(ctx, email), { firstName: 'First', role: 'user' })
  await t.rejects(findAccount(ctx, sameUuid.email), { code: 'account_unknown' })
  const { project: other } = await createProject(services, 'Other', {})
  t.match(
    await importUsers(operatorContext(services, other), [first]),
    { created: 1 },
    'another project is another matter',
  )
})

t.test('the same file imported by four at once adds each once', async (t) => {
  const people = Array.from({ length: 200 }, () => read({ email: `${randomUUID()}@example.com` }))
  const counts = await Promise.all([
    importUsers(ctx, people),
    importUsers(ctx, [...people].reverse()),
    importUsers(ctx, people),
    importUsers(ctx, [...people].reverse()),
  ])
  t.equal(
    counts.reduce((sum, { created }) => sum + created, 0),
    200,
  )
})

t.test(
  'what another account has stays there, and is counted and named; a dry run tells the same',
  async (t) => {
    const { project: place } = await createProject(services, 'Taken', {})
    const own = operatorContext(services, place)
    const since = '2020-01-01T00:00:00Z'
    const key = (id: string) => ({ credential_id: Buffer.from(id).toString('base64url'), public_key: 'AAAA' })
    const google = (subject: string) => ({ provider: 'google', subject })
    const person = (name: string, given: object) =>
      read({ email: `${name}@example.com`, email_verified_at: since, ...given })
    t.match(await importUsers(own, [person('first', { identities: [google('1')], passkeys: [key('a')] })]), {
      created: 1,
      takenIdentities: 0,
      takenPasskeys: 0,
    })
    const next = [
      // The identity of another account, and one that stands twice in the person's own list.
      person('second', {
        identities: [google('1'), google('2'), google('2')],
        passkeys: [key('b'), key('b')],
      }),
      person('third', { identities: [google('3')], passkeys: [key('a'), key('c')] }),
      // Of two in one file one gets it.
      person('fourth', { identities: [google('3')], passkeys: [key('c')] }),
      // The same identity at another issuer is another one.
      person('fifth', { identities: [{ ...google('1'), issuer: 'https://login.example' }] }),
      // Who is there already loses nothing.
      person('first', { identities: [google('2')], passkeys: [key('b')] }),
      person('sixth', { email_verified_at: null, passkeys: [key('a')] }),
    ]
    const dry = await new ImportPreview(own).of(next)
    const done = await importUsers(own, next)
    const counts = { created: 5, takenIdentities: 2, takenPasskeys: 2 }
    t.match(done, counts)
    t.match(dry, counts)
    const named = ({ taken }: typeof done) => taken.map(({ email, kind }) => `${kind} ${email}`)
    t.ok(named(done).includes('identity second@example.com'))
    t.ok(named(done).includes('passkey third@example.com'))
    t.equal(named(done).length, 4)
    t.equal(named(dry).length, 4)
    t.same(
      await sql`select u.email, string_agg(i.subject, ' ' order by i.subject) as subjects from identities i join users u on u.id = i.user_id
      where i.project_id = ${place.id} and i.subject in ('1', '2') and i.issuer not like '%example' group by 1 order by 1`,
      [
        { email: 'first@example.com', subjects: '1' },
        { email: 'second@example.com', subjects: '2' },
      ],
    )
    const { project: another } = await createProject(services, 'Elsewhere', {})
    t.match(await importUsers(operatorContext(services, another), next.slice(0, 1)), { takenIdentities: 0 })
  },
)

t.test('of very many that are taken a batch names the first, and counts all', async (t) => {
  const { project: place } = await createProject(services, 'Many', {})
  const own = operatorContext(services, place)
  const people = Array.from({ length: 100 }, (_, n) =>
    read({ email: `many-${n}@example.com`, identities: [{ provider: 'google', subject: 'one' }] }),
  )
  const dry = await new ImportPreview(own).of(people)
  const done = await importUsers(own, people)
  t.match(done, { created: 100, takenIdentities: 99, takenPasskeys: 0 })
  t.equal(done.taken.length, maxTakenItems)
  t.match(dry, { created: 100, takenIdentities: 99 })
})

t.test('what cannot be taken is said in a sentence', async (t) => {
  const email = 'ada@example.com'
  for (const [value, said] of [
    [null, /^It must be an object/],
    [[], /^It must be an object|email/],
    ['ada@example.com', /^It must be an object/],
    [{}, /^email must/],
    [{ email: 'nobody' }, /^email must/],
    [{ email: 7 }, /^email must/],
    [{ email, pasword_hash: hash }, /^"pasword_hash" is no field/],
    [{ email, password }, /^"password" is no field/],
    [{ email, id: 7 }, /^"id" is no field/],
    [{ email, role: 'root' }, /^role must/],
    [{ email, email_verified_at: 'yesterday' }, /^email_verified_at must/],
    [{ email, created_at: '2020-13-01T00:00:00Z' }, /^created_at must/],
    [{ email, display_name: 'x'.repeat(256) }, /^display_name must/],
    [{ email, metadata: { a: 'x'.repeat(17_000) } }, /^metadata must/],
    [{ email, metadata: JSON.parse(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`) }, /^metadata must.* 32 deep/],
    [{ email, metadata: [] }, /^metadata must/],
    [{ email, metadata: { a: 'b\0' } }, /cannot be stored/],
    [{ email, first_name: '\ud800' }, /cannot be stored/],
    [{ email, uuid: '7' }, /^uuid must/],
    [{ email, locale: 'de; drop' }, /^locale must/],
  ] as const)
    t.match(refused(value), said, JSON.stringify(value).slice(0, 80))
  const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`)
  t.match(refused({ email, metadata: deep }), /^metadata must/, 'nested too deeply to be written')
  t.equal(refused({ email, metadata: { a: 'C:\\u0000' } }), 'taken', 'a backslash is a sign like any other')
  t.match(refused({ email, password_hash: '$2b$10$abc' }), /^password_hash is of a kind .*"2b"/)
  t.notMatch(refused({ email, password_hash: '$2b$10$abc' }), /abc/, 'no hash is repeated')
})

t.test('the planner learns of an import while it runs, and after a large one', async (t) => {
  const schedule = new StatisticsSchedule()
  const due = [500, 999, 1000, 1500, 9999, 25_000, 99_999, 100_000, 999_999].filter((created) =>
    schedule.isDue(created),
  )
  t.same(due, [1000, 25_000, 100_000])
  t.same([isLargeImport(9999), isLargeImport(10_000)], [false, true])
  const analyzed = () =>
    sql`select relname from pg_stat_user_tables where last_analyze is not null order by relname`.then(
      (rows) => rows.map(({ relname }) => relname),
    )
  t.same(await analyzed(), [])
  await refreshStatistics(services)
  t.same(await analyzed(), ['audit_events', 'identities', 'security_log', 'users'])
})

t.test('every column of an account is exported and imported, or named here with a reason', async (t) => {
  const reasons: Record<string, string> = {
    id: 'of this database',
    project_id: 'of this database',
    avatar_id: 'pictures are not moved',
    epoch: 'sessions are not moved',
    second_factors: 'follows from the factors',
    factors_reset_due_at: 'an operator of the new installation decides again',
    updated_at: 'the time of the import',
  }
  await importUsers(ctx, [read({ email: 'every-column@example.com' })])
  const rows = await listExportedUsers(ctx.store, 0, 1000)
  const person = rows.find((row) => row.person.email === 'every-column@example.com')?.person ?? {}
  const columns = Object.values(getTableColumns(users)).map(({ name }) => name)
  t.same(
    columns.filter((name) => !(name in person) && !reasons[name]),
    [],
    'exported',
  )
  t.same(
    columns.filter((name) => !(name in personSchema.properties) && !reasons[name]),
    [],
    'imported',
  )
  t.same(
    Object.keys(reasons).filter((name) => !columns.includes(name)),
    [],
    'no reason is left over',
  )
})
