// @sallyport/server as somebody else installs it: packed, installed, compiled, and signing people in on Express, Fastify and
// Hono, in two processes.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { freePort, startTestApp } from '../support/app.ts'
import { startIssuer } from '../support/issuer.ts'
import { openJar } from './jar.ts'

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'sallyport-server-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

/** An application on three frameworks. Its address is the first argument's. */
const program = `import { createServer } from 'node:http'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { createSallyport, type Session } from '@sallyport/server'
import * as onExpress from '@sallyport/server/express'
import * as onFastify from '@sallyport/server/fastify'
import * as onHono from '@sallyport/server/hono'

const [framework, port, url, projectId, projectSecret] = process.argv.slice(2) as [string, string, string, string, string]
let refreshes = 0
const auth = createSallyport({
  url, projectId, projectSecret, appUrl: 'http://127.0.0.1:' + port, signInPage: '/login',
  fetch: (input, init) => {
    if (String(input).endsWith('/refresh')) refreshes++
    return fetch(input, init)
  },
})
const show = (session: Session | null) => ({ userId: session?.userId ?? null, refreshes })

if (framework === 'express') {
  const app = express()
  app.use(express.urlencoded(), onExpress.sallyport(auth))
  app.get('/', (request, response) => void response.json(show(onExpress.sessionOf(request))))
  app.all('/orders', onExpress.requireSession(auth), (request, response) => void response.json(show(onExpress.sessionOf(request))))
  app.get('/vault', onExpress.requireSession(auth, { requireAcr: '2' }), (_request, response) => void response.json({}))
  app.listen(Number(port), '127.0.0.1', () => console.log('ready'))
} else if (framework === 'fastify') {
  const app = Fastify()
  app.register(onFastify.sallyport(auth))
  app.get('/', async (request) => show(onFastify.sessionOf(request)))
  app.all('/orders', { onRequest: onFastify.requireSession(auth) }, async (request) => show(onFastify.sessionOf(request)))
  app.get('/vault', { onRequest: onFastify.requireSession(auth, { requireAcr: '2' }) }, async () => ({}))
  await app.listen({ port: Number(port), host: '127.0.0.1' })
  console.log('ready')
} else {
  const app = new Hono()
  app.use(onHono.sallyport(auth))
  app.get('/', (c) => c.json(show(onHono.sessionOf(c))))
  app.all('/orders', onHono.requireSession(auth), (c) => c.json(show(onHono.sessionOf(c))))
  app.get('/vault', onHono.requireSession(auth, { requireAcr: '2' }), (c) => c.json({}))
  createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = 'GET', headers, url = '/' } = request
    const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) }
    const answer = await app.fetch(new Request('http://' + headers.host + url, { method, headers: headers as Record<string, string>, ...body }))
    response.setHeader('set-cookie', answer.headers.getSetCookie())
    response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([name]) => name !== 'set-cookie')))
    response.end(await answer.text())
  }).listen(Number(port), '127.0.0.1', () => console.log('ready'))
}
process.stdin.resume().on('end', () => process.exit())
`

/** Only our own packages, against which nothing of other packages is checked. */
const alone = `import { createSallyport, SallyportError, ServiceUnavailableError, type Session } from '@sallyport/server'
import { createNext } from '@sallyport/server/next'
import { authRoutes, loadSession } from '@sallyport/server/react-router'
import { sallyport, type SallyportLocals } from '@sallyport/server/sveltekit'

const auth = createSallyport({ url: 'https://auth.example.com', projectId: 'p', appUrl: 'https://app.example.com' })
export const { auth: session, handlers, middleware } = createNext(auth)
export const { loader, action } = authRoutes(auth)
export const handle = sallyport(auth)
export const load = async ({ request }: { request: Request }): Promise<Session | null> => (await loadSession(auth, request)).session
export const locals: SallyportLocals = { session: null }
export const isDown = (error: unknown) => error instanceof ServiceUnavailableError && error instanceof SallyportError
// @ts-expect-error: the project is needed
export const wrong = () => createSallyport({ url: 'https://auth.example.com' })
`

t.before(async () => {
  const npm = (cwd: string, ...words: string[]) =>
    run('npm', [...words, '--ignore-scripts', '--offline', '--no-audit', '--loglevel=error'], { cwd })
  // Built by the test runner already; nothing is written where other tests read.
  for (const name of ['client', 'server'])
    await npm(join(packageRoot, 'openapi', name), 'pack', '--pack-destination', folder)
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }')
  await npm(folder, 'install', ...tarballs.map((name) => join(folder, name)))
  for (const name of ['@types', 'express', 'fastify', 'hono'])
    await symlink(join(packageRoot, 'node_modules', name), join(folder, 'node_modules', name))
  await writeFile(join(folder, 'main.ts'), program)
  await writeFile(join(folder, 'alone.ts'), alone)
})

t.test('what is installed is the built package, depends on the client alone, and is small', async (t) => {
  const installed = join(folder, 'node_modules/@sallyport/server')
  t.same((await readdir(installed)).sort(), ['LICENSE', 'README.md', 'dist', 'package.json'])
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  t.same(Object.keys(manifest.dependencies), ['@sallyport/client'])
  const files = (await readdir(join(installed, 'dist'))).filter((name) => name.endsWith('.js'))
  const sources = await Promise.all(files.map((name) => readFile(join(installed, 'dist', name))))
  const bytes = gzipSync(Buffer.concat(sources), { level: 9 }).length
  t.ok(bytes < 18 * 1024, `${bytes} bytes, with all frameworks`)
})

t.test('it compiles in a strict project beside the frameworks', async (t) => {
  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
  // The types of the frameworks are theirs to check.
  const words = ['main.ts', 'alone.ts', '--skipLibCheck', '--module', 'node16', '--types', 'node']
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--target', 'es2022']
  const { stdout } = await run(process.execPath, [tsc, ...strict, ...words], { cwd: folder }).catch((e) => e)
  t.equal(stdout, '')
})

const servicePort = await freePort()
const serviceUrl = `http://127.0.0.1:${servicePort}`
const provider = await startIssuer(t, [`${serviceUrl}/api/auth/login/social/acme/callback`])
const app = await startTestApp(t, {
  policy: { providers: { acme: provider.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) } },
  env: { PORT: String(servicePort), SOCIAL_SECRET_ACME: provider.clientSecret },
})
const password = 'a good long password'

/** Starts the application; `port` is where it listens, and the origin it takes for its own. */
async function startApplication(framework: string, port: number): Promise<ChildProcess> {
  const words = ['main.js', framework, String(port), app.url, app.projectId, app.projectSecret]
  const child = spawn(process.execPath, words, { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve)
    child.once('exit', () => reject(new Error(`The application on ${framework} did not start.`)))
  })
  return child
}

for (const framework of ['express', 'fastify', 'hono'])
  t.test(`on ${framework} a person signs up, stays signed in, and signs out`, async (t) => {
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    await startApplication(framework, port)
    const jar = openJar()
    const form = (
      path: string,
      fields: Record<string, string>,
      headers: Record<string, string> = { origin },
    ) => jar.send(origin + path, { method: 'POST', headers, body: new URLSearchParams(fields) })
    const see = async (headers: Record<string, string> = {}) =>
      (await jar.send(`${origin}/`, { headers })).json()

    t.match(await see(), { userId: null })
    const refused = await jar.send(`${origin}/orders`)
    t.equal(refused.status, 401)
    t.equal(refused.headers.get('www-authenticate'), 'Bearer')
    t.match(refused.headers.get('content-type'), 'application/problem+json')
    const sent = await jar.send(`${origin}/orders?page=2`, { headers: { accept: 'text/html' } })
    t.equal(sent.headers.get('location'), '/login?returnTo=%2Forders%3Fpage%3D2')

    const email = `${framework}@example.com`
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    t.equal((await form('/auth/sign-up', { email, password }, foreign)).status, 403, 'login CSRF is refused')
    const made = await form('/auth/sign-up', { email, password, display_name: 'Ada', returnTo: '/orders' })
    t.equal(made.status, 303)
    t.equal(made.headers.get('location'), '/orders')
    const lines = made.headers.getSetCookie().filter((line) => /_(access|refresh)=/.test(line))
    t.equal(lines.length, 2)
    for (const line of lines) t.match(line, /; Path=\/; HttpOnly; SameSite=Lax$/)
    const { userId, refreshes: before } = await see()
    t.match(userId, /^[\da-f-]{36}$/)

    const wrong = await form('/auth/sign-in', { email, password: 'wrong', returnTo: '//evil.example' })
    t.equal(wrong.headers.get('location'), '/login?error=invalid_credentials&returnTo=%2F')
    t.equal(
      (await jar.send(`${origin}/orders`, { method: 'POST', headers: foreign })).status,
      403,
      'a foreign page cannot use the cookie',
    )
    t.equal((await jar.send(`${origin}/orders`, { method: 'POST', headers: { origin } })).status, 200)
    const weak = await jar.send(`${origin}/vault`)
    t.equal(weak.status, 401)
    t.match(weak.headers.get('www-authenticate'), 'error="insufficient_user_authentication"')
    t.match(weak.headers.get('www-authenticate'), 'acr_values="2"')

    // A browser drops the cookie of an expired token; five requests at once have the refresh token alone.
    jar.delete('sallyport_app_access')
    const { cookie } = jar
    const many = await Promise.all(
      [1, 2, 3, 4, 5].map(() => fetch(`${origin}/orders`, { headers: { cookie } })),
    )
    t.same(
      many.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    )
    for (const answer of many) jar.keep(answer)
    t.match(await see(), { userId, refreshes: before + 1 }, 'one refresh, and nobody is signed out')

    const bearer = await app.api('POST', '/login', { body: { email, password } })
    const authorization = { authorization: `Bearer ${bearer.body.access_token}` }
    const byToken = await fetch(`${origin}/orders`, {
      method: 'POST',
      headers: { ...authorization, ...foreign },
    })
    t.equal(byToken.status, 200, 'a bearer token needs no origin')
    t.equal((await fetch(`${origin}/orders`, { headers: { authorization: 'Bearer a.b.c' } })).status, 401)

    const present = jar.cookie
    const over = await form('/auth/sign-out', {})
    t.equal(over.status, 303)
    t.match(await see(), { userId: null })
    t.equal(
      (await fetch(`${origin}/orders`, { headers: { cookie: present } })).status,
      200,
      'its token is valid until it expires',
    )
    const late = await fetch(`${origin}/`, {
      headers: { cookie: cookie.replace(/sallyport_app_access=[^;]*;? ?/, '') },
    })
    t.match(await late.json(), { userId: null }, 'the session has ended at the service')
  })

t.test('two processes with one expired token make one session out of it', async (t) => {
  const [one, other] = [await freePort(), await freePort()]
  await Promise.all([startApplication('hono', one), startApplication('fastify', other)])
  const jar = openJar()
  const origin = `http://127.0.0.1:${one}`
  const body = new URLSearchParams({ email: 'twice@example.com', password })
  t.equal(
    (await jar.send(`${origin}/auth/sign-up`, { method: 'POST', headers: { origin }, body })).status,
    303,
  )
  for (let round = 0; round < 3; round++) {
    jar.delete('sallyport_app_access')
    const { cookie } = jar
    const answers = await Promise.all(
      [one, other, one, other].map((port) =>
        fetch(`http://127.0.0.1:${port}/orders`, { headers: { cookie } }),
      ),
    )
    t.same(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    )
    const refresh = answers.map((answer) => openJar().keep(answer).get('sallyport_app_refresh'))
    t.equal(new Set(refresh).size, 1, 'both were given the same token')
    for (const answer of answers) jar.keep(answer)
  }
  t.same(await app.sql`select event from audit_events where event = 'refresh_reused'`, [])
})

t.test('through a provider: a proof key, one exchange for two callbacks, and the way back', async (t) => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  await app.setPolicy({
    providers: { acme: provider.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) },
    redirect_urls: [`${origin}/auth/callback`],
  })
  await startApplication('express', port)
  const subject = 'person-of-the-server-package'
  provider.people.set(subject, { email: `${subject}@example.com`, email_verified: true })
  const jar = openJar()
  const page = await jar.follow(`${origin}/auth/sign-in/acme?returnTo=/orders`, (url) =>
    url.includes('/interaction/'),
  )
  const callback = await jar.follow(page, (url) => url.startsWith(`${origin}/auth/callback`), {
    method: 'POST',
    body: new URLSearchParams({ subject }),
  })
  const { cookie } = jar
  const both = await Promise.all(
    [1, 2].map(() => fetch(callback, { headers: { cookie }, redirect: 'manual' })),
  )
  t.same(
    both.map(({ headers }) => headers.get('location')),
    ['/orders', '/orders'],
  )
  for (const answer of both) jar.keep(answer)
  t.equal((await jar.send(`${origin}/orders`)).status, 200)
  const again = await jar.send(callback)
  t.equal(again.headers.get('location'), '/', 'loading the callback again exchanges nothing')
  const stranger = await openJar().send(callback)
  t.equal(stranger.headers.get('location'), '/login?error=invalid_social_login&returnTo=%2F')
})

t.test('while the service is down, nobody is signed out', async (t) => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  await startApplication('express', port)
  const jar = openJar()
  const body = new URLSearchParams({ email: 'down@example.com', password })
  await jar.send(`${origin}/auth/sign-up`, { method: 'POST', headers: { origin }, body })
  t.equal((await jar.send(`${origin}/orders`)).status, 200)
  await app.close()
  t.equal((await jar.send(`${origin}/orders`)).status, 200, 'its keys are known')
  jar.delete('sallyport_app_access')
  const answer = await jar.send(`${origin}/orders`)
  t.equal(answer.status, 503)
  t.match(await answer.json(), { code: 'service_unavailable' })
  t.ok(answer.headers.get('retry-after'))
  t.same(answer.headers.getSetCookie(), [], 'the cookies stay')
  t.equal((await jar.send(`${origin}/auth/sign-out`, { method: 'POST', headers: { origin } })).status, 503)
})
