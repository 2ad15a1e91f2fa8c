// Time in the browser until the console's first view and the result of a search.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { findChromium, launchChromium } from '../../support/browser.ts'
import { newOperatorAccount, sparingFactors } from '../../support/operators.ts'
import type { Place } from '../crowd.ts'
import type { Running } from '../processes.ts'
import { type Figure, median, ms } from '../rounds.ts'

/** Milliseconds in the browser, from navigation to the first row. */
const goalMs = 1000

/**
 * Opens the console in Chromium as an operator and measures until rows are visible, including the time of the driver.
 * @returns no figure if Chromium is not installed
 */
export async function inConsole(
  { sql, projectId }: Place,
  { port }: Running,
  users: number,
): Promise<Figure[]> {
  const chromium = findChromium()
  if (!chromium) return []
  // Cheap password hashes: the measurement begins after the sign-in.
  const place = { sql, running: { awaitChanges: () => sleep(500, true) } }
  await sparingFactors(place)
  const { email, password } = await newOperatorAccount(place, [['owner', null]])
  const browser = await launchChromium(chromium)
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(60_000)
    const url = `http://127.0.0.1:${port}/console`
    await page.goto(url)
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in with password' }).click()
    await page.getByRole('button', { name: 'Not now' }).click()
    await page.getByRole('heading', { name: 'Projects' }).waitFor()
    const view = async (hash: string, seen: (page: Page) => Promise<void>) => {
      await page.goto('about:blank')
      const began = performance.now()
      await page.goto(`${url}#/${hash}`)
      await seen(page)
      return performance.now() - began
    }
    const row = (text: string) => (page: Page) =>
      page.locator('tbody tr', { hasText: text }).first().waitFor()
    const some = () => `user-${1 + Math.floor(Math.random() * users)}@example.com`
    const kinds: Record<string, () => Promise<number>> = {
      'the overview of a project': () =>
        view(`projects/${projectId}`, (page) =>
          page.getByRole('heading', { name: 'Bench' }).first().waitFor(),
        ),
      'the first view of its users': () => view(`projects/${projectId}/users`, row('@example.com')),
      'a search for an address': () => {
        const email = some()
        return view(`projects/${projectId}/users?q=${email}`, row(email))
      },
    }
    const figures: Figure[] = []
    const rounds = 10
    for (const [name, measure] of Object.entries(kinds)) {
      const times: number[] = []
      for (let nth = 0; nth <= rounds; nth++) times.push(await measure())
      // The first visit fills the browser's cache.
      const slowest = Math.max(...times.slice(1))
      figures.push({
        name: `in Chromium, ${name}, of ${users} users: slowest of ${rounds}`,
        goal: `≤ ${goalMs} ms`,
        measured: ms(slowest),
        detail: `median ${ms(median(times.slice(1)))}`,
        met: slowest <= goalMs,
      })
    }
    return figures
  } catch (error) {
    const [page] = browser.contexts().flatMap((context) => context.pages())
    const shown = await page?.locator('body').innerText()
    throw new Error(`The console shows:\n${shown}`, { cause: error })
  } finally {
    await browser.close()
  }
}
