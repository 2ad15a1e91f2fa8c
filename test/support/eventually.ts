// Waits for a condition.

/** Calls `check` every 50 ms until its result is truthy. @returns that result @throws Error with the last result after `ms` */
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
