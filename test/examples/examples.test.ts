// The examples run unchanged: a resource server that verifies access tokens with the key set alone, and a page of another origin.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import t from 'tap'
import { createClient } from '../../openapi/client/src/client.ts'
import { packageRoot } from '../../src/package.ts'
import { freePort, startTestApp } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'
import { createResourceServer } from './resource-server.ts'

const password = 'correct horse battery'

t.test(
  'a resource server accepts access tokens of its project alone, verified with the key set',
  async (t) => {
    const app = await startTestApp(t)
    const server = createResourceServer({ issuer: app.url, projectId: app.projectId })
    t.teardown(() => server.close())
    const ask = (token?: string) =>
      server.inject({ url: '/notes', headers: token ? { authorization: `Bearer ${token}` } : {} })

    const client = createClient({ baseUrl: app.url, projectId: app.projectId })
    await client.signUp({ email: 'ada@example.com', password })
    const { access_token: token = '', refresh_token: refresh = '', user } = (await client.getSession()) ?? {}
    t.same((await ask(token)).json(), { notes: [`Only for ${user?.uuid}.`] })

    t.equal((await ask()).statusCode, 401, 'no token')
    t.equal((await ask(refresh)).statusCode, 401, 'a refresh token')
    t.equal((await ask(`${token.slice(0, -4)}AAAA`)).statusCode, 401, 'a changed signature')
    const [header = '', claims = ''] = token.split('.')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    t.equal((await ask(`${none}.${claims}.`)).statusCode, 401, 'no signature')
    t.ok(header)
    const other = await app.project()
    const stranger = createClient({ baseUrl: app.url, projectId: other.id })
    await stranger.signUp({ email: 'ada@example.com', password })
    t.equal((await ask((await stranger.getSession())?.access_token)).statusCode, 401, 'another project')

    await app.close()
    t.equal((await ask(token)).statusCode, 200, 'Sallyport itself is not asked')
  },
)

const chromium = findChromium()
t.test(
  'a page of another origin signs in, stays signed in and signs out by cookie',
  chromium ? {} : { skip: 'no Chromium: install it, or name it with CHROMIUM_PATH' },
  async (t) => {
    const files = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://page')
      const file = pathname.startsWith('/sdk/')
        ? join(packageRoot, 'openapi/client/dist', basename(pathname))
        : join(packageRoot, 'test/examples', basename(pathname))
      const content = await readFile(file).catch(() => null)
      const type = file.endsWith('.html') ? 'text/html' : 'text/javascript'
      response.writeHead(content ? 200 : 404, { 'content-type': type }).end(content)
    })
    const port = await freePort()
    await new Promise<void>((resolve) => files.listen(port, '127.0.0.1', resolve))
    t.teardown(() => files.close())
    const origin = `http://127.0.0.1:${port}`
    const app = await startTestApp(t, { policy: { origins: [origin], tokens: { access_seconds: 1 } } })
    const email = 'ada@example.com'
    await createClient({ baseUrl: app.url, projectId: app.projectId }).signUp({ email, password })

    const browser = await launchChromium(chromium ?? '')
    t.teardown(() => browser.close())
    const page = await (await openContext(t, browser)).newPage()
    const says = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()
    const where = new URLSearchParams({ service: app.url, project: app.projectId })
    await page.goto(`${origin}/cookie-page.html?${where}`)
    await says('Signed out')
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await says('Invalid credentials.')
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await says(`Signed in as ${email}`)
    t.equal(await page.evaluate('document.cookie'), '', 'no script reads the cookies')
    t.notMatch(
      await page.evaluate('JSON.stringify({ ...localStorage })'),
      /"access_token"|"refresh_token"|srt_/,
    )
    for (let i = 0; i < 3; i++) {
      await page.reload()
      await says(`Signed in as ${email}`)
    }
    await page.getByRole('button', { name: 'Sign out' }).click()
    await says('Signed out')
    await page.reload()
    await says('Signed out')
    t.same(await page.context().cookies(), [])
  },
)
