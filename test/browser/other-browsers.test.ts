// Our pages and the SDK in Firefox and in WebKit: a person's way through them, and what each keeps of a page that was left.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort, startTestApp } from '../support/app.ts'
import { mailOfKind } from '../support/factors.ts'
import { type OtherPage, otherBrowsers } from '../support/other-browsers.ts'

const port = await freePort()
const service = `http://localhost:${port}`
const password = 'correct horse battery'
const app = await startTestApp(t, {
  policy: {
    branding: { name: 'Fleur & Söhne', color: '#1f7a5c' },
    verification: { mode: 'strict', resend_cooldown_seconds: 0 },
    sessions: { notify_new_device: false },
  },
  env: { PORT: String(port), PUBLIC_URL: service },
})
const pictures = process.env.SCREENSHOTS

async function shoot(page: OtherPage, name: string): Promise<void> {
  if (!pictures) return
  await mkdir(pictures, { recursive: true })
  await writeFile(join(pictures, `${name}.png`), await page.screenshot())
}

/** What is shown of an expression that may only become true after a moment. */
async function until(page: OtherPage, expression: string): Promise<void> {
  const end = Date.now() + 30_000
  while (!(await page.evaluate<boolean>(`Boolean(${expression})`))) {
    if (Date.now() > end) throw new Error(`Not true within 30 s at ${await page.url()}: ${expression}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
const says = (page: OtherPage, text: string) =>
  until(page, `document.body && document.body.innerText.includes(${JSON.stringify(text)})`)
/** Nothing is wider than the page, and nothing that is pressed is smaller than a fingertip. */
async function fits(t: Test, page: OtherPage, name: string): Promise<void> {
  await page.resize(390, 844)
  t.equal(
    await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
    true,
    `${name} fits a phone`,
  )
  await shoot(page, `${name}-phone`)
  await page.resize(1280, 900)
  await shoot(page, `${name}-desk`)
}

for (const kind of otherBrowsers) {
  const { name, missing } = kind
  t.test(name, missing.length > 0 ? { skip: `not installed: ${missing.join(', ')}` } : {}, async (t) => {
    const browser = await kind.launch()
    t.teardown(() => browser.close())
    const { page } = browser
    t.comment(browser.version)
    const email = `${name.toLowerCase()}@example.com`
    const at = (path: string) => `${service}${path}?project=${app.projectId}`

    await page.goto(at('/sign-up'))
    await fits(t, page, `${name}-sign-up`)
    await page.fill('input[name=email]', email)
    await page.fill('input[name=password]', 'short')
    await says(page, 'Too short')
    await page.fill('input[name=password]', password)
    await says(page, 'Strong')
    await page.click('main form button[type=submit]')
    await page.waitFor('input[name=code]')
    await page.fill('input[name=code]', (await mailOfKind(app, email, 'verify_email')).code ?? '')
    await page.click('main form button[type=submit]')
    await says(page, 'Your address is verified')

    await page.fill('input[name=email]', email)
    await page.fill('input[name=password]', 'not the password')
    await page.click('main form button[type=submit]')
    await page.waitFor('[role=alert]')
    await fits(t, page, `${name}-refused`)
    await page.fill('input[name=password]', password)
    await page.click('main form button[type=submit]')
    await page.waitFor('input[name=display_name]')
    t.match(await page.url(), /\/account\?/)
    await page.fill('input[name=display_name]', 'Ada')
    await page.click('form:has(input[name=display_name]) button[type=submit]')
    await says(page, 'Your name is saved.')
    await fits(t, page, `${name}-account`)

    await page.goto(at('/account/devices'))
    await page.waitFor('form[action*="/devices/sign-out?"] button')
    await fits(t, page, `${name}-devices`)
    await page.goto(at('/account'))
    await page.waitFor('input[name=display_name]')
    await page.goto(at('/account/devices'))
    await page.click('form[action*="/devices/sign-out?"] button')
    await page.waitFor('input[name=password]')
    await page.back()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    t.notMatch(
      await page.evaluate<string>('document.body.innerText'),
      /Ada/,
      '"back" shows nothing of the account',
    )

    // The components of @sallyport/react, on the SDK.
    const playground = (again: number, step: string) =>
      `${service}/playground?project=${app.projectId}&again=${again}#${step}`
    await page.goto(playground(1, 'sign-in'))
    await page.fill('.box input[name=email]', email)
    await page.fill('.box input[name=password]', password)
    await page.click('.box form button[type=submit]')
    await page.waitFor('.until.done')
    await page.goto(playground(2, 'sessions'))
    await says(page, 'This device')
    await fits(t, page, `${name}-playground`)

    // Another page of the origin ends the session, as another tab does, while this one waits in the history.
    await page.evaluate('Boolean(globalThis.marker = 1)')
    await page.goto(`${service}/problems`)
    await page.evaluate('localStorage.clear() === undefined')
    await page.back()
    await says(page, 'Sign in first')
    t.comment(`the page came ${(await page.evaluate('globalThis.marker === 1')) ? 'as it was left' : 'anew'}`)
    await page.goto(playground(4, 'sign-in'))
    await page.fill('.box input[name=email]', email)
    await page.fill('.box input[name=password]', password)
    await page.click('.box form button[type=submit]')
    await page.waitFor('.until.done')
    await page.goto(playground(3, 'sign-out'))
    await page.click('.box button.sp-button')
    await page.waitFor('.until.done')
    await says(page, 'You are signed out')
  })
}
