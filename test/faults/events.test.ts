// Receiver, service and database are killed at random while accounts change: a reader of the feed has each change once, in order,
// and its copy of the users is the table; webhooks lose nothing, and repeat under the same id.
//
// `EVENT_MINUTES=10 npx tsx test/faults/events.test.ts` goes on for ten minutes.
import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { createProject } from '../../src/domain/projects/projects.ts'
import { freePort, wideLimits } from '../support/app.ts'
import { storesOn } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { writeProof } from '../support/proof.ts'
import {
  ask,
  databaseOf,
  postmasterPid,
  type Service,
  startService,
  temporaryDataDir,
} from '../support/service.ts'

const minutes = Number(process.env.EVENT_MINUTES ?? 0)
/** What may have gathered for the receiver while everything was killed takes as long again. */
const drainMs = 180_000 + minutes * 60_000
const timeout = minutes * 60_000 + drainMs + 320_000
t.setTimeout(timeout)

interface Event {
  readonly type: string
  readonly position: number
  readonly subject: string
  readonly data: Record<string, unknown>
}

/** A receiver at one port that can be killed and started again. */
function receiverAt(port: number) {
  const received: { id: string; event: Event }[] = []
  const check: { by: Webhook | null; refused: number } = { by: null, refused: 0 }
  let server: Server | undefined
  const start = () => {
    const made = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        const headers = request.headers as Record<string, string>
        try {
          check.by?.verify(body, headers)
        } catch {
          check.refused++
        }
        received.push({ id: String(headers['webhook-id']), event: JSON.parse(body) })
        // Some answers are lost after the work was done, as when a receiver dies.
        if (Math.random() < 0.05) response.destroy()
        else response.end()
      })
    })
    server = made
    return new Promise<void>((resolve) => made.listen(port, '127.0.0.1', resolve))
  }
  const kill = () => {
    server?.closeAllConnections()
    return new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()))
  }
  return { received, check, start, kill }
}

t.test('nothing is lost, doubled or turned while everything is killed', { timeout }, async (t) => {
  const dataDir = await temporaryDataDir(t)
  const port = await freePort()
  let service: Service = await startService(t, { dataDir, port })
  const sql = await databaseOf(service)
  const policy = { ...wideLimits, webhooks: { allow_private_network: true } }
  const { project, secret } = await createProject({ stores: storesOn(sql) }, 'Followed', policy)
  await sql.end()
  const hookPort = await freePort()
  const receiver = receiverAt(hookPort)
  await receiver.start()
  t.teardown(() => receiver.kill())

  const authorization = `Basic ${Buffer.from(`${project.id}:${secret}`).toString('base64')}`
  async function admin(method: string, path: string, body?: object) {
    const sent = {
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    }
    return fetch(`${service.url}/api/admin/projects/${project.id}${path}`, sent)
      .then(async (response) => ({ status: response.status, body: JSON.parse(await response.text()) }))
      .catch(() => null)
  }
  const made = await admin('POST', '/webhooks', { url: `http://127.0.0.1:${hookPort}/` })
  if (made?.status !== 201) throw new Error(JSON.stringify(made))
  receiver.check.by = new Webhook(made.body.secret)

  let isOver = false
  const statuses: Record<string, number> = {}
  async function act(method: string, path: string, body: object, token?: string) {
    const headers = { 'project-id': project.id, ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await ask(service, method, path, { body, headers })
    const status = answer?.status ?? 'none'
    statuses[status] = (statuses[status] ?? 0) + 1
    if (answer === null || answer.status === 503) await sleep(30)
    return answer
  }
  const password = 'a good long password'
  async function live(): Promise<void> {
    while (!isOver) {
      const email = `${randomUUID()}@example.com`
      const joined = await act('POST', '/signup', { email, password })
      if (joined?.status !== 201) continue
      const token = joined.body.access_token
      for (let nth = 0; nth < 3; nth++)
        await act('PATCH', '/profile', { display_name: `Name ${nth}`, metadata: { nth } }, token)
      if (Math.random() < 0.4) await act('DELETE', '/me', { current_password: password }, token)
      else await act('POST', '/logout', {}, token)
    }
  }

  const mirror = new Map<string, Record<string, unknown>>()
  const positions: number[] = []
  let next: string | undefined
  /** Reads one page; cursor and copy change together, as a consumer's transaction changes them. */
  async function read(wait: number): Promise<number> {
    const answer = await admin('GET', `/events?wait=${wait}${next ? `&after=${next}` : ''}`)
    if (answer?.status !== 200) {
      await sleep(50)
      return -1
    }
    for (const { type, position, subject, data } of answer.body.data as Event[]) {
      positions.push(position)
      if (type === 'user.deleted') mirror.delete(subject)
      else if (type.startsWith('user.')) mirror.set(subject, data)
    }
    next = answer.body.next
    return answer.body.data.length
  }
  const following = (async () => {
    while (!isOver) await read(2)
  })()
  const living = Promise.all([live(), live(), live()])

  const kills: Record<string, () => Promise<void>> = {
    async service() {
      await service.kill()
      service = await startService(t, { dataDir, port })
    },
    async database() {
      const postmaster = postmasterPid(dataDir)
      if (postmaster !== null) process.kill(postmaster, 'SIGKILL')
      await eventually('another postmaster', async () => ![null, postmaster].includes(postmasterPid(dataDir)))
    },
    async receiver() {
      await receiver.kill()
      await sleep(300)
      await receiver.start()
    },
  }
  const names = Object.keys(kills)
  const until = Date.now() + minutes * 60_000
  const killed: Record<string, number> = {}
  for (let round = 0; round < names.length || Date.now() < until; round++) {
    await sleep(1500 + Math.random() * 1500)
    const name = (minutes > 0 ? names[Math.floor(Math.random() * names.length)] : names[round]) ?? ''
    await kills[name]?.()
    killed[name] = (killed[name] ?? 0) + 1
  }
  await sleep(1500)
  isOver = true
  await Promise.all([living, following])

  while ((await read(0)) !== 0) {
    // Until nothing is left.
  }
  const db = await databaseOf(service)
  t.teardown(() => db.end())
  const rows = await db`select event_user(users) as shown from users where project_id = ${project.id}`
  const sorted = (all: Iterable<unknown>) => [...all].map((one) => JSON.stringify(one)).sort()
  t.comment(JSON.stringify({ killed, statuses, events: positions.length, users: rows.length }))
  t.ok(positions.length > 50 && rows.length > 5, 'there was something to follow')
  t.same(
    positions,
    positions.map((_, at) => at + 1),
    'each change once, in order, without a gap',
  )
  t.same(sorted(mirror.values()), sorted(rows.map(({ shown }) => shown)), 'the copy is the table')
  t.same(
    Object.keys(statuses).filter((status) => !['200', '201', '204', '503', 'none'].includes(status)),
    [],
    'no 500',
  )

  await eventually(
    'every delivery is sent',
    async () => {
      await db`update webhook_deliveries set due_at = now()
        where state = 'pending' and due_at > now() + interval '2 seconds' and last_at is not null`
      const [row] = await db`select count(*)::int as rows from webhook_deliveries where state <> 'sent'`
      const [all] = await db`select count(*)::int as rows from webhook_deliveries`
      return row?.rows === 0 && all?.rows === positions.length
    },
    drainMs,
  )
  const ids = new Map<number, Set<string>>()
  const newest = new Map<string, number>()
  let turned = 0
  for (const { id, event } of receiver.received) {
    const known = ids.get(event.position)
    if (known) known.add(id)
    else {
      ids.set(event.position, new Set([id]))
      if ((newest.get(event.subject) ?? 0) > event.position) turned++
      newest.set(event.subject, event.position)
    }
  }
  t.equal(receiver.check.refused, 0, 'the library of Standard Webhooks verifies every attempt')
  t.equal(ids.size, positions.length, 'every event came')
  t.equal(Math.max(...[...ids.values()].map(({ size }) => size)), 1, 'a repeat has the same id')
  t.ok(receiver.received.length >= positions.length, `${receiver.received.length - positions.length} repeats`)
  t.equal(turned, 0, 'each account in order')
  const kinds = Object.entries(killed).map(([name, count]) => [`${name} killed`, count])
  writeProof('events', 'test/faults/events.test.ts', {
    ...Object.fromEntries(kinds),
    events: positions.length,
    delivered: ids.size,
    repeats: receiver.received.length - ids.size,
    'out of order': turned,
  })
})
