// Renders docs/proof.md from the results of a run; no figure is typed by hand.
import type { Results } from './results.ts'
import { type Row, sections } from './sections.ts'

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

function rowOf({ what, file, counts = [] }: Row, results: Results): string {
  const result = results.files[file]
  const verdict = !result ? 'no result' : result.skipped >= result.tests ? 'skipped here' : 'passed'
  const told = counts.flatMap((name) =>
    Object.entries(results.counts[name] ?? {}).map(([count, value]) => `${count} ${value}`),
  )
  const tests = result ? `${result.tests}${result.skipped > 0 ? ` (${result.skipped} skipped)` : ''}` : ''
  return row([
    what,
    verdict,
    tests,
    String(result?.assertions ?? ''),
    told.join(', '),
    `\`npm test -- ${file}\``,
  ])
}

/** @returns the text of docs/proof.md */
export function renderProof(results: Results): string {
  const { date, commit, machine, form, bench } = results
  return [
    '# Proof',
    '',
    '<!-- Written by `npm run proof` from docs/proof.json. Do not edit. -->',
    '',
    `Results of the fault, model, race, compatibility and conformance tests: ${date}, commit ${commit}, ${machine}, the ${form} run.`,
    '`npm run proof -- --quick` repeats them in minutes; `npm run proof -- --long` takes more random walks, and kills processes for ten',
    'minutes. Each row names the command that repeats it. A row without a result was not run, or failed and must be examined. The tests',
    'write the figures into [proof.json](proof.json). A test whose program is not installed is skipped.',
    '',
    ...sections.flatMap(({ title, text, rows }) => [
      `## ${title}`,
      '',
      text,
      '',
      row(['what', 'result', 'tests', 'assertions', 'counted', 'repeat']),
      row(['---', '---', '---', '---', '---', '---']),
      ...rows.map((one) => rowOf(one, results)),
      '',
    ]),
    '## Speed',
    '',
    `Measured: ${bench.measured} Of the goals ${bench.met} were met and ${bench.missed} missed. [RESULTS.md](../test/bench/RESULTS.md) has each figure`,
    'beside the limit of the same machine, and `npm run bench` repeats it. This command does not run the bench.',
    '',
  ].join('\n')
}
