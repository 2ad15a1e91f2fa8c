// Traces as a collector gets them: one for each request, with its statements and hashes below it and nothing of anybody in it.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { bearer, freePort, startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly status?: { code?: number }
  readonly attributes: { key: string; value: Record<string, unknown> }[]
}

/** A collector: takes OTLP over HTTP as JSON, and keeps it. */
async function startCollector(t: Test) {
  const posts: { path: string; headers: Record<string, unknown>; body: string }[] = []
  const server = createServer(async (request, response) => {
    posts.push({ path: request.url ?? '', headers: request.headers, body: await text(request) })
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const spans = (): Span[] =>
    posts.flatMap(({ body }) =>
      JSON.parse(body).resourceSpans.flatMap((resource: { scopeSpans: { spans: Span[] }[] }) =>
        resource.scopeSpans.flatMap((scope) => scope.spans),
      ),
    )
  return { url: `http://127.0.0.1:${port}`, posts, spans }
}

const attribute = ({ attributes }: Span, key: string) => {
  const { value } = attributes.find((entry) => entry.key === key) ?? {}
  return value && Object.values(value)[0]
}

/** Modules of the SDK that this process has loaded; prom-client loads the API. */
const loaded = () =>
  Object.keys(createRequire(import.meta.url).cache).filter((path) =>
    /@fastify\/otel|@opentelemetry\/(?!api\/)/.test(path),
  )

t.test('without an endpoint nothing of it is loaded', async (t) => {
  const app = await startTestApp(t)
  t.equal((await app.signUp()).status, 201)
  t.same(loaded(), [])
})

t.test('one sign-in is one trace: the request, its statements, its hash, and no secret', async (t) => {
  const collector = await startCollector(t)
  const app = await startTestApp(t, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=hunter2%21',
      OTEL_SERVICE_NAME: 'auth-of-the-test',
    },
  })
  t.ok(loaded().length > 5, 'now it is')
  const user = await app.signUp()
  const caller = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
  const headers = { traceparent: `00-${caller.traceId}-${caller.spanId}-01`, 'x-request-id': 'the-sign-in' }
  const body = { email: user.email, password: user.password }
  const signedIn = await app.api('POST', '/login', { headers, body })
  t.equal(signedIn.status, 200)
  const unsampled = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` }
  await app.api('GET', '/me?token=in-a-query', { headers: { ...bearer(signedIn), ...unsampled } })
  await app.api('GET', '/me', { headers: { ...bearer(signedIn), traceparent: 'nonsense' } })
  await app.api('POST', '/login', { body: { ...body, password: 'a wrong password' } })
  await app.send('GET', '/health/live')
  await app.send('GET', `/no/such/path/${user.email}`)
  await app.api('DELETE', `/sessions/${crypto.randomUUID()}`, { headers: bearer(signedIn) })
  await app.close()

  const spans = collector.spans()
  const ours = spans.filter(({ traceId }) => traceId === caller.traceId)
  const root = ours.find(({ name }) => name === 'POST /api/auth/login')
  if (!root) throw new Error(JSON.stringify(spans.map(({ name }) => name)))
  t.equal(root.parentSpanId, caller.spanId, 'the caller is its parent')
  t.equal(root.kind, 2, 'a server')
  t.equal(attribute(root, 'http.route'), '/api/auth/login')
  t.equal(attribute(root, 'http.request.method'), 'POST')
  t.equal(Number(attribute(root, 'http.response.status_code')), 200)
  t.equal(attribute(root, 'sallyport.request.id'), 'the-sign-in')
  const below = ours.filter((span) => span !== root)
  const names = below.map(({ name }) => name)
  t.ok(names.includes('sign_in_begin') && names.includes('sign_in_open'), `its statements: ${names}`)
  t.same(
    names.filter((name) => name.startsWith('password hash')),
    ['password hash: wait', 'password hash: compute'],
  )
  for (const span of below) t.equal(span.parentSpanId, root.spanId, `${span.name} is below the request`)
  t.equal(
    attribute(below.find(({ name }) => name === 'sign_in_begin') as Span, 'db.system.name'),
    'postgresql',
  )

  const requests = spans.filter(({ kind }) => kind === 2).map(({ name }) => name)
  t.same(
    requests.sort(),
    [
      'DELETE /api/auth/sessions/:id',
      'GET',
      'GET /api/auth/me',
      'POST /api/auth/login',
      'POST /api/auth/login',
      'POST /api/auth/signup',
    ],
    'one for each request: but for who said that it is not sampled, and for the health check',
  )
  t.equal(new Set(spans.filter(({ kind }) => kind === 2).map(({ traceId }) => traceId)).size, 6)
  t.same(
    spans.filter(({ kind, parentSpanId }) => kind !== 2 && !parentSpanId),
    [],
    'what runs in the background makes no trace of its own',
  )

  t.same(
    spans.filter(({ kind, status }) => kind === 2 && status?.code === 2),
    [],
    'a refusal is no failure of the service',
  )
  for (const { name } of spans)
    t.match(
      name,
      /^(?:[A-Z]+(?: \/[\w/:-]*)?|[a-z_ ]+|password hash: \w+|notFoundHandler)$/,
      'a bounded name',
    )
  const described = new Set(spans.flatMap(({ attributes }) => attributes.map(({ key }) => key)))
  t.same(
    [...described].sort(),
    [
      'db.query.summary',
      'db.system.name',
      'http.request.method',
      'http.response.status_code',
      'http.route',
      'sallyport.request.id',
    ],
    'nothing else is said of a request: neither its URL nor the message of an error',
  )

  const payload = collector.posts.map(({ body }) => body).join()
  t.match(payload, 'auth-of-the-test')
  for (const secret of [
    user.email,
    user.password,
    'a wrong password',
    'in-a-query',
    'example.com',
    signedIn.body.access_token,
    signedIn.body.refresh_token,
    signedIn.body.user.uuid,
    app.projectSecret,
    'argon2id',
  ])
    t.notOk(payload.includes(secret), 'nothing of anybody is sent')
  t.ok(collector.posts.every(({ path }) => path === '/v1/traces'))
  t.ok(collector.posts.every(({ headers }) => headers['x-collector-key'] === 'hunter2!'))
  t.notOk(JSON.stringify(app.logs).includes('hunter2'))
  const line = app.logs.find(({ reqId, msg }) => reqId === 'the-sign-in' && msg === 'answered')
  t.equal(line?.trace_id, caller.traceId, 'the log names the trace')
})

t.test('a collector that is away costs spans and nothing else', async (t) => {
  const away = `http://127.0.0.1:${await freePort()}`
  const app = await startTestApp(t, { env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${away}/v1/traces` } })
  const user = await app.signUp()
  for (let n = 0; n < 50; n++) t.equal((await app.api('GET', '/me', { headers: bearer(user) })).status, 200)
  const told = () => app.logs.filter(({ msg }) => msg === 'Traces could not be sent')
  await eventually('the log says so', async () => told().length > 0)
  t.equal(told().length, 1, 'and not for each batch')
  await app.close()
})
