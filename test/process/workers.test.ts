// Several processes on one port: each of them serves, none is missed when it dies or is replaced, and all of them go together.
import { Agent, request } from 'node:http'
import postgres from 'postgres'
import t from 'tap'
import { freePort, testSecretKey } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { readExposition, total } from '../support/exposition.ts'
import {
  ask,
  type Program,
  postmasterPid,
  processesOf,
  runProgram,
  startService,
  temporaryDataDir,
  wideProject,
} from '../support/service.ts'

const password = 'a good long password'
const two = { WORKERS: '2' }

/** What the log says so far. */
const linesOf = (program: Program): Record<string, unknown>[] =>
  program
    .stdout()
    .split('\n')
    .filter((text) => text.startsWith('{') && text.endsWith('}'))
    .map((text) => JSON.parse(text))
const count = (program: Program, msg: string) => linesOf(program).filter((line) => line.msg === msg).length

/** Every worker that has listened, in the order in which they came. */
const workersOf = (program: Program): number[] =>
  linesOf(program)
    .filter(({ msg }) => String(msg).startsWith('Server listening'))
    .map(({ worker }) => Number(worker))

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
const living = (program: Program) => workersOf(program).filter(isAlive)

/** The two workers that live, as soon as both have said so: each writes its lines for itself. */
const bothOf = (program: Program) =>
  eventually('two workers', async () => {
    const both = living(program)
    return both.length === 2 && both
  }) as Promise<number[]>

/** One request on a connection of the agent, or of its own. Out: its status, or what went wrong. */
function get(url: string, agent?: Agent, headers: Record<string, string> = {}): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = request(url, { agent: agent ?? new Agent({ keepAlive: false }), headers }, (answer) => {
      answer.on('error', (error) => resolve(error.message)).on('end', () => resolve(answer.statusCode ?? 0))
      answer.resume()
    })
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end()
  })
}

t.test('two workers serve one port through deaths and restarts, and leave together', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const service = await startService(t, { dataDir, env: two })
  const headers = { 'project-id': await wideProject(service) }
  const signUp = await ask(service, 'POST', '/signup', {
    body: { email: 'ada@example.com', password },
    headers,
  })
  t.equal(signUp?.status, 201)
  const authorization = `Bearer ${signUp?.body.access_token}`
  const me = (agent?: Agent) => get(`${service.url}/api/auth/me`, agent, { ...headers, authorization })

  await t.test('what is said once is said once', async (t) => {
    await bothOf(service)
    t.equal(count(service, 'Ready'), 1)
    t.equal(service.stdout().split('Sallyport is ready').length, 2)
    t.equal(service.stderr(), '')
  })

  await t.test('a limit is what the policy says, whichever worker a client reaches', async (t) => {
    const limits = { read: { max: 7, window_seconds: 60 } }
    const project = { 'project-id': await wideProject(service, { limits }) }
    const me = () => get(`${service.url}/api/auth/me`, undefined, project)
    const statuses = await Promise.all(Array.from({ length: 16 }, me))
    t.equal(statuses.filter((status) => status === 401).length, 7)
    t.equal(statuses.filter((status) => status === 429).length, 9)
    t.equal(await me(), 429)
  })

  await t.test('one that is killed is replaced, and each serves alone meanwhile', async (t) => {
    const [first = 0, second = 0] = workersOf(service)
    process.kill(first, 'SIGKILL')
    await eventually('its end', async () => !isAlive(first))
    t.equal(await me(), 200, 'by the second')
    await bothOf(service)
    process.kill(second, 'SIGKILL')
    await eventually('its end', async () => !isAlive(second))
    t.equal(await me(), 200, 'by the replacement')
    await bothOf(service)
    t.equal(workersOf(service).length, 4)
  })

  await t.test('SIGHUP replaces every worker under load, and every request is answered', async (t) => {
    const before = living(service)
    const answers = new Map<number | string, number>()
    const note = (answer: number | string) => answers.set(answer, (answers.get(answer) ?? 0) + 1)
    let over = false
    /** A client that keeps its connection, one that makes a new one each time, and one that comes back now and then. */
    async function client(agent: Agent | undefined, pauseMs: number): Promise<void> {
      while (!over) {
        note(await me(agent))
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
      agent?.destroy()
    }
    async function signIn(): Promise<void> {
      const body = { email: 'bob@example.com', password }
      await ask(service, 'POST', '/signup', { body, headers })
      while (!over) note((await ask(service, 'POST', '/login', { body, headers }))?.status ?? 'broken')
    }
    const kept = () => new Agent({ keepAlive: true, maxSockets: 1 })
    const clients = [
      ...[kept(), undefined].map((agent) => client(agent, 0)),
      ...[5, 50, 300, 700].map((pauseMs) => client(kept(), pauseMs)),
      signIn(),
    ]
    await eventually('some answers', async () => (answers.get(200) ?? 0) > 20)
    service.signal('SIGHUP')
    await eventually('the restart', async () => count(service, 'Every worker was restarted') === 1, 60_000)
    over = true
    await Promise.all(clients)
    t.same([...answers.keys()], [200], 'nothing but answers', { answers: Object.fromEntries(answers) })
    await bothOf(service)
    t.same(before.filter(isAlive), [], 'all of them are new')
    t.equal(count(service, 'A worker ended and is replaced'), 2, 'none died but those that were killed')
  })

  await t.test('one scrape shows what all of them did, those that have ended as well', async (t) => {
    const scrape = async () => {
      const answer = await fetch(`${service.url}/metrics`, { headers: { connection: 'close' } })
      return total(readExposition(await answer.text()), 'sallyport_http_requests_total', {
        route: '/api/auth/me',
        status: '200',
      })
    }
    const before = await scrape()
    for (let n = 0; n < 20; n++) t.equal(await me(), 200)
    t.equal((await scrape()) - before, 20, 'whichever worker is asked')
    t.equal((await scrape()) - before, 20)
    const [worker = 0] = living(service)
    process.kill(worker, 'SIGKILL')
    await eventually('its end', async () => !isAlive(worker))
    t.equal((await scrape()) - before, 20, 'no counter goes back')
    await bothOf(service)
    t.equal((await scrape()) - before, 20)
  })

  const { code, signal, stderr } = await service.stop()
  t.same({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  t.same(workersOf(service).filter(isAlive), [])
  t.equal(postmasterPid(dataDir), null)
  t.same(await processesOf(dataDir), [])
})

t.test('a wrong configuration ends with 78, said once, and no worker is left', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const given = {
    DATABASE_URL: await createDatabase(t),
    SECRET_KEY: testSecretKey,
    PORT: String(await freePort()),
    DEFAULT_PROJECT_ID: '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d',
  }
  const cases: [Record<string, string>, RegExp][] = [
    [{ WORKERS: 'many' }, /WORKERS must be/],
    [{ DATABASE_CONNECTIONS: '1' }, /DATABASE_CONNECTIONS must be at least WORKERS/],
    // What only a worker can find out.
    [given, /DEFAULT_PROJECT_ID names no project/],
  ]
  for (const [env, sentence] of cases) {
    const program = runProgram('service', [], { env: { DATA_DIR: dataDir, ...two, ...env } })
    const { code, stdout, stderr } = await program.ended
    t.equal(code, 78, String(sentence))
    t.equal(stderr.split(sentence).length, 2, 'said once', { stderr })
    t.notMatch(stderr, /\n\s+at /, 'no stack')
    t.notMatch(stdout, /"Ready"|is ready|Server listening/)
  }
})

t.test('workers never outlive the primary process, nor it them', async (t) => {
  const dataDir = await temporaryDataDir(t)
  const databaseUrl = await createDatabase(t)
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const env = { ...two, DATABASE_URL: databaseUrl, SECRET_KEY: testSecretKey }
  const killed = await startService(t, { dataDir, env })
  const orphans = await bothOf(killed)
  await killed.kill()
  await eventually('the end of its workers', async () => !orphans.some(isAlive))

  const service = await startService(t, { dataDir, env })
  const before = await bothOf(service)
  // From now on no start can open its keys.
  await sql`update jwt_signing_keys set sealed_private_key = 'broken'`

  await t.test('a restart that fails changes nothing', async (t) => {
    service.signal('SIGHUP')
    await eventually('the failure', async () => /the old ones stay/.test(service.stdout()))
    t.same(living(service), before)
    t.equal(await get(`${service.url}/health/ready`), 200)
  })

  await t.test('the service ends with their message and code when none is left', async (t) => {
    for (const pid of before) process.kill(pid, 'SIGKILL')
    const { code, stderr } = await service.ended
    t.equal(code, 1)
    t.match(stderr, /SECRET_KEY is not the secret/)
    t.match(stderr, /its workers do not start/)
  })
})
