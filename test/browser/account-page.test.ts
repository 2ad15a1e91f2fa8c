// The pages of an account, in a real browser: with and without script, and as assistive technology reads them.
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { checkInEveryLook, type States } from '../support/accessibility.ts'
import { freePort, startTestApp } from '../support/app.ts'
import {
  addAuthenticator,
  findChromium,
  hasPicture,
  launchChromium,
  openContext,
} from '../support/browser.ts'
import { authenticatorOf, proveHolder, renewSteps } from '../support/factors.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const port = await freePort()
  const service = `http://localhost:${port}`
  const password = 'correct horse battery'
  const app = await startTestApp(t, {
    policy: {
      branding: { name: 'Fleur & Söhne', color: '#1f7a5c' },
      sessions: { notify_new_device: false },
      deletion: { grace_seconds: 14 * 86_400 },
    },
    env: { PORT: String(port), PUBLIC_URL: service },
  })
  const at = (path: string, more: Record<string, string> = {}) =>
    `${service}${path}?${new URLSearchParams({ project: app.projectId, ...more })}`

  /** A person at a browser, on the tab that led to the sign-in. */
  async function openAccount(t: Test, tab: string, options: BrowserContextOptions = {}) {
    const { email } = await app.signUp({ password })
    await proveHolder(app, email)
    const context = await openContext(t, browser, { locale: 'en-US', ...options })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text()))
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(at(tab))
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.waitForURL(`${service}${tab}**`)
    const waitLong = () =>
      app.sql`update sessions set auth_time = now() - interval '1 hour'
        where user_id = (select id from users where email = ${email})`
    return { page, email, complaints, context, waitLong }
  }
  const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true }).click()
  const says = (page: Page, sentence: string) =>
    page.getByRole('status').filter({ hasText: sentence }).waitFor()
  /** Sets an authenticator app up from the page of its secret. */
  async function proveApp(page: Page) {
    const secret = (await page.locator('.steps code').innerText()).replaceAll(' ', '')
    const authenticator = authenticatorOf(secret)
    await page.getByLabel('Code of six digits').fill(authenticator.code())
    await press(page, 'Turn it on')
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor()
    return authenticator
  }

  t.test('name, password with a step-up, authenticator app, recovery codes, another session', async (t) => {
    const { page, email, complaints, waitLong } = await openAccount(t, '/account')
    await page.getByLabel('Display name').fill('Ada')
    await press(page, 'Save')
    await says(page, 'Your name is saved.')
    await page.getByText('Ada', { exact: true }).waitFor()

    await page.getByRole('link', { name: 'Security' }).click()
    await waitLong()
    await press(page, 'Set up an authenticator app')
    await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
    await page.getByLabel('Password', { exact: true }).fill(password)
    await press(page, 'Continue')
    const qr = page.getByAltText('QR code for your authenticator app')
    t.ok(await hasPicture(qr), 'the picture is shown')
    const authenticator = await proveApp(page)
    t.equal(await page.locator('.codes code').count(), 10)
    await page.getByRole('link', { name: 'I have kept them' }).click()
    await page.getByText('Codes left: 10').waitFor()

    await renewSteps(app, email)
    await waitLong()
    await page.getByLabel('Current password').fill(password)
    await page.getByLabel('New password').fill('a quite different one')
    await press(page, 'Change the password')
    await page.getByLabel('Code of six digits').fill(authenticator.code())
    await press(page, 'Continue')
    await says(page, 'Confirmed.')
    await page.getByLabel('Current password').fill(password)
    await page.getByLabel('New password').fill('a quite different one')
    await page.getByText('Strong').waitFor()
    await press(page, 'Change the password')
    await says(page, 'Your password is changed')

    await renewSteps(app, email)
    const due = await app.api('POST', '/login', { body: { email, password: 'a quite different one' } })
    const other = await app.api('POST', '/login/second-factor', {
      body: { challenge: due.body.challenge, method: 'totp', code: authenticator.code() },
    })
    await page.getByRole('link', { name: 'Devices' }).click()
    await page.getByText('This device').waitFor()
    await page.locator('li', { hasNotText: 'This device' }).getByRole('button').first().click()
    await says(page, 'That device is signed out.')
    const headers = { authorization: `Bearer ${other.body.access_token}` }
    t.equal((await app.api('GET', '/me', { headers })).status, 401)
    t.same(complaints, [], 'nothing breaks the policy of the pages')
  })

  t.test('a passkey is added, named anew, used for a step-up, and removed', async (t) => {
    const { page, complaints, waitLong } = await openAccount(t, '/account/security')
    await addAuthenticator(page)
    await press(page, 'Add a passkey')
    await page.getByLabel('Name of the passkey').fill('My laptop')
    await press(page, 'Create the passkey')
    await says(page, 'The passkey is added.')
    await page.getByText('Rename').click()
    await page.getByLabel('Name of the passkey').fill('My desk')
    await press(page, 'Save')
    await says(page, 'The passkey has its new name.')
    await page.getByText('My desk').waitFor()
    await waitLong()
    await press(page, 'Remove')
    await press(page, 'Use your passkey')
    await says(page, 'The passkey is removed.')
    t.same(complaints, [])
  })

  t.test('without script the same forms do the same, and a double click does it once', async (t) => {
    const { page } = await openAccount(t, '/account/security', { javaScriptEnabled: false })
    await press(page, 'Set up an authenticator app')
    await proveApp(page)
    await page.goto(at('/account/connections'))
    await page.getByLabel('Name of the key').fill('Nightly')
    await press(page, 'Make a key')
    await page.getByText(/^uak_/).waitFor()
    await page.goto(at('/account'))
    await page.getByLabel('Display name').fill('Grace')
    await page.getByRole('button', { name: 'Save' }).dblclick()
    await says(page, 'Your name is saved.')
    t.equal(await page.getByLabel('Display name').inputValue(), 'Grace')
  })

  t.test(
    'axe-core finds nothing, by day and night, in English and Arabic, on a phone and a desk',
    async (t) => {
      const { page, email, waitLong } = await openAccount(t, '/account/security', { bypassCSP: true })
      await press(page, 'Set up an authenticator app')
      await proveApp(page)
      await page.goto(at('/account/connections'))
      await page.getByLabel('Name of the key').fill('Nightly import')
      await press(page, 'Make a key')
      await app.api('POST', '/login', { body: { email, password } })
      const send = async (path: string, button: string) => {
        const form = page.locator(`form[action^="${path}?"]`)
        await Promise.all([page.waitForEvent('load'), form.locator(button).first().click()])
      }
      const tab = (path: string) => (ui_locales: string) => page.goto(at(path, { ui_locales }))
      const states: States = {
        profile: tab('/account'),
        security: tab('/account/security'),
        devices: tab('/account/devices'),
        connections: tab('/account/connections'),
        data: tab('/account/data'),
        'refused at a field': async (locale) => {
          await tab('/account/security')(locale)
          await page.fill('#current_password', 'wrong')
          await page.fill('#new_password', 'a quite different one')
          await send('/account/security/password', 'button[type=submit]')
        },
        'new recovery codes': async (locale) => {
          await tab('/account/security')(locale)
          await send('/account/security/recovery-codes', 'button')
        },
        'step-up': async (locale) => {
          await waitLong()
          await tab('/account/security')(locale)
          await send('/account/security/recovery-codes', 'button')
          await page.locator('summary').click()
          await app.sql`update sessions set auth_time = now() where user_id = (select id from users where email = ${email})`
        },
      }
      await checkInEveryLook(t, page, states)
    },
  )
}
