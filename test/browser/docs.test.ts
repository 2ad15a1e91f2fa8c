// Swagger UI at /docs in a real browser: it loads under a strict policy, and its examples work when clicked through.
import type { Locator, Page, Response } from 'playwright-core'
import t, { type Test } from 'tap'
import { contractNames } from '../../src/http/server-options.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  /** For tests that change nothing. */
  const shared = await startTestApp(t)

  t.test(
    '/docs loads from its own origin alone, without an error or a violation of its policy',
    async (t) => {
      const { page, answer, complaints, strangers } = await openDocs(t, shared)
      const policy = answer?.headers()['content-security-policy'] ?? ''
      t.match(policy, /default-src 'none'/)
      t.notMatch(policy, /unsafe|https?:|\*/, 'nothing inline, nothing from elsewhere')
      await page.locator('.opblock').first().waitFor()
      t.equal(await page.title(), 'Sallyport API')
      t.ok((await page.locator('.opblock').count()) >= 12, 'every operation is listed')
      t.equal(await page.locator('.errors-wrapper').count(), 0, 'the document has no error')
      // An open operation renders its schemas and examples.
      for (const id of ['signUp', 'signIn', 'refreshSession', 'confirmVerificationEmail', 'ready']) {
        const block = operation(page, id)
        await block.locator('.opblock-summary-control').click()
        await block
          .locator('.responses-table .highlight-code, .responses-table .model-example')
          .first()
          .waitFor()
        await block.locator('.opblock-summary-control').click()
      }
      await errorsFold(t, page)
      await pagesAreLinked(t, page)
      t.same(complaints, [], 'neither the console nor the policy complains')
      t.same(strangers, [], 'no request to another origin')
    },
  )

  t.test('by bearer: sign up, sign in, authorize and read /me with the examples as they are', async (t) => {
    const app = await startTestApp(t)
    const { page, complaints } = await openDocs(t, app)
    const signUp = operation(page, 'signUp')
    const first = await execute(page, 'signUp')
    t.equal(first.status(), 201)
    t.notOk('idempotency-key' in (await first.request().allHeaders()), 'no key is filled in')
    const another = JSON.stringify({ email: 'grace@example.com', password: 'a bug in a relay' })
    await signUp.locator('.body-param textarea').fill(another)
    const second = page.waitForResponse((response) => response.url().includes('/api/'))
    await signUp.locator('.execute').click()
    t.equal((await second).status(), 201, 'each try is a request of its own')

    const signedIn = await execute(page, 'signIn')
    t.equal(signedIn.status(), 200)
    const { access_token: token } = await signedIn.json()
    await page.locator('.auth-wrapper .authorize').click()
    const dialog = page.locator('.modal-ux')
    const bearer = dialog.locator('.auth-container form', { hasText: 'bearer (http' })
    await bearer.getByLabel('auth-bearer-value').fill(token)
    await bearer.getByLabel('Apply credentials').click()
    await dialog.locator('.close-modal').click()
    await page.reload()
    await page.locator('.opblock').first().waitFor()

    const me = await execute(page, 'getCurrentUser')
    t.equal(me.status(), 200, 'after a reload too')
    t.equal((await me.json()).user.email, 'ada@example.com')
    t.equal((await me.request().allHeaders()).authorization, `Bearer ${token}`)
    t.match(await shown(page, 'getCurrentUser'), 'ada@example.com', 'and shows it')
    t.equal((await execute(page, 'changePassword')).status(), 200, 'the example changes the password')
    t.same(complaints, [])
    t.equal((await execute(page, 'getCurrentUser')).status(), 401, 'the former token is void')
  })

  t.test('on a phone nothing is cut off at the side', async (t) => {
    const { page } = await openDocs(t, shared, { width: 390, height: 844 })
    t.equal(await page.evaluate('innerWidth'), 390, 'the viewport is that of the screen')
    t.equal(
      await page.locator('meta[name=viewport]').getAttribute('content'),
      'width=device-width, initial-scale=1',
    )
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth')
    t.equal(await overflow(), 0)
    await operation(page, 'signUp').locator('.opblock-summary-control').click()
    await operation(page, 'signUp').locator('.responses-table .highlight-code').first().waitFor()
    t.equal(await overflow(), 0, 'an open operation too')
  })

  t.test('by cookie: sign in, read /me, refresh and sign out without a token in sight', async (t) => {
    const app = await startTestApp(t)
    const { page, complaints } = await openDocs(t, app)
    t.equal((await execute(page, 'signUp')).status(), 201)
    const signedIn = await execute(page, 'signIn', async (block) => {
      await block.locator('tr[data-param-name="session-transport"] select').selectOption('cookie')
    })
    t.equal(signedIn.status(), 200)
    const body = await signedIn.json()
    t.notOk('access_token' in body || 'refresh_token' in body, 'no token in the body')
    t.equal(await page.evaluate('document.cookie'), '', 'nor within reach of a script')

    const me = await execute(page, 'getCurrentUser')
    t.equal(me.status(), 200)
    t.notOk('authorization' in (await me.request().allHeaders()))
    t.equal((await execute(page, 'refreshSession')).status(), 200, 'the example refreshes by cookie')
    t.equal((await execute(page, 'getCurrentUser')).status(), 200)
    t.equal((await execute(page, 'signOut')).status(), 200)
    t.same(await page.context().cookies(), [], 'the cookies are gone')
    t.same(complaints, [])
    t.equal((await execute(page, 'getCurrentUser')).status(), 401)
  })

  t.test('every mounted contract can be chosen, and its examples work', async (t) => {
    const app = await startTestApp(t)
    await app.signUp({ email: 'jane@example.com', password: 'securepassword123' })
    const { page, complaints, strangers } = await openDocs(t, app)
    const choice = page.locator('.topbar select')
    const offered = await choice.locator('option').allInnerTexts()
    t.same(offered.slice(0, 2), ['Sallyport', 'Sallyport admin'])
    t.same(
      offered.slice(2).map((title) => title.toLowerCase()),
      app.config.contracts.filter((name) => (contractNames as readonly string[]).includes(name)),
      'what is mounted',
    )
    for (const title of offered.slice(1)) {
      await choice.selectOption({ label: title })
      await page.locator('.info .title', { hasText: title }).waitFor()
      await page.locator('.opblock').first().waitFor()
      t.equal(await page.locator('.errors-wrapper').count(), 0, `${title} has no error`)
    }
    await choice.selectOption({ label: 'NodeLoom' })
    await operation(page, 'listTeams').waitFor()
    const login = await execute(page, 'login')
    t.equal(new URL(login.url()).pathname, '/nodeloom/api/auth/login')
    t.equal(login.status(), 200)
    t.equal((await execute(page, 'createTeam')).status(), 201, 'by the cookie')
    t.equal((await execute(page, 'logout')).status(), 200)
    t.same(await page.context().cookies(), [])
    t.same(complaints, [])
    t.same(strangers, [])
  })

  t.test('what is switched off is not offered', async (t) => {
    const env = { CONTRACTS: 'nora', PLAYGROUND: 'false', INBOX: 'false' }
    const some = await openDocs(t, await startTestApp(t, { env }))
    t.same(await some.page.locator('nav.pages a').allInnerTexts(), ['Docs', 'Console'])
    t.same(await some.page.locator('.topbar option').allInnerTexts(), [
      'Sallyport',
      'Sallyport admin',
      'Nora',
    ])
    const none = await openDocs(t, await startTestApp(t, { env: { CONTRACTS: '' } }))
    t.same(await none.page.locator('.topbar option').allInnerTexts(), ['Sallyport', 'Sallyport admin'])
    t.same([...some.complaints, ...none.complaints], [])
  })

  /** Errors of an operation are a line each until one is opened, by the mouse or the keyboard. */
  async function errorsFold(t: Test, page: Page): Promise<void> {
    const block = operation(page, 'signUp')
    await block.locator('.opblock-summary-control').click()
    const errors = block.locator('.responses-table:not(.live-responses-table) tr.response[data-code^="4"]')
    await errors.first().locator('[aria-expanded="false"]').waitFor()
    t.ok((await errors.count()) >= 5)
    const height = async () => (await block.locator('.responses-wrapper').boundingBox())?.height ?? 0
    const folded = await height()
    t.ok(folded < 2000, `${folded} pixels of answers`)
    t.equal(await errors.locator('.model-example:visible').count(), 0)
    await errors.first().locator('.response-col_status').click()
    t.equal(await errors.locator('.model-example:visible').count(), 1, 'one is open')
    await errors.nth(1).locator('.response-col_status').press('Enter')
    t.equal(await errors.locator('.model-example:visible').count(), 2, 'another one by the keyboard')
    await errors.nth(1).locator('.response-col_status').press('Enter')
    await errors.first().locator('.response-col_status').click()
    t.ok(Math.abs((await height()) - folded) < 5, 'and folded again')
    const success = block.locator('.responses-table:not(.live-responses-table) tr.response[data-code^="2"]')
    t.ok((await success.locator('.model-example:visible').count()) > 0, 'what is meant to come is shown')
  }

  /** A bar links to our other pages. */
  async function pagesAreLinked(t: Test, page: Page): Promise<void> {
    const links = page.locator('nav.pages a')
    t.same(await links.allInnerTexts(), ['Docs', 'Playground', 'Inbox', 'Console'])
    t.equal(await page.locator('nav.pages [aria-current=page]').innerText(), 'Docs')
    for (const link of await links.all()) {
      const address = new URL((await link.getAttribute('href')) ?? '', page.url())
      t.equal((await page.request.get(address.href)).status(), 200, address.pathname)
    }
  }

  async function openDocs(t: Test, app: TestApp, viewport = { width: 1280, height: 1000 }) {
    const isPhone = viewport.width < 500
    const context = await openContext(t, browser, { viewport, isMobile: isPhone, hasTouch: isPhone })
    const page = await context.newPage()
    const complaints: string[] = []
    const strangers: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('requestfailed', (request) => {
      // What the reload cut off is no complaint of the page.
      const why = request.failure()?.errorText
      if (why !== 'net::ERR_ABORTED') complaints.push(`failed: ${request.url()} ${why}`)
    })
    page.on('request', (request) => {
      if (!/^(?:data|blob):/.test(request.url()) && new URL(request.url()).origin !== app.url)
        strangers.push(request.url())
    })
    await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
      console.error('violation: ' + event.violatedDirective + ' ' + event.blockedURI))`)
    // The root leads here.
    const answer = await page.goto(app.url)
    t.equal(page.url(), `${app.url}/docs`)
    await page.locator('.opblock').first().waitFor()
    return { page, answer, complaints, strangers }
  }

  /** The block of an operation, by its id. */
  function operation(page: Page, id: string): Locator {
    return page.locator(`.opblock[id$="-${id}"]`)
  }

  /** Opens an operation alone, fills nothing in but what `prepare` does, and presses Execute. */
  async function execute(
    page: Page,
    id: string,
    prepare?: (block: Locator) => Promise<void>,
  ): Promise<Response> {
    const block = operation(page, id)
    for (const open of await page.locator('.opblock.is-open .opblock-summary-control').all())
      await open.click()
    await block.locator('.opblock-summary-control').click()
    await block.locator('.execute').waitFor()
    await prepare?.(block)
    const answer = page.waitForResponse((response) => response.url().includes('/api/'))
    await block.locator('.execute').click()
    const response = await answer
    await response.finished()
    return response
  }

  /** The answer as the page shows it. */
  async function shown(page: Page, id: string): Promise<string> {
    return operation(page, id).locator('.live-responses-table .response .highlight-code').first().innerText()
  }
}
