// Floods of what nobody sends in good faith: each costs a bounded amount, is refused in words, and leaves the service to
// everybody else. Bounds are counts, bytes and statuses, never times.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { maxConnections } from '../../src/http/connection-limits.ts'
import { LimitCounts, maxClients } from '../../src/http/rate-limit-memory.ts'
import { bearer, startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { rawRequest, sendRaw } from '../support/raw.ts'

const app = await startTestApp(t, { env: { TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' } })
const user = await app.signUp()
const port = Number(new URL(app.url).port)
const project = `project-id: ${app.projectId}`
const isServed = async () => (await app.api('GET', '/me', { headers: bearer(user) })).status === 200

/** Writes `text` on a connection of its own and returns all that is said until the service ends it. */
async function converse(text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  socket.on('error', () => {})
  socket.write(text)
  await once(socket, 'close')
  return heard
}
const statusesOf = (heard: string) =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

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
    const size = Math.min(10_000, Math.floor((maxConnections() ?? 10_000) * 0.9))
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
  t.equal(server.maxConnections, maxConnections() ?? undefined)
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

t.test(
  'requests one after another in one write are answered in order, and one that lies ends them',
  async (t) => {
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n${project}\r\n\r\n`
    const last = `GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`
    const many = Array.from({ length: 100 }, (_, i) => get(i % 2 ? '/api/auth/me' : '/nothing')).join('')
    const expected = Array.from({ length: 100 }, (_, i) => (i % 2 ? 401 : 404))
    t.same(statusesOf(await converse(many + last)), [...expected, 200])

    const head = `POST /api/auth/login HTTP/1.1\r\nhost: x\r\n${project}\r\ncontent-type: application/json\r\n`
    const smuggled = `0\r\n\r\n${get('/health/live')}`
    const liars = [
      `${head}content-length: ${smuggled.length}\r\ntransfer-encoding: chunked\r\n\r\n${smuggled}`,
      `${head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n${smuggled}`,
      `${head}transfer-encoding: identity, chunked, identity\r\n\r\n${smuggled}`,
      `${head}transfer-encoding: xchunked\r\n\r\n${smuggled}`,
      `${head}content-length: 5\r\ncontent-length: 6\r\n\r\n${smuggled}`,
      `${head}content-length: +5\r\n\r\n${smuggled}`,
      `${head}transfer-encoding : chunked\r\n\r\n${smuggled}`,
      // What speaks HTTP/2 without asking first.
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
    ]
    for (const liar of liars)
      t.same(statusesOf(await converse(liar)), [400], JSON.stringify(liar.slice(100, 200)))
    t.ok(await isServed())
  },
)

t.test('depth, width and number inside the limits of size are refused or ignored, never a 500', async (t) => {
  const deep = (open: string, close: string, times: number) => open.repeat(times) + close.repeat(times)
  for (const body of [
    deep('[', ']', 30_000),
    deep('{"a":', '', 10_000),
    `{"email":${deep('[', ']', 30_000)},"password":"x"}`,
    `{"metadata":${deep('{"a":', '}', 8000).replace(':}', ':1}')}}`,
    `{${Array.from({ length: 6000 }, (_, i) => `"k${i}":1`).join(',')}}`,
    `{"email":1e999,"password":${'9'.repeat(60_000)}}`,
  ]) {
    const { status } = await app.api('POST', '/signup', { body })
    t.ok(status === 400 || status === 422, body.slice(0, 20), { status })
  }
  const query = Array.from({ length: 1800 }, (_, i) => `a${i}=1`).join('&')
  t.equal((await app.api('GET', `/me?${query}`)).status, 401)
  const cookie = Array.from({ length: 1500 }, (_, i) => `c${i}=x`).join('; ')
  t.equal((await app.api('GET', '/me', { headers: { cookie } })).status, 401)
  t.ok(await isServed())
})

t.test('a client that reads nothing of its answers, or vanishes, holds nobody up', async (t) => {
  const { server } = app.running.server
  const deaf = connect(port, '127.0.0.1').on('error', () => {})
  deaf.pause()
  const get = `GET /openapi/auth.json HTTP/1.1\r\nhost: x\r\n\r\n`
  for (let i = 0; i < 200; i++) deaf.write(get)
  t.ok(await isServed(), 'others are served beside 200 answers that nobody reads')
  const open = () => new Promise<number>((tell) => server.getConnections((_, count) => tell(count)))
  const gone = connect(port, '127.0.0.1').on('error', () => {})
  await once(gone, 'connect')
  const before = await open()
  gone.resetAndDestroy()
  deaf.resetAndDestroy()
  await eventually('both are forgotten', async () => (await open()) <= before - 2)
  t.ok(await isServed())
})

t.test(
  'a client that reads nothing of its answer for a minute is cut off, whether it is there or not',
  async (t) => {
    const { server } = app.running.server
    t.equal(server.timeout, 60_000)
    server.timeout = 200
    t.teardown(() => {
      server.timeout = 60_000
    })
    const deaf = connect(port, '127.0.0.1').on('error', () => {})
    const [held] = await once(server, 'connection')
    deaf.pause()
    let ended = false
    held.once('close', () => {
      ended = true
    })
    for (let i = 0; i < 200; i++) deaf.write('GET /openapi/auth.json HTTP/1.1\r\nhost: x\r\n\r\n')
    await eventually('it is cut off', async () => ended)
    deaf.destroy()
    t.ok(await isServed())
  },
)

// The last one: it takes the event loop for itself, and so would have requests refused.
t.test('a million clients fill no more memory than twenty thousand', async (t) => {
  const counts = new LimitCounts()
  let counted = 0
  for (let i = 0; i < 1_000_000; i++)
    counted += counts.count(`project 2001:db8:${i.toString(16)}::/64`, 60_000).current
  t.equal(counted, 1_000_000)
  t.ok(counts.size <= maxClients, 'and no more are remembered', { size: counts.size })
  const requestsOf = (client: string) => counts.count(client, 60_000).current
  t.equal(requestsOf('project 2001:db8:f423f::/64'), 2, 'the youngest is remembered')
  t.equal(requestsOf('project 2001:db8:0::/64'), 1, 'the oldest is not')
})
