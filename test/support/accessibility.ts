// Checks pages with axe-core and for horizontal overflow, in every language, size and colour scheme.
import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'

/** Violations that axe-core finds, with rule and elements. The page's policy must allow the test's scripts (`bypassCSP`). */
export async function violationsOf(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<AxeResults>(
    `${axe.source}; axe.run({ resultTypes: ['violations'] })`,
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id} ${html}`))
}

/** Fails for violations that axe-core finds, and for elements that are wider than the page. */
export async function checkAccessible(t: Test, page: Page, name: string): Promise<void> {
  t.same(await violationsOf(page), [], name)
  const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
  t.equal(isWide, false, `${name}: nothing is wider than the page`)
}

/** Functions that bring a page into a state, by name of the state; each gets the page's language. */
export type States = Readonly<Record<string, (locale: string) => Promise<unknown>>>

/** Checks every state in two combinations of light and dark, English and Arabic, phone and desktop, so that each occurs. */
export async function checkInEveryLook(t: Test, page: Page, states: States): Promise<void> {
  for (const [colorScheme, locale, width] of [
    ['light', 'en', 390],
    ['dark', 'ar', 1280],
    ['dark', 'en', 1280],
    ['light', 'ar', 390],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 844 })
    for (const [name, reach] of Object.entries(states)) {
      await reach(locale)
      await checkAccessible(t, page, `${name}: ${colorScheme} ${locale} ${width}`)
    }
  }
}
