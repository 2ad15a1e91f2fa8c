// Webhooks: every event once or more, in order for each subject, signed so that the library of Standard Webhooks verifies it.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { startTestApp, wideLimits } from '../../support/app.ts'
import { eventually as within } from '../../support/eventually.ts'
import { adminWith, basic } from '../../support/operators.ts'
import { isProblem } from '../../support/problems.ts'

const app = await startTestApp(t)

interface Received {
  readonly id: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: { type: string; subject: string; position: number; data: Record<string, unknown> }
}

const eventually = (holds: () => boolean | Promise<boolean>) => within(String(holds), async () => holds())

/** A receiver, and what came; `answer` decides what it says. */
async function receiver(
  t: Test,
  answer: (response: ServerResponse, count: number) => void = (r) => void r.end(),
) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      const { headers } = request
      received.push({ id: String(headers['webhook-id']), headers, body, event: JSON.parse(body) })
      answer(response, received.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

/** A project that may call this machine, and its back end. */
async function newProject(policy: object = { webhooks: { allow_private_network: true } }) {
  const { id, secret } = await app.project({ ...wideLimits, ...policy })
  const send = adminWith(app, basic(id, secret))
  const admin = (method: string, path = '', body?: unknown) =>
    send(method, `/projects/${id}/webhooks${path}`, body === undefined ? {} : { body })
  async function add(url: string, over: object = {}) {
    const made = await admin('POST', '', { url, ...over })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
    const { webhook, secret } = made.body
    return { id: webhook.id as string, secret: secret as string }
  }
  const join = async () => {
    const body = { email: `${randomUUID()}@example.com`, password: 'a good long password' }
    const answer = await app.send('POST', '/api/auth/signup', { headers: { 'project-id': id }, body })
    return answer.body.user.uuid as string
  }
  return { id, admin, add, join }
}
const typesOf = (received: readonly Received[]) => received.map(({ event }) => event.type)
/** Retries do not wait in a test. */
const hurry = (project: string) =>
  app.sql`update webhook_deliveries set due_at = now() where project_id = ${project} and state = 'pending'`

t.test('an event is sent as the feed has it, and the library of Standard Webhooks verifies it', async (t) => {
  const hook = await receiver(t)
  const project = await newProject()
  const { id, secret } = await project.add(hook.url)
  const uuid = await project.join()
  await eventually(() => hook.received.length === 2)
  t.same(typesOf(hook.received), ['user.created', 'session.created'])
  for (const { headers, body } of hook.received) {
    t.match(new Webhook(secret).verify(body, headers as Record<string, string>), {
      subject: uuid,
      project_id: project.id,
    })
    t.throws(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>))
    t.equal(headers['content-type'], 'application/json')
  }
  await eventually(async () => {
    const { body } = await project.admin('GET', `/${id}/deliveries`)
    return body.data.every(({ state }: { state: string }) => state === 'sent')
  })
  const page = await project.admin('GET', `/${id}/deliveries?limit=1`)
  t.match(page.body.data, [{ type: 'session.created', attempts: 1, last_status: 200 }])
  const rest = await project.admin('GET', `/${id}/deliveries?limit=1&cursor=${page.body.next_cursor}`)
  t.match(rest.body, { data: [{ type: 'user.created' }], next_cursor: null })
  t.equal(rest.body.data[0].id, hook.received[0]?.id)
})

t.test('types are chosen; a test is sent, and is no event of the feed', async (t) => {
  const hook = await receiver(t)
  const project = await newProject()
  const { id, secret } = await project.add(hook.url, { types: ['user.created'] })
  await project.join()
  const queued = await project.admin('POST', `/${id}/test`)
  t.equal(queued.status, 202)
  await eventually(() => hook.received.length === 2)
  t.same(new Set(typesOf(hook.received)), new Set(['user.created', 'webhook.test']))
  const test = hook.received.find(({ event }) => event.type === 'webhook.test')
  t.equal(test?.id, queued.body.id)
  new Webhook(secret).verify(test?.body ?? '', test?.headers as Record<string, string>)
})

t.test(
  'a failed delivery comes again under the same id, and holds back the later ones of its subject alone',
  async (t) => {
    let broken: string | undefined
    const hook = await receiver(t, (response) => {
      const { event } = hook.received.at(-1) as Received
      broken ??= event.subject
      response.statusCode = event.subject === broken && hook.received.length < 6 ? 500 : 204
      response.end()
    })
    const project = await newProject()
    const { id } = await project.add(hook.url)
    const first = await project.join()
    await eventually(() => hook.received.length >= 1)
    const second = await project.join()
    await eventually(async () => {
      await hurry(project.id)
      return hook.received.filter(({ event }) => event.subject === second).length === 2
    })
    await eventually(async () => {
      await hurry(project.id)
      return typesOf(hook.received.filter(({ event }) => event.subject === first)).includes('session.created')
    })
    const mine = hook.received.filter(({ event }) => event.subject === first)
    const made = mine.filter(({ event }) => event.type === 'user.created')
    t.ok(made.length > 1, `${made.length} attempts`)
    t.equal(new Set(made.map((one) => one.id)).size, 1, 'one id')
    t.same(
      typesOf(mine),
      [...made.map(() => 'user.created'), 'session.created'],
      'nothing of the subject overtakes what failed',
    )
    const { body } = await project.admin('GET', `/${id}`)
    t.equal(body.failures, 0)
  },
)

t.test('after three days a delivery is dead, and is sent when it is retried', async (t) => {
  let works = false
  const hook = await receiver(t, (response) => void response.writeHead(works ? 200 : 503).end())
  const project = await newProject()
  const { id } = await project.add(hook.url, { types: ['user.created'] })
  await project.join()
  await eventually(() => hook.received.length === 1)
  await app.sql`update webhook_deliveries set created_at = now() - interval '73 hours' where project_id = ${project.id}`
  await eventually(async () => {
    await hurry(project.id)
    return (await project.admin('GET', `/${id}/deliveries?state=dead`)).body.data.length === 1
  })
  const [dead] = (await project.admin('GET', `/${id}/deliveries?state=dead`)).body.data
  t.match(dead, { last_status: 503, next_attempt_at: null, last_error: 'The receiver answered 503.' })
  works = true
  const before = hook.received.length
  t.equal((await project.admin('POST', `/${id}/deliveries/${dead.id}/retry`)).status, 202)
  await eventually(() => hook.received.length === before + 1)
  t.equal(hook.received.at(-1)?.id, dead.id)
  t.same((await project.admin('POST', `/${id}/retry-dead`)).body, { retried: 0 })
})

t.test('during a rotation both secrets sign', async (t) => {
  const hook = await receiver(t)
  const project = await newProject()
  const { id, secret } = await project.add(hook.url, { types: ['user.created'] })
  const rotated = await project.admin('POST', `/${id}/rotate-secret`)
  t.equal(rotated.status, 200)
  await project.join()
  await eventually(() => hook.received.length === 1)
  const [{ body, headers } = { body: '', headers: {} }] = hook.received
  for (const key of [secret, rotated.body.secret])
    new Webhook(key).verify(body, headers as Record<string, string>)
  await app.sql`update webhooks set former_until = now() where id = ${id}`
  await project.join()
  await eventually(() => hook.received.length === 2)
  const late = hook.received[1]
  t.throws(() => new Webhook(secret).verify(late?.body ?? '', late?.headers as Record<string, string>))
  const [row] = await app.sql`select secret, former_secret from webhooks where id = ${id}`
  for (const sealed of [row?.secret, row?.former_secret])
    t.notOk(
      sealed.includes(Buffer.from(secret.slice('whsec_'.length), 'base64')),
      'no secret rests in the open',
    )
})

t.test('receivers that redirect, never end, hang up or are gone', async (t) => {
  const inside = await receiver(t)
  const project = await newProject()
  const redirecting = await receiver(
    t,
    (response) => void response.writeHead(302, { location: inside.url }).end(),
  )
  const endless = await receiver(t, (response) => {
    response.writeHead(200)
    const writing = setInterval(() => response.write('x'.repeat(65_536)), 5)
    response.on('close', () => clearInterval(writing))
  })
  const hanging = await receiver(t, (response) => void response.destroy())
  const gone = await receiver(t, (response) => void response.writeHead(410).end())
  const types = { types: ['user.created'] }
  const hooks = {
    redirecting: await project.add(redirecting.url, types),
    endless: await project.add(endless.url, types),
    hanging: await project.add(hanging.url, types),
    gone: await project.add(gone.url, types),
  }
  await project.join()
  const lastOf = async (id: string) => (await project.admin('GET', `/${id}/deliveries`)).body.data[0]
  await eventually(async () => {
    const all = await Promise.all(Object.values(hooks).map(({ id }) => lastOf(id)))
    return all.every((delivery) => delivery?.last_attempt_at)
  })
  t.match(await lastOf(hooks.redirecting.id), { state: 'pending', last_status: 302 })
  t.match(await lastOf(hooks.endless.id), { state: 'sent', last_status: 200 }, 'its status is what counts')
  t.match(await lastOf(hooks.hanging.id), { state: 'pending', last_error: /did not answer/ })
  t.match((await project.admin('GET', `/${hooks.gone.id}`)).body, {
    disabled_reason: 'gone',
    disabled_at: String,
  })
  t.equal(inside.received.length, 0, 'no redirect is followed')
  const enabled = await project.admin('PATCH', `/${hooks.gone.id}`, { enabled: true })
  t.match(enabled.body, { disabled_reason: null, disabled_at: null, failures: 0 })
})

t.test(
  'addresses of the own network are refused when they are set, and when a name leads there',
  async (t) => {
    const hook = await receiver(t)
    const project = await newProject({})
    for (const url of [
      hook.url,
      'http://example.com/hook',
      'https://127.0.0.1/hook',
      'https://10.0.0.1/',
      'https://[::1]/',
      'https://[::127.0.0.1]/',
      'https://[64:ff9b::a9fe:a9fe]/',
      'https://[2002:7f00:1::]/',
      'https://169.254.169.254/latest/meta-data',
      'https://user:secret@example.com/',
      'ftp://example.com/',
      'javascript:alert(1)',
      'no url',
      '',
    ])
      isProblem(t, await project.admin('POST', '', { url }), 'validation_failed')
    const { id } = await project.add('https://localhost/hook', { types: ['user.created'] })
    await project.join()
    await eventually(async () => {
      const { body } = await project.admin('GET', `/${id}/deliveries`)
      return body.data[0]?.last_error === 'The host has an address that must not be called.'
    })
    isProblem(t, await project.admin('PATCH', `/${id}`, { url: 'https://10.0.0.1/' }), 'validation_failed')
  },
)

t.test('receivers that never answer hold up nobody else', async (t) => {
  const project = await newProject()
  const dead = await receiver(t, () => {})
  for (let nth = 0; nth < 49; nth++) await project.add(dead.url, { types: ['user.created'] })
  const hook = await receiver(t)
  await project.add(hook.url, { types: ['user.created'] })
  isProblem(t, await project.admin('POST', '', { url: hook.url }), 'webhook_limit_reached')
  const began = performance.now()
  await project.join()
  await eventually(() => hook.received.length === 1)
  t.ok(performance.now() - began < 12_000, 'before the first of them is given up')
})

t.test('a change writes no column but those that its schema names', async (t) => {
  const project = await newProject()
  const { id } = await project.add('https://example.com/hook')
  const rowOf = async () => (await app.sql`select * from webhooks where id = ${id}`)[0]
  const before = await rowOf()
  const internal = {
    ...{
      id: randomUUID(),
      projectId: app.projectId,
      position: 0,
      failures: 7,
      secret: 'x',
      formerSecret: 'x',
    },
    ...{
      disabledAt: '2026-01-01T00:00:00.000Z',
      disabledReason: 'gone',
      createdAt: '2026-01-01T00:00:00.000Z',
    },
  }
  for (const [name, value] of Object.entries(internal)) {
    const answer = await project.admin('PATCH', `/${id}`, { [name]: value })
    t.equal(answer.status, 200, name)
    t.same(await rowOf(), before, name)
  }
})

t.test('webhooks are of one project; what was deleted is gone; every change is in the log', async (t) => {
  const [mine, other] = [await newProject(), await newProject()]
  const { id } = await mine.add('https://example.com/hook', {
    types: ['user.deleted'],
    description: '</script>',
  })
  t.match((await mine.admin('GET', `/${id}`)).body, { description: '</script>', types: ['user.deleted'] })
  for (const path of [`/${id}`, `/${id}/deliveries`])
    isProblem(t, await other.admin('GET', path), 'not_found')
  for (const path of [`/${id}/test`, `/${id}/rotate-secret`, `/${id}/retry-dead`])
    isProblem(t, await other.admin('POST', path), 'not_found')
  isProblem(t, await other.admin('DELETE', `/${id}`), 'not_found')
  isProblem(t, await mine.admin('GET', '/no-uuid'), 'not_found')
  isProblem(t, await mine.admin('POST', `/${id}/deliveries/msg_${randomUUID()}/retry`), 'not_found')
  const late = Buffer.from(`999999999999999 5 ${randomUUID()}`).toString('base64url')
  for (const cursor of ['x', late])
    isProblem(t, await mine.admin('GET', `/${id}/deliveries?cursor=${cursor}`), 'validation_failed')
  isProblem(t, await mine.admin('PATCH', `/${id}`, { types: ['</script>'] }), 'validation_failed')
  t.match((await mine.admin('PATCH', `/${id}`, { enabled: false })).body, { disabled_reason: 'operator' })
  isProblem(t, await mine.admin('POST', `/${id}/test`), 'webhook_disabled')
  t.equal((await mine.admin('DELETE', `/${id}`)).status, 204)
  isProblem(t, await mine.admin('GET', `/${id}`), 'not_found')
  const rows =
    await app.sql`select event from security_log where project_id = ${mine.id} and event like 'webhook%' order by id`
  t.same(
    rows.map(({ event }) => event),
    ['webhook_created', 'webhook_changed', 'webhook_deleted'],
  )
})
