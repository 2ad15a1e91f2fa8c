// Debian's Chromium, driven by playwright-core; none installed is a word, not a failure.
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
]

/** The path of a Chromium: CHROMIUM_PATH, else where systems keep it; null where there is none. */
export function findChromium(): string | null {
  return [process.env.CHROMIUM_PATH ?? '', ...places].find((path) => path !== '' && existsSync(path)) ?? null
}

/** Starts it without any traffic of its own, on a profile that is thrown away. @param further arguments of its own */
export function launchChromium(executablePath: string, ...further: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...further,
    ],
  })
}

/** A person's browser, which knows nothing yet; it is closed when the test ends, and waits as long as a busy machine needs. */
export async function openContext(
  t: { teardown(work: () => unknown): void },
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(120_000)
  t.teardown(() => context.close())
  return context
}
