// Debian's Chromium, driven by playwright-core. Where it is not installed, tests are skipped.
//
// Its headless shell is the same engine without a window: a new page takes 50 ms of the processor instead of 350.
import { existsSync } from 'node:fs'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'

const places = [
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
]

/** The path of a Chromium: CHROMIUM_PATH, else the usual paths; null if there is none. */
export function findChromium(): string | null {
  return [process.env.CHROMIUM_PATH ?? '', ...places].find((path) => path !== '' && existsSync(path)) ?? null
}

/** Starts Chromium without background traffic, on a temporary profile. @param further command line arguments */
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

/** A new browser context, closed when the test ends, with time limits for a busy machine. */
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

/** Waits until an image has been loaded. @returns whether there is a picture in it */
export const hasPicture = (image: Locator): Promise<boolean> =>
  image.evaluate(async (element: HTMLImageElement) => {
    await element.decode()
    return element.naturalWidth > 0
  })

/** Adds a virtual authenticator to a page, one that says yes. @param options over those of a platform's own */
export async function addAuthenticator(page: Page, options: object = {}) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...options,
    },
  })
  return { cdp, authenticatorId }
}
