// Each template as a developer meets it: made by `npx . init`, installed, built, started, and signed in to in a real browser.
import { execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/package.ts'
import { freePort, startTestApp, testSecretKey } from '../support/app.ts'
import { findChromium, launchChromium, openContext } from '../support/browser.ts'
import { runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'

const run = promisify(execFile)
const templates = join(packageRoot, 'openapi/templates')
const jsonOf = (file: string) => JSON.parse(readFileSync(file, 'utf8'))

/** How each is started after its build, and where its frameworks are installed. */
const started: Record<string, { script: string; from: string }> = {
  express: { script: 'start', from: 'test/templates' },
  'vite-react': { script: 'preview', from: 'test/templates' },
  next: { script: 'start', from: 'test/templates/more' },
  sveltekit: { script: 'start', from: 'test/templates/more' },
}

const folder = await mkdtemp(join(tmpdir(), 'sallyport-templates-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const app = await startTestApp(t)
const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: app.dataDir, SECRET_KEY: testSecretKey }
const init = (...words: string[]) => runCommand(['init', ...words], env)

const path = findChromium()
const browser: Browser | null = path ? await launchChromium(path) : null
t.teardown(() => browser?.close())

t.test('every template is small, pinned, and tested in the versions that it names', async (t) => {
  t.same(readdirSync(templates).sort(), Object.keys(started).sort())
  for (const [name, { from }] of Object.entries(started)) {
    const { dependencies, devDependencies = {} } = jsonOf(join(templates, name, 'package.json'))
    const tested = jsonOf(join(packageRoot, from, 'package.json')).dependencies
    for (const [library, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (library.startsWith('@sallyport/')) continue
      t.match(version, /^\d+\.\d+\.\d+$/, `${name}: ${library}`)
      t.equal(version, tested[library], `${name}: ${library}`)
    }
    const sources = readdirSync(join(templates, name), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:[jt]sx?|svelte)$/.test(file) && statSync(join(templates, name, file)).isFile())
      .flatMap((file) => readFileSync(join(templates, name, file), 'utf8').split('\n'))
    const ours = sources.filter((line) => !/^ *\/\//.test(line) && /sallyport|\bauth\b|session/i.test(line))
    t.ok(ours.length > 3 && ours.length <= 15, `${name}: ${ours.length} lines name what is ours`)
    t.ok(readFileSync(join(templates, name, 'README.md'), 'utf8').split('\n').length <= 40)
  }
})

t.test('init refuses by name, and changes nothing then', async (t) => {
  const full = join(folder, 'full')
  await mkdir(full)
  await writeFile(join(full, 'mine.txt'), 'mine')
  const taken = await init(full, '--template', 'express')
  t.equal(taken.code, 1)
  t.match(taken.err, /full is not empty: it has mine\.txt/)
  t.same(await readdir(full), ['mine.txt'])
  const unknown = await init(join(folder, 'a'), '--template', 'angular')
  t.equal(unknown.code, 2)
  t.match(unknown.err, /--template must be one of next, vite-react, express, sveltekit/)
  t.match((await init(join(folder, 'My App'), '--template', 'next')).err, /cannot be the name of a package/)
  t.match((await init(join(full, 'mine.txt'), '--template', 'next')).err, /is not a folder/)
  t.match(
    (await init(join(folder, 'b'), '--template', 'next', '--url', 'x')).err,
    /--url must be a web address/,
  )
  t.match(
    (await init(join(folder, 'b'), '--template', 'next', '--app-url', 'http://localhost:3001/\nA=b')).err,
    /--app-url must be a web address/,
    'a line break would be a line of .env',
  )
  const none = '5e9f2e54-0000-4000-8000-00000000000f'
  t.equal((await init(join(folder, 'c'), '--template', 'next', '--project', none)).code, 1)
  t.same(await readdir(folder), ['full'])
})

t.test('without --project it prints the command that lets the project accept the application', async (t) => {
  const { code, out } = await init(join(folder, 'printed'), '--template', 'vite-react')
  t.equal(code, 0)
  const [, words = ''] = /npx \. (projects allow .*)/.exec(out) ?? []
  t.match(
    words,
    /^projects allow [\da-f-]{36} --origin http:\/\/localhost:5173 --redirect-url http:\/\/localhost:5173\/$/,
  )
  const id = words.split(' ')[2] ?? ''
  const policy = async () =>
    JSON.parse((await runCommand(['projects', 'policy', 'show', id, '--json'], env)).out)
  t.same((await policy()).origins, [])
  t.match(await readFile(join(folder, 'printed/.env'), 'utf8'), `VITE_SALLYPORT_PROJECT_ID=${id}`)
  for (const _ of [1, 2]) t.equal((await runCommand(words.split(' '), env)).code, 0)
  const more = ['projects', 'allow', id, '--origin', 'https://app.example.com']
  t.equal((await runCommand(more, env)).code, 0)
  const { origins, redirect_urls } = await policy()
  t.same(origins, ['http://localhost:5173', 'https://app.example.com'], 'added, and once')
  t.same(redirect_urls, ['http://localhost:5173/'])
  t.equal((await runCommand(['projects', 'allow', id], env)).code, 2)
  t.equal(
    (await runCommand(['projects', 'allow', id, '--origin', 'https://app.example.com/path'], env)).code,
    1,
  )
})

/** Makes, installs and builds an application. The frameworks come from their own installation, our packages from the template. */
async function make(name: string, origin: string): Promise<string> {
  const made = join(folder, name)
  const words = ['--template', name, '--project', app.projectId, '--url', app.url, '--app-url', origin]
  const { code, err } = await init(made, ...words)
  if (code !== 0) throw new Error(err)
  const installed = join(packageRoot, started[name]?.from ?? '', 'node_modules')
  await run('cp', ['-al', installed, made]).catch(() => run('cp', ['-r', installed, made]))
  const npm = (...all: string[]) => run('npm', all, { cwd: made })
  await npm('install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error')
  await npm('run', 'build')
  return made
}

/** Starts it, in a process group that ends with the test. */
async function start(
  t: { teardown(work: () => unknown): void },
  made: string,
  script: string,
  origin: string,
): Promise<void> {
  const child = spawn('npm', ['run', script], { cwd: made, detached: true, stdio: 'pipe' })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  t.teardown(async () => {
    const ended = new Promise((resolve) => child.once('close', resolve))
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    await ended
  })
  await eventually(`${script} answers: ${said}`, async () => (await fetch(origin)).ok, 60_000)
}

async function signUpOnOurPages(page: Page, email: string, password: string): Promise<void> {
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Sign up' }).click()
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
}

async function signUpInThePage(page: Page, email: string, password: string): Promise<void> {
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.locator('input[name=email]').fill(email)
  await page.locator('input[name=password]').fill(password)
  await page.locator('form button[type=submit]').click()
}

/** Why a template cannot be tried; empty where it can. */
function missing(name: string): string {
  const { from = '' } = started[name] ?? {}
  if (!existsSync(join(packageRoot, from, 'node_modules')))
    return `its frameworks are not installed: npm ci --prefix ${from}`
  if (!browser) return 'there is no Chromium here'
  const routes = readFileSync(join(packageRoot, 'openapi/routes.txt'), 'utf8')
  return name === 'vite-react' || / \/sign-in /.test(routes) ? '' : 'the service has no pages to sign in with'
}

for (const [name, { script }] of Object.entries(started))
  t.test(
    `${name}: made, installed, built, started, signed in and out`,
    { skip: missing(name) || false },
    async (t) => {
      const origin = `http://localhost:${await freePort()}`
      const made = await make(name, origin)
      await start(t, made, script, origin)
      const context = await openContext(t, browser as Browser)
      const page = await context.newPage()
      const problems: string[] = []
      page.on('pageerror', (error) => problems.push(error.message))
      await page.goto(origin)
      const email = `${name}@example.com`
      const password = 'a good long password'
      await (name === 'vite-react' ? signUpInThePage : signUpOnOurPages)(page, email, password)
      await page.getByText(`Signed in as ${email}`).waitFor()
      await page.reload()
      await page.getByText(`Signed in as ${email}`).waitFor()
      t.notMatch(await page.evaluate(() => document.cookie), 'sallyport', 'no script reads the session')
      if (name !== 'vite-react') {
        // As after the life of a token: the page is rendered with a new one, and the browser keeps it.
        const [access] = (await context.cookies()).filter(({ name }) => name === 'sallyport_app_access')
        await context.clearCookies({ name: 'sallyport_app_access' })
        await page.reload()
        await page.getByText(`Signed in as ${email}`).waitFor()
        const [renewed] = (await context.cookies()).filter(({ name }) => name === 'sallyport_app_access')
        t.ok(access?.value && renewed?.value && renewed.value !== access.value)
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.getByRole('link', { name: 'Sign in' }).waitFor()
        t.same(
          (await context.cookies()).filter(({ name }) => name.startsWith('sallyport_app')),
          [],
        )
        const sessions = await app.sql`select 1 from sessions join users on users.id = sessions.user_id
        where email = ${email} and client = 'canonical' and revoked_at is null`
        t.ok(sessions.length <= 1, 'the session of the application has ended')
        await page.goto(`${origin}/account`)
        t.not(page.url(), `${origin}/account`, 'the page is for signed-in users')
      }
      t.same(problems, [])
    },
  )
