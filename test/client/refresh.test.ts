// Refreshing as nobody notices it: once for all who wait, once after a 401, never because of a failure that is not a
// refusal. The faults are real ones: a service that is down, silent, overloaded, restarted, or out of its database.
import t, { type Test } from 'tap'
import {
  type AuthEvent,
  type ClientOptions,
  createClient,
  memoryStorage,
  type TokenStorage,
} from '../../openapi/client/src/client.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { type FaultyProxy, startProxy } from '../support/proxy.ts'
import { type Recorder, record } from '../support/recorder.ts'

const password = 'a good long password'
let users = 0

interface Opened {
  readonly client: ReturnType<typeof createClient>
  readonly recorder: Recorder
  readonly events: AuthEvent[]
  readonly storage: TokenStorage
}

function open(t: Test, app: TestApp, options: ClientOptions = {}): Opened {
  const recorder = record(t)
  const storage = options.projectUserAuth?.tokenStorage ?? memoryStorage()
  const client = createClient({
    baseUrl: app.url,
    projectId: app.projectId,
    fetch: recorder.fetch,
    ...options,
    projectUserAuth: { tokenStorage: storage, ...options.projectUserAuth },
  })
  t.teardown(() => client.close())
  const events: AuthEvent[] = []
  client.onAuthStateChange((event) => events.push(event))
  return { client, recorder, events, storage }
}

const signUp = ({ client }: Opened) => client.signUp({ email: `refresh-${++users}@example.com`, password })
const short = { tokens: { access_seconds: 2 } }

/** Waits until the service refuses the access token that the storage holds. */
async function expiry(app: TestApp, { storage }: Opened): Promise<void> {
  const spy = storage as unknown as { getItem(key: string): string | null }
  const key = `sallyport_bearer_${app.url}_${app.projectId}`.replace(/[^\w.-]+/g, '-')
  const { access_token } = JSON.parse(spy.getItem(key) ?? '{}')
  await refusal(app, access_token)
}

async function refusal(app: TestApp, accessToken: string | undefined): Promise<void> {
  await eventually('the end of the access token', async () => {
    const answer = await app.api('GET', '/me', { headers: { authorization: `Bearer ${accessToken}` } })
    return answer.status === 401
  })
  // `exp` counts from a whole second, the client from the answer: it knows a second later at most.
  await new Promise((resolve) => setTimeout(resolve, 1000))
}

t.test('100 parallel calls with an expired token: one refresh', async (t) => {
  const app = await startTestApp(t, { policy: short })
  await t.test('where the client knows that it has expired', async (t) => {
    const opened = open(t, app)
    await signUp(opened)
    await expiry(app, opened)
    // What comes next lives long enough for a slow machine.
    await app.setPolicy({})
    await Promise.all(Array.from({ length: 100 }, () => opened.client.me()))
    t.equal(opened.recorder.count('/refresh'), 1)
    t.equal(opened.recorder.count('/me'), 100, 'and no call was made in vain')
    t.same(opened.events, ['signed_in', 'token_refreshed'])
  })
  await t.test('where only the service knows', async (t) => {
    await app.setPolicy(short)
    const first = open(t, app)
    await signUp(first)
    const session = await first.client.getSession()
    await expiry(app, first)
    await app.setPolicy({})
    const projectUserAuth = {
      accessToken: String(session?.access_token),
      refreshToken: String(session?.refresh_token),
      tokenStorage: memoryStorage(),
    }
    const { client, recorder, events } = open(t, app, { projectUserAuth })
    await Promise.all(Array.from({ length: 100 }, () => client.me()))
    t.equal(recorder.count('/refresh'), 1)
    t.same(events, ['token_refreshed'])
  })
  await t.test('in four clients that share a storage: nobody is signed out', async (t) => {
    await app.setPolicy(short)
    const first = open(t, app)
    await signUp(first)
    await expiry(app, first)
    const projectUserAuth = { tokenStorage: first.storage }
    const all = [first, ...Array.from({ length: 3 }, () => open(t, app, { projectUserAuth }))]
    await Promise.all(all.flatMap(({ client }) => Array.from({ length: 25 }, () => client.me())))
    t.notOk(all.some(({ events }) => events.includes('signed_out')))
  })
})

t.test('a session is refreshed ahead of its end, and not before', async (t) => {
  const app = await startTestApp(t)
  const { client, recorder } = open(t, app)
  await client.signUp({ email: 'ahead@example.com', password })
  for (let i = 0; i < 5; i++) await client.me()
  t.equal(recorder.count('/refresh'), 0)
  t.match(await client.refreshSession(), { user: { email: 'ahead@example.com' } })
  t.equal(recorder.count('/refresh'), 1)
})

t.test('autoRefresh: false leaves a 401 to the application', async (t) => {
  const app = await startTestApp(t, { policy: short })
  const opened = open(t, app, { projectUserAuth: { autoRefresh: false } })
  await signUp(opened)
  await expiry(app, opened)
  await t.rejects(opened.client.me(), { name: 'AuthenticationError', code: 'unauthenticated' })
  t.equal(opened.recorder.count('/refresh'), 0)
  await app.setPolicy({})
  await opened.client.refreshSession()
  await opened.client.me()
})

t.test('what the service refuses is the end, and is told once', async (t) => {
  const app = await startTestApp(t, { policy: short })
  const opened = open(t, app)
  await signUp(opened)
  await app.sql`update sessions set revoked_at = now(), revoked_reason = 'logout'`
  const calls = await Promise.allSettled(Array.from({ length: 10 }, () => opened.client.me()))
  t.ok(calls.every(({ status }) => status === 'rejected'))
  t.equal(opened.recorder.count('/refresh'), 1)
  t.same(opened.events, ['signed_in', 'signed_out'])
  t.equal(await opened.client.getSession(), null)
})

t.test('a network that fails signs nobody out', async (t) => {
  const app = await startTestApp(t, { policy: short })
  const proxy = await startProxy(app.url)
  t.teardown(() => proxy.close())
  const baseUrl = `http://127.0.0.1:${proxy.port}`

  /** Signs up through the proxy, waits for the end of the token, and breaks the network in between. */
  async function broken(t: Test, fault: (proxy: FaultyProxy) => unknown, options: ClientOptions = {}) {
    const opened = open(t, app, { baseUrl, ...options })
    await signUp(opened)
    const { access_token } = (await opened.client.getSession()) ?? {}
    await refusal(app, access_token)
    await fault(proxy)
    return opened
  }

  await t.test('refused', async (t) => {
    const { client, events } = await broken(t, (proxy) => proxy.refuse())
    await t.rejects(client.me(), { name: 'NetworkError', code: 'network_error' })
    t.match(await client.getSession(), { user: { email: /@/ } }, 'still somebody')
    await t.rejects(client.signOut(), { name: 'NetworkError' }, 'and not signed out without an answer')
    t.ok(await client.getSession())
    await proxy.restore()
    await client.me()
    t.notOk(events.includes('signed_out'))
    t.ok(events.includes('auth_error'))
    t.equal(events.at(-1), 'token_refreshed')
  })
  await t.test('silent, until the timeout', async (t) => {
    const { client, events } = await broken(t, (proxy) => proxy.stall(), { timeout: 5000 })
    await t.rejects(client.me(), { name: 'NetworkError', code: 'timeout' })
    await proxy.restore()
    await eventually('an answer', () => client.me().catch(() => null))
    t.notOk(events.includes('signed_out'))
  })
  await t.test('silent, until the caller gives up, which is only their affair', async (t) => {
    const { client, events } = await broken(t, (proxy) => proxy.stall())
    const patience = new AbortController()
    const patient = client.me()
    patient.catch(() => {})
    const impatient = client.me({ signal: patience.signal })
    patience.abort()
    await t.rejects(impatient, { name: 'AbortError' })
    await t.rejects(client.me({ signal: patience.signal }), { name: 'AbortError' })
    await proxy.restore()
    await patient
    t.notOk(events.includes('signed_out'))
  })
})

t.test('403, 429 and 5xx on refresh are told, and tried once for each call', async (t) => {
  await t.test('503: the service has lost its database', async (t) => {
    const { createDatabase } = await import('../support/database.ts')
    const database = await createDatabase(t)
    const proxy = await startProxy(database)
    t.teardown(() => proxy.close())
    const app = await startTestApp(t, { policy: short, databaseUrl: proxy.through(database) })
    const opened = open(t, app)
    await signUp(opened)
    await expiry(app, opened)
    await proxy.refuse()
    await t.rejects(opened.client.me(), { name: 'ServerError', status: 503 })
    t.ok(opened.recorder.count('/refresh') <= 1)
    await proxy.restore()
    await eventually('the database', () => opened.client.me().catch(() => null))
    t.notOk(opened.events.includes('signed_out'))
  })
  await t.test('429', async (t) => {
    const limits = { read: { max: 2, window_seconds: 3600 } }
    const app = await startTestApp(t, { policy: { limits } })
    const { client, recorder, events } = open(t, app)
    await client.signUp({ email: 'limited@example.com', password })
    for (let i = 0; i < 2; i++) await client.me()
    await t.rejects(client.me(), { name: 'RateLimitError' })
    await t.rejects(client.refreshSession(), { name: 'RateLimitError', retryAfter: Number })
    t.ok(recorder.count('/refresh') <= 2)
    t.ok(await client.getSession(), 'still signed in')
    t.notOk(events.includes('signed_out'))
  })
  await t.test('403: the project has begun to demand verified addresses', async (t) => {
    const app = await startTestApp(t, { policy: short })
    const opened = open(t, app)
    await signUp(opened)
    await expiry(app, opened)
    await app.setPolicy({ ...short, verification: { mode: 'strict' } })
    await t.rejects(opened.client.me(), { name: 'AuthorizationError', code: 'email_verification_required' })
    t.equal(opened.recorder.count('/refresh'), 1)
    t.notOk(opened.events.includes('signed_out'))
    t.ok(opened.events.includes('auth_error'))
    await app.sql`update users set email_verified_at = now()`
    await opened.client.me()
  })
  await t.test('a page of a proxy or a hotel, whatever its status', async (t) => {
    const app = await startTestApp(t, { policy: short })
    const opened = open(t, app)
    await signUp(opened)
    const { createServer } = await import('node:http')
    let status = 200
    const hotel = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Please accept our terms</h1>')
    })
    await new Promise<void>((resolve) => hotel.listen(0, '127.0.0.1', resolve))
    t.teardown(() => hotel.close())
    const address = hotel.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { refresh_token: refreshToken = '' } = (await opened.client.getSession()) ?? {}
    const events: AuthEvent[] = []
    const client = createClient({
      baseUrl: `http://127.0.0.1:${port}`,
      projectUserAuth: { refreshToken },
    })
    client.onAuthStateChange((event) => events.push(event))
    for (status of [200, 401, 403, 404, 422, 429, 502])
      await t.rejects(client.me(), { code: 'unexpected_answer' })
    t.notOk(events.includes('signed_out'))
  })
})

t.test('a service that restarts in between signs nobody out', async (t) => {
  const { createDatabase } = await import('../support/database.ts')
  const databaseUrl = await createDatabase(t)
  const { freePort } = await import('../support/app.ts')
  const env = { PORT: String(await freePort()) }
  const first = await startTestApp(t, { policy: short, databaseUrl, env })
  const opened = open(t, first)
  await signUp(opened)
  await expiry(first, opened)
  await first.setPolicy({})
  await first.close()
  await t.rejects(opened.client.me(), { name: 'NetworkError' })
  await startTestApp(t, { policy: short, databaseUrl, env })
  await opened.client.me()
  t.same(
    opened.events.filter((event) => event !== 'auth_error'),
    ['signed_in', 'token_refreshed'],
  )
})

t.test('a storage that cannot be written loses nobody, and is told', async (t) => {
  const app = await startTestApp(t, { policy: short })
  const inner = memoryStorage()
  let full = false
  const tokenStorage: TokenStorage = {
    getItem: async (key) => inner.getItem(key),
    async setItem(key, value) {
      if (full) throw new Error('The quota has been exceeded.')
      inner.setItem(key, value)
    },
    removeItem: async (key) => inner.removeItem(key),
  }
  const opened = open(t, app, { projectUserAuth: { tokenStorage } })
  await signUp(opened)
  full = true
  await opened.client.refreshSession()
  await opened.client.refreshSession()
  await opened.client.me()
  t.ok(opened.events.includes('auth_error'))
  t.notOk(opened.events.includes('signed_out'))
  full = false
  await opened.client.refreshSession()
  const next = open(t, app, { projectUserAuth: { tokenStorage } })
  await next.client.me()
})
