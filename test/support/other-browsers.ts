// Debian's Firefox and WebKit, driven by WebDriver BiDi and WebDriver. Where a browser or its driver is not installed, its tests
// are skipped.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'
import { freePort } from './app.ts'
import { eventually } from './eventually.ts'
import { installed, listens } from './external-servers.ts'

/** A page. Elements are selected by CSS; functions wait until they are visible. */
export interface OtherPage {
  goto(url: string): Promise<void>
  /** Goes back in the history. */
  back(): Promise<void>
  url(): Promise<string>
  waitFor(selector: string): Promise<void>
  /** Types into an empty field. */
  fill(selector: string, text: string): Promise<void>
  click(selector: string): Promise<void>
  /** The value of an expression in the page. */
  evaluate<T>(expression: string): Promise<T>
  resize(width: number, height: number): Promise<void>
  /** A screenshot as PNG. */
  screenshot(): Promise<Buffer>
}

export interface OtherBrowser {
  readonly version: string
  readonly page: OtherPage
  close(): Promise<void>
}

export interface OtherBrowserKind {
  readonly name: 'Firefox' | 'WebKit'
  /** Missing programs; empty: the browser can be launched. */
  readonly missing: readonly string[]
  /** Starts it on a temporary profile, with one page. */
  launch(): Promise<OtherBrowser>
}

const patience = 60_000

// Types of the used part of the packages, which are installed separately from those of the service.
interface PuppeteerPage {
  goto(url: string): Promise<unknown>
  goBack(): Promise<unknown>
  url(): string
  waitForSelector(selector: string, options: { visible: true }): Promise<unknown>
  locator(selector: string): { fill(text: string): Promise<void>; click(): Promise<void> }
  evaluate<T>(expression: string): Promise<T>
  setViewport(size: { width: number; height: number }): Promise<void>
  setDefaultTimeout(ms: number): void
  screenshot(): Promise<Uint8Array>
}
interface Puppeteer {
  launch(options: object): Promise<{
    version(): Promise<string>
    pages(): Promise<PuppeteerPage[]>
    close(): Promise<void>
  }>
}
interface Element {
  sendKeys(text: string): Promise<void>
  clear(): Promise<void>
  click(): Promise<void>
}
interface Driver {
  get(url: string): Promise<void>
  navigate(): { back(): Promise<void> }
  getCurrentUrl(): Promise<string>
  getCapabilities(): Promise<{ get(name: string): unknown }>
  findElement(by: unknown): Element
  wait<T>(condition: unknown, ms: number): T
  executeScript<T>(script: string): Promise<T>
  manage(): { window(): { setRect(size: { width: number; height: number }): Promise<void> } }
  takeScreenshot(): Promise<string>
  quit(): Promise<void>
}
interface Selenium {
  Builder: new () => {
    usingServer(url: string): { withCapabilities(capabilities: object): { build(): Promise<Driver> } }
  }
  By: { css(selector: string): unknown }
  until: { elementLocated(by: unknown): unknown; elementIsVisible(element: unknown): unknown }
}

const clients = createRequire(join(packageRoot, 'test/clients/package.json'))
/** The path of a package of test/clients; null if it is not installed. */
function resolved(name: string): string | null {
  try {
    return clients.resolve(name)
  } catch {
    return null
  }
}

const missingOf = (programs: readonly string[], library: string) => [
  ...programs.filter((program) => !installed(program)),
  ...(resolved(library) ? [] : [`${library} (npm ci --prefix test/clients)`]),
]

/** The environment of a browser with a temporary HOME for its caches and settings. */
async function makeHome() {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-browser-'))
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('XDG_'))
  return {
    // Mesa and dconf would write to the user's real home.
    env: {
      ...Object.fromEntries(own),
      HOME: folder,
      TMPDIR: folder,
      XDG_CACHE_HOME: join(folder, 'cache'),
      GSETTINGS_BACKEND: 'memory',
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}

const firefox: OtherBrowserKind = {
  name: 'Firefox',
  missing: missingOf(['firefox-esr'], 'puppeteer-core'),
  async launch() {
    const { default: puppeteer } = (await import(resolved('puppeteer-core') ?? '')) as { default: Puppeteer }
    const home = await makeHome()
    const browser = await puppeteer.launch({
      browser: 'firefox',
      env: home.env,
      executablePath: installed('firefox-esr'),
      headless: true,
    })
    const [page] = await browser.pages()
    if (!page) throw new Error('Firefox opened no page.')
    page.setDefaultTimeout(patience)
    return {
      version: await browser.version(),
      page: {
        goto: async (url) => void (await page.goto(url)),
        back: async () => void (await page.goBack()),
        url: async () => page.url(),
        waitFor: async (selector) => void (await page.waitForSelector(selector, { visible: true })),
        fill: (selector, text) => page.locator(selector).fill(text),
        click: (selector) => page.locator(selector).click(),
        evaluate: (expression) => page.evaluate(expression),
        resize: (width, height) => page.setViewport({ width, height }),
        screenshot: async () => Buffer.from(await page.screenshot()),
      },
      async close() {
        await browser.close()
        await home.remove()
      },
    }
  },
}

/** The path of WebKitGTK's MiniBrowser; null if it is not installed. */
function findMiniBrowser(): string | null {
  if (!existsSync('/usr/lib')) return null
  const machines = readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu'))
  const folders = machines.flatMap((name) =>
    ['webkit2gtk-4.1', 'webkit2gtk-4.0'].map((api) => join('/usr/lib', name, api)),
  )
  return folders.map((folder) => join(folder, 'MiniBrowser')).find((path) => existsSync(path)) ?? null
}

const webkit: OtherBrowserKind = {
  name: 'WebKit',
  missing: missingOf(['WebKitWebDriver', 'Xvfb'], 'selenium-webdriver'),
  async launch() {
    const { Builder, By, until } = (await import(resolved('selenium-webdriver') ?? '')) as Selenium
    const home = await makeHome()
    const children: ChildProcess[] = []
    const endAll = async () => {
      for (const child of children.reverse()) {
        const gone = once(child, 'exit')
        if (child.kill()) await gone
      }
      await home.remove()
    }
    try {
      // WebKitGTK has no headless mode, so it gets a virtual screen. Xvfb writes the number of the display that it chose.
      const screen = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1400x1100x24', '-nolisten', 'tcp'], {
        env: home.env,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      children.push(screen)
      const [number] = (await once(screen.stdout, 'data')) as [Buffer]
      const port = await freePort()
      children.push(
        spawn('WebKitWebDriver', [`--port=${port}`], {
          env: { ...home.env, DISPLAY: `:${number.toString().trim()}` },
          stdio: 'ignore',
        }),
      )
      await eventually('the driver of WebKit', () => listens(port))
      const driver = await new Builder()
        .usingServer(`http://127.0.0.1:${port}`)
        .withCapabilities({
          browserName: 'MiniBrowser',
          'webkitgtk:browserOptions': { binary: findMiniBrowser(), args: ['--automation'] },
        })
        .build()
      /** Acts on an element when it is visible, and again if the page was replaced meanwhile. */
      async function withShown(selector: string, act: (element: Element) => Promise<void>): Promise<void> {
        for (const end = Date.now() + patience; ; ) {
          try {
            const element = await driver.wait<Promise<Element>>(
              until.elementLocated(By.css(selector)),
              patience,
            )
            await driver.wait(until.elementIsVisible(element), patience)
            return await act(element)
          } catch (error) {
            if (!/was not found|stale/i.test((error as Error).message) || Date.now() > end) throw error
          }
        }
      }
      return {
        version: `WebKitGTK ${(await driver.getCapabilities()).get('browserVersion')}`,
        page: {
          goto: (url) => driver.get(url),
          back: () => driver.navigate().back(),
          url: () => driver.getCurrentUrl(),
          waitFor: (selector) => withShown(selector, async () => {}),
          fill: (selector, text) =>
            withShown(selector, async (field) => {
              await field.clear()
              await field.sendKeys(text)
            }),
          click: (selector) => withShown(selector, (element) => element.click()),
          evaluate: (expression) => driver.executeScript(`return (${expression})`),
          resize: (width, height) => driver.manage().window().setRect({ width, height }),
          screenshot: async () => Buffer.from(await driver.takeScreenshot(), 'base64'),
        },
        async close() {
          await driver.quit()
          await endAll()
        },
      }
    } catch (error) {
      await endAll()
      throw error
    }
  },
}

export const otherBrowsers: readonly OtherBrowserKind[] = [firefox, webkit]
