// /inbox in a real browser: a mail appears by itself, is searched, copied and followed; nothing of a mail runs in the page; and it
// fits a phone.
import t from 'tap'
import { startTestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const app = await startTestApp(t)

  t.test('a new mail appears by itself; its code is copied and its link opens', async (t) => {
    const context = await openContext(t, browser, { permissions: ['clipboard-read', 'clipboard-write'] })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      // The mail's own frame refuses scripts, which Chromium notes for its empty favicon; nothing else may be said.
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(`${app.url}/inbox`)
    await page.getByText('No mail has been captured yet.').waitFor()
    const { email } = await app.signUp({ email: 'ada@example.com' })
    await app.signUp({ email: 'bob@example.com' })
    for (const address of [email, 'bob@example.com'])
      await app.api('POST', '/forgot-password', { body: { email: address } })
    const entry = page.locator('#list a', { hasText: email }).filter({ hasText: 'reset password' })
    await entry.waitFor()
    await page.getByLabel('Search by address').fill('ADA')
    await page.locator('#list a', { hasText: 'bob@example.com' }).first().waitFor({ state: 'detached' })
    await entry.click()
    const code = await page.locator('.carried code').first().innerText()
    t.match(code, /^\d{6}$/)
    await page.getByRole('button', { name: 'Copy code' }).click()
    await page.getByRole('button', { name: 'Copied code' }).waitFor()
    t.equal(await page.evaluate('navigator.clipboard.readText()'), code)

    const frame = page.frameLocator('iframe')
    await frame.getByText(code).waitFor()
    const opened = context.waitForEvent('page')
    await frame.locator('a.button').click()
    const tab = await opened
    await tab.waitForLoadState()
    t.match(tab.url(), `${app.url}/account/reset-password?`)
    t.equal(await tab.evaluate('window.opener'), null)
    t.same(complaints, [])
  })

  t.test('on a phone, the list and the mail each fill the screen, also right to left', async (t) => {
    const viewport = { width: 390, height: 844 }
    const context = await openContext(t, browser, { viewport, isMobile: true, colorScheme: 'dark' })
    const page = await context.newPage()
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth')
    await page.goto(`${app.url}/inbox`)
    await page.locator('#list a').first().click()
    await page.locator('article h2').waitFor()
    t.equal(await page.locator('#list').isVisible(), false)
    t.equal(await overflow(), 0)
    await page.getByRole('link', { name: 'All mails' }).click()
    t.equal(await page.locator('#list').isVisible(), true)
    await page.goto(`${app.url}/inbox/previews/team_invitation?lang=ar`)
    await page.frameLocator('iframe').getByText('Grace Hopper').waitFor()
    t.equal(await overflow(), 0)
    const inner = await page.frames()[1]?.evaluate('document.documentElement.scrollWidth - innerWidth')
    t.equal(inner, 0, 'the mail itself fits')
  })
}
