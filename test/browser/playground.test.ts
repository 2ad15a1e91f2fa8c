// The tour of the playground in a real browser: every step with its tick, the code of each, and what is told where a feature is off.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { checkAccessible } from '../support/accessibility.ts'
import { startTestApp } from '../support/app.ts'
import {
  addAuthenticator,
  findChromium,
  hasPicture,
  launchChromium,
  openContext,
} from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { type Authenticator, authenticatorOf, mailOfKind, renewSteps } from '../support/factors.ts'

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
    const leads = String((await app.send('GET', '/docs')).body).includes('href="/playground"')
    t.equal(leads, status === 200, 'and /docs leads there, or does not')
  }
})

t.test('page, script and style sheet are less than 100 KB, compressed', async (t) => {
  const folder = join(packageRoot, 'dist/playground')
  const files = (await readdir(folder)).filter((name) => /\.(?:js|css)$/.test(name))
  t.same(files.sort(), ['main.js', 'style.css'])
  const sizes = await Promise.all(
    files.map(async (name) => gzipSync(await readFile(join(folder, name))).length),
  )
  t.ok(sizes.reduce((sum, size) => sum + size) <= 100 * 1024, `${sizes}`)
})

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const password = 'correct horse battery'
  const app = await startTestApp(t, { policy: { verification: { resend_cooldown_seconds: 0 } } })
  // A name, because passkeys belong to a domain.
  const service = app.url.replace('127.0.0.1', 'localhost')
  const pictures = process.env.SCREENSHOTS
  const ids = ['sign-up', 'confirm', 'sign-in', 'me', 'sessions', 'factor', 'passkey', 'step-up', 'sign-out']

  interface Options {
    readonly width?: number
    readonly dark?: boolean
    readonly project?: string
  }
  async function open(t: Test, { width = 1280, dark = false, project = app.projectId }: Options = {}) {
    const context = await openContext(t, browser, {
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    context.setDefaultTimeout(20_000)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      // A refusal that the page shows is also a line of the console: Chromium's own.
      if (['error', 'warning'].includes(message.type()) && !/status of 4\d\d/.test(message.text()))
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith('data:') && new URL(request.url()).origin !== service)
        complaints.push(`asked ${request.url()}`)
    })
    await page.goto(`${service}/playground?project=${project}`)
    await page.getByRole('heading', { name: 'Sallyport playground' }).waitFor()
    return { page, complaints }
  }

  const box = (page: Page) => page.locator('.box')
  const press = (page: Page, name: string) =>
    box(page).getByRole('button', { name, exact: true }).first().click()
  const stepLink = (page: Page, id: string) => page.locator(`.steps a[href="#${id}"]`)
  const go = async (page: Page, id: string) => {
    await stepLink(page, id).click()
    await page.locator(`.steps a[href="#${id}"][aria-current=step]`).waitFor()
  }
  const ticked = async (page: Page, id: string) => {
    await stepLink(page, id).getByText('(done)').waitFor({ state: 'attached' })
    await page.locator('.until.done').waitFor()
  }
  const type = (page: Page, label: string, text: string) =>
    box(page).getByLabel(label, { exact: true }).fill(text)
  const shoot = async (page: Page, name: string) => {
    if (!pictures) return
    await mkdir(pictures, { recursive: true })
    await writeFile(join(pictures, `${name}.png`), await page.screenshot({ fullPage: true }))
  }
  /** Takes a picture where one is wanted, and checks what is shown. */
  async function check(t: Test, page: Page, name: string): Promise<void> {
    await shoot(page, name)
    await checkAccessible(t, page, name)
  }

  /** The ways through the tour: each step does what it says, and ticks itself. */
  async function walk(t: Test, page: Page, email: string, look: (name: string) => Promise<void>) {
    await type(page, 'Name', 'Ada')
    await type(page, 'E-mail address', email)
    await type(page, 'Password', 'short')
    await press(page, 'Create account')
    await box(page).getByText('At least 8').first().waitFor()
    t.equal(await page.locator('.steps .done').count(), 0, 'a refusal ticks nothing')
    await type(page, 'Password', password)
    await press(page, 'Create account')
    await ticked(page, 'sign-up')
    await look('sign-up')

    await page.getByRole('link', { name: 'Next: Confirm the address →' }).click()
    await page.locator('h2:focus', { hasText: 'Confirm the address' }).waitFor()
    t.equal(await box(page).locator('a[href$="/inbox"]').count(), 1)
    await type(page, 'Code', (await mailOfKind(app, email, 'verify_email')).code ?? '')
    await look('confirm')
    await press(page, 'Confirm')
    await ticked(page, 'confirm')

    await go(page, 'sign-in')
    await press(page, 'Sign out, and sign in again')
    await type(page, 'E-mail address', email)
    await type(page, 'Password', password)
    await look('sign-in')
    await press(page, 'Sign in')
    await ticked(page, 'sign-in')

    await go(page, 'me')
    await press(page, 'Ask who I am')
    await ticked(page, 'me')
    await look('me')

    await go(page, 'sessions')
    await press(page, 'Refresh the tokens')
    await ticked(page, 'sessions')
    await box(page).getByText('This device').waitFor()
    await page.locator('.event', { hasText: 'token_refreshed' }).first().waitFor()
    await look('sessions')

    await go(page, 'factor')
    await press(page, 'Set up an authenticator app')
    const secret = box(page).locator('dialog .sp-secret')
    await secret.waitFor()
    t.ok(await hasPicture(box(page).locator('dialog img')), 'the QR code is drawn')
    await look('factor')
    const authenticator = authenticatorOf((await secret.textContent()) ?? '')
    await type(page, 'Code that the app shows', authenticator.code())
    await press(page, 'Continue')
    await press(page, 'I have saved them')
    await ticked(page, 'factor')

    await go(page, 'passkey')
    await press(page, 'Add a passkey')
    await ticked(page, 'passkey')
    await look('passkey')

    await go(page, 'step-up')
    await renewSteps(app, email)
    await type(page, 'Code of your authenticator app', authenticator.code())
    await press(page, 'Prove it')
    await ticked(page, 'step-up')
    await look('step-up')

    await go(page, 'sign-out')
    await press(page, 'Sign out')
    await ticked(page, 'sign-out')
    await look('sign-out')
    t.equal(await page.locator('.steps .done').count(), ids.length)
    t.match(await page.locator('.count').innerText(), '9 of 9 done')
  }

  t.test('as bearer: every step ticks itself, axe finds nothing, and a reload keeps the tour', async (t) => {
    const { page, complaints } = await open(t)
    const { cdp, authenticatorId } = await addAuthenticator(page)
    const email = 'bearer@example.com'
    await walk(t, page, email, (name) => check(t, page, `1280-light-${name}`))
    const wire = await page.locator('.wire').innerText()
    t.match(wire, /200\s+POST \/api\/auth\/logout/)
    const all = await page.locator('.wire').textContent()
    t.notMatch(all, password, 'no password')
    t.notMatch(all, /ey[\w-]{20,}\.[\w-]{20,}/, 'no token')
    t.notMatch(all, /"[a-z2-7]{4}-[a-z2-7]{4}-/, 'no recovery code')
    const order = await page.locator('.wire .line').allTextContents()
    t.match(order.at(-1), 'POST /api/auth/signup', 'the oldest is the last')

    await page.reload()
    t.match(await page.locator('.count').innerText(), '9 of 9 done')
    t.equal(await stepLink(page, 'sign-out').getAttribute('aria-current'), 'step', 'the open step')
    t.match(await page.locator('.wire').innerText(), 'POST /api/auth/logout')
    await page.goto(`${service}/playground?project=${app.projectId}`)
    await page.locator('.steps a[href="#sign-out"][aria-current=step]').waitFor()

    // Or its passkey would sign in by autofill.
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    await go(page, 'sign-in')
    await type(page, 'E-mail address', email)
    await type(page, 'Password', password)
    await press(page, 'Sign in')
    await box(page).getByRole('heading', { name: 'Second step' }).waitFor()
    t.match(await page.locator('.wire summary').first().innerText(), /403/, 'the second factor is asked for')
    t.same(complaints, [])
  })

  t.test('by cookie on a phone at night: the same, and two tabs share one session', async (t) => {
    const { page, complaints } = await open(t, { width: 390, dark: true })
    await addAuthenticator(page)
    await page.locator('.settings summary').click()
    await page.getByLabel('in HttpOnly cookies').check()
    await page.getByRole('button', { name: 'Use them' }).click()
    await page.getByText('HttpOnly cookies', { exact: false }).first().waitFor()
    const email = 'cookie@example.com'
    let second: Page | undefined
    await walk(t, page, email, async (name) => {
      await check(t, page, `390-dark-${name}`)
      if (name === 'sessions') {
        const [opened] = await Promise.all([
          page.context().waitForEvent('page'),
          box(page).getByRole('link', { name: 'Open a second tab' }).click(),
        ])
        second = opened
        await second.getByText('This device').waitFor()
        await press(page, 'Refresh the tokens')
        await second.locator('.event', { hasText: 'token_refreshed' }).first().waitFor()
        // Browsers make passkeys in the front tab alone.
        await page.bringToFront()
      }
    })
    await second?.getByRole('heading', { name: 'Sign in first' }).waitFor()
    for (const control of await page
      .locator('button:visible, a.sp-button:visible, .steps a, summary')
      .all()) {
      const size = await control.boundingBox()
      t.ok(size && size.height >= 40 && size.x >= 0 && size.x + size.width <= 390, 'large enough, and within')
    }
    t.same(complaints, [])
  })

  t.test('the step-up of an account without an authenticator app is by its password', async (t) => {
    const { page, complaints } = await open(t)
    await type(page, 'Name', 'Grace')
    await type(page, 'E-mail address', 'grace@example.com')
    await type(page, 'Password', password)
    await press(page, 'Create account')
    await ticked(page, 'sign-up')
    await Promise.all([page.waitForResponse(/\/api\/auth\/factors$/), go(page, 'step-up')])
    await type(page, 'Password', password)
    await press(page, 'Prove it')
    await ticked(page, 'step-up')
    t.same(complaints, [])
  })

  const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true })
  const codeOf = (page: Page) => page.locator('#code-panel code').innerText()

  t.test('each curl works as it stands and is answered as it says, in the order of the tour', async (t) => {
    const { page } = await open(t)
    const variables: Record<string, string> = {}
    const email = 'ada@example.com'
    const home = t.testdir({ '.curlrc': 'write-out = "\\n%{http_code}"\n' })
    let authenticator: Authenticator | undefined
    for (const id of ids) {
      await go(page, id)
      await page.getByRole('button', { name: 'Copy', exact: true }).click()
      await page.getByText('Copied.').waitFor()
      const code = await page.evaluate<string>('navigator.clipboard.readText()')
      const [first = '', ...commands] = code.split(/\n\n/)
      t.ok(commands.length > 0, id)
      for (const command of commands) {
        if (id === 'confirm') variables.CODE = (await mailOfKind(app, email, 'verify_email')).code ?? ''
        if (authenticator) {
          await renewSteps(app, email)
          variables.CODE = authenticator.code()
        }
        const { stdout } = await run('sh', ['-c', `${first}\n${command}`], {
          env: { ...process.env, CURL_HOME: home, ...variables },
        })
        const [, status = '', members = ''] = /^# (\d{3}): (.+)$/m.exec(command) ?? []
        const at = stdout.lastIndexOf('\n')
        t.equal(stdout.slice(at + 1), status, `${id}: ${stdout}`)
        const answer = JSON.parse(stdout.slice(0, at))
        for (const name of members.split(', ')) t.ok(name in answer, `${id}: ${name}`)
        if (answer.access_token)
          Object.assign(variables, { TOKEN: answer.access_token, REFRESH: answer.refresh_token })
        if (answer.secret) authenticator = authenticatorOf(answer.secret)
      }
    }
  })

  t.test(
    'the other tabs call functions that there are, and the keyboard moves through the tabs',
    async (t) => {
      const { page } = await open(t)
      const packages = {
        SDK: Object.keys((await import('@sallyport/client')).createClient({ baseUrl: service })),
        React: Object.keys(await import('@sallyport/react')),
        Server: Object.keys(
          (await import('@sallyport/server')).createSallyport({ url: service, projectId: app.projectId }),
        ),
      }
      for (const id of ids) {
        await go(page, id)
        for (const [name, known] of Object.entries(packages)) {
          await tab(page, name).click()
          const code = await codeOf(page)
          const used =
            name === 'React'
              ? /import \{ (.+) \} from '@sallyport\/react'/.exec(code)?.[1]?.split(', ')
              : [...code.matchAll(/\bauth\.(\w+)\(/g)].map(([, method]) => method)
          t.ok(used?.length, `${id} ${name}`)
          t.same(
            used?.filter((each) => !known.includes(String(each))),
            [],
            `${id} ${name}`,
          )
        }
      }
      await tab(page, 'Server').focus()
      await page.keyboard.press('ArrowRight')
      t.equal(await tab(page, 'curl').getAttribute('aria-selected'), 'true')
      t.equal(await page.evaluate('document.activeElement.id'), 'tab-curl')
      await page.keyboard.press('End')
      await page.reload()
      t.equal(await tab(page, 'Server').getAttribute('aria-selected'), 'true', 'a reload keeps the language')
    },
  )

  t.test('a step says what is off in the policy, with the command that turns it on', async (t) => {
    const closed = await app.project({ sign_up: 'closed', verification: { mode: 'off' } })
    const { page, complaints } = await open(t, { project: closed.id })
    const off = page.getByRole('complementary', { name: 'Off in this project' })
    const says = [
      ['sign-up', 'Sign-up is closed', { sign_up: 'open' }],
      ['confirm', 'Verification is off', { verification: { mode: 'lenient' } }],
      ['sign-in', 'A mailed code is off', { email_sign_in: 'existing' }],
    ] as const
    for (const [id, text, policy] of says) {
      await go(page, id)
      t.match(await off.innerText(), text)
      t.match(
        await off.locator('code').innerText(),
        `echo '${JSON.stringify(policy)}' > policy.json\nnpx . projects policy merge ${closed.id} --policy policy.json`,
      )
    }
    await go(page, 'me')
    t.equal(await off.count(), 0)
    await page.goto(`${app.url}/playground?project=${closed.id}#passkey`)
    await page.getByRole('link', { name: 'Open it at localhost' }).click()
    await page.waitForURL(`${service}/**`)
    await eventually(
      'quiet',
      async () => complaints.filter((each) => !each.includes('127.0.0.1')).length === 0,
    )
    t.equal((await app.send('GET', '/playground?project=nothing')).status, 404)
  })
}
