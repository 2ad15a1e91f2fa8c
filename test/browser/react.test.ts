// @sallyport/react in a real browser, as an application uses it: sign-up, every way in, the menu, the account, two tabs, offline.
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { freePort, startTestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { authenticatorOf, mailOfKind, proveHolder, renewSteps } from '../support/factors.ts'
import { serveReactApp } from '../support/react-page.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const port = await freePort()
  const policy = {
    origins: [`http://localhost:${port}`],
    verification: { resend_cooldown_seconds: 0 },
    email_sign_in: 'existing',
    sessions: { notify_new_device: false },
  }
  const app = await startTestApp(t, { policy })
  const url = await serveReactApp(t, app, port)
  const password = 'correct horse battery'
  let people = 0

  /** Opens the application; what its console says is a failure, save answers of the service that refuse. */
  async function open(t: Test, query = '', options: BrowserContextOptions = {}): Promise<Page> {
    const context = await openContext(t, browser, { reducedMotion: 'reduce', ...options })
    return visit(t, await context.newPage(), query)
  }

  async function visit(t: Test, page: Page, query = ''): Promise<Page> {
    page.setDefaultTimeout(20_000)
    page.on('pageerror', (error) => t.fail('the page throws', { error: String(error) }))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        t.fail('the console is quiet', { said: message.text() })
    })
    await page.goto(`${url}/${query}`)
    return page
  }

  const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true })
  const who = (page: Page, text: string) =>
    page.getByRole('banner').getByText(text, { exact: true }).waitFor()

  /** Creates an account in the page. */
  async function signUp(page: Page, email = `react-${++people}@example.com`): Promise<string> {
    await page.getByLabel('Name').fill('Ada Lovelace')
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await button(page, 'Create account').click()
    await who(page, email)
    await proveHolder(app, email)
    return email
  }

  async function typeCredentials(page: Page, email: string, typed = password): Promise<void> {
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(typed)
    await button(page, 'Sign in').click()
  }

  t.test('tour', async (t) => {
    const page = await open(t, '?new')
    const email = await signUp(page)
    await page.getByRole('heading', { name: 'Account' }).waitFor()
    await page.screenshot({ path: '/tmp/share/shots-react/a.png', fullPage: true })
    await button(page, `Your account: Ada Lovelace`).click()
    await page.screenshot({ path: '/tmp/share/shots-react/b.png' })
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await who(page, 'signed_out')
    await page.goto(url)
    await page.screenshot({ path: '/tmp/share/shots-react/c.png', fullPage: true })
    await typeCredentials(page, email, 'wrong')
    await page.getByText('Address or password is wrong.').waitFor()
    await page.screenshot({ path: '/tmp/share/shots-react/d.png', fullPage: true })
  })
  void [authenticatorOf, mailOfKind, renewSteps, eventually]
}
