// The pages to sign in with, in a real browser: from an application to them and back, with and without script, by keyboard, by
// passkey, and as assistive technology reads them.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { checkAccessible, checkInEveryLook, type States, violationsOf } from '../support/accessibility.ts'
import { freePort, startTestApp } from '../support/app.ts'
import { addAuthenticator, findChromium, launchChromium, openContext } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { authenticatorOf, mailOfKind, proveHolder, renewSteps } from '../support/factors.ts'
import { newProofKey } from '../support/pkce.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const [port, shopPort] = [await freePort(), await freePort()]
  const service = `http://localhost:${port}`
  const shop = `http://localhost:${shopPort}`
  const back = `${shop}/back`
  const password = 'correct horse battery'
  const policy = {
    branding: { name: 'Fleur & Söhne', color: '#ffd500', logo_url: `${shop}/gone.png` },
    verification: { mode: 'strict', resend_cooldown_seconds: 0 },
    redirect_urls: [back],
    origins: [shop],
    email_sign_in: 'existing',
    sessions: { notify_new_device: false },
  }
  const app = await startTestApp(t, { policy, env: { PORT: String(port), PUBLIC_URL: service } })

  // The application: a page with the SDK, on another origin.
  const application = createServer(async (request, response) => {
    const file = /^\/sdk\/([a-z-]+\.js)$/.exec(request.url ?? '')?.[1]
    if (request.url === '/gone.png') return response.writeHead(404).end()
    response.setHeader('content-type', file ? 'text/javascript' : 'text/html')
    if (file) return response.end(await readFile(join(packageRoot, 'openapi/client/dist', file)))
    response.end(`<!doctype html><title>Shop</title><h1>Shop</h1><script type="module">
      import { createClient } from '/sdk/client.js'
      globalThis.client = createClient({ baseUrl: '${service}', projectId: '${app.projectId}' })
      globalThis.ready = client.finishSignInRedirect()
    </script>`)
  })
  await new Promise<void>((resolve) => application.listen(shopPort, '127.0.0.1', () => resolve()))
  t.teardown(() => application.close())

  /** Opens the application, and what the browser complains about. */
  async function openShop(
    t: Test,
    options: object = {},
  ): Promise<{ page: Page; complaints: string[]; context: BrowserContext }> {
    const context = await openContext(t, browser, { locale: 'en-US', ...options })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text()))
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(shop)
    await page.waitForFunction('globalThis.ready')
    return { page, complaints, context }
  }
  const toPage = (page: Page, name: 'sign-in' | 'sign-up') =>
    Promise.all([
      page.waitForURL(`${service}/**`),
      page.evaluate(`client.signInWithRedirect({ redirectTo: '${back}', page: '${name}' }).then(() => {})`),
    ])
  /** Waits for the application, which has exchanged the code; its e-mail address, or null. */
  async function signedInAs(page: Page): Promise<string | null> {
    await page.waitForURL(`${shop}/**`)
    return page.evaluate('ready.then((session) => session?.user.email ?? null)')
  }
  const signIn = async (page: Page, email: string) => {
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  const query = (more: Record<string, string> = {}) =>
    new URLSearchParams({
      project: app.projectId,
      redirect_to: back,
      state: 'mine',
      code_challenge: newProofKey().challenge,
      ...more,
    })
  const at = (path: string, more: Record<string, string> = {}) => `${service}${path}?${query(more)}`
  /** A person whose address is verified, with their tokens. */
  async function newPerson() {
    const { email } = await app.signUp({ password })
    const { code } = await mailOfKind(app, email, 'verify_email')
    await app.api('POST', '/verify-email/confirm', { body: { email, code } })
    const { body } = await app.api('POST', '/login', { body: { email, password } })
    return { email, headers: { authorization: `Bearer ${body.access_token}` } }
  }
  async function enrol({ email, headers }: { email: string; headers: Record<string, string> }) {
    await proveHolder(app, email)
    const { secret } = (await app.api('POST', '/factors/totp', { headers })).body
    await app.api('POST', '/factors/totp/confirm', {
      headers,
      body: { code: authenticatorOf(secret).code() },
    })
    await renewSteps(app, email)
    return authenticatorOf(secret)
  }

  t.test('sign-up, the code of the mail, sign-in, second factor, and back in the application', async (t) => {
    const { page, complaints } = await openShop(t)
    const email = 'whole-way@example.com'
    await toPage(page, 'sign-up')
    await page.getByLabel('E-mail address').fill(email)
    const field = page.getByLabel('Password', { exact: true })
    await field.pressSequentially('short')
    await page.getByText('Too short').waitFor()
    await field.fill(password)
    await page.getByText('Strong').waitFor()
    await page.getByRole('button', { name: 'Show' }).click()
    t.equal(await field.getAttribute('type'), 'text')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByRole('heading', { name: 'Check your mail' }).waitFor()
    const code = page.getByLabel('Code of six digits')
    t.equal(await code.getAttribute('autocomplete'), 'one-time-code')
    await code.fill('000000')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('This code is wrong').waitFor()
    t.ok(
      await code.evaluate((element) => element === document.activeElement),
      'the field that is wrong has the focus',
    )
    await code.fill((await mailOfKind(app, email, 'verify_email')).code ?? '')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Your address is verified').waitFor()
    t.equal(await page.getByLabel('E-mail address').inputValue(), email)
    await signIn(page, email)
    t.equal(await signedInAs(page), email)
    t.equal(page.url(), back, 'the code is no longer in the address')

    const token = await page.evaluate<string>('client.getSession().then((session) => session.access_token)')
    const authenticator = await enrol({ email, headers: { authorization: `Bearer ${token}` } })
    await toPage(page, 'sign-in')
    await signIn(page, email)
    await page.getByRole('heading', { name: 'One more step' }).waitFor()
    await page.getByLabel('Code of six digits').fill(authenticator.code())
    await page.getByLabel(/Do not ask on this device/).check()
    await page.getByRole('button', { name: 'Continue', exact: true }).click()
    t.equal(await signedInAs(page), email)
    await toPage(page, 'sign-in')
    await signIn(page, email)
    t.equal(await signedInAs(page), email, 'the trusted browser is not asked again')
    t.same(complaints, [], 'nothing breaks the policy of the pages')
  })

  t.test('the link of a mail leads back to the application, in the browser that asked for it', async (t) => {
    const { page, context } = await openShop(t)
    const email = 'by-link@example.com'
    const password2 = 'another good battery'
    await toPage(page, 'sign-up')
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByRole('heading', { name: 'Check your mail' }).waitFor()
    const { link } = await mailOfKind(app, email, 'verify_email')
    await page.goto(link ?? '')
    await page.getByLabel('Password that you chose').fill(password)
    await page.getByRole('button', { name: 'Verify my address' }).click()
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(back)
    await page.waitForFunction('globalThis.ready')
    await toPage(page, 'sign-in')
    await signIn(page, email)
    t.equal(await signedInAs(page), email)

    await page.evaluate('client.signOut()')
    await toPage(page, 'sign-in')
    await page.getByRole('link', { name: 'Forgot' }).click()
    await page.getByLabel('E-mail address').fill(email)
    await page.getByRole('button', { name: 'Send' }).click()
    const reset = (await mailOfKind(app, email, 'reset_password')).link ?? ''
    await page.goto(reset)
    await page.getByLabel('New password').fill(password2)
    await page.getByRole('button', { name: 'Save the new password' }).click()
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(back)
    await page.waitForFunction('globalThis.ready')
    await toPage(page, 'sign-in')
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password2)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    t.equal(await signedInAs(page), email)

    const kept = (await context.cookies()).find(({ name }) => name.includes('_return_'))
    t.match(kept, { httpOnly: true, sameSite: 'Lax' })
  })

  t.test('without script the same forms lead back with a code', async (t) => {
    const person = await newPerson()
    const authenticator = await enrol(person)
    const context = await openContext(t, browser, { javaScriptEnabled: false, locale: 'en-US' })
    const page = await context.newPage()
    await page.goto(at('/sign-in'))
    t.equal(
      await page.getByRole('button', { name: /passkey|Show/ }).count(),
      0,
      'what needs script is not shown',
    )
    await signIn(page, person.email)
    await page.getByLabel('Code of six digits').fill(authenticator.code())
    await page.getByRole('button', { name: 'Continue', exact: true }).click()
    await page.waitForURL(`${back}?**`)
    const end = new URL(page.url()).searchParams
    t.match(end.get('code'), /^sec_/)
    t.equal(end.get('state'), 'mine')
  })

  t.test('a passkey signs in by autofill and by its button', async (t) => {
    const { email } = await newPerson()
    const context = await openContext(t, browser, { locale: 'en-US' })
    const page = await context.newPage()
    await addAuthenticator(page)
    await proveHolder(app, email)
    await page.goto(`${service}/playground`)
    await page.evaluate(`(async () => {
      const { createClient } = await import('/playground/sdk/client.js')
      const client = createClient({ baseUrl: location.origin, projectId: '${app.projectId}' })
      await client.signInWithPassword({ email: '${email}', password: '${password}' })
      await client.registerPasskey({ name: 'test' })
    })()`)
    await page.goto(at('/sign-in'))
    await page.waitForURL(`${back}?**`)
    t.match(new URL(page.url()).searchParams.get('code'), /^sec_/, 'autofill')

    // A browser without that autofill.
    await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
    await page.goto(at('/sign-in'))
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.waitForURL(`${back}?**`)
    t.match(new URL(page.url()).searchParams.get('code'), /^sec_/, 'button')
  })

  t.test('by the keyboard alone, with the focus where it is expected', async (t) => {
    const { email } = await newPerson()
    const { page } = await openShop(t)
    await page.goto(at('/sign-in'))
    await page.locator('[name=email]:focus').waitFor()
    await page.keyboard.type(email)
    const names: string[] = []
    const named = () =>
      page.evaluate<string>('document.activeElement.name || document.activeElement.textContent.trim()')
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Tab')
      names.push(await named())
    }
    t.same(names, ['Forgot your password?', 'password', 'Show', 'Sign in'])
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle')
    t.equal(outline, 'solid', 'which is seen')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.type('not the password')
    await page.keyboard.press('Enter')
    await page.getByText('The e-mail address or the password is wrong.').waitFor()
    t.equal(await named(), 'password')
    await page.keyboard.type(password)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${back}?**`)
  })

  t.test('a double click opens one session, and "back" shows no page of before', async (t) => {
    const { email } = await newPerson()
    const { page, context } = await openShop(t)
    await page.goto(`${service}/sign-in?project=${app.projectId}&redirect_to=${back}`)
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).dblclick()
    await page.waitForURL(back)
    const [{ open } = { open: 0 }] =
      await app.sql`select count(*)::int as open from sessions s join users u on u.id = s.user_id
      where u.email = ${email} and s.revoked_at is null`
    t.equal(open, 2, 'the one before, and one')
    await page.goto(`${service}/sign-in?project=${app.projectId}&redirect_to=${back}`)
    await page.getByRole('button', { name: `Continue as ${email}` }).waitFor()
    await page.goto(shop)
    await context.clearCookies()
    await page.goBack()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    t.equal(await page.getByText(email).count(), 0)
  })

  t.test(
    'blocked cookies are said, and a code needs none; a storage that takes nothing is an error',
    async (t) => {
      const { email } = await newPerson()
      const { page, context } = await openShop(t)
      await context.addInitScript(
        `Object.defineProperty(Navigator.prototype, 'cookieEnabled', { get: () => false })`,
      )
      await page.goto(`${service}/sign-in?project=${app.projectId}`)
      await page.getByText('Your browser blocks cookies').waitFor()
      await page.goto(at('/sign-in'))
      t.equal(await page.getByText('Your browser blocks cookies').count(), 0)
      await page.route(`${service}/sign-in**`, async (route) => {
        const headers = { ...route.request().headers() }
        delete headers.cookie
        await route.continue({ headers })
      })
      await signIn(page, email)
      await page.waitForURL(`${back}?**`)
      await page.goto(shop)
      await page.waitForFunction('globalThis.ready')
      const failed = await page.evaluate(`(() => {
      Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }
      return client.signInWithRedirect({ redirectTo: '${back}' }).then(() => 'gone', (error) => error.name)
    })()`)
      t.equal(failed, 'QuotaExceededError')
      t.equal(page.url(), `${shop}/`)
      await page.goto(`${back}?code=sec_planted&state=planted`)
      t.equal(await page.evaluate('ready'), null, 'a code that this tab did not ask for is not exchanged')
    },
  )

  t.test('a logo that never comes delays nothing and moves nothing', async (t) => {
    const context = await openContext(t, browser, { locale: 'en-US' })
    const page = await context.newPage()
    await page.route(`${shop}/gone.png`, () => {})
    await page.goto(at('/sign-in'), { waitUntil: 'domcontentloaded' })
    await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
    const box = await page.locator('.logo').boundingBox()
    t.match(box, { width: 36, height: 36 })
  })

  t.test(
    'axe-core finds nothing, by day and night, in English and Arabic, on a phone and a desk',
    async (t) => {
      const person = await newPerson()
      await enrol(person)
      const context = await openContext(t, browser, { bypassCSP: true, javaScriptEnabled: true })
      const page = await context.newPage()
      const press = async (name: RegExp) => {
        const button = page
          .locator('main form')
          .first()
          .locator('button:not([type=button])', { hasText: name })
          .first()
        await Promise.all([page.waitForEvent('load'), button.click()])
      }
      const states: States = {
        'sign-in': (ui_locales) => page.goto(at('/sign-in', { ui_locales })),
        'sign-in, wrong': async (ui_locales) => {
          await page.goto(at('/sign-in', { ui_locales }))
          await page.fill('#email', 'nobody@example.com')
          await page.fill('#password', 'wrong')
          await press(/./)
        },
        'sign-up': async (ui_locales) => {
          await page.goto(at('/sign-up', { ui_locales }))
          await page.fill('#password', 'a password')
        },
        'check mail': async (ui_locales) => {
          await page.goto(at('/sign-up', { ui_locales }))
          await page.fill('#email', 'axe@example.com')
          await page.fill('#password', password)
          await press(/./)
        },
        'second factor': async (ui_locales) => {
          await page.goto(at('/sign-in', { ui_locales }))
          await page.fill('#email', person.email)
          await page.fill('#password', password)
          await press(/./)
          await page.locator('summary').click()
        },
        'forgot password': (ui_locales) => page.goto(at('/forgot-password', { ui_locales })),
        'refused address': async (ui_locales) => {
          await page.goto(at('/sign-in', { ui_locales, redirect_to: 'https://evil.example/' }))
          await page.locator('summary').click()
        },
      }
      await page.setContent('<img src="x"><input>')
      t.ok((await violationsOf(page)).length > 1, 'it would find something')
      await checkInEveryLook(t, page, states)
      for (const path of ['/problems', '/problems/validation_failed', '/no-such-page']) {
        await page.goto(service + path)
        await checkAccessible(t, page, path)
      }
      // 200 % on a phone's width is 195 px of layout.
      await page.setViewportSize({ width: 195, height: 600 })
      await page.goto(at('/sign-in', { ui_locales: 'de' }))
      t.ok(Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth')) <= 0, 'at 200 %')
    },
  )

  t.test('page and script are small', async (t) => {
    const page = await fetch(at('/sign-in')).then((answer) => answer.text())
    const script = await readFile(join(packageRoot, 'dist/pages/pages.js'))
    const bytes = gzipSync(page).length + gzipSync(script).length
    t.ok(bytes < 15_000, `${bytes} bytes`)
    await eventually('the script is served', async () => {
      const src = /src="([^"]+)"/.exec(page)?.[1]?.replaceAll('&#61;', '=') ?? ''
      const answer = await fetch(service + src)
      return answer.status === 200 && /immutable/.test(answer.headers.get('cache-control') ?? '')
    })
  })
}
