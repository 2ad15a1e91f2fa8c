// Where the link of a verification mail lands, in a real browser, without JavaScript, on phones and desktops.
import t from 'tap'
import { startTestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const app = await startTestApp(t)

  const screens = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }
  for (const [screen, viewport] of Object.entries(screens))
    for (const colorScheme of ['light', 'dark'] as const)
      t.test(
        `a ${screen} in ${colorScheme}: see the button, confirm, and find the link used up`,
        async (t) => {
          const { email } = await app.signUp()
          const [mail] = await app.mailbox.waitFor(email)
          const link = mail?.link ?? ''
          const options = { viewport, colorScheme, isMobile: screen === 'phone' }
          const context = await openContext(t, browser, { ...options, javaScriptEnabled: false })
          const page = await context.newPage()
          const complaints: string[] = []
          page.on('console', (message) => complaints.push(message.text()))
          const verifiedAt = async () => {
            const [user] = await app.sql`select email_verified_at from users where email = ${email}`
            return user?.email_verified_at
          }

          const opened = await page.goto(link)
          t.equal(opened?.status(), 200)
          await page.reload()
          t.equal(await verifiedAt(), null, 'opening the link, even twice, confirms nothing')
          const button = page.getByRole('button', { name: 'Verify my address' })
          const box = await button.boundingBox()
          t.ok(box && box.height >= 44 && box.width >= 200, 'a button for a thumb', { box })
          t.ok(box && box.y + box.height <= viewport.height, 'on the first screen')
          t.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Verify your e-mail address')
          await page.keyboard.press('Tab')
          t.equal(await page.locator('button:focus').count(), 1, 'the keyboard finds it first')

          const [answer] = await Promise.all([
            page.waitForResponse((response) => response.request().method() === 'POST'),
            page.keyboard.press('Enter'),
          ])
          t.equal(answer.status(), 200)
          await page.getByRole('heading', { name: 'Your address is verified' }).waitFor()
          t.ok(await verifiedAt(), 'the address is verified')
          t.notMatch(page.url(), /token/, 'the address bar no longer shows the token')

          await page.goto(link)
          await page.getByRole('heading', { name: 'Your address is verified already' }).waitFor()
          t.equal(await page.getByRole('button').count(), 0, 'nothing is left to do')
          t.same(
            complaints.filter((text) => !text.includes('422')),
            [],
            'nothing breaks the policy of the page',
          )
        },
      )
}
