// Three origins share one relying party (WebAuthn §5.11): a real browser reads the document of the service, over TLS, and lets the
// listed pages use the passkeys of its domain.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort, startTestApp } from '../support/app.ts'
import { addAuthenticator, findChromium, launchChromium, openContext } from '../support/browser.ts'

const run = promisify(execFile)
const chromium = findChromium()
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

if (!chromium) t.pass('not here', { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' })
else if (!hasOpenssl) t.pass('not here', { skip: 'no openssl' })
else {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = ['auth.example', 'shop.test', 'other.test'].map((name) => `DNS:${name}`).join()
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
    ...['-subj', '/CN=auth.example', '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', cert],
  ])
  const { stdout: spki } = await run('sh', [
    '-c',
    `openssl x509 -in '${cert}' -pubkey -noout | openssl pkey -pubin -outform der | openssl base64 -A`,
  ])
  const spkiHash = createHash('sha256').update(Buffer.from(spki, 'base64')).digest('base64')

  const port = await freePort()
  const related = ['https://shop.test']
  const app = await startTestApp(t, {
    env: { PUBLIC_URL: 'https://auth.example', PLAYGROUND: 'true' },
    policy: { origins: related, passkeys: { related_origins: related } },
  })
  const tls = createServer({ key: await readFile(key), cert: await readFile(cert) }, (incoming, outgoing) => {
    const { method, url, headers } = incoming
    const target = { host: '127.0.0.1', port: app.config.port, method, path: url, headers }
    incoming.pipe(
      request(target, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      }),
    )
  })
  await new Promise<void>((resolve) => tls.listen(port, '127.0.0.1', resolve))
  t.teardown(() => tls.close())
  t.teardown(() => tls.closeAllConnections())
  const browser = await launchChromium(
    chromium,
    `--host-resolver-rules=MAP *:443 127.0.0.1:${port}`,
    `--ignore-certificate-errors-spki-list=${spkiHash}`,
  )
  t.teardown(() => browser.close())

  t.test('a listed origin uses the passkeys of the service’s domain; another one does not', async (t) => {
    const context = await openContext(t, browser)
    const page = await context.newPage()
    await addAuthenticator(page)
    /** Opens a page of an origin, with a client of the SDK. */
    const open = async (origin: string) => {
      await page.goto(`${origin}/playground`)
      await page.evaluate(`(async () => {
        const { createClient } = await import('/playground/sdk/client.js')
        globalThis.client = createClient({ projectId: ${JSON.stringify(app.projectId)} })
      })()`)
    }
    const act = (code: string) =>
      page.evaluate<unknown>(
        `${code}.catch((error) => (typeof error.code === 'string' ? error.code : error.name))`,
      )

    await open('https://auth.example')
    const email = 'related@example.com'
    await act(`client.signUp(${JSON.stringify({ email, password: 'correct horse battery' })})`)
    const [mail] = await app.mailbox.waitFor(email)
    await act(`client.confirmVerificationEmail(${JSON.stringify({ email, code: mail?.code })})`)
    t.match(await act('client.registerPasskey()'), { name: String })
    await open('https://shop.test')
    t.match(await act('client.signInWithPasskey()'), { user: { email } })
    await open('https://other.test')
    t.equal(await act('client.signInWithPasskey()'), 'SecurityError')
  })
}
