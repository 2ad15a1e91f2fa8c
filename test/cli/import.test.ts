// Moving in: the export of each product is read as it is, people sign in with their old passwords, the same file again adds nothing,
// and a file that is broken is refused in a sentence. SALLYPORT_IMPORT_PEOPLE sets how many people each export has.
import { execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { CommandError } from '../../src/cli/errors.ts'
import { runExport } from '../../src/cli/export.ts'
import type { Product } from '../../src/cli/import/readers.ts'
import { remarksOf } from '../../src/cli/import/report.ts'
import { type ImportOptions, importFile } from '../../src/cli/import/run.ts'
import { isCurrent } from '../../src/crypto/passwords.ts'
import { printTotpSecret } from '../../src/crypto/totp.ts'
import { operatorContext } from '../../src/domain/context.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { openTotpSecret } from '../../src/domain/credentials/totp.ts'
import { AuthError } from '../../src/domain/errors.ts'
import { createProject, listProjects, readPolicy } from '../../src/domain/projects/projects.ts'
import { OutputFileError } from '../../src/output-file.ts'
import { cheapParameters, createTestDomain, stranger } from '../support/domain.ts'
import {
  cognitoExport,
  exportsOf,
  firebaseParameters,
  type OldPerson,
  totpSecret,
} from '../support/exports.ts'
import { writeProof } from '../support/proof.ts'

const count = Number(process.env.SALLYPORT_IMPORT_PEOPLE ?? 200)
/** People of each export who sign in; all of them where a number was given. */
const signingIn = process.env.SALLYPORT_IMPORT_PEOPLE ? count : 3
// Some kinds of hashes take a tenth of a second each.
const timeout = 600_000 + count * 2000
t.setTimeout(timeout)
const counted = { exports: 0, 'people imported': 0, 'signed in with the old password': 0 }
t.teardown(() => writeProof('import', 'test/cli/import.test.ts', counted))

const statements: string[] = []
const { services, sql, context } = await createTestDomain(t, { onStatement: (text) => statements.push(text) })
const folder = t.testdir()

/** A project of its own, as an operator sees it and as a stranger does. */
async function newProject() {
  const { project } = await createProject(services, 'Import', {})
  // As it is stored: a cache follows a change of the policy within two seconds.
  const current = async () => {
    const found = (await listProjects(services)).find(({ id }) => id === project.id)
    if (!found) throw new Error('The project is gone.')
    return found
  }
  return {
    id: project.id,
    operator: async () => operatorContext(services, await current()),
    /** From an address of its own, so that none is locked. */
    visitor: async () => context({ ...stranger, address: randomUUID() }, null, await current()),
  }
}
type TestProject = Awaited<ReturnType<typeof newProject>>

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, `${randomBytes(6).toString('hex')}-${name}`)
  await writeFile(path, content)
  return path
}

const bring = async (project: TestProject, options: ImportOptions) =>
  importFile(await project.operator(), options)

const people = (product: string): OldPerson[] =>
  Array.from({ length: count }, (_, n) => ({
    n,
    email: `${product.replace(' ', '-')}-${n}@example.com`,
    password: `an old password ${n % 4} ½`,
  }))

const signIn = async (project: TestProject, { email, password }: Omit<OldPerson, 'n'>) =>
  signInWithPassword(await project.visitor(), { email, password }).catch((error: unknown) => {
    if (error instanceof AuthError) return error
    throw error
  })

/** Every row of an import, without what is made anew for each. */
const rowsOf = (project: string) =>
  sql`select (select jsonb_agg(to_jsonb(u) - 'id' order by email) from users u where project_id = ${project}) as users,
    (select count(*)::int from identities where project_id = ${project}) as identities,
    (select count(*)::int from passkeys where project_id = ${project}) as passkeys,
    (select count(*)::int from totp_factors where project_id = ${project}) as totp,
    (select count(*)::int from teams where project_id = ${project}) as teams,
    (select count(*)::int from team_members where project_id = ${project}) as members,
    (select count(*)::int from security_log where project_id = ${project} and event = 'account_created') as logged`.then(
    ([row]) => row as Record<string, unknown>,
  )

/** What an export of `count` people brings besides them. */
const expected: Record<string, Record<string, number>> = {
  auth0: { identities: count, totp: Math.ceil(count / 2) },
  clerk: { identities: 0, totp: Math.ceil(count / 2) },
  supabase: { identities: count, totp: Math.ceil(count / 2) },
  'supabase csv': { identities: count, totp: Math.ceil(count / 2) },
  'better-auth drizzle': { identities: count, passkeys: count, teams: 3, members: count, totp: 0 },
  'better-auth': { identities: count, passkeys: count, teams: 3, members: count, totp: 0 },
  firebase: { identities: count },
  keycloak: { identities: count, passkeys: count, totp: count },
  csv: { identities: 0 },
}

for (const [product, make] of Object.entries(exportsOf))
  t.test(
    `${product}: everybody comes with what is theirs, and signs in with the old password`,
    { timeout },
    async (t) => {
      const project = await newProject()
      const from = product.split(' ')[0] as Product
      const group = people(product)
      const { name, file, hashes } = make(group)
      const options: ImportOptions = {
        from,
        file: await fileOf(name, product === 'clerk' ? gzipSync(file) : file),
        hashes: hashes && (await fileOf('hashes.json', hashes)),
        ...(from === 'firebase' && firebaseParameters),
      }
      const dry = await bring(project, { ...options, dryRun: true })
      t.match(dry, { read: count, created: count, refused_total: 0 })
      t.match(await rowsOf(project.id), { users: null, logged: 0 }, 'a dry run writes nothing')
      t.same((await readPolicy(services, project.id)).import, undefined)

      t.match(await bring(project, options), { read: count, created: count, existing: 0, refused_total: 0 })
      const rows = await rowsOf(project.id)
      t.match(rows, { ...expected[product], logged: count })
      t.match(await bring(project, options), { created: 0, existing: count })
      t.same(await rowsOf(project.id), rows, 'a second time adds and changes nothing')

      const [first] = rows.users as Record<string, unknown>[]
      t.match(first, { email: group[0]?.email, email_proof: 'holder', disabled_at: null })
      t.ok(first?.email_verified_at)
      t.ok(first?.display_name ?? first?.first_name)
      const kinds = ((await readPolicy(services, project.id)).import as { password_kinds: string[] })
        .password_kinds
      t.equal(kinds.length, 1, 'the policy names what the hashes take to check')
      for (const person of group.slice(0, 3)) {
        const wrong = await signIn(project, { ...person, password: 'another password' })
        t.match(wrong, { code: 'invalid_credentials' })
      }
      const outcomes = new Map<string, number>()
      const waiting = group.slice(0, signingIn)
      const signInOthers = async () => {
        for (let person = waiting.pop(); person; person = waiting.pop()) {
          const entered = await signIn(project, person)
          const outcome = entered instanceof AuthError ? entered.code : 'in'
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        }
      }
      await Promise.all(Array.from({ length: 4 }, signInOthers))
      counted.exports++
      counted['people imported'] += rows.logged as number
      for (const outcome of ['in', 'second_factor_required'])
        counted['signed in with the old password'] += outcomes.get(outcome) ?? 0
      outcomes.delete('second_factor_required')
      t.ok(
        [...outcomes.keys()].every((outcome) => outcome === 'in'),
        JSON.stringify([...outcomes]),
      )
      if (!expected[product]?.totp)
        t.notOk(
          (await signIn(project, group[0] as OldPerson)) instanceof AuthError,
          'and again by the new hash',
        )
      if (expected[product]?.totp) return
      const [{ hash } = { hash: '' }] = await sql`select password_hash as hash from users
      where project_id = ${project.id} and email = ${group[0]?.email ?? ''}`
      t.ok(isCurrent(hash, cheapParameters), 'and has a hash of ours from then on')
    },
  )

t.test('an import that was cut off goes on by the same command', async (t) => {
  const project = await newProject()
  const { file, name } = exportsOf.firebase?.(people('cut')) ?? { file: '', name: '' }
  const options = { from: 'firebase', ...firebaseParameters } as const
  const half = await fileOf(name, file.slice(0, file.length / 2))
  await t.rejects(bring(project, { ...options, file: half }), { message: /ends in the middle/ })
  const before = ((await rowsOf(project.id)).users as unknown[]).length
  t.ok(before > count / 3 && before < count, `${before} were added`)
  t.match(await bring(project, { ...options, file: await fileOf(name, file) }), { created: count - before })
})

t.test('cognito: no passwords come, and the first failed sign-in sends the mail that sets one', async (t) => {
  const project = await newProject()
  const group = people('cognito')
  const file = await fileOf('cognito.csv', cognitoExport(group))
  t.match(await bring(project, { from: 'cognito', file }), { created: count, passwords: { none: count } })
  const mails = () =>
    sql`select kind from outbox where project_id = ${project.id} and kind = 'reset_password'`.then(
      (rows) => rows.length,
    )
  const ways: Record<string, string> = {
    'without a password': group[0]?.email ?? '',
    unknown: 'unknown@example.com',
    'with one': 'has@example.com',
  }
  const has = await fileOf(
    'has.jsonl',
    JSON.stringify({
      email: ways['with one'],
      password_hash: (exportsOf.csv?.(group).file ?? '').match(/\$wp[^"]+/)?.[0],
    }),
  )
  t.match(await bring(project, { from: 'jsonl', file: has }), { created: 1 })
  const sent: Record<string, readonly string[]> = {}
  for (const [way, email] of Object.entries(ways)) {
    statements.length = 0
    t.match(await signIn(project, { email, password: 'whatever it was' }), { code: 'invalid_credentials' })
    sent[way] = [...statements]
  }
  t.equal(await mails(), 1)
  t.same(sent.unknown, sent['without a password'], 'with the same statements for every address')
  t.same(sent['with one'], sent.unknown)
  await signIn(project, { email: group[0]?.email ?? '', password: 'whatever it was' })
  t.equal(await mails(), 1, 'and once in an hour')
})

t.test('two people with one address: the first counts, and the report tells', async (t) => {
  const project = await newProject()
  const lines = ['a@example.com', 'b@example.com', 'A@example.com', 'nobody', 'b@EXAMPLE.com'].map(
    (email, n) => JSON.stringify({ email, first_name: `Person ${n}` }),
  )
  const report = await bring(project, {
    from: 'jsonl',
    file: await fileOf('two.jsonl', `\uFEFF${lines.join('\n')}`),
  })
  t.match(report, { read: 5, created: 2, existing: 2, refused_total: 1, repeated_total: 2 })
  t.same(report.repeated, [
    { line: 3, first_line: 1 },
    { line: 5, first_line: 2 },
  ])
})

t.test(
  'the report names identities and passkeys that another account has, by their lines, in a dry run too',
  async (t) => {
    const project = await newProject()
    const person = (n: number, subject: string, key: string) =>
      JSON.stringify({
        email: `taken-${n}@example.com`,
        email_verified_at: '2021-03-04T05:06:07Z',
        identities: [{ provider: 'google', subject }],
        passkeys: [{ credential_id: key, public_key: 'AAAA' }],
      })
    const first = await fileOf('first.jsonl', person(0, 'a', 'AAAA'))
    t.match(await bring(project, { from: 'jsonl', file: first }), {
      created: 1,
      taken: [],
      identities_taken: 0,
    })
    const lines = Array.from({ length: 600 }, (_, n) =>
      person(n, n % 2 ? 'a' : `own-${n}`, `AAAA${n + 1000}`),
    )
    lines[3] = person(3, 'own-3', 'AAAA')
    const options = { from: 'jsonl', file: await fileOf('next.jsonl', lines.join('\n')) } as const
    const dry = await bring(project, { ...options, dryRun: true })
    const done = await bring(project, options)
    for (const report of [dry, done]) {
      t.match(report, { created: 599, existing: 1, identities_taken: 299, passkeys_taken: 1 })
      t.equal(report.taken.length, 20, 'the first twenty')
      for (const { line, email } of report.taken) t.equal(email, `taken-${line - 1}@example.com`)
      const remarks = remarksOf(report).join('\n')
      t.match(remarks, /299 identities and 1 passkeys were left out because another account has them/)
      t.match(remarks, /^\d+: An identity of taken-\d+@example.com was left out: another account has it\.$/m)
    }
    t.match(await bring(project, options), { created: 0, identities_taken: 0, passkeys_taken: 0 })
  },
)

t.test('of very many bad lines the report names the first, and counts all', async (t) => {
  const project = await newProject()
  const many = 50_000
  const file = await fileOf(
    'bad.jsonl',
    `${'{"email": "nobody"}\n'.repeat(many)}{"email": "good@example.com"}`,
  )
  const report = await bring(project, { from: 'jsonl', file })
  t.match(report, { read: many + 1, created: 1, refused_total: many })
  t.equal(report.refused.length, 1000)
  t.same(report.refused_reasons, { 'email must be an e-mail address.': many })
})

t.test('a file that cannot be read is refused in a sentence', async (t) => {
  const project = await newProject()
  const person = '{"email": "someone@example.com"}'
  for (const [from, content, said] of [
    ['jsonl', Buffer.from(person, 'utf16le'), /not a text file/],
    ['jsonl', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(person, 'utf16le')]), /UTF-16.*iconv/],
    ['jsonl', randomBytes(5000), /not a text file|UTF-8/],
    ['jsonl', Buffer.from('PK\u0003\u0004rest'), /ZIP/],
    ['auth0', gzipSync(person).subarray(0, 30), /middle of what was compressed/],
    ['jsonl', '[{"email": ', /ends in the middle/],
    ['firebase', '[]', /must be a JSON object with users/],
    ['keycloak', 'nonsense', /must be a JSON object with users/],
    ['firebase', `${person}\n${person}`, /must be a JSON object with users/],
    ['keycloak', `${person}\n${person}`, /must be a JSON object with users/],
    ['jsonl', '', /has no account.*one JSON object a line/],
    ['keycloak', '{"users": []}', /has no account.*"users"/],
    ['better-auth', '{}', /no users/],
    ['cognito', 'email,name\na@example.com,A', /get-csv-header/],
    ['csv', 'name\nA', /must name its columns/],
    ['csv', 'email,name\na@example.com,"A', /inside of a quoted field/],
    [
      'firebase',
      '{"users": [{"email": "a@example.com", "passwordHash": "YWJj", "salt": "YWJj"}]}',
      /--signer-key/,
    ],
    ['jsonl', `{"email": "${'x'.repeat(9_000_000)}`, /longer than 4 MiB/],
  ] as const) {
    const path = await fileOf('broken', content)
    const error = await bring(project, { from, file: path }).then(
      (report) => report,
      (error: unknown) => error,
    )
    const words = error instanceof CommandError ? error.message : JSON.stringify(error)
    t.match(words, said, from)
  }
  const mixed = Buffer.concat([
    Buffer.from(`${person}\n{"email": "x@example.com", "first_name": "J`),
    Buffer.of(0xfc),
    Buffer.from('rgen"}\n'),
  ])
  const report = await bring(project, { from: 'jsonl', file: await fileOf('mixed', mixed) })
  t.match(report, { created: 1, refused: [{ line: 2, reason: 'It is not valid UTF-8.' }] })
})

t.test(
  'hashes that are weak, unknown, too costly, or one kind too many are refused line by line',
  async (t) => {
    const project = await newProject()
    const rest = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
    const hashes = [
      ...Array.from({ length: 9 }, (_, n) => `$2b$${String(n + 4).padStart(2, '0')}$${rest}`),
      `$2b$31$${rest}`,
      '$1$salt$qJH7.N4xYta3aEG/dfqo/0',
      '{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==',
    ]
    const lines = hashes.map((password_hash, n) =>
      JSON.stringify({ email: `h${n}@example.com`, password_hash }),
    )
    const file = await fileOf('hashes.jsonl', lines.join('\n'))
    const report = await bring(project, { from: 'jsonl', file })
    t.equal(report.created, 8)
    const reasons = report.refused.map(({ reason }) => reason).join('\n')
    for (const said of [
      /bcrypt:12, and the project has 8 kinds/,
      /cost 31/,
      /\("1"\)/,
      /weak.*--accept-weak/,
    ])
      t.match(reasons, said)
    const other = await newProject()
    const only = await fileOf('weak.jsonl', lines.at(-1) ?? '')
    t.match(await bring(other, { from: 'jsonl', file: only, acceptWeak: true }), { created: 1 })
    t.ok('user' in (await signIn(other, { email: 'h11@example.com', password: 'hashcat' })))
  },
)

t.test('what is exported is the same where it is imported: the tables are compared', async (t) => {
  const [old, next] = [await newProject(), await newProject()]
  for (const product of ['auth0', 'better-auth', 'keycloak'] as const) {
    const { name, file, hashes } = exportsOf[product]?.(people(`out-${product}`)) ?? { name: '', file: '' }
    const given = { file: await fileOf(name, file), hashes: hashes && (await fileOf('hashes', hashes)) }
    await bring(old, { from: product, ...given })
  }
  await sql`update users set disabled_at = now(), deletion_due_at = now() + interval '1 day', metadata = '{"a": ["ü", null]}',
    email_proof = 'mailbox' where project_id = ${old.id} and email like 'out-auth0-1%'`
  await sql`insert into recovery_codes (project_id, user_id, code_hash, used_at)
    select project_id, id, sha256(email::bytea), case when id % 2 = 0 then now() end from users where project_id = ${old.id}`
  await sql`insert into teams (id, project_id, name) values (gen_random_uuid(), ${old.id}, 'Empty')`
  const path = join(folder, 'out.jsonl')
  const [facts] = await runExport(await old.operator(), { file: path })
  t.equal(facts.exported, 3 * count)
  t.equal((await stat(path)).mode & 0o777, 0o600)
  await t.rejects(runExport(await old.operator(), { file: path }), { message: /exists already/ })
  await t.rejects(runExport(await old.operator(), { file: '/dev/full' }), {
    message: /exists already|cannot be written/,
  })
  const logged =
    await sql`select 1 from security_log where project_id = ${old.id} and event = 'accounts_exported'`
  t.equal(logged.length, 1, 'the security log has the one that was written')

  // The ids of teams are those of the whole installation.
  const before = await contentOf(old.id)
  await sql`update teams set id = gen_random_uuid() where project_id = ${old.id} and name = 'Empty'`
  await sql`delete from team_members where project_id = ${old.id}`
  await sql`delete from teams where project_id = ${old.id} and name <> 'Empty'`
  const report = await bring(next, { from: 'jsonl', file: path })
  t.match(report, { created: 3 * count, refused_total: 0 })
  t.strictSame(await contentOf(next.id), before)
  const [totp] = await sql`select uuid, sealed_secret from totp_factors join users on users.id = user_id
    where totp_factors.project_id = ${next.id} limit 1`
  t.equal(printTotpSecret(openTotpSecret(await next.operator(), totp?.uuid, totp?.sealed_secret)), totpSecret)
})

t.test('an export of many accounts warns of nothing', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  const project = await newProject()
  await sql`insert into users (uuid, project_id, email, metadata)
    select gen_random_uuid(), ${project.id}, 'many-' || n || '@example.com', jsonb_build_object('a', repeat('ä', 100)) from generate_series(1, 8000) n`
  const path = join(folder, 'many-out.jsonl')
  const [facts] = await runExport(await project.operator(), { file: path })
  t.equal(facts.exported, 8000)
  t.equal((await readFile(path, 'utf8')).split('\n').length, 8001)
  t.same(warnings, [])
})

t.test('an export that does not fit on the disk says so and leaves no file', async (t) => {
  const disk = join(folder, 'disk')
  await mkdir(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    t.pass('a small file system cannot be mounted here: skipped')
    return
  }
  t.teardown(() => execFileSync('umount', ['--lazy', disk]))
  const project = await newProject()
  const lines = Array.from({ length: 1500 }, (_, n) => JSON.stringify({ email: `disk-${n}@example.com` }))
  await bring(project, { from: 'jsonl', file: await fileOf('many.jsonl', lines.join('\n')) })
  const error = await runExport(await project.operator(), { file: join(disk, 'out.jsonl') }).catch(
    (error: unknown) => error,
  )
  t.ok(error instanceof OutputFileError)
  t.match((error as Error).message, /cannot be written.*ENOSPC|no space/)
  t.same(await readdir(disk), [])
})

/** The rows of a project, without ids that are made anew, sealed bytes, and times at which nothing happened. */
async function contentOf(project: string) {
  const list = (columns: string, from: string) =>
    sql.unsafe(`select ${columns} from ${from} where x.project_id = '${project}' order by 1, 2, 3`)
  const owner = 'join users u on u.project_id = x.project_id and u.id = x.user_id'
  return {
    users: await list(
      'email, uuid, password_hash, email_verified_at, email_proof, display_name, first_name, last_name, role, provider, locale, metadata, second_factors, disabled_at, deletion_due_at, created_at',
      'users x',
    ),
    identities: await list(
      'u.email, provider_name, subject, issuer, x_email, email_verified, x_at',
      `(select project_id, user_id, provider as provider_name, subject, issuer, email as x_email, email_verified, created_at as x_at from identities) x ${owner}`,
    ),
    passkeys: await list(
      'u.email, credential_id, public_key, name, aaguid, transports, backup_eligible, backed_up, sign_count, x.created_at, last_used_at, user_handle',
      `passkeys x ${owner}`,
    ),
    totp: await list('u.email, last_step, confirmed_at, x.created_at', `totp_factors x ${owner}`),
    codes: await list('u.email, code_hash, used_at, x.created_at', `recovery_codes x ${owner}`),
    members: await list(
      'u.email, t.name, x.role, x.created_at',
      `team_members x ${owner} join teams t on t.id = x.team_id`,
    ),
    teams: await list('name, created_at, project_id is not null', 'teams x'),
  }
}
