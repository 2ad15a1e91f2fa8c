// SIGTERM and slow clients: what is under way is answered, what is new is refused, nothing is left behind.
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import {
  ask,
  postmasterPid,
  processesOf,
  runProgram,
  startService,
  temporaryDataDir,
  wideProject,
} from '../support/service.ts'

/** A raw connection that remembers what it heard. */
async function dial(port: number): Promise<Socket & { heard: () => string; gone: Promise<void> }> {
  const socket = connect(port, '127.0.0.1')
  let heard = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    heard += chunk
  })
  socket.on('error', () => {})
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return Object.assign(socket, { heard: () => heard, gone })
}

// Each on a data directory of its own; they mostly wait.
const beside = { buffered: true }
t.jobs = 2

const isRefused = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true))
    socket.once('connect', () => socket.destroy())
  })

/** A POST in HTTP/1.1. */
function post(projectId: string, path: string, facts: unknown): { head: string; body: string } {
  const body = JSON.stringify(facts)
  const head = [
    `POST /api/auth${path} HTTP/1.1`,
    'host: localhost',
    `project-id: ${projectId}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
  ]
  return { head: `${head.join('\r\n')}\r\n\r\n`, body }
}

/** Until the service has read what was written before on other connections. */
async function isRead(url: string): Promise<void> {
  for (let round = 0; round < 3; round++)
    await fetch(`${url}/health/live`, { headers: { connection: 'close' } })
}

const password = 'a good long password'
const email = 'ada@example.com'

t.test(
  'SIGTERM answers what is under way, refuses what is new, and ends with 0 and no child',
  beside,
  async (t) => {
    const dataDir = await temporaryDataDir(t)
    const service = await startService(t, { dataDir })
    const projectId = await wideProject(service)
    const headers = { 'project-id': projectId }
    t.equal((await ask(service, 'POST', '/signup', { body: { email, password }, headers }))?.status, 201)

    const idle = await dial(service.port)
    idle.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await eventually('an answer', async () => idle.heard().includes('"ok"'))
    /** Sends the first `length` characters of a request (all of them by default) and keeps the rest. */
    const begin = async (path: string, facts: unknown, length?: number) => {
      const socket = await dial(service.port)
      const { head, body } = post(projectId, path, facts)
      const whole = head + body
      socket.write(whole.slice(0, length))
      return { socket, rest: length === undefined ? '' : whole.slice(length) }
    }
    const slowOne = { email: 'slow@example.com', password }
    const slowBody = await begin('/signup', slowOne, -10)
    const slowHead = await begin('/login', { email, password }, 30)
    // More than there are cores, so that some wait for their hash when the signal comes.
    const underWay = [
      await begin('/login', { email, password }),
      ...(await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          begin('/signup', { email: `n-${index}@example.com`, password }),
        ),
      )),
      await begin('/login', { email, password }),
    ]
    await isRead(service.url)

    service.signal('SIGTERM')
    service.signal('SIGINT')
    await eventually('refusal of new connections', () => isRefused(service.port))
    await idle.gone
    t.pass('the idle connection is closed at once')
    for (const { socket, rest } of [slowBody, slowHead]) socket.write(rest)

    for (const { socket } of underWay) {
      await socket.gone
      t.match(socket.heard(), /^HTTP\/1\.1 20[01] /, 'a sign-in or sign-up that was under way is answered')
    }
    await Promise.all([slowBody.socket.gone, slowHead.socket.gone])
    t.match(slowBody.socket.heard(), /^HTTP\/1\.1 201 /, 'so is one whose body was still on its way')
    t.match(slowHead.socket.heard(), /^HTTP\/1\.1 200 /, 'and one whose head was')
    const { code, signal, stderr } = await service.ended
    t.same({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
    t.equal(postmasterPid(dataDir), null, 'the database has stopped')
    t.same(await processesOf(dataDir), [], 'no process is left')

    const again = await startService(t, { dataDir })
    const signIn = await ask(again, 'POST', '/login', { body: slowOne, headers })
    t.equal(signIn?.status, 200, 'and what was answered holds')
    t.equal((await again.stop()).code, 0)
  },
)

t.test(
  'a client that never finishes its request does not keep the service from stopping in order',
  beside,
  async (t) => {
    const dataDir = await temporaryDataDir(t)
    const service = await startService(t, { dataDir })
    const projectId = await wideProject(service)
    const stuck = await dial(service.port)
    stuck.write(post(projectId, '/signup', { email }).head)
    await isRead(service.url)
    const since = Date.now()
    const { code } = await service.stop()
    t.equal(code, 0)
    t.ok(Date.now() - since < 18_000, 'before it would be cut off')
    t.equal(postmasterPid(dataDir), null)
    t.same(await processesOf(dataDir), [])
  },
)

t.test('SIGTERM during the start ends with 0 and no child', beside, async (t) => {
  for (const moment of ['Preparing the embedded', 'postmaster.pid']) {
    const dataDir = await temporaryDataDir(t)
    const program = runProgram('service', [], { env: { DATA_DIR: dataDir, PORT: '0' } })
    await eventually(
      moment,
      async () =>
        program.stdout().includes(moment) || (moment === 'postmaster.pid' && postmasterPid(dataDir) !== null),
      60_000,
    )
    program.signal('SIGTERM')
    const { code, signal, stdout, stderr } = await program.ended
    t.same({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, `at ${moment}`)
    t.notMatch(stdout, /is ready/, 'and does not invite anybody')
    t.equal(postmasterPid(dataDir), null)
    t.same(await processesOf(dataDir), [])
  }
})

t.test(
  'a body that does not arrive in time is a 408 problem, and the connection is cut',
  beside,
  async (t) => {
    const app = await startTestApp(t)
    const { server } = app.running.server
    t.equal(server.requestTimeout, 30_000)
    t.equal(server.headersTimeout, 15_000)
    // Turned down here, so that the test need not take half a minute.
    server.requestTimeout = 500
    server.headersTimeout = 500
    const port = Number(new URL(app.url).port)
    const { head } = post(app.projectId, '/signup', { email })
    for (const [what, sent] of [
      ['a body', head],
      ['a head', head.slice(0, 40)],
    ] as const) {
      const slow = await dial(port)
      slow.write(sent)
      const drip = setInterval(() => slow.write(what === 'a body' ? ' ' : 'x'), 100)
      await slow.gone
      clearInterval(drip)
      t.match(slow.heard(), /^HTTP\/1\.1 408 Request timeout/i, `${what} that drips`)
      t.match(slow.heard(), /content-type: application\/problem\+json/i)
      t.match(JSON.parse(slow.heard().split('\r\n\r\n')[1] ?? ''), { status: 408, code: 'request_timeout' })
    }
    const idle = await dial(port)
    const answer = await fetch(`${app.url}/health/live`)
    t.equal(answer.status, 200, 'others are served meanwhile')
    idle.destroy()
  },
)
