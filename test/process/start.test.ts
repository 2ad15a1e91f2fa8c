// The service and its commands as a user meets them who has nothing but Node: start, stop, start again, what is in the way.
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { openMailbox } from '../support/mailbox.ts'
import {
  ask,
  postmasterPid,
  processesOf,
  runProgram,
  startService,
  temporaryDataDir,
} from '../support/service.ts'

const password = 'a good long password'

/** Runs a command to its end. */
const command = (words: readonly string[], env: Record<string, string>) =>
  runProgram('command', words, { env }).ended

/** One sentence or two, no stack, and a code that is not 0. */
function isSentence(
  t: Test,
  { code, stderr }: { code: number | null; stderr: string },
  pattern: RegExp,
): void {
  t.ok(code !== null && code > 0, 'another code than 0', { code })
  t.match(stderr, pattern)
  t.notMatch(stderr, /\n\s+at |Unexpected error|Error:/, 'no stack')
  t.ok(stderr.trim().split('\n').length <= 3, 'short', { stderr })
}

t.test('the first start says where to click; data and tokens outlive a restart', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const first = await startService(t, { dataDir })
  t.match(first.stdout(), `http://127.0.0.1:${first.port}/playground`)
  t.match(first.stdout(), `http://127.0.0.1:${first.port}/docs`)
  t.match(first.stdout(), 'Ctrl-C')
  t.equal(first.stderr(), '')
  const page = await fetch(`${first.url}/docs`)
  t.equal(page.status, 200, 'and there is something to click')

  const email = 'ada@example.com'
  const signUp = await ask(first, 'POST', '/signup', { body: { email, password } })
  t.equal(signUp?.status, 201, 'the default project needs no header')

  await t.test('the mail is a file, and its link a line of the log', async (t) => {
    const [mail] = await openMailbox(join(dataDir, 'outbox')).waitFor(email)
    t.equal(mail?.kind, 'verify_email')
    const { link } = mail ?? {}
    await eventually('the link in the log', async () => first.stdout().includes(String(link)))
    const line = first
      .stdout()
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text) => JSON.parse(text))
      .find(({ msg }) => msg === 'Mail captured')
    t.match(line, { level: 'info', kind: 'verify_email', link })
    t.match(line.file, /\.eml$/)
    t.equal((await fetch(String(link))).status, 200, 'the link opens')
  })

  await t.test('a second start on the same data directory is refused in a sentence', async (t) => {
    const env = { DATA_DIR: dataDir, PORT: String(await freePort()) }
    const second = await runProgram('service', [], { env }).ended
    isSentence(t, second, new RegExp(`in use by process ${first.pid}`))
    t.match(second.stderr, /DATA_DIR/, 'that says what to do')
    t.equal((await fetch(`${first.url}/health/ready`)).status, 200, 'the first one runs on')
  })

  await t.test('commands find the database of the service that runs', async (t) => {
    const { code, stdout, stderr } = await command(['projects', 'list', '--json'], { DATA_DIR: dataDir })
    t.same({ code, stderr }, { code: 0, stderr: '' })
    const [project, ...others] = JSON.parse(stdout)
    t.match(project, {
      id: /^[0-9a-f-]{36}$/,
      name: 'Sallyport',
      policy: { verification: { mode: 'lenient' } },
    })
    t.same(others, [])
    t.notOk('secret' in project)
  })

  const stopped = await first.stop()
  t.same({ code: stopped.code, stderr: stopped.stderr }, { code: 0, stderr: '' })
  t.same(await processesOf(dataDir), [])

  await t.test('commands start the database where no service runs, and stop it again', async (t) => {
    const { code, stdout } = await command(['projects', 'list', '--json'], { DATA_DIR: dataDir })
    t.equal(code, 0)
    t.equal(JSON.parse(stdout).length, 1)
    t.equal(postmasterPid(dataDir), null)
    t.same(await processesOf(dataDir), [])
  })

  // The same port: tokens name their issuer, which is where the service is reached.
  const again = await startService(t, { dataDir, port: first.port })
  const authorization = `Bearer ${signUp?.body.access_token}`
  t.equal(
    (await ask(again, 'GET', '/me', { headers: { authorization } }))?.status,
    200,
    'the access token is valid',
  )
  const refresh_token = signUp?.body.refresh_token
  t.equal(
    (await ask(again, 'POST', '/refresh', { body: { refresh_token } }))?.status,
    200,
    'the refresh token too',
  )
  t.equal(
    (await ask(again, 'POST', '/login', { body: { email, password } }))?.status,
    200,
    'the account is there',
  )
  t.equal((await again.stop()).code, 0)
})

t.test('a port that is taken is a sentence, and the database is stopped again', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  t.teardown(() => squatter.close())
  const address = squatter.address()
  const port = String(typeof address === 'object' && address ? address.port : 0)
  const { code, stderr } = await runProgram('service', [], { env: { DATA_DIR: dataDir, PORT: port } }).ended
  isSentence(t, { code, stderr }, /in use/)
  t.match(stderr, /PORT/)
  t.equal(postmasterPid(dataDir), null)
  t.same(await processesOf(dataDir), [])
})

t.test('a configuration with mistakes names all of them and starts nothing (78)', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const env = { DATA_DIR: dataDir, PORT: 'eighty', COOKIE_SECURE: 'maybe', DATABASE_URL: 'mysql://h/d' }
  const { code, stderr, stdout } = await runProgram('service', [], { env }).ended
  t.equal(code, 78)
  for (const name of ['PORT', 'COOKIE_SECURE', 'DATABASE_URL', 'SECRET_KEY']) t.match(stderr, name)
  t.notMatch(stderr, /eighty|maybe|mysql/, 'no value is repeated')
  t.equal(stdout, '')
  t.same(await readdir(dataDir), [])
})

t.test('a database that does not answer is a sentence without its password', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const url = `postgres://somebody:hush-hush@127.0.0.1:${await freePort()}/nowhere`
  const env = { DATA_DIR: dataDir, DATABASE_URL: url, SECRET_KEY: 'x'.repeat(40), PORT: '0' }
  const { code, stderr, stdout } = await runProgram('service', [], { env }).ended
  isSentence(t, { code, stderr }, /database of DATABASE_URL cannot be used/)
  t.notMatch(stderr + stdout, /hush-hush/)
})

t.test('it runs as an ordinary user with a data directory of their own', async (t) => {
  if (process.getuid?.() !== 0)
    return t.pass('not here', { skip: 'only root can start it as somebody else; all other tests run as you' })
  const { chown } = await import('node:fs/promises')
  const dataDir = await temporaryDataDir(t)
  const [uid, gid] = [65_534, 65_534]
  await chown(dataDir, uid, gid)
  const probe = await runProgram('command', ['--help'], { uid, gid }).ended
  if (probe.code !== 0) return t.pass('not here', { skip: 'nobody cannot read this checkout' })
  const service = await startService(t, { dataDir, uid, gid })
  const email = 'nobody@example.com'
  t.equal((await ask(service, 'POST', '/signup', { body: { email, password } }))?.status, 201)
  t.equal((await openMailbox(join(dataDir, 'outbox')).waitFor(email)).length, 1)
  t.equal((await service.stop()).code, 0)
  t.same(await processesOf(dataDir), [])
})

t.test('every command explains itself, and an unknown one is refused in a sentence (2)', async (t) => {
  const help = await command(['--help'], {})
  t.equal(help.code, 0)
  const names = [...help.stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name ?? '')
  t.ok(names.includes('projects') && names.includes('migrate'), 'the list of commands', { names: [...names] })
  for (const name of names) {
    const { code, stdout, stderr } = await command([name, '--help'], {})
    t.same({ code, stderr }, { code: 0, stderr: '' }, name)
    t.match(stdout, /^Usage:/, name)
  }
  const unknown = await command(['conquer'], {})
  t.equal(unknown.code, 2)
  t.match(unknown.stderr, /^There is no command "conquer"\./)
})
