// The playground in a real browser: every step by bearer and by cookie, nothing from elsewhere, usable on a phone.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startTestApp, type TestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'

const run = promisify(execFile)

t.test('it is there on one’s own machine, elsewhere only where it is switched on', async (t) => {
  const own = await startTestApp(t)
  const answer = await own.send('GET', '/playground')
  t.equal(answer.status, 200)
  const policy = answer.headers.get('content-security-policy') ?? ''
  t.match(policy, /script-src 'self'/)
  t.notMatch(policy, /unsafe|https?:|\*/)
  for (const file of ['style.css', 'main.js', 'sdk/client.js'])
    t.equal((await own.send('GET', `/playground/${file}`)).status, 200, file)
  for (const file of ['nothing.js', '..%2fpackage.json', 'main.ts', 'sdk%2fclient.js', '%2e%2e%2f%2e%2e'])
    t.equal((await own.send('GET', `/playground/${file}`)).status, 404, file)
  for (const [env, status] of [
    [{ PUBLIC_URL: 'https://auth.example.com' }, 404],
    [{ PUBLIC_URL: 'http://192.168.0.7:3000' }, 404],
    [{ PUBLIC_URL: 'https://auth.example.com', PLAYGROUND: 'true' }, 200],
    [{ PLAYGROUND: 'false' }, 404],
  ] as const) {
    const app = await startTestApp(t, { env })
    for (const path of ['/playground', '/playground/main.js', '/playground/sdk/client.js'])
      t.equal((await app.send('GET', path)).status, status, `${JSON.stringify(env)} ${path}`)
    const { body } = await app.send('GET', '/docs/static/theme/behaviour.js')
    const leads = status === 200 ? /const playground = ".*\/playground"/ : /const playground = null/
    t.match(Buffer.from(body).toString(), leads, 'and /docs leads there, or does not')
  }
})

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const password = 'correct horse battery'

  async function open(t: Test, app: TestApp, options: { width?: number; dark?: boolean } = {}) {
    const context = await openContext(t, browser, {
      viewport: { width: options.width ?? 1280, height: 900 },
      colorScheme: options.dark ? 'dark' : 'light',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      // A refusal that the page shows is also a line of the console: Chromium's own.
      if (['error', 'warning'].includes(message.type()) && !/status of 4\d\d/.test(message.text()))
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== app.url) complaints.push(`asked ${request.url()}`)
    })
    await page.goto(`${app.url}/playground`)
    await page.getByLabel('Project id').fill(app.projectId)
    await page.getByLabel('Project id').blur()
    return { page, complaints }
  }

  const form = (page: Page, step: string) => page.locator(`form[data-step="${step}"]`)
  /** Fills a form, presses its button, and waits for what the page says. */
  async function step(page: Page, name: string, fields: Record<string, string>, said: RegExp): Promise<void> {
    for (const [field, value] of Object.entries(fields))
      await form(page, name).locator(`[name="${field}"]`).fill(value)
    await form(page, name).locator('[type=submit]').click()
    await page.locator('#status', { hasText: said }).waitFor()
  }
  const copied = async (page: Page, name: string, what: string) => {
    await form(page, name)
      .getByRole('button', { name: `Copy as ${what}` })
      .click()
    await page.locator('#status', { hasText: 'Copied.' }).waitFor()
    return page.evaluate<string>('navigator.clipboard.readText()')
  }

  for (const transport of ['bearer', 'cookie'])
    t.test(`by ${transport}: from sign-up to sign-out, and each step as cURL and as code`, async (t) => {
      const app = await startTestApp(t)
      const { page, complaints } = await open(t, app)
      await page.getByLabel(transport === 'cookie' ? 'in HttpOnly cookies' : 'as bearer tokens').check()
      const email = `${transport}@example.com`
      await step(page, 'signUp', { email, password: 'short' }, /password: /)
      await step(page, 'signUp', { email, password }, /Sign up: done/)
      await page.getByRole('heading', { name: `Signed in as ${email}` }).waitFor()
      const [mail] = await app.mailbox.waitFor(email)
      await step(page, 'confirmVerificationEmail', { code: String(mail?.code) }, /verified/)
      await step(page, 'me', {}, /Show me: done/)
      await step(page, 'refreshSession', {}, /Refresh now: done/)
      await step(page, 'listSessions', {}, /Show devices: done/)
      t.match(await page.locator('#devices').innerText(), /Chrom.* on Linux.*\(this one\)/)
      const session = await page.locator('#session').innerText()
      if (transport === 'bearer') t.match(session, /"sid"/, 'the token is decoded')
      else t.match(session, /no script can read them/)
      t.notMatch(await page.locator('#session').innerHTML(), /<script/)
      await page.locator('#log summary', { hasText: 'POST /api/auth/refresh' }).first().click()
      t.match(await page.locator('#log details[open]').innerText(), /200[\s\S]*Answer[\s\S]*expires_in/)
      t.match(await page.locator('#log').innerText(), 'Event: token_refreshed')

      const curl = await copied(page, 'me', 'cURL')
      t.match(curl, `curl -s -X GET '${app.url}/api/auth/me'`)
      t.match(curl, transport === 'bearer' ? /authorization: Bearer ey/ : /-b jar -c jar/)
      if (transport === 'bearer') {
        const { stdout } = await run('sh', ['-c', curl])
        t.equal(JSON.parse(stdout).user.email, email, 'the command works as it is')
      }
      t.match(
        await copied(page, 'signInWithPassword', 'SDK code'),
        /createClient\(\{[\s\S]*signInWithPassword\(\{/,
      )

      await step(page, 'signOut', {}, /Sign out: done/)
      t.equal(await page.locator('#session').innerText(), '')
      await step(page, 'me', {}, /401 unauthenticated/)
      await step(page, 'signInWithPassword', { email, password }, /Sign in: done/)
      await page.reload()
      await page.getByLabel(transport === 'cookie' ? 'in HttpOnly cookies' : 'as bearer tokens').check()
      await page.getByLabel('Project id').fill(app.projectId)
      await page.getByLabel('Project id').blur()
      await page.getByRole('heading', { name: `Signed in as ${email}` }).waitFor()
      await step(page, 'signOutAll', {}, /Sign out everywhere: done/)
      t.same(complaints, [])
    })

  t.test(
    'by day and night, on a phone and a desk: nothing is cut off or too small, all has a name',
    async (t) => {
      const app = await startTestApp(t)
      for (const [width, dark] of [
        [390, false],
        [390, true],
        [1280, false],
        [1280, true],
      ] as const) {
        const { page, complaints } = await open(t, app, { width, dark })
        const email = `look-${width}-${dark}@example.com`
        await step(page, 'signUp', { email, password }, /done/)
        await step(page, 'listSessions', {}, /done/)
        t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, 'nothing sticks out')
        for (const control of await page.locator('button, input:not([type=radio]), select, summary').all()) {
          const box = await control.boundingBox()
          t.ok(
            box && box.height >= 40 && box.x >= 0 && box.x + box.width <= width,
            'large enough, and within',
          )
        }
        const nameless =
          await page.evaluate<number>(`[...document.querySelectorAll('input')].filter((input) => !input.labels?.length).length
        + [...document.querySelectorAll('button')].filter((button) => !button.textContent.trim()).length
        + [...document.querySelectorAll('section')].filter((section) => !document.getElementById(section.getAttribute('aria-labelledby'))).length`)
        t.equal(nameless, 0)
        t.same(complaints, [])
        const folder = process.env.SCREENSHOTS
        if (folder)
          await writeFile(
            `${folder}/playground-${width}-${dark ? 'dark' : 'light'}.png`,
            await page.screenshot({ fullPage: width === 390 }),
          )
      }
    },
  )
}
