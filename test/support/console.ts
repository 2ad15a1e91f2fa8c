// The operators' console in Chromium, with a virtual authenticator; errors of the browser are collected.
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import type { TestApp } from './app.ts'
import { addAuthenticator, openContext } from './browser.ts'

/** Markup that must have no effect wherever it is shown. */
export const hostile = '</script><img src=x onerror="globalThis.pwned=1"><svg/onload=pwned=1>'

export interface ConsoleVisit {
  readonly page: Page
  readonly context: BrowserContext
  readonly cdp: CDPSession
  /** Violations of the content security policy, errors of scripts, and requests to other origins. */
  readonly complaints: string[]
  /** Goes to a view. @param path such as `projects` */
  visit(path: string): Promise<void>
  /** Waits for the heading of a view or dialog. */
  heading(name: string | RegExp): Promise<void>
  press(name: string | RegExp): Promise<void>
  /** Waits for a note. */
  said(text: string | RegExp): Promise<void>
  /** Takes a screenshot if SCREENSHOTS names a folder. */
  picture(name: string): Promise<void>
}

interface Test {
  teardown(work: () => unknown): void
}

export interface Screen {
  readonly width?: number
  readonly dark?: boolean
  readonly locale?: string
}

/** Passkeys need a host name instead of an IP address. */
export const localUrl = ({ url }: TestApp): string => url.replace('127.0.0.1', 'localhost')

/** Opens a new browser at `/console`. */
export async function openConsole(
  t: Test,
  browser: Browser,
  app: TestApp,
  { width = 1280, dark = false, locale = 'en-GB' }: Screen = {},
): Promise<ConsoleVisit> {
  const context = await openContext(t, browser, {
    viewport: { width, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    locale,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(150_000)
  const complaints = complaintsOf(page, localUrl(app))
  const { cdp } = await addAuthenticator(page)
  await page.goto(`${localUrl(app)}/console`)
  return {
    page,
    context,
    cdp,
    complaints,
    visit: async (path) => void (await page.goto(`${localUrl(app)}/console#/${path}`)),
    heading: (name) => page.getByRole('heading', { name }).last().waitFor(),
    press: (name) => page.getByRole('button', { name }).last().click(),
    said: (text) => page.locator('.toast', { hasText: text }).last().waitFor(),
    async picture(name) {
      const folder = process.env.SCREENSHOTS
      if (folder) await page.screenshot({ path: `${folder}/${name}.png` })
    },
  }
}

function complaintsOf(page: Page, origin: string): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    // Chromium also reports each refused request in its console.
    if (['error', 'warning'].includes(message.type()) && !/status of 4\d\d/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => {
    complaints.push(dialog.message())
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    const { origin: asked, protocol } = new URL(request.url())
    if (asked !== origin && protocol !== 'data:') complaints.push(`asked ${request.url()}`)
  })
  return complaints
}
