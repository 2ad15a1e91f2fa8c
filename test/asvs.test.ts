// The table of OWASP ASVS 5.0.0 in docs/: a row for each requirement of levels 1 and 2, and every test that it cites exists.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/package.ts'

const document = readFileSync(join(packageRoot, 'docs/asvs.md'), 'utf8')

/** The levels of the requirements of each section, in order, as the standard has them; those of level 3 have no row. */
const levels = {
  '6.1': '122',
  '6.2': '111111112222',
  '6.3': '11223333',
  '6.4': '112233',
  '6.5': '22222333',
  '6.6': '2223',
  '6.7': '33',
  '6.8': '2222',
  '7.1': '222',
  '7.2': '1111',
  '7.3': '22',
  '7.4': '11222',
  '7.5': '223',
  '7.6': '22',
  '8.1': '1233',
  '8.2': '1123',
  '8.3': '133',
  '8.4': '23',
  '9.1': '111',
  '9.2': '1222',
  '10.1': '22',
  '10.2': '223',
  '10.3': '22223',
  '10.4': '1111122222233333',
  '10.5': '22222',
  '10.6': '22',
  '10.7': '222',
  '14.1': '22',
  '14.2': '12223333',
  '14.3': '122',
  '16.1': '2',
  '16.2': '22222',
  '16.3': '2222',
  '16.4': '222',
  '16.5': '2223',
}
const required = Object.entries(levels).flatMap(([section, all]) =>
  [...all].map((level, index) => [`${section}.${index + 1}`, level]).filter(([, level]) => level !== '3'),
)

const rows = [...document.matchAll(/^\| (\d+\.\d+\.\d+) \| (\d) \| (.*) \| ?(.*) ?\|$/gm)].map(
  ([, id = '', level = '', what = '', shown = '']) => ({ id, level, what, shown: shown.trim() }),
)

/** Files of tests, each with a part of a title. */
const cited = (shown: string) => [...shown.matchAll(/`(test\/[^`]+)` “([^”]+)”/g)].map(([, ...both]) => both)

const item = '(?:`test/[^`]+` “[^”]+”|\\[[^\\]]+\\]\\([^)]+\\)|no test)'
const list = new RegExp(`^${item}(?:[;,] ${item})*$`)

/** What is wrong with a row. */
function problems({ what, shown }: { readonly what: string; readonly shown: string }): string[] {
  if (/^(?:Not met|Does not apply): ./.test(what))
    return shown === '' ? [] : ['shown, though it is not there']
  const found: string[] = []
  for (const [file = '', title = ''] of cited(shown)) {
    const path = join(packageRoot, file)
    if (!existsSync(path)) found.push(`no file ${file}`)
    else if (!readFileSync(path, 'utf8').includes(title)) found.push(`no test “${title}” in ${file}`)
  }
  if (!list.test(shown)) found.push(`cannot read: ${shown}`)
  return found
}

t.test('every requirement of levels 1 and 2 has one row, under its level', async (t) => {
  t.same(
    rows.map(({ id, level }) => [id, level]),
    required,
  )
})

t.test('every test that a row cites exists', async (t) => {
  for (const row of rows) t.same(problems(row), [], row.id)
  t.ok(rows.flatMap(({ shown }) => cited(shown)).length > 100)
})

t.test('the check sees what is wrong', async (t) => {
  const row = (shown: string, what = 'It is done.') => problems({ what, shown })
  t.same(row('`test/asvs.test.ts` “every test that a row cites”; no test, [a document](security.md)'), [])
  t.same(row('`test/nothing.test.ts` “every”'), ['no file test/nothing.test.ts'])
  t.same(row(`\`test/asvs.test.ts\` “a title ${'of'} nothing”`), [
    `no test “a title ${'of'} nothing” in test/asvs.test.ts`,
  ])
  t.same(row('`test/asvs.test.ts`'), ['cannot read: `test/asvs.test.ts`'])
  t.same(row(''), ['cannot read: '])
  t.same(row('', 'Not met: all of it.'), [])
  t.same(row('no test', 'Not met: all of it.'), ['shown, though it is not there'])
})
