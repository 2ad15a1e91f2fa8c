// /inbox: captured mails for the developer at this machine, and for no other: not through a proxy, not under another name (DNS
// rebinding), not for a page of another origin, and not where mail is sent or NODE_ENV is production.
import { request } from 'node:http'
import { html } from 'ghtml'
import t from 'tap'
import { ConfigError, readConfig } from '../../src/config/config.ts'
import { languages } from '../../src/formats.ts'
import { allMailKinds } from '../../src/mail/kinds.ts'
import { startTestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'

const app = await startTestApp(t, { policy: { branding: { name: 'Fleur & Söhne <b>' } } })
const paths = ['/inbox', '/inbox/list', '/inbox/messages', '/inbox/previews', '/inbox/assets/style.css']

/** fetch sets Host and Sec-Fetch-… itself. */
const statusOf = (path: string, headers: Record<string, string> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(app.url)
    request({ hostname, port, path, headers: { host, ...headers } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
      .once('error', reject)
      .end()
  })

t.test(
  'captured mails are listed newest first, found by address, and shown with code and link',
  async (t) => {
    const first = await app.signUp({ email: 'first@example.com' })
    const second = await app.signUp({ email: 'second@example.org' })
    for (const { email } of [first, second]) await app.api('POST', '/forgot-password', { body: { email } })
    const read = async (query = '') => (await app.send('GET', `/inbox/messages${query}`)).body.messages
    await eventually('both mails', async () => {
      const found: { kind: string }[] = await read()
      return found.filter(({ kind }) => kind === 'reset_password').length === 2
    })
    const all = await read()
    const instants = all.map(({ at }: { at: string }) => at)
    t.same(instants, instants.toSorted().reverse(), 'the newest first')
    const [mail, ...others] = (await read('?to=FIRST@')).filter(
      ({ kind }: { kind: string }) => kind === 'reset_password',
    )
    t.same(others, [])
    const [captured] = (await app.mailbox.waitFor('first@example.com')).filter(
      ({ kind }) => kind === 'reset_password',
    )
    t.match(mail, {
      to: 'first@example.com',
      link: captured?.link,
      code: captured?.code,
      text: captured?.text,
    })
    t.match(mail.code, /^\d{6}$/)

    const page = await app.send('GET', `/inbox?to=first&mail=${mail.id}`)
    t.equal(page.status, 200)
    t.match(page.body, mail.code)
    t.match(page.body, html`data-copy="${mail.link}"`)
    t.notMatch(page.body, 'second@example.org')
    t.notMatch(page.body, '<b>', 'what a project is called is no markup')
    const policy = page.headers.get('content-security-policy') ?? ''
    t.match(policy, /default-src 'none'.*frame-ancestors 'none'/)
    t.notMatch(policy, /unsafe/)

    const shown = await app.send('GET', `/inbox/messages/${mail.id}/html`)
    t.match(shown.headers.get('content-security-policy'), /^sandbox allow-popups.*default-src 'none'/)
    t.notMatch(shown.headers.get('content-security-policy'), /script|connect/)
    t.match(shown.body, '<base target="_blank">')
    for (const id of ['none', '..%2f..%2fsecret-key', `${mail.id}.eml`])
      t.equal((await app.send('GET', `/inbox/messages/${id}/html`)).status, 404, id)
    t.match((await app.send('GET', '/inbox?to=nobody')).body, /No mail was sent to an address with/)
  },
)

t.test('every kind has a preview in every language, with a sample link alone', async (t) => {
  const list = (await app.send('GET', '/inbox/previews')).body
  for (const kind of allMailKinds) {
    t.match(list, `/inbox/previews/${kind}?lang=en`)
    for (const language of languages) {
      const { status, body } = await app.send('GET', `/inbox/previews/${kind}/html?lang=${language}`)
      t.equal(status, 200)
      t.match(body, language === 'ar' ? 'dir="rtl"' : 'dir="ltr"')
      t.notMatch(body, /svt_|token=(?!SAMPLE)/)
    }
  }
  t.match((await app.send('GET', '/inbox/previews/team_invitation?lang=ar')).body, 'Grace Hopper')
  t.equal((await app.send('GET', '/inbox/previews/party')).status, 404)
})

t.test('it answers this machine alone, under its own name, and no page of another origin', async (t) => {
  const { port } = new URL(app.url)
  const refused: Record<string, string>[] = [
    { host: `evil.example:${port}` },
    { host: `127.0.0.1.evil.example:${port}` },
    { 'x-forwarded-for': '127.0.0.1' },
    { forwarded: 'for=127.0.0.1' },
    { via: '1.1 proxy' },
    { 'x-envoy-external-address': '203.0.113.1' },
    { 'client-ip': '203.0.113.1' },
    { 'x-cluster-client-ip': '203.0.113.1' },
    { 'x-original-host': 'dev.example.com' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'script' },
  ]
  for (const path of paths) {
    t.equal(await statusOf(path), 200, path)
    t.equal(await statusOf(path, { host: `localhost:${port}`, 'sec-fetch-site': 'same-origin' }), 200)
    for (const headers of refused)
      t.equal(await statusOf(path, headers), 404, `${path} ${Object.keys(headers)}`)
  }
  const followed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' }
  t.equal(await statusOf('/inbox', followed), 200, 'a link may lead there')
  const told = app.logs.filter(({ msg }) => String(msg).includes('/inbox was refused'))
  t.equal(told.length, 1, 'the reason is logged once')
  const origin = { origin: 'https://shop.example' }
  t.equal(
    (await app.send('GET', '/inbox/messages', { headers: origin })).headers.get(
      'access-control-allow-origin',
    ),
    null,
  )
})

t.test(
  'it is not there where mail is sent, others are served, or in production, and cannot be forced',
  async (t) => {
    const off = await startTestApp(t, { env: { INBOX: 'false' } })
    for (const path of paths) t.equal((await off.send('GET', path)).status, 404, path)
    t.notMatch((await off.send('GET', '/playground')).body, '/inbox')
    t.match((await app.send('GET', '/playground')).body, 'href="/inbox"')
    const elsewhere: Record<string, string>[] = [
      { SMTP_URL: 'smtp://127.0.0.1:25' },
      { PUBLIC_URL: 'https://auth.example.com' },
      { PUBLIC_URL: 'https://localhost' },
      { NODE_ENV: 'production' },
    ]
    t.equal(readConfig({}).inbox, true)
    for (const env of elsewhere) {
      t.equal(readConfig(env).inbox, false, JSON.stringify(env))
      t.throws(() => readConfig({ ...env, INBOX: 'true' }), ConfigError)
    }
  },
)
