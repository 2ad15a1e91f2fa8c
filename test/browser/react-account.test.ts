// The account page and the menu of @sallyport/react in a real browser, and all of it for people who use other senses, another
// language, the dark, or a phone. With React 18; react.test.ts has 19.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { checkAccessible } from '../support/accessibility.ts'
import { addAuthenticator, findChromium, hasPicture, launchChromium } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { authenticatorOf, mailOfKind, renewSteps } from '../support/factors.ts'
import { png } from '../support/pictures.ts'
import { button, password, shows, signOut, startReactApp, typeCredentials } from '../support/react-page.ts'

/** A folder for a screenshot of each page that is checked, for people to look at; none is written without it. */
const pictures = process.env.SCREENSHOTS

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const { app, url, open, signUp } = await startReactApp(t, browser, { version: 18 })
  const dialog = (page: Page) => page.getByRole('dialog')
  /** Makes the sign-in of an account an hour old, so that changes want another proof. */
  const age = (email: string) =>
    app.sql`update sessions set auth_time = now() - interval '1 hour'
      where user_id in (select id from users where email = ${email})`

  t.test('the menu, by the keyboard alone', async (t) => {
    const page = await open(t, '?new')
    await signUp(page)
    const opener = button(page, 'Your account: Ada Lovelace')
    const focused = () => page.evaluate<string>('document.activeElement.textContent')
    await opener.focus()
    t.equal(await opener.getAttribute('aria-expanded'), 'false')
    for (const [key, expected] of [
      ['Enter', 'Account'],
      ['ArrowDown', 'Help'],
      ['ArrowDown', 'Sign out'],
      ['ArrowDown', 'Account'],
      ['End', 'Sign out'],
      ['Home', 'Account'],
      ['ArrowUp', 'Sign out'],
      ['h', 'Help'],
    ] as const) {
      await page.keyboard.press(key)
      t.equal(await focused(), expected, key)
    }
    t.equal(await opener.getAttribute('aria-expanded'), 'true')
    await page.keyboard.press('Escape')
    t.equal(await page.getByRole('menu').count(), 0)
    t.equal(await page.evaluate('document.activeElement.ariaHasPopup'), 'menu', 'the focus is back')
    await page.keyboard.press('ArrowUp')
    t.equal(await focused(), 'Sign out', 'up opens it at its end')
    await page.keyboard.press('Tab')
    t.equal(await page.getByRole('menu').count(), 0, 'Tab leaves and closes it')
    await opener.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    t.equal(await page.evaluate('document.body.className'), 'helped')
    await page.keyboard.press('Enter')
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    await shows(page, 'signed_out')
  })

  t.test('name, picture, address, password; another device is signed out', async (t) => {
    const page = await open(t, '?new')
    const email = await signUp(page)
    const other = await open(t)
    await typeCredentials(other, email)
    await shows(other, email)

    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Augusta Ada King')
    await button(page, 'Save').click()
    await button(page, 'Your account: Augusta Ada King').waitFor()
    await page.locator('input[type=file]').setInputFiles({
      name: 'picture.png',
      mimeType: 'image/png',
      buffer: png(64, 64),
    })
    await page.locator('.sp-picture img').waitFor()
    await button(page, 'Remove: Picture').click()
    await dialog(page).getByRole('button', { name: 'Remove' }).click()
    await page.locator('.sp-picture img').waitFor({ state: 'detached' })

    await button(page, 'Sign out: Chrome · Linux').click()
    await eventually('one device', async () => (await page.locator('.sp-row').count()) === 1)
    await other.evaluate(`dispatchEvent(new Event('online'))`)
    await shows(other, 'signed_out')

    await page.getByLabel('Current password').fill('a wrong password')
    await page.getByLabel('New password').fill('another horse, another battery')
    await button(page, 'Change password').click()
    await eventually(
      'the refusal at its field',
      async () => (await page.getByLabel('Current password').getAttribute('aria-invalid')) === 'true',
    )
    await page.getByLabel('Current password').fill(password)
    await button(page, 'Change password').click()
    await page.getByText('Password changed. Every other device is signed out.').waitFor()

    // A change of the address wants a proof, and the code of a mail to the new one.
    await age(email)
    await button(page, 'Change address').click()
    await page.getByLabel('New e-mail address').fill(`new-${email}`)
    await button(page, 'Send a code').click()
    await dialog(page).getByLabel('Password', { exact: true }).fill('a wrong password')
    await dialog(page).getByRole('button', { name: 'Continue' }).click()
    await eventually(
      'the refusal at its field',
      async () =>
        (await dialog(page).getByLabel('Password', { exact: true }).getAttribute('aria-invalid')) === 'true',
    )
    await dialog(page).getByLabel('Password', { exact: true }).fill('another horse, another battery')
    await page.keyboard.press('Enter')
    const { code } = await mailOfKind(app, `new-${email}`, 'change_email')
    await page.getByLabel('Code').fill(code ?? '')
    await button(page, 'Continue').click()
    await shows(page, `new-${email}`)
  })

  t.test('an authenticator app is set up, and signs in; then a device is trusted', async (t) => {
    const page = await open(t, '?new&transport=bearer')
    const email = await signUp(page)
    await app.sql`update users set email_verified_at = null, email_proof = null where email = ${email}`
    await app.running.awaitChanges()
    await button(page, 'Set up an authenticator app').click()
    // The address was never confirmed, so that is asked first.
    const code = (await app.mailbox.waitFor(email, { count: 2 })).at(-1)?.code
    await dialog(page)
      .getByLabel('Code from a mail')
      .fill(code ?? '')
    await dialog(page).getByRole('button', { name: 'Continue' }).click()
    await dialog(page).getByRole('img', { name: 'QR code of the key' }).waitFor()
    t.ok(await hasPicture(page.locator('.sp-qr')), 'the picture is drawn')
    const authenticator = authenticatorOf((await dialog(page).locator('code').textContent()) ?? '')
    await dialog(page).getByLabel('Code that the app shows').fill(authenticator.code())
    await dialog(page).getByRole('button', { name: 'Continue' }).click()
    await dialog(page).getByText('Your recovery codes').waitFor()
    const [recovery = ''] = ((await dialog(page).locator('pre').textContent()) ?? '').trim().split('\n')
    await dialog(page).getByRole('button', { name: 'I have saved them' }).click()
    await page.getByText(/Recovery codes left: 10/).waitFor()

    await signOut(page)
    await page.goto(`${url}/?transport=bearer`)
    await typeCredentials(page, email)
    await page.getByRole('heading', { name: 'Second step' }).waitFor()
    await page.getByLabel('Code of your authenticator app').fill(authenticator.wrong())
    await button(page, 'Continue').click()
    await page.getByText(/^This code is not accepted/).waitFor()
    await button(page, 'Recovery code').click()
    await page.getByLabel('Recovery code').fill(recovery)
    await page.getByLabel('Do not ask again on this device').check()
    await button(page, 'Continue').click()
    await shows(page, email)
    await page.getByText('Devices that are not asked: 1').waitFor()
    await signOut(page)
    await page.goto(`${url}/?transport=bearer`)
    await typeCredentials(page, email)
    await shows(page, email)

    // What wants a proof now wants the second factor.
    await age(email)
    await renewSteps(app, email)
    await button(page, 'New recovery codes').click()
    await dialog(page).getByLabel('Code of your authenticator app').fill(authenticator.code())
    await dialog(page).getByRole('button', { name: 'Continue' }).click()
    await dialog(page).getByText('Your recovery codes').waitFor()
    await page.keyboard.press('Escape')
    await button(page, 'Remove the app').click()
    await dialog(page).getByRole('button', { name: 'Remove the app' }).click()
    await button(page, 'Set up an authenticator app').waitFor()
  })

  t.test('passkeys, keys and the end of the account; a dialog that is closed changes nothing', async (t) => {
    const page = await open(t, '?new')
    await addAuthenticator(page)
    const email = await signUp(page)
    await age(email)
    await button(page, 'Add a passkey').click()
    await dialog(page).getByText('Is it you?').waitFor()
    await page.keyboard.press('Escape')
    t.equal(await dialog(page).count(), 0)
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Add a passkey', 'the focus is back')
    await button(page, 'Add a passkey').click()
    await dialog(page).getByLabel('Password', { exact: true }).fill(password)
    await page.keyboard.press('Enter')
    await button(page, /^Rename: /).click()
    await dialog(page).getByLabel('Name of the passkey').fill('My laptop')
    await page.keyboard.press('Enter')
    await button(page, 'Rename: My laptop').waitFor()
    await button(page, 'Add a passkey').click()
    await page.getByText('This device has a passkey for your account already.').waitFor()

    await page.getByLabel('Name of the key').fill('Nightly import')
    await button(page, 'Create a key').click()
    t.match(await dialog(page).locator('pre').textContent(), /^uak_/)
    await dialog(page).getByRole('button', { name: 'I have saved them' }).click()
    await button(page, 'Revoke: Nightly import').click()
    await dialog(page).getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('No key yet.').waitFor()

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      button(page, 'Download my data').click(),
    ])
    t.equal(download.suggestedFilename(), 'account.json')
    // A passkey is a proof as well.
    await age(email)
    await button(page, 'Delete account').click()
    await dialog(page).getByRole('button', { name: 'Delete account' }).click()
    await button(page, 'Passkey').click()
    await button(page, 'Use your passkey').click()
    await shows(page, 'signed_out')
  })

  /** Checks what is shown, and takes a picture of it where one is wanted. */
  async function check(t: Test, page: Page, name: string): Promise<void> {
    await checkAccessible(t, page, name)
    if (!pictures) return
    await mkdir(pictures, { recursive: true })
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
  }

  const texts = {
    en: { signIn: 'Sign in', password: 'Password', menu: /^Your account/, delete: 'Delete account' },
    ar: { signIn: 'تسجيل الدخول', password: 'كلمة المرور', menu: /^حسابك/, delete: 'حذف الحساب' },
  }
  for (const [lang, text] of Object.entries(texts))
    t.test(`axe-core finds nothing, in ${lang}, light and dark, on a phone and a desk`, async (t) => {
      const page = await open(t, '?new')
      const email = await signUp(page)
      const entry = await open(t, `?lang=${lang}`)
      for (const theme of ['light', 'dark'])
        for (const width of [390, 1280]) {
          const name = `${lang}-${theme}-${width}`
          const query = `?lang=${lang}&theme=${theme}`
          await entry.setViewportSize({ width, height: 844 })
          await entry.goto(`${url}/${query}`)
          await entry.getByLabel(text.password, { exact: true }).fill('wrong')
          await entry.locator('input[name=email]').fill(email)
          await button(entry, text.signIn).click()
          await entry.locator('[aria-invalid]').waitFor()
          await check(t, entry, `${name}-sign-in`)

          await page.setViewportSize({ width, height: 844 })
          await page.goto(`${url}/${query}`)
          await page.locator('.sp-row').first().waitFor()
          await button(page, text.menu).click()
          await check(t, page, `${name}-account`)
          await page.keyboard.press('Escape')
          if (theme === 'light' || width > 390) continue
          await button(page, text.delete).click()
          await dialog(page).waitFor()
          await check(t, page, `${name}-dialog`)
          await page.keyboard.press('Escape')
        }
    })
}
