// What axe-core and a ruler find wrong with a page, in every look that people may have of it.
import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'

/** What axe-core finds wrong, as its rules and the elements. The page's policy must admit scripts of the test (`bypassCSP`). */
export async function violationsOf(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<AxeResults>(
    `${axe.source}; axe.run({ resultTypes: ['violations'] })`,
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id} ${html}`))
}

/** Fails for what axe-core finds, and for what is wider than the page. */
export async function checkAccessible(t: Test, page: Page, name: string): Promise<void> {
  t.same(await violationsOf(page), [], name)
  const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
  t.equal(isWide, false, `${name}: nothing is wider than the page`)
}

/** Ways to the states of pages, by their names; each gets the language that it should be in. */
export type States = Readonly<Record<string, (locale: string) => Promise<unknown>>>

/** Checks every state by day and night, in English and Arabic, on a phone and a desk: each of them in two combinations. */
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
