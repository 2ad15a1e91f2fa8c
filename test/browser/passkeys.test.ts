// Passkeys in a real browser with virtual authenticators: one click, autofill, the silent upgrade, what authenticators learn of a
// removal, and other domains.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { CDPSession, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { freePort, startTestApp, type TestApp } from '../support/app.ts'
import { addAuthenticator, findChromium, launchChromium, openContext } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { authenticatorOf } from '../support/factors.ts'

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())
  const password = 'correct horse battery'
  let people = 0
  const localUrl = ({ url }: TestApp) => url.replace('127.0.0.1', 'localhost')

  interface Visit {
    readonly page: Page
    readonly cdp: CDPSession
    readonly authenticatorId: string
  }

  /** Opens a page with an authenticator that says yes; default: one of the service at localhost, with a client of the SDK. */
  async function open(t: Test, app: TestApp, options: object = {}, url?: string): Promise<Visit> {
    const context = await openContext(t, browser)
    const page = await context.newPage()
    const { cdp, authenticatorId } = await addAuthenticator(page, options)
    await (url ? page.goto(url) : load(page, app))
    return { page, cdp, authenticatorId }
  }

  async function load(page: Page, app: TestApp): Promise<void> {
    await page.goto(`${localUrl(app)}/playground`)
    await page.evaluate(`(async () => {
      const { createClient } = await import('/playground/sdk/client.js')
      globalThis.client = createClient({
        baseUrl: location.origin,
        projectId: ${JSON.stringify(app.projectId)},
        projectUserAuth: { transport: 'cookie' },
      })
      globalThis.nameOf = (error) => (typeof error.code === 'string' ? error.code : error.name)
    })()`)
  }

  /** Signs up in the page, and types the mailed code. */
  async function arrive({ page }: Visit, app: TestApp): Promise<string> {
    const email = `passkeys-${++people}@example.com`
    await page.evaluate(`client.signUp(${JSON.stringify({ email, password, display_name: 'Ada' })})`)
    const [mail] = await app.mailbox.waitFor(email)
    await page.evaluate(`client.confirmVerificationEmail(${JSON.stringify({ email, code: mail?.code })})`)
    return email
  }
  const held = async ({ cdp, authenticatorId }: Visit) =>
    (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials
  /** What a call gives, or the name of its error; a browser that says nothing for long is waited for no longer. */
  const run = <T>({ page }: Visit, code: string) =>
    page.evaluate<T>(`Promise.race([
      ${code}.catch(nameOf),
      new Promise((resolve) => setTimeout(resolve, 20_000, 'no answer')),
    ])`)
  const emailOf = (visit: Visit) => run<string>(visit, 'client.me().then(({ user }) => user.email)')

  t.test('a passkey is added, and signs in with one click', async (t) => {
    const app = await startTestApp(t)
    const visit = await open(t, app)
    const email = await arrive(visit, app)
    t.match(await run(visit, `client.registerPasskey({ name: 'My laptop' })`), { name: 'My laptop' })
    t.match(await held(visit), [{ isResidentCredential: true, rpId: 'localhost', userName: email }])
    await run(visit, 'client.signOut()')
    t.match(await run(visit, 'client.signInWithPasskey()'), { user: { email } })
    t.equal(await emailOf(visit), email)
    t.equal(
      await run(visit, 'client.registerPasskey()'),
      'InvalidStateError',
      'one authenticator, one passkey',
    )
    const [row] = await app.sql`select acr, amr from sessions order by created_at desc limit 1`
    t.match(row, { acr: '2', amr: /^[hs]wk user$/ })
  })

  t.test('the page of docs/integrate.md does what the document says', async (t) => {
    const port = await freePort()
    const origin = `http://localhost:${port}`
    const app = await startTestApp(t, { policy: { origins: [origin] } })
    const document = await readFile(join(packageRoot, 'docs/integrate.md'), 'utf8')
    const [, html = ''] =
      /^```html\n([\s\S]*?)^```$/m.exec(document.slice(document.indexOf('## Passkeys'))) ?? []
    const written = html.replace(
      `baseUrl: 'http://localhost:3000'`,
      `baseUrl: '${localUrl(app)}', projectId: '${app.projectId}'`,
    )
    const server = createServer(async ({ url = '' }, response) => {
      const file =
        url.startsWith('/sdk/') && join(packageRoot, 'openapi/client/dist', url.slice('/sdk/'.length))
      response.setHeader('content-type', file ? 'text/javascript' : 'text/html')
      response.end(file ? await readFile(file) : written)
    }).listen(port, 'localhost')
    t.teardown(() => server.close())
    t.teardown(() => server.closeAllConnections())
    const { page } = await open(t, app, {}, origin)
    const status = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor()
    const email = 'page@example.com'
    await page.getByPlaceholder('E-mail address').fill(email)
    await page.getByPlaceholder('Password').fill(password)
    await page.getByRole('button', { name: 'Sign up' }).click()
    await status(`Signed in as ${email}`)
    await app.sql`update sessions set auth_time = now() - interval '1 hour'`
    const [mail] = await app.mailbox.waitFor(email)
    await page.getByPlaceholder('Code from the mail').fill(mail?.code ?? '')
    await page.getByRole('button', { name: 'Confirm address' }).click()
    page.once('dialog', (dialog) => dialog.accept(password))
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByRole('button', { name: 'Remove' }).waitFor()
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await status('This device has a passkey for the account already.')
    await page.getByRole('button', { name: 'Sign out' }).click()
    // The virtual authenticator answers autofill by itself, which may come before the button.
    await page
      .getByRole('button', { name: 'Sign in with a passkey' })
      .click({ timeout: 3000 })
      .catch(() => {})
    await status(`Signed in as ${email}`)
    const [row] = await app.sql`select acr, amr from sessions order by created_at desc limit 1`
    t.match(row, { acr: '2', amr: /^[hs]wk user$/ })
  })

  t.test('autofill signs in, and a button that is pressed meanwhile takes its place', async (t) => {
    const app = await startTestApp(t)
    const visit = await open(t, app)
    const email = await arrive(visit, app)
    await run(visit, 'client.registerPasskey()')
    await run(visit, 'client.signOut()')
    t.match(await run(visit, 'client.startConditionalSignIn()'), { user: { email } })
    await run(visit, 'client.signOut()')
    const { cdp, authenticatorId } = visit
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: false })
    await visit.page.evaluate('void (globalThis.filled = client.startConditionalSignIn().catch(nameOf))')
    await visit.page.waitForTimeout(1000)
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: true })
    t.match(await run(visit, 'client.signInWithPasskey()'), { user: { email } })
    const filled = await run(visit, 'filled')
    t.ok(
      filled === null || (filled as { user?: { email: string } }).user?.email === email,
      'and autofill ends',
    )
    const aborted = `(async () => {
      const abort = new AbortController()
      const waiting = client.startConditionalSignIn({ signal: abort.signal })
      setTimeout(() => abort.abort(), 200)
      return await waiting
    })()`
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: false })
    t.equal(await run(visit, aborted), 'AbortError')
  })

  t.test('a later wait for autofill takes the place of an earlier one, and a session ends it', async (t) => {
    const app = await startTestApp(t)
    const visit = await open(t, app, { automaticPresenceSimulation: false })
    let asked = 0
    visit.page.on('request', (request) => {
      if (request.url().endsWith('/passkeys/sign-in-options')) asked++
    })
    const twice =
      'Promise.race([client.startConditionalSignIn(), client.startConditionalSignIn().then(() => "later")])'
    t.equal(await run(visit, twice), null, 'the earlier one ends')
    await visit.page.waitForTimeout(1000)
    t.ok(asked <= 2, `${asked} challenges for two calls`)
    await visit.page.evaluate('void (globalThis.filled = client.startConditionalSignIn())')
    await visit.page.waitForTimeout(500)
    await run(visit, `client.signUp(${JSON.stringify({ email: 'waits@example.com', password })})`)
    t.equal(await run(visit, 'filled'), null, 'a session ends it')
    t.ok(asked <= 3, `${asked} challenges for three calls`)
  })

  t.test(
    'right after a sign-in by password a passkey is added without a click, where the browser can',
    async (t) => {
      const app = await startTestApp(t)
      const visit = await open(t, app)
      const email = await arrive(visit, app)
      await run(visit, 'client.signOut()')
      await run(visit, `client.signInWithPassword(${JSON.stringify({ email, password })})`)
      // Chromium itself does it by Google's password manager alone, which is not here: the wait ends, and nothing is pending.
      t.equal(await run(visit, 'client.upgradeToPasskey()'), null)
      t.same(await held(visit), [])
      // From here on the virtual authenticator does its part: it answers without a click, like a password manager.
      await visit.page.evaluate(`{
      const { create } = CredentialsContainer.prototype
      globalThis.mediations = []
      CredentialsContainer.prototype.create = function ({ mediation, ...options }) {
        mediations.push(mediation)
        return create.call(this, options)
      }
    }`)
      t.match(await run(visit, 'client.upgradeToPasskey()'), { name: String })
      t.same(await visit.page.evaluate('mediations'), ['conditional'])
      t.equal((await held(visit)).length, 1)
      t.equal(await run(visit, 'client.upgradeToPasskey()'), null, 'one authenticator, one passkey')
      await run(visit, 'client.signOut()')
      t.match(await run(visit, 'client.signInWithPasskey()'), { user: { email } })
      await app.sql`update sessions set auth_time = now() - interval '1 hour'`
      t.equal(await run(visit, 'client.upgradeToPasskey()'), null, 'and later it disturbs nobody')
    },
  )

  t.test('a passkey is a second factor, and steps the session up by itself', async (t) => {
    const app = await startTestApp(t, { policy: { verification: { resend_cooldown_seconds: 0 } } })
    const visit = await open(t, app)
    const email = await arrive(visit, app)
    await run(visit, 'client.registerPasskey()')
    const { secret } = await run<{ secret: string }>(visit, 'client.proposeAuthenticator()')
    const code = authenticatorOf(secret).code()
    t.match(await run(visit, `client.confirmAuthenticator({ code: '${code}' })`), {
      recovery_codes: { length: 10 },
    })
    await run(visit, 'client.signOut()')
    const completed = `client.signInWithPassword(${JSON.stringify({ email, password })}).catch((error) =>
      client.completeSecondFactor({
        challenge: error.challenge,
        method: 'passkey',
        passkey_options: error.passkeyOptions,
      }))`
    t.match(await run(visit, completed), { user: { email } })
    t.match((await app.sql`select acr, amr from sessions order by created_at desc limit 1`)[0], {
      acr: '2',
      amr: /^pwd [hs]wk user mfa$/,
    })
    await app.sql`update sessions set auth_time = now() - interval '1 hour'`
    t.equal(await run(visit, 'client.renewRecoveryCodes()'), 'step_up_required')
    const stepping = `(async () => {
      const { createClient } = await import('/playground/sdk/client.js')
      const own = createClient({
        baseUrl: location.origin,
        projectId: ${JSON.stringify(app.projectId)},
        projectUserAuth: { transport: 'cookie' },
        onStepUpRequired: async ({ passkeyOptions }) => ({ method: 'passkey', passkey_options: passkeyOptions }),
      })
      return (await own.renewRecoveryCodes()).recovery_codes.length
    })()`
    t.equal(await run(visit, stepping), 10)
  })

  t.test('the authenticator learns of a removal and of a new name and address', async (t) => {
    const app = await startTestApp(t)
    const visit = await open(t, app)
    const email = await arrive(visit, app)
    const { id } = await run<{ id: string }>(visit, 'client.registerPasskey()')
    t.equal((await held(visit)).length, 1)
    await run(visit, `client.updateProfile({ display_name: 'Ada Lovelace' })`)
    await app.sql`update users set email = 'ada@example.net' where email = ${email}`
    await load(visit.page, app)
    await run(visit, 'client.listPasskeys()')
    await eventually('the authenticator knows the new names', async () => {
      const [credential] = await held(visit)
      return credential?.userName === 'ada@example.net' && credential.userDisplayName === 'Ada Lovelace'
    })
    // Removed elsewhere: another device, an operator.
    await app.sql`delete from passkeys where id = ${id}`
    await load(visit.page, app)
    await run(visit, 'client.listPasskeys()')
    await eventually('the authenticator has forgotten it', async () => (await held(visit)).length === 0)
    const again = await run<{ id: string }>(visit, 'client.registerPasskey()')
    await run(visit, `client.removePasskey(${JSON.stringify(again.id)})`)
    await eventually('and the one that was removed here', async () => (await held(visit)).length === 0)
  })

  t.test('a passkey that the service no longer knows is forgotten after one try', async (t) => {
    const app = await startTestApp(t)
    const visit = await open(t, app)
    await arrive(visit, app)
    await run(visit, 'client.registerPasskey()')
    await run(visit, 'client.signOut()')
    await app.sql`delete from passkeys`
    t.equal(await run(visit, 'client.signInWithPasskey()'), 'passkey_unknown')
    await eventually('the authenticator has forgotten it', async () => (await held(visit)).length === 0)
  })

  t.test('without a person, or without their finger, nothing happens', async (t) => {
    const app = await startTestApp(t)
    const visit = await open(t, app)
    await arrive(visit, app)
    await visit.cdp.send('WebAuthn.setUserVerified', {
      authenticatorId: visit.authenticatorId,
      isUserVerified: false,
    })
    t.equal(await run(visit, 'client.registerPasskey()'), 'NotAllowedError')
    t.same(await held(visit), [])
  })
}
