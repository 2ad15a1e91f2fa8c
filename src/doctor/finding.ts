// The result of a check of `npx . doctor`: a verdict, and a sentence that says what to do where something is wrong.
import { innermostCause } from '../repositories/availability.ts'

export type Verdict = 'good' | 'warning' | 'bad'

export interface Finding {
  /** What was checked, in a word or two. */
  readonly check: string
  readonly verdict: Verdict
  readonly says: string
}

/** @returns a template tag for each verdict, which makes a finding on `check` of a sentence */
export function findingsOn(check: string) {
  const tag =
    (verdict: Verdict) =>
    (words: TemplateStringsArray, ...values: readonly unknown[]): Finding => ({
      check,
      verdict,
      says: String.raw({ raw: words }, ...values),
    })
  return { good: tag('good'), warning: tag('warning'), bad: tag('bad') }
}

/** The innermost cause of a failure, without a stack. It holds neither a statement nor a URL, so no password. */
export function reasonOf(error: unknown): string {
  const cause = innermostCause(error)
  const { code } = cause as { code?: unknown }
  return (cause.message || String(code ?? cause.name)).replace(/\.$/, '')
}

/** Runs a check for at most `ms` milliseconds. A check that throws or does not end is a finding as well. */
export async function within(
  ms: number,
  name: string,
  check: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  const { bad } = findingsOn(name)
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<Finding>((resolve) => {
    timer = setTimeout(resolve, ms, bad`No answer within ${ms / 1000} s. Is it reachable from here?`)
  })
  try {
    return [await Promise.race([check(), tooLate])].flat()
  } catch (error) {
    return [bad`The check failed: ${reasonOf(error)}.`]
  } finally {
    clearTimeout(timer)
  }
}
