// Social sign-in as a person does it: an application's page, a real provider's page, and back, in a real browser.
import { createServer } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { freePort, startTestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'

const path = findChromium()
const browser: Browser | null = path ? await launchChromium(path) : null
t.teardown(() => browser?.close())
/** Skips, with a word, what needs the browser where there is none. */
const optional = browser ? {} : { skip: 'there is no Chromium here' }

const [port, homePort] = [await freePort(), await freePort()]
const origin = `http://127.0.0.1:${port}`
const home = `http://127.0.0.1:${homePort}`
const issuer = await startIssuer(t, [`${origin}/api/auth/login/social/acme/callback`])
const app = await startTestApp(t, {
  policy: {
    providers: { acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) },
    redirect_urls: [`${home}/`, `${home}/?cookie`],
    origins: [home],
  },
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})

/** What an application has to do: a link with a challenge, and an exchange where the browser comes back. */
const application = `<!doctype html><title>App</title><h1>App</h1><p id="who"></p>
<a id="code" href="">Sign in</a> <a id="cookie" href="">Sign in by cookie</a>
<script type="module">
const api = '${origin}/api/auth', project = '${app.projectId}'
const headers = { 'project-id': project, 'content-type': 'application/json' }
const show = (text) => { document.getElementById('who').textContent = text }
const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+]/g, '-').replace(/[/]/g, '_').replace(/=/g, '')
const query = new URLSearchParams(location.search)
if (query.has('error')) show('refused: ' + query.get('error'))
else if (query.has('code')) {
  const body = JSON.stringify({ code: query.get('code'), code_verifier: sessionStorage.verifier })
  const answer = await fetch(api + '/login/social/exchange', { method: 'POST', headers, body })
  const { user } = await answer.json()
  show('signed in as ' + user?.email)
} else if (query.has('cookie')) {
  const answer = await fetch(api + '/me', { headers: { 'project-id': project }, credentials: 'include' })
  show('signed in as ' + (await answer.json()).user?.email)
} else {
  sessionStorage.verifier = encode(crypto.getRandomValues(new Uint8Array(32)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(sessionStorage.verifier))
  const start = (more) => api + '/login/social/acme?' + new URLSearchParams({ project_id: project, ...more })
  document.getElementById('code').href = start({ redirect_to: '${home}/', code_challenge: encode(digest) })
  document.getElementById('cookie').href = start({ redirect_to: '${home}/?cookie', session_transport: 'cookie' })
  show('ready')
}
</script>`
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html')
  response.end(application)
})
await new Promise<void>((done) => server.listen(homePort, '127.0.0.1', done))
t.teardown(() => server.close())
t.teardown(() => server.closeAllConnections())

const newPerson = () => {
  const subject = newSubject()
  const email = `${subject}@example.com`
  issuer.people.set(subject, { email, email_verified: true })
  return { subject, email }
}
const says = (page: Page, text: string) => page.getByText(text).waitFor()

async function open(): Promise<Page> {
  if (!browser) throw new Error('There is no browser.')
  const context = await openContext(t, browser)
  const page = await context.newPage()
  await page.goto(home)
  await says(page, 'ready')
  return page
}

async function signInAs(page: Page, subject: string, link: string): Promise<void> {
  await page.getByRole('link', { name: link, exact: true }).click()
  await page.getByRole('heading', { name: 'Provider' }).waitFor()
  await page.getByLabel('Subject').fill(subject)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

t.test('by a code that the application exchanges, bound to the page that began', optional, async (t) => {
  const { subject, email } = newPerson()
  const page = await open()
  await signInAs(page, subject, 'Sign in')
  await says(page, `signed in as ${email}`)
  t.equal((await page.context().cookies(origin)).filter(({ name }) => name.includes('social')).length, 0)
  const elsewhere = await open()
  await elsewhere.goto(page.url())
  await says(elsewhere, 'signed in as undefined')
})

t.test('by a cookie that no script can read', optional, async (t) => {
  const { subject, email } = newPerson()
  const page = await open()
  await signInAs(page, subject, 'Sign in by cookie')
  await says(page, `signed in as ${email}`)
  const cookies = (await page.context().cookies(origin)).filter(({ name }) => name.startsWith('sallyport_'))
  t.equal(cookies.length, 2)
  for (const { httpOnly, sameSite } of cookies)
    t.same({ httpOnly, sameSite }, { httpOnly: true, sameSite: 'Lax' })
})

t.test('who cancels at the provider is back at the application', optional, async () => {
  const page = await open()
  await page.getByRole('link', { name: 'Sign in', exact: true }).click()
  await page.getByRole('link', { name: 'Cancel' }).click()
  await says(page, 'refused: access_denied')
})

t.test('the way back of one browser, opened in another, is a page that says no', optional, async (t) => {
  const page = await open()
  const held = page.waitForRequest((request) => request.url().includes('/login/social/acme/callback'))
  await page.route('**/login/social/acme/callback?*', (route) => route.abort())
  await signInAs(page, newPerson().subject, 'Sign in')
  const back = (await held).url()
  const other = await open()
  const answer = await other.goto(back)
  t.equal(answer?.status(), 422)
  await other.getByRole('heading', { name: 'This sign-in cannot be continued' }).waitFor()
  t.equal(
    (await other.context().cookies(origin)).filter(({ name }) => name.startsWith('sallyport_')).length,
    0,
  )
})
