// What other people's linters say of our documents, and prism of our answers: it checks each request and answer of the real
// service against the document. Installed by `npm ci --prefix test/clients` (.ci/run does).
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { freePort, startTestApp } from '../support/app.ts'
import { strangersBin, strangersFolder, strangersMissing } from '../support/strangers.ts'

const run = promisify(execFile)
const missing = strangersMissing()
const names = ['auth', 'nodeloom', 'credebl', 'nora']
const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }

if (missing) t.pass('no linters', { skip: missing })
else {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-lint-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const openapi = ['--import=tsx', 'src/cli/sallyport.ts', 'openapi', '--out', folder]
  await run(process.execPath, openapi, { cwd: packageRoot })
  const files = names.map((name) => join(folder, `${name}.json`))
  const lint = (command: string, words: string[]) =>
    run(strangersBin(command), words, { env, maxBuffer: 64 * 1024 * 1024 }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout, stderr }) => ({ code, stdout: stdout + stderr }),
    )

  t.test('redocly: no error and no warning in any document', async (t) => {
    const config = join(strangersFolder, 'redocly.yaml')
    const { code, stdout } = await lint('redocly', ['lint', ...files, '--config', config, '--format=json'])
    t.equal(code, 0)
    const totals = [...stdout.matchAll(/"(errors|warnings)": (\d+)/g)].map(([text]) => text)
    t.same([...new Set(totals)].sort(), ['"errors": 0', '"warnings": 0'], stdout.slice(0, 4000))
  })

  t.test('spectral: no error and no warning in any document', async (t) => {
    const rules = join(strangersFolder, 'spectral.yaml')
    const words = ['lint', ...files, '--ruleset', rules, '--fail-severity=warn', '--format=json']
    const { code, stdout } = await lint('spectral', words)
    t.equal(code, 0, stdout.slice(0, 4000))
  })

  /** Starts prism on a document. @returns its URL */
  async function prism(t: Test, words: readonly string[]): Promise<string> {
    const port = await freePort()
    const child: ChildProcess = spawn(strangersBin('prism'), [...words, '--errors', '--port', String(port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill())
    await new Promise<void>((resolve, reject) => {
      let heard = ''
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          heard += text
          if (heard.includes('Prism is listening')) resolve()
        })
      child.once('exit', () => reject(new Error(heard)))
    })
    return `http://127.0.0.1:${port}`
  }

  const credentials = { email: 'ada@example.com', password: 'correct horse battery' }

  /** Sends JSON and returns status and body; prism answers with a problem of its own where something breaks the document. */
  async function send(url: string, method: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    t.notMatch(text, 'stoplight.io/prism', `${method} ${url}: ${text.slice(0, 600)}`)
    return { status: response.status, body: text ? JSON.parse(text) : null, headers: response.headers }
  }

  t.test('prism in front of the service finds no request and no answer that breaks a document', async (t) => {
    const app = await startTestApp(t)
    const proxy = (name: string, base = '') =>
      prism(t, ['proxy', join(folder, `${name}.json`), `${app.url}${base}`])
    const [auth, nodeloom, credebl, nora] = await Promise.all([
      proxy('auth'),
      proxy('nodeloom', '/nodeloom'),
      proxy('credebl', '/credebl'),
      proxy('nora', '/nora'),
    ])
    const project = { 'project-id': app.projectId }
    const statuses: [string, number][] = []
    const step = async (...words: Parameters<typeof send>) => {
      const answer = await send(...words)
      statuses.push([`${words[1]} ${new URL(words[0]).pathname}`, answer.status])
      return answer
    }
    await step(`${auth}/api/auth/signup`, 'POST', credentials, project)
    const signedIn = await step(`${auth}/api/auth/login`, 'POST', credentials, project)
    const { refresh_token } = signedIn.body
    const refreshed = await step(`${auth}/api/auth/refresh`, 'POST', { refresh_token }, project)
    const bearer = { ...project, authorization: `Bearer ${refreshed.body.access_token}` }
    await step(`${auth}/api/auth/me`, 'GET', undefined, bearer)
    await step(`${auth}/api/auth/sessions`, 'GET', undefined, bearer)
    await step(`${auth}/api/auth/identities`, 'GET', undefined, bearer)
    await step(`${auth}/api/auth/profile`, 'PATCH', { display_name: 'Ada' }, bearer)
    const secret = { ...project, 'project-secret': app.projectSecret }
    await step(`${auth}/api/auth/introspect`, 'POST', { token: 'x' }, secret)
    await step(`${auth}/api/auth/login`, 'POST', { ...credentials, password: 'wrong' }, project)
    await step(`${auth}/.well-known/oauth-authorization-server`, 'GET')
    await step(`${auth}/api/auth/logout`, 'POST', undefined, bearer)

    const login = await step(`${nodeloom}/api/auth/login`, 'POST', credentials)
    const cookie = { cookie: (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '' }
    await step(`${nodeloom}/api/auth/refresh`, 'POST', undefined, cookie)
    await step(`${nodeloom}/api/auth/logout`, 'POST')

    const { body } = await step(`${credebl}/auth/signin`, 'POST', credentials)
    await step(`${credebl}/auth/refresh-token`, 'POST', { refreshToken: body.data.refresh_token })
    const holder = { authorization: `Bearer ${body.data.access_token}` }
    await step(`${credebl}/users/profile`, 'GET', undefined, holder)
    await step(`${credebl}/auth/signout`, 'POST', undefined, holder)

    const { token } = (await step(`${nora}/auth/login`, 'POST', credentials)).body
    await step(`${nora}/auth/me`, 'GET', undefined, { authorization: `Bearer ${token}` })
    t.same(
      statuses.filter(([, status]) => status >= 300),
      [['POST /api/auth/login', 401]],
    )
  })

  t.test('prism plays the service by a document alone: each example is what its schema says', async (t) => {
    const auth = await prism(t, ['mock', join(folder, 'auth.json')])
    t.equal((await send(`${auth}/api/auth/signup`, 'POST', credentials)).status, 201)
    const { body } = await send(`${auth}/api/auth/login`, 'POST', credentials)
    t.ok(body.access_token)
    // A request without a body, to an operation whose body is optional.
    t.equal((await send(`${auth}/api/auth/refresh`, 'POST')).status, 200)
    const authorization = `Bearer ${body.access_token}`
    t.equal((await send(`${auth}/api/auth/me`, 'GET', undefined, { authorization })).status, 200)
  })
}
