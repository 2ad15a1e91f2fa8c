// Waits for what a test is promised, and no longer.

/** Asks every 50 ms until `check` gives something true, and returns that; after `ms` it throws what `check` said last. */
export async function eventually<T>(what: string, check: () => Promise<T>, ms = 30_000): Promise<T> {
  const until = Date.now() + ms
  for (let said: unknown; ; ) {
    try {
      const answer = await check()
      if (answer) return answer
      said = answer
    } catch (error) {
      said = error
    }
    if (Date.now() > until)
      throw new Error(`Not within ${ms} ms: ${what}. Last: ${said instanceof Error ? said.message : said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
