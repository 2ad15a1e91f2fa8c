// npx . mail …: what is owed and what was given up, trying again, and looking at a kind; never a link that works.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { allMailKinds } from '../../src/mail/kinds.ts'
import { runCommand } from '../support/command.ts'
import { createDatabase } from '../support/database.ts'

const databaseUrl = await createDatabase(t)
const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} })
t.teardown(() => sql.end())
const folder = t.testdir()
const project = randomUUID()
await sql`insert into projects (id, name, policy) values (${project}, 'Shop',
  ${sql.json({ branding: { name: 'Acme Doors', logo_url: 'https://acme.example/logo.png', color: '#aa0000' } })})`
const [user] = await sql`insert into users (uuid, project_id, email, metadata)
  values (${randomUUID()}, ${project}, 'ada@example.com', '{}') returning id`

function mail(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return run(words, { DATABASE_URL: databaseUrl, SECRET_KEY: 'a test secret of more than thirty-two bytes' })
}

const run = (words: string[], env: Record<string, string>) =>
  runCommand(['mail', ...words], { DATA_DIR: join(folder, 'data'), ...env })

/** When the first row was made; each one after it a second later, because rows are listed by the time of their making. */
const since = Date.now() - 60_000
let rows = 0

type State = 'due' | 'waiting' | 'taken' | 'dead' | 'sent'
async function row(state: State, kind = 'verify_email'): Promise<string> {
  const id = randomUUID()
  await sql`insert into outbox ${sql({
    id,
    project_id: project,
    user_id: user?.id,
    kind,
    created_at: new Date(since + rows++ * 1000),
    attempts: state === 'due' ? 0 : 3,
    next_attempt_at: new Date(Date.now() + (state === 'due' ? -1000 : 3_600_000)),
    sent_at: state === 'sent' ? new Date() : null,
    dead_at: state === 'dead' ? new Date() : null,
    last_error: state === 'dead' || state === 'waiting' ? 'mail not sent: 550 no such user' : null,
  })}`
  return id
}
const stateOf = async (id: string) =>
  (await sql`select attempts, dead_at, next_attempt_at <= now() as due from outbox where id = ${id}`)[0]

t.test('list shows what is owed, --dead what was given up, both why', async (t) => {
  const ids = { due: await row('due'), waiting: await row('waiting'), taken: await row('taken') }
  const dead = await row('dead', 'change_email')
  await sql`update outbox set recipient = 'new@example.org' where id = ${dead}`
  await row('sent')
  const [owed, given, words, one] = await Promise.all([
    mail('list', '--json'),
    mail('list', '--dead', '--json'),
    mail('list'),
    mail('list', '--limit', '1'),
  ])
  t.same([owed.code, given.code, words.code, one.code], [0, 0, 0, 0])
  t.same(
    JSON.parse(owed.out).map(({ id }: { id: string }) => id),
    [ids.due, ids.waiting, ids.taken],
  )
  const [first, ...others] = JSON.parse(given.out)
  t.same(others, [])
  t.match(first, {
    id: dead,
    project_id: project,
    kind: 'change_email',
    to: 'new@example.org',
    attempts: 3,
    next_attempt_at: null,
    last_error: 'mail not sent: 550 no such user',
  })
  t.ok(Date.parse(first.dead_at) && Date.parse(first.created_at))
  t.match(words.out, /ada@example\.com\n {2}due /)
  t.match(words.out, /being sent, until/)
  t.match(words.out, /550 no such user/)
  t.match(one.out, /… and 2 more/)
  await sql`delete from outbox`
  t.equal((await mail('list')).out, 'No mail is owed.\n')
  t.equal((await mail('list', '--dead', '--json')).out, '[]\n')
})

t.test(
  'retry makes a mail due with all its attempts; one that was sent or is being sent is left alone',
  async (t) => {
    const [dead, waiting, taken, sent] = [
      await row('dead'),
      await row('waiting'),
      await row('taken'),
      await row('sent'),
    ]
    const retried = await Promise.all([mail('retry', dead), mail('retry', waiting, '--json')])
    t.same(
      retried.map(({ code, out }) => [code, out]),
      [
        [0, 'Due now: 1.\n'],
        [0, '{"retried":1}\n'],
      ],
    )
    for (const id of [dead, waiting]) t.match(await stateOf(id), { attempts: 0, dead_at: null, due: true })
    const refused = await Promise.all([
      mail('retry', taken),
      mail('retry', sent),
      mail('retry', randomUUID()),
      mail('retry', 'everything'),
    ])
    t.same(
      refused.map(({ code }) => code),
      [1, 1, 1, 1],
    )
    for (const [at, said] of [/is being sent/, /was sent/, /There is no mail/, /is not a mail id/].entries())
      t.match(refused[at]?.err, said)
    t.match(await stateOf(taken), { attempts: 3, due: false })
    const acts = await sql`select 1 from security_log where event = 'mail_retried'`
    t.equal(acts.length, 2, 'what was refused was not done')
    await sql`delete from outbox`
  },
)

t.test('retry --all-dead takes every mail that was given up, and no other', async (t) => {
  const dead = await Promise.all([row('dead'), row('dead'), row('dead')])
  const waiting = await row('waiting')
  t.equal((await mail('retry', '--all-dead', '--json')).out, '{"retried":3}\n')
  for (const id of dead) t.match(await stateOf(id), { attempts: 0, dead_at: null, due: true })
  t.match(await stateOf(waiting), { attempts: 3, due: false })
  t.equal((await mail('retry', '--all-dead')).out, 'Due now: 0.\n')
  await sql`delete from outbox`
})

t.test('preview prints every kind without a database, with a link that is plainly a sample', async (t) => {
  for (const kind of allMailKinds) {
    const { code, out, err } = await run(['preview', kind, '--lang', 'de'], {})
    t.equal(code, 0, kind)
    t.equal(err, '')
    t.match(out, /^Subject: .*Example.*\n\nGuten Tag( Ada)?,\n/)
    t.notMatch(out, /svt_|token=(?!SAMPLE)/)
  }
})

t.test('preview shows a project by its name, logo and colour, and writes HTML or text', async (t) => {
  const file = join(folder, 'mail.html')
  const words = ['preview', 'reset_password', '--lang', 'ar', '--project', project.toUpperCase()]
  t.same(await mail(...words, '--out', file), { code: 0, out: `Wrote ${file}\n`, err: '' })
  const html = readFileSync(file, 'utf8')
  t.match(html, /<html lang="ar" dir="rtl">/)
  t.match(html, /src="https:\/\/acme\.example\/logo\.png" alt="Acme Doors"/)
  t.match(html, 'background: #aa0000')
  const text = join(folder, 'mail.txt')
  await mail(...words, '--out', text)
  t.match(readFileSync(text, 'utf8'), /^Subject: .*Acme Doors/)
  const nowhere = await mail(...words, '--out', join(folder, 'none', 'mail.html'))
  t.equal(nowhere.code, 1)
  t.match(nowhere.err, /cannot be written/)
})

t.test('preview takes kind, language and file by name as well', async (t) => {
  const file = join(folder, 'named.html')
  const words = ['preview', '--kind', 'team_invitation', '--language', 'fr', '--to', file]
  t.same(await run(words, {}), { code: 0, out: `Wrote ${file}\n`, err: '' })
  t.match(readFileSync(file, 'utf8'), /<html lang="fr"[\s\S]*Grace Hopper[\s\S]*Conception/)
  t.match((await run(['preview', '--kind', 'new_device'], {})).out, /^Subject: New sign-in/)
})

t.test('a command that makes no sense ends with its usage, before a database is touched', async (t) => {
  const wrong = [
    [],
    ['send'],
    ['list', 'x'],
    ['list', '--limit', '0'],
    ['list', '--all-dead'],
    ['retry'],
    ['retry', randomUUID(), '--all-dead'],
    ['preview'],
    ['preview', 'register', '--kind', 'new_device'],
    ['preview', 'party'],
    ['preview', 'new_device', '--lang', 'xx'],
    ['preview', 'new_device', '--dead'],
    ['list', '--nonsense'],
  ]
  for (const words of wrong) {
    const { code, out, err } = await run(words, { DATABASE_URL: 'nothing' })
    t.equal(code, 2, words.join(' '))
    t.equal(out, '')
    t.match(err, /Usage:/)
  }
  const [help, listHelp] = await Promise.all(
    [['--help'], ['list', '--help']].map((words) => run(words, { DATABASE_URL: 'nothing' })),
  )
  t.same([help?.code, listHelp?.code], [0, 0])
  t.match(help?.out, /mail retry ID/)
  t.match(listHelp?.out, /^Usage: npx \. mail list \[--dead\] \[--limit N\] \[--json\]\n/)
  const unknown = await mail('preview', 'new_device', '--project', randomUUID())
  t.equal(unknown.code, 1)
  t.match(unknown.err, /no project with this id/)
})
