// What a check of `npx . doctor` says: a verdict, and a sentence that tells what to do where something is to be done.

export type Verdict = 'good' | 'warning' | 'bad'

export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string
  readonly verdict: Verdict
  readonly says: string
}

export type Check = () => Promise<Finding | readonly Finding[]>

export const good = (check: string, says: string): Finding => ({ check, verdict: 'good', says })
export const warning = (check: string, says: string): Finding => ({ check, verdict: 'warning', says })
export const bad = (check: string, says: string): Finding => ({ check, verdict: 'bad', says })

/** What went wrong, without the text of a statement or a URL with its password. */
export function reasonOf(error: unknown): string {
  let at = error instanceof Error ? error : new Error(String(error))
  while (at.cause instanceof Error) at = at.cause
  const { code } = at as { code?: unknown }
  return (at.message || String(code ?? at.name)).replace(/\.$/, '')
}

/** Runs a check for at most `ms`: what fails or hangs is a finding as well. */
export async function within(ms: number, name: string, check: Check): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<Finding>((resolve) => {
    timer = setTimeout(resolve, ms, bad(name, `No answer within ${ms / 1000} s. Is it reachable from here?`))
  })
  try {
    const found = await Promise.race([check(), tooLate])
    return Array.isArray(found) ? found : [found as Finding]
  } catch (error) {
    return [bad(name, `The check failed: ${reasonOf(error)}.`)]
  } finally {
    clearTimeout(timer)
  }
}
