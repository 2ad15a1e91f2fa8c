// The results of a run of `npm run proof`, as docs/proof.json holds them.
import type { Counts } from '../support/proof.ts'

export interface FileResult {
  /** Tests with a title of their own, those of them that were skipped, and those that failed. */
  readonly tests: number
  readonly skipped: number
  readonly failed: number
  readonly assertions: number
}

export interface Results {
  readonly date: string
  readonly commit: string
  readonly machine: string
  readonly form: 'quick' | 'long'
  /** By the path of a test file. */
  readonly files: Record<string, FileResult>
  /** By the name of a `writeProof`. */
  readonly counts: Record<string, Counts>
  /** Of test/bench/RESULTS.md: when and where it was measured, and how many goals. */
  readonly bench: { readonly measured: string; readonly met: number; readonly missed: number }
}

/** Reads what tap wrote (TAP 14) about test files, by their paths. */
export function readTap(text: string): Record<string, FileResult> {
  const files: Record<string, { -readonly [name in keyof FileResult]: number }> = {}
  let current: (typeof files)[string] | undefined
  const announced = new Set<string>()
  for (const line of text.split('\n')) {
    const file = /^ {4}# Subtest: (test\/\S+)/.exec(line)?.[1]
    if (file) {
      current = { tests: 0, skipped: 0, failed: 0, assertions: 0 }
      files[file] = current
      announced.clear()
    }
    const title = /^ {8}# Subtest: (.*)/.exec(line)?.[1]
    if (title) announced.add(title)
    // A failure outside the tests with titles, as a file that took too long.
    if (current?.failed === 0 && /^ {4}not ok \d+ - test\//.test(line)) current.failed = 1
    const [, indent = '', verdict, words = ''] = /^( *)((?:not )?ok) \d+ - (.*)/.exec(line) ?? []
    if (!current || !verdict || indent.length < 8) continue
    const name = words.replace(/ # (?:time=\S+|SKIP.*)$/i, '').replace(/ # (?:time=\S+|SKIP.*)$/i, '')
    if (indent.length > 8 || !announced.has(name)) current.assertions++
    else {
      current.tests++
      if (verdict === 'not ok') current.failed++
    }
    if (/# SKIP/i.test(words)) current.skipped++
  }
  return files
}

/** Reads the head and the goals of test/bench/RESULTS.md. */
export function readBench(text: string): Results['bench'] {
  const cells = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  const verdicts = cells.map((row) => row[4])
  return {
    measured: text.split('\n').find((line) => /^\d{4}-/.test(line)) ?? '',
    met: verdicts.filter((verdict) => verdict === 'met').length,
    missed: verdicts.filter((verdict) => verdict === 'missed').length,
  }
}
