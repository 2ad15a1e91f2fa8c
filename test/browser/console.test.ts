// The operators' console in a real browser: the walk of docs/operate.md from an empty installation to a webhook that arrives, what
// each role is shown, hostile texts in every field, and that it fits a phone and a desk by day and night.
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { securityEventNames } from '../../drizzle/tables/security-log.ts'
import { operatorsProjectId } from '../../src/domain/projects/operators-project.ts'
import { logEvents } from '../../src/http/pages/console/pages/log-events.ts'
import { packageRoot } from '../../src/package.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { findChromium, hasPicture, launchChromium } from '../support/browser.ts'
import { type ConsoleVisit, hostile, localUrl, openConsole, type Screen } from '../support/console.ts'
import { eventually } from '../support/eventually.ts'
import { authenticatorOf } from '../support/factors.ts'
import { type Held, newOperatorAccount, sparingFactors } from '../support/operators.ts'
import { dataUri, pixels } from '../support/pictures.ts'

const password = 'a long operator password'

t.test('the page and its files are served with a policy that lets own files in alone', async (t) => {
  const app = await startTestApp(t)
  const page = await app.send('GET', '/console')
  t.equal(page.status, 200)
  const policy = page.headers.get('content-security-policy') ?? ''
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "trusted-types 'none'"])
    t.match(policy, part)
  t.notMatch(policy, /unsafe|https?:/)
  t.notMatch(page.body, /<script(?![^>]* src=)|<style|\son\w+=/, 'nothing is inline')
  for (const [, file] of String(page.body).matchAll(/(?:src|href)="([^"]+)"/g))
    t.equal((await app.send('GET', String(file))).status, 200, String(file))
  for (const file of ['main.tsx', '..%2fpackage.json', 'constructor', 'nothing.js'])
    t.equal((await app.send('GET', `/console/assets/${file}`)).status, 404, file)
})

t.test('it is served below the path of PUBLIC_URL', async (t) => {
  const app = await startTestApp(t, { env: { PUBLIC_URL: 'http://localhost:3000/auth' } })
  const { body } = await app.send('GET', '/auth/console')
  const [, address = ''] = /src="([^"]*)"/.exec(String(body).replaceAll('&#61;', '=')) ?? []
  t.match(address, /^\/auth\/console\/assets\/console\.js\?v=[\w-]{12}$/)
  const kept = async (path: string) => (await app.send('GET', path)).headers.get('cache-control')
  t.match(await kept(address), 'immutable')
  t.equal(await kept(address.replace(/v=.*/, 'v=another')), 'no-store', 'of another version nothing is kept')
})

t.test('all its files together have at most 150 KB after compression', async (t) => {
  const folder = join(packageRoot, 'dist/console')
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => gzipSync(await readFile(join(folder, name))).length),
  )
  const total = sizes.reduce((a, b) => a + b, 0)
  t.comment(`${total} bytes`)
  t.ok(total > 10_000 && total <= 150_000, `${total} bytes`)
})

t.test('every event that the security log may have is offered to search by', async (t) => {
  t.ok(securityEventNames.length > 60)
  t.same([...logEvents], [...securityEventNames].sort())
})

const chromium = findChromium()
if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else {
  const browser = await launchChromium(chromium)
  t.teardown(() => browser.close())

  /** A receiver of webhooks on this machine, and what came. */
  async function receiver(t: Test) {
    const received: { headers: Record<string, string>; body: string }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        received.push({ headers: request.headers as Record<string, string>, body })
        response.end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    t.teardown(() => server.closeAllConnections())
    return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
  }

  /** Follows the link that the log has, and chooses a password. */
  async function setUp({ page }: ConsoleVisit, app: TestApp, email: string): Promise<void> {
    const line = app.logs.map(({ msg }) => String(msg)).find((msg) => msg.includes('/operators/setup#'))
    const token = /#(\S+)$/.exec(line ?? '')?.[1]
    await page.goto(`${localUrl(app)}/operators/setup#${token}`)
    await page.locator('#email').fill(email)
    await page.locator('input[type=password]').fill(password)
    await page.getByRole('button').click()
    await page.getByRole('link').click()
  }

  /** Signs in by password, as an operator whose policy asks for no factor. */
  async function signIn({ page, heading, press }: ConsoleVisit, email: string): Promise<void> {
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password').fill(password)
    await press('Sign in with password')
    await heading('Secure your account')
    await press('Not now')
    await heading('Projects')
  }

  /** An operator with these roles, in a console of their own. */
  async function enter(t: Test, app: TestApp, held: readonly Held[], screen: Screen = {}) {
    const { email } = await newOperatorAccount(app, held)
    const visit = await openConsole(t, browser, app, screen)
    await signIn(visit, email)
    return visit
  }

  const signUp = (app: TestApp, project: string, email: string, facts: object = {}) =>
    app.send('POST', '/api/auth/signup', {
      headers: { 'project-id': project },
      body: { email, password: 'a good long password', ...facts },
    })

  t.test(
    'an operator sets the installation up, finds a user, ends a session, sees the webhook',
    async (t) => {
      const app = await startTestApp(t)
      const hook = await receiver(t)
      const visit = await openConsole(t, browser, app)
      const { page, heading, press, said, picture } = visit
      await heading('Sign in')
      await picture('console-sign-in')

      await setUp(visit, app, 'ada@example.com')
      await heading('Secure your account')
      await press('Add a passkey')
      await heading('Projects')

      await press('New project')
      await page.getByLabel('Name').fill('Shop')
      await press('Create project')
      await heading('Secret of Shop')
      const secret = await page.locator('.secret code').innerText()
      await page.keyboard.press('Escape')
      t.ok(
        await page.getByRole('button', { name: 'Done' }).isDisabled(),
        'the secret stays until it is stored',
      )
      await page.getByLabel('I have stored it').check()
      await press('Done')
      await heading('Shop')
      const project = new URL(page.url()).hash.split('/')[2] ?? ''
      const basic = { authorization: `Basic ${Buffer.from(`${project}:${secret}`).toString('base64')}` }
      t.equal((await app.send('GET', '/api/admin/me', { headers: basic })).status, 200, 'the secret works')

      // The receiver is on this machine: the policy allows that, in the form, after a preview.
      await visit.visit(`projects/${project}/policy`)
      await page.getByLabel('Allow private network').check()
      await press('Review changes')
      await page.locator('.changes', { hasText: 'webhooks.allow_private_network' }).waitFor()
      await picture('console-policy')
      await press('Save policy')
      await said('The policy is saved.')

      await visit.visit(`projects/${project}/webhooks`)
      await press('New webhook')
      await page.getByLabel('Address').fill(hook.url)
      await press('Create webhook')
      await heading('Secret of the webhook')
      const key = await page.locator('.secret code').innerText()
      await page.getByLabel('I have stored it').check()
      await press('Done')
      await heading(hook.url)
      const webhookUrl = page.url()
      await press('Send a test')
      await page.getByRole('row', { name: /webhook\.test .*Sent/ }).waitFor()

      const joined = await signUp(app, project, 'grace@example.com', { display_name: 'Grace Hopper' })
      await signUp(app, project, 'alan@example.com')
      await visit.visit(`projects/${project}/users`)
      await page.getByRole('link', { name: 'alan@example.com' }).waitFor()
      await page.locator('h1').click()
      await page.keyboard.press('/')
      await page.keyboard.type('grace@')
      await page.getByRole('link', { name: 'alan@example.com' }).waitFor({ state: 'detached' })
      await picture('console-users')
      await page.reload()
      t.equal(
        await page.getByRole('searchbox').inputValue(),
        'grace@',
        'a link to a search survives a reload',
      )
      await page.getByRole('link', { name: 'grace@example.com' }).click()
      await heading('grace@example.com')
      await page.getByRole('row', { name: 'Signed up' }).first().waitFor()
      await picture('console-user')
      await press('End session')
      await said('The session has ended.')
      await page.getByText('Signed in nowhere').waitFor()
      const me = await app.send('GET', '/api/auth/me', {
        headers: { 'project-id': project, authorization: `Bearer ${joined.body.access_token}` },
      })
      t.equal(me.status, 401, 'its token is refused')

      await page.getByRole('link', { name: 'Security log' }).click()
      await page.locator('details', { hasText: 'Session revoked' }).filter({ hasText: 'Operator' }).waitFor()
      await eventually('rows are sealed', async () => {
        await press('Verify chain')
        return page.getByText(/chain of [1-9]\d* rows was verified/).isVisible()
      })
      await picture('console-log')

      await page.goto(webhookUrl)
      await page.getByRole('row', { name: /session\.ended .*Sent/ }).waitFor()
      await picture('console-webhook')
      t.ok(hook.received.length >= 4)
      for (const { body, headers } of hook.received) new Webhook(key).verify(body, headers)

      await press('Sign out')
      await heading('Sign in')
      await press('Sign in with a passkey')
      await heading(hook.url)
      t.same(visit.complaints, [])
    },
  )

  t.test('an authenticator is enrolled, a sign-in asks for it, and a change asks again', async (t) => {
    const app = await startTestApp(t)
    const visit = await openConsole(t, browser, app)
    const { page, heading, press } = visit
    await setUp(visit, app, 'ada@example.com')
    // The set-up is no proof from the last minutes any more.
    await heading('Secure your account')
    await app.sql`update sessions set auth_time = now() - interval '1 hour'`
    await press('Use an authenticator app')
    await heading('Prove that it is you')
    await page.getByLabel('Password').fill('a wrong password')
    await press('Continue')
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Password').fill(password)
    await press('Continue')
    await heading('Authenticator app')
    t.ok(await hasPicture(page.locator('.qr')), 'the QR code is shown')
    const authenticator = authenticatorOf(await page.locator('main code').innerText())
    await page.getByLabel('Code of six digits').fill(authenticator.code())
    await press('Confirm')
    await heading('Recovery codes')
    const [recovery = ''] = await page.locator('.codes code').allInnerTexts()
    await press('I have stored them')
    await heading('Projects')
    await press('Sign out')
    await heading('Sign in')
    await page.getByLabel('E-mail address').fill('ada@example.com')
    await page.getByLabel('Password').fill(password)
    await press('Sign in with password')
    await heading('Second factor')
    await page.getByRole('radio', { name: 'Recovery code' }).check()
    await page.getByRole('textbox', { name: 'Recovery code' }).fill(recovery)
    await press('Continue')
    await heading('Projects')
    t.same(visit.complaints, [])
  })

  t.test('an operator reaches their own passkeys and factors from the console, and comes back', async (t) => {
    const app = await startTestApp(t)
    const visit = await openConsole(t, browser, app)
    const { page, heading, press, picture } = visit
    await setUp(visit, app, 'ada@example.com')
    await heading('Secure your account')
    await press('Add a passkey')
    await heading('Projects')
    // Its tokens are too old by then, and are renewed there.
    await visit.context.clearCookies({ name: /access/ })
    await page.getByRole('link', { name: 'Your account' }).click()
    await page.getByRole('heading', { name: 'Passkeys' }).waitFor()
    t.equal(await page.locator('.rows li').count(), 1, 'the passkey of the set-up')
    await picture('console-own-account')
    await press('Set up an authenticator app')
    const secret = await page.locator('.steps code').innerText()
    await page.getByLabel('Code of six digits').fill(authenticatorOf(secret.replaceAll(' ', '')).code())
    await press('Turn it on')
    await page.getByRole('link', { name: 'I have kept them' }).click()
    await page.getByText('Codes left: 10').waitFor()
    await page.getByRole('link', { name: 'Back to the console' }).click()
    await heading('Projects')
    const [own] = await app.sql`select uuid from users where email = 'ada@example.com'`
    await visit.visit(`projects/${operatorsProjectId}/users/${own?.uuid}`)
    await page.getByText('Recovery codes left').waitFor()
    t.match(await page.getByRole('table', { name: 'Passkeys' }).innerText(), /On one device|Synced/)
    await picture('console-factors')
    await page.getByRole('link', { name: 'Operators', exact: true }).click()
    await page.getByText('Passkey, Authenticator app · last sign-in').waitFor()
    await picture('console-operators')
    t.same(visit.complaints, [])
  })

  t.test('figures, users, a user and the log tell at a glance what support is asked', async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    const [grace, alan] = [await app.signUp({ display_name: 'Grace Hopper' }), await app.signUp()]
    const bearer = { authorization: `Bearer ${grace.body.access_token}` }
    const avatar = dataUri('image/png', pixels['image/png'])
    t.equal((await app.api('PUT', '/avatar', { headers: bearer, body: { avatar } })).status, 200)
    await app.sql`update users set created_at = now() - interval '3 days' where email = ${alan.email}`
    await app.api('POST', '/login', { body: { email: grace.email, password: 'a wrong password' } })
    // Of the thirty days before: half of the sign-ups.
    await app.sql`update security_log set at = at - interval '31 days'
      where event = 'signed_up' and account = (select uuid from users where email = ${alan.email})`
    const visit = await enter(t, app, [['owner', null]])
    const { page, heading, press, said, picture } = visit
    const at = `projects/${app.projectId}`
    const row = (name: string) => page.getByRole('row', { name })

    await visit.visit(at)
    await page.locator('.count', { hasText: '2 users' }).waitFor()
    const figure = page.getByRole('region', { name: 'Sign-ups' })
    t.match(await figure.locator('.number').innerText(), /^1\b.*0% on the 30 days before/s)
    await page.getByRole('region', { name: 'Active users' }).getByText('at most 1 on one day').waitFor()
    await picture('console-overview')
    await row('Wrong password').getByRole('link', { name: 'Sign-in refused' }).click()
    await heading('Security log')
    t.equal(await page.getByLabel('Event', { exact: true }).inputValue(), 'sign_in_refused')
    await page.locator('details', { hasText: grace.email }).waitFor()

    await visit.visit(`${at}/users`)
    t.match(await row(grace.email).innerText(), /Password/)
    t.match(await row(grace.email).locator('time').first().innerText(), /just now|minute/)
    t.ok(await hasPicture(page.locator('img.avatar')), 'the picture is shown')
    await page.getByLabel('Signed up').selectOption('1')
    await row(alan.email).waitFor({ state: 'detached' })
    await row(grace.email).waitFor()
    await page.getByRole('searchbox').fill('nobody@')
    await page.getByText('Nobody is found').waitFor()
    await press('Clear the search')
    await row(alan.email).waitFor()
    t.equal(await page.getByRole('searchbox').inputValue(), '')
    const late = await app.signUp()
    t.equal(await row(late.email).count(), 0)
    await press('Refresh')
    await row(late.email).waitFor()

    await page.getByRole('link', { name: grace.email }).click()
    await heading(grace.email)
    await press('Edit')
    await page.getByLabel('First name').fill('Grace')
    await page.getByLabel('Metadata').fill('{"plan": "pro", "tags": ["a"]}')
    await press('Save')
    await said('The user is saved.')
    await page.getByText('"plan": "pro"').waitFor({ state: 'attached' })
    await press('Edit')
    await page.getByLabel('Metadata').fill('{"tags": ["b"]}')
    await app.sql`update users set locale = 'de' where email = ${grace.email}`
    await press('Save')
    await page.getByRole('alert').filter({ hasText: 'changed meanwhile' }).waitFor()
    await page.keyboard.press('Escape')
    await press('Edit')
    await page.getByLabel('Metadata').fill('no JSON')
    await press('Save')
    await page.getByRole('alert').filter({ hasText: 'must be an object' }).waitFor()
    await page.getByLabel('Metadata').fill('{"tags": ["b"]}')
    await press('Save')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const [stored] = await app.sql`select first_name, metadata from users where email = ${grace.email}`
    t.same({ ...stored }, { first_name: 'Grace', metadata: { tags: ['b'] } })
    const saved = page.waitForEvent('download')
    await press('Export data')
    const file = JSON.parse(await readFile(await (await saved).path(), 'utf8'))
    t.equal(file.user.email, grace.email)

    await page.getByRole('link', { name: 'Refused attempts' }).click()
    await heading('Security log')
    const refused = page.locator('details.event')
    await refused.filter({ hasText: 'Wrong password' }).waitFor()
    t.equal(await refused.count(), 1)
    await refused.filter({ hasText: grace.email }).waitFor()
    await refused.locator('summary').click()
    await visit.context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await press('Copy as JSON')
    await said('Copied.')
    t.match(JSON.parse(await page.evaluate('navigator.clipboard.readText()')), { event: 'sign_in_refused' })
    await picture('console-log-entry')
    await page.getByLabel('When', { exact: true }).selectOption('1h')
    await refused.filter({ hasText: 'Wrong password' }).waitFor()
    await page.getByLabel('Who acted').selectOption('operator')
    await page.getByText('Nothing is found').waitFor()
    await press('Clear the filters')
    await refused.filter({ hasText: 'Operator' }).first().waitFor()
    await page
      .locator('details a', { hasText: `Go to ${grace.email}` })
      .first()
      .waitFor({ state: 'attached' })
    t.same(visit.complaints, [])
  })

  t.test('a page of a list that fails is reported, and can be loaded again', async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    const grace = await app.signUp()
    for (let times = 0; times < 11; times++)
      await app.api('POST', '/login', { body: { email: grace.email, password: grace.password } })
    const { visit, page, press, said } = await enter(t, app, [['owner', null]])
    await visit(`projects/${app.projectId}/users/${grace.body.user.uuid}`)
    const rows = page.getByRole('table', { name: 'Activity' }).locator('tbody tr')
    await rows.first().waitFor()
    t.equal(await rows.count(), 10)
    await page.route(/activity\?.*cursor=/, (route) => route.abort())
    await press('Show more')
    await said('The service does not answer.')
    await page.unrouteAll()
    await press('Show more')
    await rows.nth(10).waitFor()
  })

  t.test('two operators edit one policy: the second sees what the first changed', async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    const visit = await enter(t, app, [['owner', null]])
    const { page, heading, press, said } = visit
    await visit.visit(`projects/${app.projectId}/policy`)
    await page.getByLabel('Retention days').first().fill('30')
    const basic = {
      authorization: `Basic ${Buffer.from(`${app.projectId}:${app.projectSecret}`).toString('base64')}`,
    }
    const other = await app.send('PATCH', `/api/admin/projects/${app.projectId}/policy`, {
      headers: { ...basic, 'if-match': '*' },
      body: { sessions: { max_per_user: 7 } },
    })
    t.equal(other.status, 200)
    await press('Review changes')
    await heading('What changes')
    await press('Save policy')
    await heading('The policy was changed meanwhile')
    await page.locator('.changes', { hasText: 'sessions.max_per_user' }).waitFor()
    await press('Apply mine to it')
    await press('Review changes')
    await heading('What changes')
    t.same(await page.locator('.changes li > code').allInnerTexts(), ['audit.retention_days'])
    await press('Save policy')
    await said('The policy is saved.')
    const { body } = await app.send('GET', `/api/admin/projects/${app.projectId}/policy`, { headers: basic })
    t.match(body.effective, { audit: { retention_days: 30 }, sessions: { max_per_user: 7 } })
    await page.getByLabel('Min length').fill('900')
    await press('Review changes')
    await page.locator('.toast.wrong', { hasText: 'min_length' }).waitFor()
    t.same(visit.complaints, [])
  })

  t.test('what a role may not do is not there', async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    const other = await app.project()
    const { body } = await app.signUp({ display_name: 'Grace Hopper' })
    const support = await enter(t, app, [['support', app.projectId]])
    const links = () => support.page.locator('#navigation li a').allInnerTexts()
    await support.page.getByRole('link', { name: 'Test' }).first().click()
    await support.heading('Test')
    t.same(await links(), ['Overview', 'Users', 'Teams', 'Mails', 'Projects'])
    t.equal(await support.page.getByText('Another').count(), 0, 'other projects are not told')
    await support.visit(`projects/${app.projectId}/users/${body.user.uuid}`)
    await support.page.getByRole('row', { name: 'Signed up' }).first().waitFor()
    const buttons = await support.page.locator('.view-actions button').allInnerTexts()
    t.same(buttons, ['Send reset', 'Verify address'])
    for (const hidden of [
      `projects/${other.id}`,
      `projects/${app.projectId}/policy`,
      'installation/operators',
    ]) {
      await support.visit(hidden)
      await support.heading('Not found')
    }
    t.same(support.complaints, [])
    const auditor = await enter(t, app, [['auditor', null]])
    await auditor.page.getByRole('link', { name: 'Test' }).first().click()
    await auditor.heading('Test')
    const shown = await auditor.page.locator('#navigation li a').allInnerTexts()
    t.same(shown, ['Overview', 'Security log', 'Projects', 'Installation log'])
    t.same(auditor.complaints, [])
  })

  /** Hostile texts in what every view shows. */
  async function fillWithHostileTexts(app: TestApp, { page }: ConsoleVisit) {
    const send = (method: string, path: string, body: object, headers: object = {}) =>
      page.evaluate<{ status: number; data: Record<string, never> }>(
        `fetch(${JSON.stringify(path)}, { method: '${method}', body: ${JSON.stringify(JSON.stringify(body))},
          headers: ${JSON.stringify({ 'content-type': 'application/json', ...headers })} })
          .then(async (answer) => ({ status: answer.status, data: await answer.json() }))`,
      )
    const names = { display_name: hostile, first_name: hostile, last_name: hostile }
    const headers = { 'user-agent': hostile, 'project-id': app.projectId }
    const sent = { email: 'hostile@example.com', password: 'a good long password', ...names }
    const metadata = { [hostile]: hostile }
    const user = await app.send('POST', '/api/auth/signup', { headers, body: { ...sent, metadata } })
    const own = { ...headers, authorization: `Bearer ${user.body.access_token}` }
    await app.send('POST', '/api/auth/api-keys', { headers: own, body: { name: hostile, scopes: [] } })
    const wrong = { email: 'hostile@example.com', password: 'a wrong password' }
    await app.send('POST', '/api/auth/login', { headers, body: wrong })
    const at = `/api/admin/projects/${app.projectId}`
    await send('PATCH', at, { name: hostile })
    const policy = { branding: { name: hostile }, webhooks: { allow_private_network: true } }
    await send('PATCH', `${at}/policy`, policy, { 'if-match': '*' })
    const team = await send('POST', `${at}/teams`, { name: hostile })
    const member = { email: 'hostile@example.com', role: 'ADMIN' }
    await send('POST', `${at}/teams/${team.data.id}/members`, member)
    const url = `http://127.0.0.1:9/${hostile}`
    const hook = await send('POST', `${at}/webhooks`, { url, description: hostile, types: [] })
    const expires_at = new Date(Date.now() + 86_400_000).toISOString()
    await send('POST', '/api/admin/operator-keys', { name: hostile, role: 'viewer', scope: null, expires_at })
    const { status } = await send('POST', `${at}/users/${user.body.user.uuid}/impersonate`, {
      reason: hostile,
    })
    return {
      user: user.body.user.uuid,
      team: team.data.id,
      hook: (hook.data.webhook as { id: string } | undefined)?.id,
      status,
    }
  }

  const viewsOf = (project: string, { user, team, hook }: Record<string, unknown>) => [
    'projects',
    ...[
      '',
      '/users',
      `/users/${user}`,
      '/teams',
      `/teams/${team}`,
      '/mails',
      '/webhooks',
      `/webhooks/${hook}`,
    ]
      .concat(['/events', '/log', '/policy'])
      .map((part) => `projects/${project}${part}`),
    ...['operators', 'operator-keys', 'signing-keys', 'log'].map((part) => `installation/${part}`),
  ]

  t.test('hostile texts do nothing in any view, and every view fits a phone and a desk', async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    const visit = await enter(t, app, [['owner', null]])
    const { page } = visit
    const made = await fillWithHostileTexts(app, visit)
    t.equal(made.status, 201, 'and a reason for acting as the user')
    await page.reload()
    for (const path of viewsOf(app.projectId, made)) {
      await visit.visit(path)
      await page.locator('.skeleton').first().waitFor({ state: 'detached' })
      if (path.endsWith('/events')) await visit.press('Read from the oldest')
      await page.locator('h1').waitFor()
      await page.waitForTimeout(300)
      for (const summary of (await page.locator('main summary').all()).slice(0, 5)) await summary.click()
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 })
        t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${path} fits ${width}`)
      }
      t.equal(await page.locator('main img, main script, main [onerror], svg[onload]').count(), 0, path)
    }
    t.equal(await page.evaluate('globalThis.pwned'), undefined)
    await visit.visit(`projects/${app.projectId}`)
    await page.getByRole('row', { name: 'hostile@example.com' }).waitFor()
    await visit.press('End session')
    await page.getByRole('row', { name: 'hostile@example.com' }).waitFor({ state: 'detached' })
    t.same(visit.complaints, [])
  })

  t.test('by day and night, by keyboard, and from right to left', async (t) => {
    const app = await startTestApp(t)
    await sparingFactors(app)
    for (const screen of [{ width: 390, dark: true }, { width: 1280, dark: true }, { locale: 'ar-EG' }]) {
      const visit = await enter(t, app, [['owner', null]], screen)
      const { page } = visit
      t.equal(await page.locator('html').getAttribute('dir'), screen.locale ? 'rtl' : 'ltr')
      if (screen.width === 390) {
        await visit.press('Menu')
        await page.getByRole('link', { name: 'Operators', exact: true }).waitFor()
        await page.keyboard.press('Escape')
        await page.getByRole('link', { name: 'Operators', exact: true }).waitFor({ state: 'hidden' })
      }
      const small = await page.evaluate<
        string[]
      >(`[...document.querySelectorAll('main button, #navigation li a')]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 28).map((one) => one.textContent)`)
      t.same(small, [], 'nothing is too small')
      await visit.press('New project')
      await page.getByLabel('Name').waitFor()
      t.equal(await page.evaluate('document.activeElement.name'), 'name', 'the focus is in the dialog')
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      t.match(await page.evaluate('document.activeElement.textContent'), 'New project', 'and goes back')
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), screen.width ?? 1280)
      t.same(visit.complaints, [])
    }
  })
}
