// Serves the application of the React tests, bundled from the built packages, under a strict content security policy.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { packageRoot } from '../../src/package.ts'
import { freePort, startTestApp, type TestApp } from './app.ts'
import { openContext } from './browser.ts'
import { proveHolder } from './factors.ts'

const { resolve } = createRequire(join(packageRoot, 'package.json'))
const folder = join(packageRoot, 'test/fixtures/react')

/** The folders of React 19, under the names that the packages import. `react` itself is 18, which tap needs. */
export const react19 = {
  react: dirname(resolve('react-19/package.json')),
  'react-dom': dirname(resolve('react-dom-19/package.json')),
}

/** @param version the major version of React */
export async function bundleReactApp(version: 18 | 19): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'app.tsx')],
    absWorkingDir: packageRoot,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    tsconfigRaw: {},
    minify: version === 18,
    // The development build of 19 reports errors; 18 is the production build.
    define: { 'process.env.NODE_ENV': version === 18 ? '"production"' : '"development"' },
    logLevel: 'error',
    ...(version === 19 ? { alias: react19 } : {}),
  })
  return outputFiles[0]?.text ?? ''
}

interface Served {
  readonly app: TestApp
  readonly service: string
  readonly port: number
  readonly script: string
  readonly providers: string
}

/** Serves the application on a port of localhost, which must be in the project's `origins`. */
async function serve(
  t: { teardown(work: () => unknown): void },
  { app, service, port, script, providers }: Served,
): Promise<void> {
  const styles = await readFile(join(packageRoot, 'openapi/react/styles.css'), 'utf8')
  const sheet = styles + (await readFile(join(folder, 'page.css'), 'utf8'))
  const page = `<!doctype html>
<html data-service="${service}" data-project="${app.projectId}" data-providers="${providers}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Acme</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/app.css">
<div id="root"></div><script type="module" src="/app.js"></script></html>`
  const files: Record<string, readonly [string, string]> = {
    '/app.js': ['text/javascript', script],
    '/app.css': ['text/css', sheet],
  }
  const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob: ${service}; connect-src ${service}`
  const server = createServer((request, response) => {
    const [type, text] = files[request.url ?? ''] ?? ['text/html', page]
    response.setHeader('content-type', `${type}; charset=utf-8`)
    response.setHeader('content-security-policy', policy)
    response.end(text)
  })
  await new Promise<void>((done) => server.listen(port, 'localhost', done))
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
}

export const password = 'correct horse battery'

/** An application with the components and its service, both on localhost, so that cookies and passkeys work. */
export interface ReactApp {
  readonly app: TestApp
  readonly url: string
  /** Opens it in a new browser; any message in the console fails the test, except for refused requests. */
  open(t: Test, query?: string, options?: BrowserContextOptions): Promise<Page>
  /** Opens it in a given page, such as another tab. */
  visit(t: Test, page: Page, query?: string): Promise<Page>
  /** Sets the application's policy with some changes. */
  setPolicy(more: object): Promise<void>
  /** Creates an account with a proven address in a page that shows the form; returns the address. */
  signUp(page: Page): Promise<string>
}

export interface ReactAppOptions {
  readonly policy?: object
  readonly env?: Record<string, string>
  readonly ports?: { readonly page: number; readonly service: number }
  readonly version?: 18 | 19
  /** Separated by spaces. */
  readonly providers?: string
}

let people = 0

/** Starts the service and the application. */
export async function startReactApp(
  t: Test,
  browser: Browser,
  { policy, env, ports, version = 19, providers = '' }: ReactAppOptions = {},
): Promise<ReactApp> {
  const { page: port, service: servicePort } = ports ?? { page: await freePort(), service: await freePort() }
  const service = `http://localhost:${servicePort}`
  const url = `http://localhost:${port}`
  const own = {
    origins: [url],
    redirect_urls: [`${url}/`],
    verification: { resend_cooldown_seconds: 0 },
    email_sign_in: 'existing',
    sessions: { notify_new_device: false },
    ...policy,
  }
  const app = await startTestApp(t, {
    policy: own,
    env: { PORT: String(servicePort), PUBLIC_URL: service, ...env },
  })
  await serve(t, { app, service, port, script: await bundleReactApp(version), providers })

  async function visit(t: Test, page: Page, query = ''): Promise<Page> {
    page.setDefaultTimeout(20_000)
    page.on('pageerror', (error) => t.fail('the page throws', { error: String(error) }))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        t.fail('the console is quiet', { said: message.text() })
    })
    await page.goto(`${url}/${query}`)
    return page
  }

  return {
    app,
    url,
    visit,
    setPolicy: (more) => app.setPolicy({ ...own, ...more }),
    async open(t, query, options = {}) {
      const context = await openContext(t, browser, { reducedMotion: 'reduce', ...options })
      return visit(t, await context.newPage(), query)
    },
    async signUp(page) {
      const email = `react-${++people}@example.com`
      await page.getByLabel('Name').fill('Ada Lovelace')
      await typeCredentials(page, email, password, 'Create account')
      await shows(page, email)
      await proveHolder(app, email)
      return email
    },
  }
}

export const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true })

/** Waits until the page's header shows the signed-in user, or `signed_out`. */
export const shows = (page: Page, who: string) =>
  page.locator('output').getByText(who, { exact: true }).waitFor()

/** Types address and password, and submits. */
export async function typeCredentials(
  page: Page,
  email: string,
  typed = password,
  submit = 'Sign in',
): Promise<void> {
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(typed)
  await button(page, submit).click()
}

/** Signs out by the menu. */
export async function signOut(page: Page): Promise<void> {
  await button(page, /^Your account/).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await shows(page, 'signed_out')
}
