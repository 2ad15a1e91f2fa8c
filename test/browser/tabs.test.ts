// The SDK in the tabs of a real browser: they share one session, refresh it once, and nobody is signed out, whatever the
// network, the clock and the service do meanwhile.
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { freePort, startTestApp, type TestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  // Long enough for a busy machine to use a token before its end.
  const policy = { tokens: { access_seconds: 4 } }
  const credentials = { email: 'tabs@example.com', password: 'correct horse battery' }
  const hour = 3_600_000

  interface TabsOptions {
    readonly count: number
    readonly transport: 'bearer' | 'cookie'
    /** Milliseconds that the clock of each tab is ahead. */
    readonly clocks?: readonly number[]
    /** Without Web Locks and BroadcastChannel, as an old browser has it. */
    readonly old?: boolean
  }

  /** Opens tabs of one browser, each with a client of its own, and signs up in the first. */
  async function open(t: Test, app: TestApp, { count, transport, clocks = [], old }: TabsOptions) {
    const context = await openContext(t, browser)
    const presented: (string | null)[] = []
    context.on('request', (request) => {
      if (request.url().endsWith('/api/auth/refresh')) presented.push(request.postData())
    })
    const tabs: Page[] = []
    for (let n = 0; n < count; n++) {
      const page = await context.newPage()
      await page.addInitScript(`{
        const real = Date.now
        Date.now = () => real() + ${clocks[n] ?? 0}
        if (${Boolean(old)}) {
          delete globalThis.BroadcastChannel
          Object.defineProperty(navigator, 'locks', { value: undefined })
        }
      }`)
      // Any page of this origin will do.
      await page.goto(`${app.url}/playground`)
      await page.evaluate(`(async () => {
        const { createClient } = await import('/playground/sdk/client.js')
        globalThis.events = []
        globalThis.errors = []
        globalThis.client = createClient({
          baseUrl: location.origin,
          projectId: ${JSON.stringify(app.projectId)},
          projectUserAuth: { transport: ${JSON.stringify(transport)}, tokenStorage: localStorage },
        })
        client.onAuthStateChange((event) => events.push(event))
        globalThis.me = () => client.me().then(({ user }) => user.email, (error) => {
          errors.push(error.name + ' ' + error.code)
          return error.name
        })
      })()`)
      tabs.push(page)
    }
    await tabs[0]?.evaluate(`client.signUp(${JSON.stringify(credentials)})`)
    return { context, tabs, presented }
  }

  const told = (page: Page, what: 'events' | 'errors') => page.evaluate<string[]>(what)
  const everywhere = <T>(tabs: readonly Page[], code: string) =>
    Promise.all(tabs.map((tab) => tab.evaluate<T>(code)))
  const generation = async (app: TestApp) =>
    Number((await app.sql`select generation from sessions`)[0]?.generation)

  /** All tabs ask, over and over, until the session has been refreshed `times` more. */
  async function useUntil(app: TestApp, tabs: readonly Page[], times: number): Promise<void> {
    const end = (await generation(app)) + times
    await eventually(
      `${times} refreshes`,
      async () => {
        await everywhere(tabs, 'Promise.all([me(), me(), me()])')
        return (await generation(app)) >= end
      },
      60_000,
    )
  }

  async function nobodyIsOut(t: Test, app: TestApp, tabs: readonly Page[]): Promise<void> {
    for (const tab of tabs) {
      t.notOk((await told(tab, 'events')).includes('signed_out'))
      t.same(await told(tab, 'errors'), [])
      t.equal(await tab.evaluate('me()'), credentials.email)
    }
    t.match(await app.sql`select 1 from sessions where revoked_at is not null`, [])
    t.match(await app.sql`select 1 from audit_events where event = 'refresh_reused'`, [])
  }

  for (const transport of ['bearer', 'cookie'] as const)
    t.test(
      `five tabs over three refreshes, by ${transport}: one request each, and nobody is signed out`,
      async (t) => {
        const app = await startTestApp(t, { policy })
        const first = await generation(app)
        const { tabs, presented } = await open(t, app, { count: 5, transport })
        t.ok(Number.isNaN(first))
        const before = await generation(app)
        await useUntil(app, tabs, 3)
        await nobodyIsOut(t, app, tabs)
        const refreshes = (await generation(app)) - before
        if (transport === 'bearer') t.equal(new Set(presented).size, refreshes, 'each token is good for one')
        // A tab may have its turn before the browser shows it what the last one wrote; then the service repeats its answer.
        t.ok(presented.length <= 2 * refreshes, 'tabs do not ask each for itself', {
          presented: presented.length,
        })
        for (const tab of tabs)
          await eventually('every tab has heard of it', async () =>
            (await told(tab, 'events')).includes('token_refreshed'),
          )

        // Signing out in one signs out in all.
        await tabs[4]?.evaluate('client.signOut()')
        for (const tab of tabs)
          await eventually(
            'the end in every tab',
            async () => (await told(tab, 'events')).at(-1) === 'signed_out',
          )
        t.same(await everywhere(tabs, 'client.getSession()'), [null, null, null, null, null])
      },
    )

  t.test('five tabs of a browser without Web Locks and BroadcastChannel', async (t) => {
    const app = await startTestApp(t, { policy })
    const { tabs } = await open(t, app, { count: 5, transport: 'bearer', old: true })
    await useUntil(app, tabs, 3)
    await nobodyIsOut(t, app, tabs)
  })

  t.test('tabs whose clocks are wrong by an hour, each the other way', async (t) => {
    const app = await startTestApp(t, { policy })
    const { tabs } = await open(t, app, { count: 3, transport: 'bearer', clocks: [hour, -hour, 0] })
    await useUntil(app, tabs, 3)
    await nobodyIsOut(t, app, tabs)
  })

  t.test('offline over the end of the token, and back', async (t) => {
    const app = await startTestApp(t, { policy })
    const { context, tabs } = await open(t, app, { count: 2, transport: 'bearer' })
    await useUntil(app, tabs, 1)
    const token = await tabs[0]?.evaluate<string>(
      'client.getSession().then((session) => session.access_token)',
    )
    await context.setOffline(true)
    await eventually('the end of the access token', async () => {
      const headers = { authorization: `Bearer ${token}` }
      return (await app.api('GET', '/me', { headers })).status === 401
    })
    t.same(await everywhere(tabs, 'me()'), ['NetworkError', 'NetworkError'])
    const sessions = await everywhere<string>(
      tabs,
      'client.getSession().then((session) => session.user.email)',
    )
    t.same(sessions, [credentials.email, credentials.email], 'offline is not signed out')
    await context.setOffline(false)
    t.same(await everywhere(tabs, 'me()'), [credentials.email, credentials.email])
    for (const tab of tabs) t.notOk((await told(tab, 'events')).includes('signed_out'))
  })

  t.test('a service that restarts in between, by cookie', async (t) => {
    const databaseUrl = await createDatabase(t)
    const env = { PORT: String(await freePort()) }
    const first = await startTestApp(t, { policy, databaseUrl, env })
    const { tabs } = await open(t, first, { count: 2, transport: 'cookie' })
    await useUntil(first, tabs, 1)
    await first.close()
    t.same(await everywhere(tabs, 'me()'), ['NetworkError', 'NetworkError'])
    const second = await startTestApp(t, { policy, databaseUrl, env })
    t.same(await everywhere(tabs, 'me()'), [credentials.email, credentials.email])
    await useUntil(second, tabs, 1)
    for (const tab of tabs) t.notOk((await told(tab, 'events')).includes('signed_out'))
  })
}
