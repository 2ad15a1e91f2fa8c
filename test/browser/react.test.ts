// @sallyport/react in a real browser: sign-up, every way in, and what a browser does to a page meanwhile.
import type { Page } from 'playwright-core'
import t from 'tap'
import { freePort } from '../support/app.ts'
import { addAuthenticator, findChromium, launchChromium } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { mailOfKind } from '../support/factors.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { button, password, shows, signOut, startReactApp, typeCredentials } from '../support/react-page.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const ports = { page: await freePort(), service: await freePort() }
  const service = `http://localhost:${ports.service}`
  const issuer = await startIssuer(t, [`${service}/api/auth/login/social/acme/callback`])
  const providers = { acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) }
  const { app, url, open, visit, signUp, setPolicy } = await startReactApp(t, browser, {
    ports,
    policy: { providers },
    env: { SOCIAL_SECRET_ACME: issuer.clientSecret },
    providers: 'acme',
  })
  const heading = (page: Page, name: string) => page.getByRole('heading', { name, exact: true }).waitFor()
  /** How often a page asks for a path from now on. */
  const counts = (page: Page, path: string) => {
    const asked = { times: 0 }
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith(path)) asked.times++
    })
    return asked
  }

  t.test('sign-up, a wrong and then the right password; a reload keeps the session', async (t) => {
    const page = await open(t, '?new')
    await button(page, 'Create account').click()
    t.equal(await page.getByLabel('E-mail address').getAttribute('aria-invalid'), 'true', 'what is missing')
    t.equal(
      await page.evaluate('document.activeElement.name'),
      'email',
      'the first field with an error has the focus',
    )
    await page.getByLabel('E-mail address').fill('x@example.com')
    await page.getByLabel('Password', { exact: true }).fill('password')
    await button(page, 'Create account').click()
    const field = page.getByLabel('Password', { exact: true })
    await eventually(
      'the refusal at its field',
      async () => (await field.getAttribute('aria-invalid')) === 'true',
    )
    const described = String(await field.getAttribute('aria-describedby')).split(' ')
    const said = await Promise.all(described.map((id) => page.locator(`[id="${id}"]`).textContent()))
    t.match(said, [/At least 8/, /common/i], 'hint and error describe the field')

    const email = await signUp(page)
    await page.reload()
    await shows(page, email)
    await signOut(page)
    await page.goto(url)
    await typeCredentials(page, email, 'a wrong password')
    await page.getByText('Address or password is wrong.').waitFor()
    t.equal(await page.evaluate('document.activeElement.name'), 'password')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.keyboard.press('Enter')
    await shows(page, email)
    await heading(page, 'Account')
  })

  t.test('a second submit does nothing, and a password manager may fill twice', async (t) => {
    const page = await open(t, '?new')
    const email = await signUp(page)
    await signOut(page)
    await page.goto(url)
    const asked = counts(page, '/api/auth/login')
    await page.getByLabel('E-mail address').waitFor()
    // As an extension does it: the values are set from outside, twice, and the form is submitted at once, twice.
    await page.evaluate(`{
      const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set
      const fill = (name, value) => {
        const input = document.querySelector('input[name=' + name + ']')
        set.call(input, value)
        for (const type of ['input', 'change']) input.dispatchEvent(new Event(type, { bubbles: true }))
      }
      for (const typed of ['half', ${JSON.stringify(password)}]) {
        fill('email', ${JSON.stringify(email)})
        fill('password', typed)
      }
      const form = document.querySelector('form')
      form.requestSubmit()
      form.requestSubmit()
      document.querySelector('form button.sp-main').click()
    }`)
    await shows(page, email)
    t.equal(asked.times, 1)
  })

  t.test('where the policy is strict, the mailed code finishes the sign-up and signs in', async (t) => {
    const early = await app.signUp()
    await setPolicy({ verification: { mode: 'strict', resend_cooldown_seconds: 0 } })
    t.teardown(() => setPolicy({}))
    const page = await open(t, '?new')
    const email = 'strict@example.com'
    await typeCredentials(page, email, password, 'Create account')
    await heading(page, 'Confirm your address')
    t.equal(await page.evaluate('document.activeElement.name'), 'code', 'the new step has the focus')
    await page.getByLabel('Code').fill('000000')
    await button(page, 'Continue').click()
    await eventually(
      'the refusal at the code',
      async () => (await page.getByLabel('Code').getAttribute('aria-invalid')) === 'true',
    )
    const { code } = await mailOfKind(app, email, 'verify_email')
    await page.getByLabel('Code').fill(` ${code} `)
    await button(page, 'Continue').click()
    await shows(page, email)
    t.match(await app.sql`select email_proof from users where email = ${email}`, [{ email_proof: 'holder' }])

    // An account from before that is asked at its sign-in, which mails a code.
    await signOut(page)
    await page.goto(url)
    await typeCredentials(page, early.email, early.password)
    await page.getByText(/a mail with a code is on its way/).waitFor()
    const mailed = (await app.mailbox.waitFor(early.email, { count: 2 })).at(-1)?.code
    await page.getByLabel('Code').fill(mailed ?? '')
    await button(page, 'Continue').click()
    await shows(page, early.email)
  })

  t.test('a passkey signs in, by a button and in the autofill', async (t) => {
    const page = await open(t, '?new')
    const { cdp, authenticatorId } = await addAuthenticator(page)
    const email = await signUp(page)
    await page.getByRole('heading', { name: 'Passkeys' }).waitFor()
    await button(page, 'Add a passkey').click()
    await button(page, /^Remove: /).waitFor()
    const answerAtOnce = (enabled: boolean) =>
      cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    // Autofill would sign in again before the sign-out is seen.
    await answerAtOnce(false)
    await signOut(page)
    await page.goto(url)
    await button(page, 'Sign in with a passkey').waitFor()
    await answerAtOnce(true)
    await button(page, 'Sign in with a passkey').click()
    await shows(page, email)
    await answerAtOnce(false)
    await signOut(page)
    await answerAtOnce(true)
    await page.goto(url)
    await shows(page, email)
    t.match(await app.sql`select amr from sessions order by created_at desc limit 1`, [
      { amr: /^[hs]wk user$/ },
    ])
  })

  t.test('the link of a mail signs in once the person says so: another one may have sent it', async (t) => {
    const page = await open(t, '?new')
    const email = await signUp(page)
    await signOut(page)
    await app.api('POST', '/login/email', { body: { email } })
    const { token } = await mailOfKind(app, email, 'sign_in_code')
    await page.goto(`${url}?type=sign_in&token=${token}`)
    await page.getByText('Sign in by it only if you asked for that mail.').waitFor()
    t.notMatch(page.url(), /token/)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await shows(page, email)
  })

  t.test('a mailed code signs in, and a forgotten password is set anew', async (t) => {
    const page = await open(t, '?new')
    const email = await signUp(page)
    await signOut(page)
    await page.goto(url)
    await page.getByLabel('E-mail address').fill(email)
    await button(page, 'Sign in by a mailed code').click()
    t.equal(await page.getByLabel('E-mail address').inputValue(), email, 'what was typed goes with it')
    await button(page, 'Send a code').click()
    const { code } = await mailOfKind(app, email, 'sign_in_code')
    await page.getByLabel('Code').fill(code ?? '')
    await button(page, 'Continue').click()
    await shows(page, email)
    await signOut(page)
    await page.goto(url)
    await page.getByLabel('E-mail address').fill(email)
    await button(page, 'Forgot password?').click()
    await button(page, 'Send a code').click()
    const reset = await mailOfKind(app, email, 'reset_password')
    await page.getByLabel('Code').fill(reset.code ?? '')
    await page.getByLabel('New password').fill('another horse, another battery')
    await button(page, 'Change password').click()
    await page.getByText('Your password is changed. Sign in with it.').waitFor()
    await typeCredentials(page, email, 'another horse, another battery')
    await shows(page, email)
  })

  for (const transport of ['cookie', 'bearer'])
    t.test(`a provider signs in by redirect, by ${transport}`, async (t) => {
      const subject = newSubject()
      issuer.people.set(subject, { email: `${subject}@example.com`, email_verified: true })
      const page = await open(t, `?transport=${transport}`)
      // The page that the provider sends back to has no query.
      await page.evaluate(`sessionStorage.setItem('transport', ${JSON.stringify(transport)})`)
      await button(page, 'Continue with Acme').click()
      await page.getByRole('heading', { name: 'Provider' }).waitFor()
      await page.getByLabel('Subject').fill(subject)
      await button(page, 'Sign in').click()
      await shows(page, `${subject}@example.com`)
      t.equal(page.url(), `${url}/`, 'nothing of the flow is left in the address')
      await page.reload()
      await shows(page, `${subject}@example.com`)

      if (transport === 'bearer') return
      const refused = await open(t)
      await button(refused, 'Continue with Acme').click()
      await refused.getByRole('link', { name: 'Cancel' }).click()
      await refused.getByRole('alert').filter({ hasText: /./ }).waitFor()
      await shows(refused, 'signed_out')
    })

  t.test('two tabs are one session, and a page from the back-forward cache asks again', async (t) => {
    const first = await open(t, '?new')
    const email = await signUp(first)
    const second = await visit(t, await first.context().newPage())
    await shows(second, email)
    await signOut(second)
    await shows(first, 'signed_out')
    await first.goto(url)
    await typeCredentials(first, email)
    await shows(first, email)
    await shows(second, email)

    // Ended elsewhere, while this page was left.
    await app.sql`update sessions set revoked_at = now(), revoked_reason = 'signed_out'
      where revoked_at is null and user_id in (select id from users where email = ${email})`
    await app.running.awaitChanges()
    await first.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`)
    await shows(first, 'signed_out')
  })

  t.test('offline is no sign-out; a form says so, and works again', async (t) => {
    const page = await open(t, '?new')
    const email = await signUp(page)
    await page.context().setOffline(true)
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Countess')
    await button(page, 'Save').click()
    await page.getByText('No connection. Check your network and try again.').waitFor()
    await button(page, /^Your account/).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page
      .getByRole('banner')
      .getByText(/^No connection/)
      .waitFor()
    await shows(page, email)
    await page.context().setOffline(false)
    await page.keyboard.press('Escape')
    await button(page, 'Save').click()
    await page.getByText('Saved.').waitFor()
    await button(page, 'Your account: Countess').waitFor()
  })

  t.test('a storage that is full, and one that is forbidden', async (t) => {
    const full = await open(t, '?new&transport=bearer')
    await full.evaluate(
      `Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }`,
    )
    await signUp(full)
    await heading(full, 'Account')
    await button(full, 'Set up an authenticator app').waitFor()

    const context = await browser.newContext()
    t.teardown(() => context.close())
    const blocked = await context.newPage()
    await blocked.addInitScript(`for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })`)
    await visit(t, blocked, '?new')
    const email = await signUp(blocked)
    await blocked.reload()
    await shows(blocked, email)
    await signOut(blocked)
    await blocked.goto(url)
    await button(blocked, 'Continue with Acme').click()
    await blocked.getByText(/Your browser forbids this site to store data/).waitFor()
  })

  t.test('a clock that is wrong by a day keeps nobody out', async (t) => {
    const context = await browser.newContext()
    t.teardown(() => context.close())
    const page = await context.newPage()
    await page.addInitScript(`{ const real = Date.now; Date.now = () => real() - 86_400_000 }`)
    await visit(t, page, '?new&transport=bearer')
    const email = await signUp(page)
    await page.reload()
    await shows(page, email)
    await heading(page, 'Devices')
  })
}
