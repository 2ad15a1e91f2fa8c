// npx . audit …: the security log as an operator reads and verifies it, beside a running service.
import { join } from 'node:path'
import t from 'tap'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

const app = await startTestApp(t, { policy: { lockout: { failures: 3 } } })
const folder = t.testdir()
const run = (...words: string[]) =>
  runCommand(words, {
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: app.databaseUrl,
    SECRET_KEY: testSecretKey,
  })
const list = async (...words: string[]) => {
  const { code, out, err } = await run('audit', 'list', '--project', app.projectId, '--json', ...words)
  if (code !== 0) throw new Error(err)
  return JSON.parse(out) as {
    id: number
    event: string
    account: string | null
    details: object
    position: number
  }[]
}

t.test('list finds by event, account, address and time, the newest first', async (t) => {
  const { email, body } = await app.signUp()
  const stranger = 'nobody-here@example.com'
  await app.api('POST', '/login', { body: { email, password: 'not the password' } })
  await app.api('POST', '/login', { body: { email: stranger, password: 'not the password' } })
  t.same(
    (await list('--user', email)).map(({ event }) => event),
    ['sign_in_refused', 'signed_up'],
  )
  // A job seals the rows meanwhile, so their positions are not compared.
  const idsOf = async (user: string) => (await list('--user', user)).map(({ id }) => id)
  t.same(await idsOf(body.user.uuid), await idsOf(email))
  const [refused, ...more] = await list('--user', stranger, '--event', 'sign_in_refused')
  t.equal(more.length, 0)
  t.match(refused, { account: null, details: { reason: 'unknown_account' } })
  t.equal((await list('--since', '1h')).length, (await list()).length)
  t.same(await list('--since', '2999-01-01T00:00:00Z'), [])
  t.equal((await list('--limit', '1')).length, 1)
  const words = await run('audit', 'list', '--project', app.projectId, '--user', email)
  t.match(words.out, /sign_in_refused +none +refused \(wrong_password\)/)
  t.notOk(words.out.includes(email), 'no address is printed')
})

t.test('what the command line does stands in the log as an act of an operator', async (t) => {
  const email = 'made-by-operator@example.com'
  const account = ['--project', app.projectId, '--email', email]
  for (const words of [
    ['create'],
    ['set-role', '--role', 'admin', '--force'],
    ['disable'],
    ['enable'],
    ['delete'],
  ]) {
    const [verb = '', ...options] = words
    t.equal((await run('users', verb, ...account, ...options)).code, 0, verb)
  }
  const rows = (await list()).filter((row) => 'via' in row.details)
  t.same(
    rows.slice(0, 5).map(({ event }) => event),
    ['account_deleted', 'account_enabled', 'account_disabled', 'role_changed', 'account_created'],
  )
  t.equal(new Set(rows.slice(0, 5).map((row) => row.account)).size, 1)
})

t.test(
  'the service seals the log; verify ends with 0, and with 1 and the row after a change by hand',
  async (t) => {
    await eventually('every row is sealed', async () =>
      (await list()).every(({ position }) => position !== null),
    )
    const whole = await run('audit', 'verify', '--project', app.projectId, '--json')
    t.equal(whole.code, 0, whole.err)
    const [verdict] = JSON.parse(whole.out)
    t.match(verdict, { project_id: app.projectId, unsealed: 0, broken: null })
    t.equal(verdict.head.position, verdict.rows)
    t.equal((await run('audit', 'verify')).code, 0)
    const [row] = await app.sql`update security_log set outcome = 'success'
    where project_id = ${app.projectId} and event = 'sign_in_refused' and position is not null
    returning id, position`
    const broken = await run('audit', 'verify')
    t.equal(broken.code, 1)
    t.match(broken.err, new RegExp(`${app.projectId} is broken: Row \\d+ at position \\d+ .*was changed`))
    t.ok(row)
  },
)

t.test('words that make no sense are told with the usage', async (t) => {
  for (const words of [
    [],
    ['list'],
    ['list', '--project', app.projectId, '--since', 'yesterday'],
    ['list', '--project', app.projectId, '--since', '999999d'],
    ['list', '--project', app.projectId, '--event', 'nope'],
    ['list', '--project', app.projectId, '--since', '2026-02-31'],
    ['verify', 'x'],
  ]) {
    const { code, err } = await run('audit', ...words)
    t.equal(code, 2, String(words))
    t.match(err, /Usage:/)
  }
  const strange = await run('audit', 'list', '--project', app.projectId, '--user', 'nonsense')
  t.equal(strange.code, 1)
  t.match(strange.err, /--user must be/)
  t.match((await run('audit', '--help')).out, /audit verify/)
})

t.test('a refusal is one log line without the address', async (t) => {
  const lines = app.logs.filter(({ msg }) => msg === 'Refused')
  t.ok(lines.length >= 2)
  t.match(lines[0], { event: 'sign_in_refused', reason: 'wrong_password', project: app.projectId })
  t.notOk(JSON.stringify(lines).includes('@'))
})
