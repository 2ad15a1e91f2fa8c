// docs/proof.md says what was run and nothing else: it is rendered from the results of a run, and each row can be repeated.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/package.ts'
import { renderProof } from './proof/render.ts'
import { type Results, readBench, readTap } from './proof/results.ts'
import { sections } from './proof/sections.ts'

const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8')
const results: Results = JSON.parse(read('docs/proof.json'))
const rows = sections.flatMap((section) => section.rows)

t.test('the page is what the results say', async (t) => {
  t.equal(read('docs/proof.md'), renderProof(results), 'npm run proof -- --render')
})

t.test(
  'every row is a test that exists, no result failed, and what a row counts was written by its test',
  async (t) => {
    for (const { file, counts = [] } of rows) {
      t.ok(existsSync(join(packageRoot, file)), file)
      t.equal(results.files[file]?.failed ?? 0, 0, `${file} did not fail`)
      for (const name of counts) t.match(read(file), `'${name}'`, `${file} writes ${name}`)
    }
    const known = new Set(rows.map(({ file }) => file))
    t.same(
      Object.keys(results.files).filter((file) => !known.has(file)),
      [],
      'no result without a row',
    )
    const counted = new Set(rows.flatMap(({ counts = [] }) => counts))
    t.same(
      Object.keys(results.counts).filter((name) => !counted.has(name)),
      [],
      'no count without a row',
    )
  },
)

t.test('every figure of the page is in its source', async (t) => {
  const source = JSON.stringify(results)
  const tables = read('docs/proof.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('npm test -- '))
  t.equal(tables.length, rows.length)
  for (const line of tables) {
    const cells = line.split('|').slice(2, -2).join(' ')
    for (const [figure] of cells.matchAll(/\d+/g)) t.ok(source.includes(figure), `${figure} of ${line}`)
  }
})

t.test('what tap says is read: tests, assertions, failures, skips', async (t) => {
  const tap = `# Subtest: dist/test/group-0.mjs
    # Subtest: test/a.test.ts
        ok 1 - set up
        # Subtest: one
            ok 1 - x
            not ok 2 - y
        not ok 2 - one # time=3.2ms
        # Subtest: two
            ok 1 - not here # SKIP because
            1..1
        ok 3 - two # time=1ms
    not ok 1 - test/a.test.ts # time=5ms
not ok 1 - dist/test/group-0.mjs # time=9ms`
  t.same(readTap(tap), { 'test/a.test.ts': { tests: 2, skipped: 1, failed: 1, assertions: 4 } })
  const bench =
    '# The last full run\n\n2026-11-21, 2 cores\n\n| a | ≥ 1 | 2 | met | |\n| b | ≥ 1 | 0 | missed | |\n'
  t.same(readBench(bench), { measured: '2026-11-21, 2 cores', met: 1, missed: 1 })
})
