// npx . users …: real processes beside a running service, as an operator types them.
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../src/cli/errors.ts'
import { run } from '../../src/cli/program.ts'
import { loadArgon2, passwordBytes } from '../../src/crypto/passwords.ts'
import { bearer, startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { newPerson } from '../support/factors.ts'

const app = await startTestApp(t)
const folder = t.testdir()
const password = 'a good long password'

const users = (words: readonly string[], input = '') =>
  runCommand(
    ['users', ...words],
    {
      DATA_DIR: join(folder, 'data'),
      DATABASE_URL: app.databaseUrl,
      SECRET_KEY: testSecretKey,
      PUBLIC_URL: 'https://auth.example.com',
    },
    input,
  )
const of = (verb: string, email: string, ...more: string[]) =>
  users([verb, '--project', app.projectId, '--email', email, ...more])
const newEmail = () => `${randomUUID()}@example.com`
const login = (email: string, secret = password) =>
  app.api('POST', '/login', { body: { email, password: secret } })
let files = 0
function fileOf(content: string): string {
  const file = join(folder, `people-${++files}`)
  writeFileSync(file, content)
  return file
}

t.test('create makes an account that signs in, and prints the user as GET /me shows them', async (t) => {
  const email = newEmail()
  const words = ['--first-name', 'Ada', '--last-name', 'Lovelace', '--display-name', 'Ada L.']
  const created = await of(
    'create',
    email,
    '--password',
    password,
    ...words,
    '--role',
    'admin',
    '--verified',
    '--json',
  )
  t.equal(created.code, 0, created.err)
  t.equal(created.err, '')
  const user = JSON.parse(created.out)
  const session = await login(email)
  t.equal(session.status, 200)
  const me = await app.api('GET', '/me', { headers: bearer(session) })
  t.same(user, me.body.user)
  t.match(user, { email, first_name: 'Ada', last_name: 'Lovelace', display_name: 'Ada L.', role: 'admin' })
  t.ok(user.email_verified_at)

  const shown = await of('show', email.toUpperCase(), '--json')
  t.same(JSON.parse(shown.out), user)
  const inWords = await of('show', email)
  t.match(inWords.out, `email              ${email}\n`)
  for (const { out, err } of [created, shown, inWords]) t.notMatch(out + err, /argon2|good long/)

  const again = await of('create', email, '--password', password)
  t.equal(again.code, 1)
  t.match(again.err, 'There is an account with this address in the project already.')
})

t.test(
  'without --password there is none, which is said; with - it is read from standard input',
  async (t) => {
    const [email, other] = [newEmail(), newEmail()]
    const [none, read] = await Promise.all([
      of('create', email, '--json'),
      users(['create', '--project', app.projectId, '--email', other, '--password', '-'], `${password}\n`),
    ])
    t.equal(none.code, 0)
    t.match(none.err, /No password was given/)
    t.match(JSON.parse(none.out), { role: 'user', email_verified_at: null })
    t.equal((await login(email)).status, 401)
    t.equal(read.code, 0, read.err)
    t.equal((await login(other)).status, 200)
  },
)

t.test('disable ends every session at once, enable lets in again, delete removes', async (t) => {
  const signUp = await app.signUp()
  const me = () => app.api('GET', '/me', { headers: bearer(signUp) })
  t.equal((await me()).status, 200)
  const disabled = await of('disable', signUp.email)
  t.equal(disabled.code, 0)
  t.match(disabled.out, /^disabled_at +\d{4}-/m)
  t.equal((await me()).status, 401)
  t.equal((await login(signUp.email)).status, 403)
  t.equal((await of('enable', signUp.email)).code, 0)
  t.equal((await me()).status, 401, 'the old session stays ended')
  t.equal((await login(signUp.email)).status, 200)
  const deleted = await of('delete', signUp.email, '--json')
  t.equal(JSON.parse(deleted.out).email, signUp.email)
  t.equal((await login(signUp.email)).status, 401)
  const gone = await of('show', signUp.email)
  t.equal(gone.code, 1)
  t.equal(gone.err, 'There is no account with this address in the project.\n')
})

t.test('disable leaves no team without an ADMIN, unless forced', async (t) => {
  const [ada, bob] = [await app.signUp(), await app.signUp()]
  const team = await app.api('POST', '/teams', { headers: bearer(ada), body: { name: 'Rockets' } })
  await app.sql`update users set email_verified_at = now() where email = ${bob.email}`
  await app.api('POST', `/teams/${team.body.id}/members`, {
    headers: { ...bearer(ada), 'project-secret': app.projectSecret },
    body: { email: bob.email, role: 'VIEWER' },
  })
  const refused = await of('disable', ada.email)
  t.equal(refused.code, 1)
  t.match(refused.err, /^A team would be left without an ADMIN: .*teams set-role.*--force\.\n$/)
  t.equal((await login(ada.email)).status, 200)
  t.equal((await of('disable', ada.email, '--force')).code, 0)
  t.equal((await login(ada.email)).status, 403)
  t.equal((await of('enable', ada.email, '--force')).code, 2, 'no other verb takes it')
})

t.test('set-role counts at the next request', async (t) => {
  const signUp = await app.signUp()
  const set = await of('set-role', signUp.email, '--role', 'admin', '--force', '--json')
  t.equal(JSON.parse(set.out).role, 'admin')
  const me = await app.api('GET', '/me', { headers: bearer(signUp) })
  t.equal(me.body.user.role, 'admin')
})

t.test(
  'import takes JSON lines and an array, reports what came of each, and can be done again',
  async (t) => {
    const argon2 = await loadArgon2()
    const password_hash = await argon2.hash(passwordBytes(password), { memoryKib: 64, passes: 1, lanes: 1 })
    const people = Array.from({ length: 1200 }, () => ({
      email: newEmail(),
      first_name: 'Ada',
      password_hash,
    }))
    const lines = people.map((person) => JSON.stringify(person))
    const broken = ['{"email": ', '', JSON.stringify({ email: 'nobody' }), JSON.stringify(people[0])]
    const file = fileOf(`\uFEFF${[...lines, ...broken].join('\r\n')}\n`)
    const imported = await users(['import', '--project', app.projectId, '--file', file, '--json'])
    t.equal(imported.code, 1, imported.err)
    t.equal(imported.err, '')
    const report = JSON.parse(imported.out)
    t.match(report, { read: 1203, created: 1200, existing: 1 })
    t.same(
      report.refused.map(({ line }: { line: number }) => line),
      [1201, 1203],
    )
    t.equal((await login(people[1199]?.email ?? '')).status, 200)

    const array = fileOf(JSON.stringify([...people, { email: newEmail() }], null, 2))
    const again = await users(['import', '--project', app.projectId, '--file', array])
    t.equal(again.code, 0)
    t.equal(again.out, '1201 read, 1 created, 1200 there already, 0 refused\n')

    for (const [content, said] of [
      ['[{"email": ', /is not valid JSON/],
      ['', /./],
    ] as const) {
      const ended = await users(['import', '--project', app.projectId, '--file', fileOf(content)])
      t.match(ended.out + ended.err, said)
      t.notMatch(ended.err, /at \w+ \(/, 'no stack')
    }
  },
)

t.test('list prints the oldest first and goes on after an id', async (t) => {
  const project = await app.project()
  for (let i = 0; i < 3; i++)
    await app.api('POST', '/signup', {
      headers: { 'project-id': project.id },
      body: { email: newEmail(), password },
    })
  const all = await users(['list', '--project', project.id, '--json'])
  const listed = JSON.parse(all.out)
  t.equal(listed.length, 3)
  const rest = await users(['list', '--project', project.id, '--after', String(listed[0].id), '--limit', '1'])
  t.match(rest.out, new RegExp(`^${listed[1].id} .*${listed[1].email}  user\n$`))
  t.match(rest.err, `There are more: --after ${listed[1].id} goes on`)
  const none = await app.project()
  t.equal((await users(['list', '--project', none.id])).out, 'There is no account.\n')
})

t.test('nonsense ends with 2 and the usage, what is wrong with a value with 1 and a sentence', async (t) => {
  const project = ['--project', app.projectId]
  for (const words of [
    [],
    ['dance'],
    ['create', ...project],
    ['create', '--email', 'a@example.com'],
    ['show', ...project],
    ['show', ...project, '--email', 'a@example.com', '--role', 'admin'],
    ['set-role', ...project, '--email', 'a@example.com'],
    ['set-role', ...project, '--email', 'a@example.com', '--role', 'root'],
    ['create', ...project, '--email', 'a@example.com', '--role', 'root'],
    ['create', ...project, '--email', 'a@example.com', '--is-admin'],
    ['list', ...project, '--limit', 'all'],
    ['import', ...project],
  ])
    await t.rejects(run(['users', ...words]), UsageError, words.join(' '))
  const nonsense = await users(['dance'])
  t.equal(nonsense.code, 2)
  t.match(nonsense.err, /Usage:/)
  t.equal(nonsense.out, '')
  for (const [words, said] of [
    [['show', '--project', 'mine', '--email', 'a@example.com'], /is not a project id/],
    [['show', '--project', randomUUID(), '--email', 'a@example.com'], /There is no project with this id/],
    [['create', ...project, '--email', 'nobody', '--password', 'short'], /e-mail address.*\n.*8 to 255/],
    [['import', ...project, '--file', join(folder, 'none')], /cannot be read/],
  ] as const) {
    const ended = await users(words)
    t.equal(ended.code, 1, words.join(' '))
    t.match(ended.err, said)
    t.notMatch(ended.err, /at \w+ \(|short/)
  }
  const help = await users(['--help'])
  t.equal(help.code, 0)
  t.match(help.out, /^Usage:\n {2}npx \. users create/)
})

t.test('factors and reset-factors show and remove the second factors of an account', async (t) => {
  const { authenticator: _, email } = await newPerson(app)
  const shown = await of('factors', email, '--json')
  t.equal(shown.code, 0, shown.err)
  t.same(JSON.parse(shown.out), {
    enrolled: ['totp'],
    recovery_codes_left: 10,
    trusted_devices: 0,
    reset_due_at: null,
  })
  t.notMatch((await of('factors', email)).out, /secret/i)
  const asked = await of('reset-factors', email, '--json')
  const { reset_due_at } = JSON.parse(asked.out)
  t.ok(Date.parse(reset_due_at) > Date.now() + 86_000_000)
  t.equal(JSON.parse((await of('factors', email, '--json')).out).reset_due_at, reset_due_at)
  t.match(await of('reset-factors', email, '--cancel'), { code: 0, out: 'The factors stay.\n' })
  t.match(await of('reset-factors', email, '--cancel'), { code: 0, out: /no request/ })
  t.equal(JSON.parse((await of('factors', email, '--json')).out).reset_due_at, null)
  const plain = await app.signUp()
  const refused = await of('reset-factors', plain.email)
  t.equal(refused.code, 1)
  t.match(refused.err, /no second factor/)
})

t.test('sessions, end-sessions, verify and reset-password act on one account', async (t) => {
  const person = await app.signUp()
  const { email } = person
  const [session] = JSON.parse((await of('sessions', email, '--json')).out)
  t.match(session, { current: false, acr: '1' })
  t.equal((await of('end-sessions', email)).code, 0)
  t.equal((await app.api('GET', '/me', { headers: bearer(person) })).status, 401)
  t.match((await of('sessions', email)).out, /No session/)
  t.ok(JSON.parse((await of('verify', email, '--json')).out).email_verified_at)
  t.equal((await of('reset-password', email)).code, 0)
  const rows = await app.sql`select event, actor, details from security_log
    where account = ${person.body.user.uuid} and actor = 'operator' order by id`
  t.same(
    rows.map(({ event, details }) => [event, details.via]),
    [
      ['signed_out_everywhere', 'command_line'],
      ['email_verified', 'command_line'],
      ['password_reset_requested', 'command_line'],
    ],
  )
  t.match((await of('sessions', 'nobody@example.com')).err, /no account/)
})
