// Floods of what nobody sends in good faith: each costs a bounded amount, is refused in words, and leaves the service to
// everybody else. Bounds are counts, bytes and statuses, never times.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { connectionRoom } from '../../src/http/bounds.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' } })
const user = await app.signUp()
const port = Number(new URL(app.url).port)
const project = `project-id: ${app.projectId}`
const isServed = async () => (await app.api('GET', '/me', { headers: bearer(user) })).status === 200

/** Opens connections that say nothing, in a process of its own, and says how many are open and how each ended. */
const crowd = `
const { connect } = require('node:net')
let open = 0, closed = 0, told = 0, left = Number(process.argv[1])
const tell = () => console.log([open, closed, told].join(' '))
setInterval(tell, 100)
function dial() {
  if (left-- <= 0) return
  const socket = connect(Number(process.argv[2]), '127.0.0.1')
  socket.on('connect', () => { open++; dial() })
  socket.on('data', (data) => { if (String(data).startsWith('HTTP/1.1 408 ')) told++ })
  socket.on('error', () => {})
  socket.on('close', () => { closed++ })
}
for (let i = 0; i < 64; i++) dial()
`
function gather(size: number) {
  const child = spawn(process.execPath, ['-e', crowd, String(size), String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let last = [0, 0, 0]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    last = (text.trim().split('\n').pop() ?? '').split(' ').map(Number)
  })
  const gone = once(child, 'exit')
  return {
    open: () => last[0] ?? 0,
    closed: () => last[1] ?? 0,
    told: () => last[2] ?? 0,
    async disperse() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

t.test(
  'ten thousand connections that say nothing are ended, and keep nobody from being served',
  async (t) => {
    const { server } = app.running.server
    const size = Math.min(10_000, Math.floor((connectionRoom() ?? 10_000) * 0.9))
    t.comment(`${size} connections`)
    const before = process.memoryUsage().rss
    const silent = gather(size)
    t.teardown(silent.disperse)
    const open = () => new Promise<number>((tell) => server.getConnections((_, count) => tell(count)))
    await eventually('all are open', async () => (await open()) >= size, 60_000)
    t.ok(await isServed(), 'others are served meanwhile')
    const bytesEach = (process.memoryUsage().rss - before) / size
    t.comment(`${Math.round(bytesEach)} bytes each`)
    t.ok(bytesEach < 40_000, 'each costs little memory', { bytesEach })
    // From now on: the time that a header may take is fifteen seconds, which test/faults/stop.test.ts looks after.
    server.headersTimeout = 1000
    await eventually('all are ended', async () => silent.closed() === size, 60_000)
    t.equal(silent.told(), size, 'each with a 408')
    server.headersTimeout = 15_000
    t.ok(await isServed())
  },
)

t.test('no more connections than the process has files for: whoever has one keeps it', async (t) => {
  const { server } = app.running.server
  t.equal(server.maxConnections, connectionRoom() ?? undefined)
  const usual = server.maxConnections
  t.ok(await isServed(), 'a client that keeps its connection')
  server.maxConnections = 50
  const silent = gather(200)
  t.teardown(silent.disperse)
  await eventually('the surplus is closed', async () => silent.closed() >= 150, 30_000)
  t.equal(silent.told(), 0, 'at once, not after its time')
  t.ok(await isServed(), 'is served on')
  server.maxConnections = usual
  t.equal((await sendRaw(app.url, rawRequest('GET /health/live', []))).status, 200, 'and then everybody is')
})

t.test('a header of too many lines, or too many bytes, is a 431 problem', async (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `h${i}: x`)
  const few = await sendRaw(app.url, rawRequest('GET /api/auth/me', [project, ...lines(190)]))
  t.equal(few.status, 401)
  for (const path of ['/api/auth/me', '/nora/auth/me', '/nothing', '/health/live', '/docs'])
    for (const header of [
      lines(201),
      // Beyond two thousand Node reads no line, and says nothing.
      Array.from({ length: 2500 }, () => 'a:'),
      [`x: ${'x'.repeat(16_384)}`],
      [`x-forwarded-for: ${Array.from({ length: 2000 }, () => '10.0.0.1').join(', ')}`],
    ]) {
      const answer = await sendRaw(app.url, rawRequest(`GET ${path}`, header))
      t.equal(answer.status, 431, path)
      t.equal(answer.body.code, 'headers_too_large')
      t.equal(answer.headers.connection, 'close')
    }
})

t.test('of a thousand forwarded addresses the right one counts, and is looked for once', async (t) => {
  const policy = { limits: { read: { max: 3, window_seconds: 600 } } }
  const { id } = await app.project(policy)
  const hops = (hop: (i: number) => string) => Array.from({ length: 1000 }, (_, i) => hop(i)).join(',')
  const me = async (chain: string) =>
    (await app.api('GET', '/me', { headers: { 'project-id': id, 'x-forwarded-for': chain } })).status
  // A thousand proxies of ours behind the client; then a thousand lies before its address.
  const chains = (client: string) => [
    `${client},${hops(() => '10.0.0.1')}`,
    `${hops((i) => `198.51.${i % 250}.1`)},${client}`,
    `${hops(() => 'x')},${client},10.1.2.3`,
  ]
  for (const client of ['203.0.113.1', '203.0.113.2']) {
    for (const chain of chains(client)) t.equal(await me(chain), 401)
    for (const chain of chains(client)) t.equal(await me(chain), 429, 'all of them are one client')
  }
})
