// npx . projects …: real processes beside a running service, as an operator types them.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { operatorsProjectId } from '../../src/domain/projects/operators-project.ts'
import { packageRoot, version } from '../../src/package.ts'
import { startTestApp, testSecretKey } from '../support/app.ts'
import { type Ended, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { programs } from '../support/programs.ts'
import { runProgram, temporaryDataDir } from '../support/service.ts'

const app = await startTestApp(t)
const folder = t.testdir()

function sallyport(words: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return runCommand(words, {
    DATA_DIR: join(folder, 'data'),
    DATABASE_URL: app.databaseUrl,
    SECRET_KEY: testSecretKey,
    ...env,
  })
}
const projects = (...words: string[]) => sallyport(['projects', ...words])

let files = 0
function fileOf(text: string): string {
  const file = join(folder, `policy-${++files}.json`)
  writeFileSync(file, text)
  return file
}
const policyFile = (policy: unknown) => fileOf(typeof policy === 'string' ? policy : JSON.stringify(policy))
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const secretHashOf = async (id: string) =>
  Buffer.from(
    (await app.sql`select secret_hash from projects where id = ${id}`)[0]?.secret_hash ?? '',
  ).toString('hex')

t.test(
  'create prints the project with its secret, show and list never do, rotate-secret prints a new one',
  async (t) => {
    const policy = { verification: { mode: 'strict' }, origins: ['https://app.example.com'] }
    const created = await projects('create', '--name', ' Shop ', '--policy', policyFile(policy), '--json')
    t.equal(created.code, 0)
    t.equal(created.err, '')
    const project = JSON.parse(created.out)
    t.same(Object.keys(project), ['id', 'name', 'secret', 'policy'])
    t.match(project.id, uuid)
    t.equal(project.name, 'Shop')
    t.match(project.secret, /^sps_/)
    t.equal(project.policy.verification.mode, 'strict')
    t.equal(project.policy.tokens.access_seconds, 900, 'the policy is shown whole')

    const [shown, listed, inWords] = await Promise.all([
      projects('show', project.id, '--json'),
      projects('list', '--json'),
      projects('show', project.id.toUpperCase()),
    ])
    t.same([shown.code, listed.code, inWords.code], [0, 0, 0])
    const { secret: _, ...rest } = project
    t.same(JSON.parse(shown.out), rest)
    t.same(Object.keys(JSON.parse(shown.out)), ['id', 'name', 'policy'])
    const all = JSON.parse(listed.out) as Record<string, unknown>[]
    t.ok(all.length >= 3, 'the default project, the test’s own and this one')
    for (const entry of all) t.same(Object.keys(entry), ['id', 'name', 'policy'])
    t.same(
      all.find(({ id }) => id === project.id),
      rest,
    )
    t.match(inWords.out, `id      ${project.id}`)
    for (const { out, err } of [shown, listed, inWords]) t.notMatch(out + err, /sps_/)

    const before = await secretHashOf(project.id)
    const rotated = await projects('rotate-secret', project.id, '--json')
    t.equal(rotated.code, 0)
    const renewed = JSON.parse(rotated.out)
    t.same(Object.keys(renewed), ['id', 'name', 'secret', 'policy'])
    t.match(renewed.secret, /^sps_/)
    t.not(renewed.secret, project.secret)
    t.not(await secretHashOf(project.id), before)
    t.equal(renewed.id, project.id)
  },
)

t.test('a bad policy is told in sentences, all at once, and nothing is stored', async (t) => {
  const bad = policyFile({ verification: { mode: 'maybe' }, colour: 'blue', tokens: { access_seconds: 0 } })
  const names = async () =>
    (await app.sql`select id, name, policy from projects order by id`).map((row) => ({ ...row }))
  const before = await names()
  const [created, set, malformed, missing] = await Promise.all([
    projects('create', '--name', 'Never', '--policy', bad, '--json'),
    projects('policy', 'set', app.projectId, '--policy', bad),
    projects('policy', 'set', app.projectId, '--policy', policyFile('{"tokens": ')),
    projects('policy', 'set', app.projectId, '--policy', join(folder, 'no-such-file.json')),
  ])
  for (const ended of [created, set]) {
    t.equal(ended.code, 1)
    t.equal(ended.out, '')
    t.match(ended.err, /^The policy needs a change; nothing was stored:\n/)
    for (const key of ['verification.mode', 'colour', 'tokens.access_seconds'])
      t.match(ended.err, `  - ${key}: `)
  }
  t.equal(malformed.code, 1)
  t.match(malformed.err, /is not valid JSON/)
  t.equal(missing.code, 1)
  t.match(missing.err, /cannot be read/)
  for (const { err } of [created, set, malformed, missing])
    t.notMatch(err, /\n +at /, 'a sentence, not a stack')
  t.same(await names(), before)
})

t.test('policy set is in force in the running service within two seconds', async (t) => {
  const { id } = await app.project({ verification: { mode: 'off' } })
  const headers = { 'project-id': id }
  const signUp = async () =>
    app.api('POST', '/signup', {
      headers,
      body: { email: `${randomUUID()}@example.com`, password: 'a good long password' },
    })
  t.equal((await signUp()).status, 201)
  const set = await projects(
    'policy',
    'set',
    id,
    '--policy',
    policyFile({ verification: { mode: 'strict' } }),
    '--json',
  )
  const setAt = performance.now()
  t.equal(set.code, 0)
  t.same(Object.keys(JSON.parse(set.out)), ['id', 'name', 'policy'])
  await sleep(2000 - (performance.now() - setAt))
  t.equal((await signUp()).status, 202)
})

t.test('policy set tells what it resets, merge keeps it, show prints the policy alone', async (t) => {
  const { id } = await app.project({ verification: { mode: 'strict' }, origins: ['https://a.example'] })
  const part = policyFile({ verification: { delivery: 'app' }, origins: ['https://b.example'] })
  const merged = await projects('policy', 'merge', id, '--policy', part, '--json')
  t.same([merged.code, merged.err], [0, ''])
  t.match(JSON.parse(merged.out).policy, {
    verification: { mode: 'strict', delivery: 'app' },
    origins: ['https://b.example'],
  })
  const shown = await projects('policy', 'show', id, '--json')
  t.same(JSON.parse(shown.out), JSON.parse(merged.out).policy)
  const refused = await projects('policy', 'merge', id, '--policy', policyFile({ orgins: [] }))
  t.equal(refused.code, 1)
  t.match(refused.err, 'orgins: is not a key of a policy. Did you mean origins?')
  t.same(await projects('policy', 'show', id, '--json'), shown, 'nothing was stored')

  const next = policyFile({ verification: { mode: 'strict' } })
  const set = await projects('policy', 'set', id, '--policy', next)
  t.equal(set.code, 0)
  t.match(set.out, /Reset to the default/)
  t.match(set.out, '  - verification.delivery\n')
  t.notMatch(set.out, '  - verification.mode')
  const again = await projects('policy', 'set', id, '--policy', policyFile({}), '--json')
  t.match(again.err, '  - verification.mode\n', 'beside JSON on standard error')
  t.same(Object.keys(JSON.parse(again.out)), ['id', 'name', 'policy'])
})

t.test('an id that is unknown or no id is told in a sentence', async (t) => {
  const unknown = randomUUID()
  const [shown, rotated, noId] = await Promise.all([
    projects('show', unknown),
    projects('rotate-secret', unknown, '--json'),
    projects('show', 'shop'),
  ])
  for (const { code, out, err } of [shown, rotated]) {
    t.equal(code, 1)
    t.equal(out, '')
    t.equal(err, 'There is no project with this id. See: npx . projects list\n')
  }
  t.equal(noId.code, 1)
  t.match(noId.err, /"shop" is not a project id/)
})

t.test('a command line that makes no sense ends with 2 and the usage, and touches no database', async (t) => {
  const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  const lines = [
    ['projects'],
    ['projects', 'create', '--name', '  '],
    ['projects', 'list', '--colour'],
    ['proyects'],
  ]
  const ended = await Promise.all(lines.map((words) => sallyport(words, nowhere)))
  for (const [index, { code, out, err }] of ended.entries()) {
    t.equal(code, 2, `${lines[index]?.join(' ')}: ${err.split('\n')[0]}`)
    t.equal(out, '')
    t.match(err, /Usage:/)
  }
})

t.test('--help explains itself, needs no database and ends with 0', async (t) => {
  const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  const [all, one, amid] = await Promise.all([
    sallyport(['--help'], nowhere),
    sallyport(['projects', '--help'], nowhere),
    sallyport(['projects', 'create', '--help'], nowhere),
  ])
  for (const { code, err } of [all, one, amid]) t.same([code, err], [0, ''])
  for (const command of ['projects', 'migrate', 'openapi']) t.match(all.out, `  ${command}`)
  t.match(one.out, 'npx . projects rotate-secret ID')
  t.match(amid.out, /^Usage: npx \. projects create --name NAME \[--policy FILE\] \[--json\]\n/)
  for (const option of ['  --name NAME', '  --policy FILE', '  --json', '  -h, --help'])
    t.match(amid.out, option)
  t.match(all.out, '    DATABASE_URL (the embedded PostgreSQL)\n', 'and the variables')
})

t.test('--version prints the version alone', async (t) => {
  const { code, out, err } = await sallyport(['--version'])
  t.same([code, out, err], [0, `${version}\n`, ''])
})

t.test('a command whose reader ends first ends without an error', async (t) => {
  const command = ['-c', '"$0" "$1" --help | true', process.execPath, programs.command]
  const { stdout, stderr } = await promisify(execFile)('sh', command)
  t.same([stdout, stderr], ['', ''])
})

t.test('what cannot be printed is told, and of a secret how to make another', async (t) => {
  const env = { PATH: process.env.PATH, DATABASE_URL: app.databaseUrl, SECRET_KEY: testSecretKey }
  const command = (words: string[], stdout: 'pipe' | number) => {
    const child = spawn(process.execPath, [programs.command, ...words], {
      env,
      stdio: ['ignore', stdout, 'pipe'],
    })
    // Nobody reads.
    child.stdout?.destroy()
    let err = ''
    child.stderr?.on('data', (chunk) => {
      err += chunk
    })
    return new Promise<[number | null, string]>((resolve) =>
      child.once('close', (code) => resolve([code, err])),
    )
  }
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const lost = 'Standard output cannot be written (ENOSPC): not everything was printed.\n'
  t.same(await command(['--help'], full), [1, lost])
  t.same(await command(['projects', 'list'], full), [1, lost])
  t.same(await command(['projects', 'list'], 'pipe'), [0, ''])
  const [code, err] = await command(['projects', 'create', '--name', 'Lost'], full)
  t.equal(code, 1)
  t.match(err, /^Standard output .*\nThe secret of the project \S+ was not printed: make another with/)
  const key = ['operators', 'keys', 'create', '--name', 'Lost', '--role', 'viewer']
  const [keyCode, keyErr] = await command(key, 'pipe')
  t.equal(keyCode, 1)
  t.match(keyErr, /^The key \S+ was not printed: end it with npx \. operators keys revoke/)
  const out = join(folder, 'unread')
  t.same(await command(['openapi', '--out', out], 'pipe'), [0, ''], 'the work is finished')
  t.ok(existsSync(join(out, 'routes.txt')) && existsSync(join(out, 'admin.json')))
})

t.test('a database that is away, or a wrong configuration, is told in a sentence', async (t) => {
  const [away, wrong] = await Promise.all([
    sallyport(['projects', 'list'], { DATABASE_URL: 'postgres://somebody:a-password@127.0.0.1:1/none' }),
    sallyport(['projects', 'list'], { SECRET_KEY: 'hunter2' }),
  ])
  t.equal(away.code, 1)
  t.match(away.err, /^The database of DATABASE_URL cannot be used: /)
  t.notMatch(away.err, /a-password/)
  t.equal(wrong.code, 78)
  t.match(wrong.err, /SECRET_KEY must have at least 32 bytes/)
  t.notMatch(wrong.err, /hunter2/)
})

t.test('openapi writes the committed documents, without a database', async (t) => {
  const out = join(folder, 'documents')
  const written = await sallyport(['openapi', '--out', out], {
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
  })
  t.equal(written.code, 0)
  for (const name of ['auth.json', 'routes.txt']) {
    t.match(written.out, join(out, name))
    t.ok(
      readFileSync(join(out, name), 'utf8') === readFileSync(join(packageRoot, 'openapi', name), 'utf8'),
      name,
    )
  }
})

t.test('a file is written over a file alone, and stays whole where a link leads to it', async (t) => {
  const [fifo, nowhere] = [join(folder, 'fifo'), join(folder, 'nowhere')]
  const [link, file] = [join(folder, 'link'), join(folder, 'file')]
  execFileSync('mkfifo', [fifo])
  symlinkSync(join(folder, 'none'), nowhere)
  symlinkSync(file, link)
  writeFileSync(file, 'before', { mode: 0o640 })
  // Nothing is made of these before the database is asked, which is away.
  const away = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  const project = ['--project', app.projectId]
  for (const words of [
    ['backup', '--to'],
    ['users', 'export', ...project, '--file'],
    ['mail', 'preview', 'new_device', ...project, '--to'],
  ])
    for (const [path, why] of [
      [fifo, /a pipe.* Give the path of a file/],
      [nowhere, /leads nowhere.* Give the path of a file/],
      [folder, /a folder.* Give the path of a file/],
      [`${join(folder, 'new')}/`, /a folder.* Give the path of a file/],
      [join(folder, 'none', 'new'), /ENOENT/],
    ] as const) {
      const { code, err } = await sallyport([...words, path], away)
      t.same([code, err.startsWith(`${path} cannot be written`)], [1, true], err)
      t.match(err, why)
    }
  t.match(await sallyport(['backup', '--to', ''], away), { code: 2, err: /^--to must not be empty/ })
  t.match(await sallyport(['openapi', '--out', '']), { code: 2, err: /^--out must not be empty/ })
  t.match(await sallyport(['openapi', '--out', file]), { code: 1, err: /file cannot be the folder/ })
  t.ok(lstatSync(fifo).isFIFO())
  t.equal((await sallyport(['mail', 'preview', 'new_device', '--to', link])).code, 0)
  t.ok(lstatSync(link).isSymbolicLink())
  t.match(readFileSync(file, 'utf8'), /<html/)
  t.equal(lstatSync(file).mode & 0o777, 0o640)
  t.same(
    readdirSync(folder).filter((name) => /\.[0-9a-f]{8}$/.test(name)),
    [],
  )
})

t.test('a signal stops the database that a command started, in order', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const env = { DATA_DIR: dataDir, SECRET_KEY: testSecretKey }
  const isRunning = () => existsSync(join(dataDir, 'postgres', 'postmaster.pid'))
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const program = runProgram('command', ['projects', 'list'], { env })
    await eventually('PostgreSQL starts', async () => isRunning())
    program.signal(signal)
    t.match(await program.ended, {
      code,
      signal: null,
      stdout: '',
      stderr: /^(Preparing the embedded.*\n)?$/,
    })
    t.same([isRunning(), existsSync(join(dataDir, 'lock'))], [false, false])
  }
  const { out } = await runCommand(['projects', 'create', '--name', 'A', '--json'], env)
  const words = ['listen', '--project', JSON.parse(out).id, '--forward-to', 'http://127.0.0.1:9/']
  const listening = runProgram('command', words, { env })
  await eventually('it listens', async () => listening.stdout().includes('Secret for this run'))
  listening.signal('SIGTERM')
  t.match(await listening.ended, { code: 0, signal: null, stderr: '' })
  t.equal(isRunning(), false)
})

t.test('migrate says that there is nothing to do beside a running service', async (t) => {
  const ended = await sallyport(['migrate'])
  t.same([ended.code, ended.out], [0, 'The database is up to date.\n'])
})

t.test('names that a terminal would obey are refused, and escaped where they are stored', async (t) => {
  const evil = 'a\u001b[2Jb\nforged  row\u202ec\u009b'
  const answers = await Promise.all([
    projects('create', '--name', evil),
    projects('create', '--name', 'x'.repeat(101)),
    sallyport(['operators', 'keys', 'create', '--name', evil, '--role', 'viewer']),
    sallyport([
      ...['webhooks', 'create', '--project', app.projectId],
      ...['--url', 'https://crm.example.com/', '--description', evil],
    ]),
  ])
  for (const { code, err } of answers) {
    t.equal(code, 2)
    t.match(err, /has 1 to \d+ characters, without line breaks and control characters/)
  }
  const id = randomUUID()
  await app.sql`insert into projects (id, name, policy) values (${id}, ${evil}, '{}')`
  for (const words of [['list'], ['show', id]]) {
    const { out } = await projects(...words)
    t.match(out, 'a\\u001b[2Jb\\u000aforged  row\\u202ec\\u009b\n', words.join(' '))
    t.notOk(/[\p{Cc}\u202e]/u.test(out.replaceAll('\n', '')))
  }
  t.match((await projects('list', '--json')).out, 'a\\u001b[2Jb\\nforged', 'JSON has its own escapes')
  await app.sql`delete from projects where id = ${id}`
})

t.test('files that cannot be used are named in a sentence', async (t) => {
  const file = fileOf('no folder')
  const email = ['--project', app.projectId]
  for (const [words, env, code, sentence] of [
    [['projects', 'rotate-secret', operatorsProjectId], {}, 1, /built-in project of the operators/],
    [['users', 'import', ...email, '--file', folder], {}, 1, /is a folder/],
    [['users', 'import', ...email, '--file', file, '--hashes', folder], {}, 1, /is a folder/],
    [['openapi', '--out', file], {}, 1, /cannot be the folder to write to/],
    [['openapi', '--out', ''], {}, 2, /--out must not be empty/],
    [['projects', 'list'], { DATABASE_URL: '', DATA_DIR: file }, 78, /DATA_DIR/],
    [['init', '/proc/app', '--template', 'next'], {}, 1, /cannot be made/],
  ] as const) {
    const ended = await sallyport(words, env)
    t.equal(ended.code, code, words.join(' '))
    t.match(ended.err, sentence)
    t.notMatch(ended.err, /^ {4}at /m)
  }
})
