// A real Chromium where this machine has one.
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const places = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/** Opens the browser until the test ends; null where there is none, for a test to say that it is skipped. */
export async function openChromium(t: { teardown(work: () => unknown): void }): Promise<Browser | null> {
  const executablePath = places.find((place) => place && existsSync(place))
  if (!executablePath) return null
  const browser = await chromium.launch({
    executablePath,
    // The last five keep it from asking the world for news, which a closed network answers slowly.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  t.teardown(() => browser.close())
  return browser
}
