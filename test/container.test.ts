// The container definition: what its linter says, that it copies what there is, and that it runs what `npm start` runs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ValidationSeverity, validate } from 'dockerfile-utils'
import t from 'tap'
import { packageRoot } from '../src/package.ts'

const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8')
const dockerfile = read('Dockerfile')
/** The arguments of an instruction, each time that it stands there. */
const all = (instruction: string) =>
  [...dockerfile.matchAll(new RegExp(`^${instruction} (.*(?:\\\\\\n.*)*)`, 'gm'))].map(
    ([, words]) => words ?? '',
  )

t.test('Docker’s own linter has nothing to say', async (t) => {
  const settings = { instructionWorkdirRelative: ValidationSeverity.ERROR }
  t.same(validate(dockerfile, settings), [])
  t.not(validate(dockerfile.replace('WORKDIR /app', 'WORKDR /app'), settings).length, 0, 'though it can')
})

t.test('whatever is copied from the folder is there, and let through', async (t) => {
  const copied = all('COPY')
    .filter((words) => !words.startsWith('--from='))
    .flatMap((words) => words.split(' ').slice(0, -1))
  t.ok(copied.length >= 10)
  t.same(
    copied.filter((path) => !existsSync(join(packageRoot, path))),
    [],
  )
  const through = read('.dockerignore').match(/(?<=^!).*/gm) ?? []
  t.same(
    copied.filter((path) => !through.some((name) => path === name || path.startsWith(`${name}/`))),
    [],
  )
})

t.test('it runs what npm start runs, as nobody in particular', async (t) => {
  const { scripts, engines } = JSON.parse(read('package.json'))
  t.same(JSON.parse(all('CMD').at(-1) ?? ''), scripts.start.split(' '))
  t.same(all('USER'), ['node'])
  const versions = all('FROM').map((words) => Number(/^node:(\d+)-/.exec(words)?.[1]))
  t.equal(new Set(versions).size, 1, 'one version of Node')
  const images = new Set(all('FROM').map((words) => words.replace(/ AS \w+$/, '')))
  t.match([...images], [/^node:24-bookworm-slim@sha256:[0-9a-f]{64}$/], 'one image, which cannot change')
  const oldest = Number(/^>=(\d+)\./.exec(engines.node)?.[1])
  t.ok((versions[0] ?? 0) >= oldest, `at least version ${oldest} of Node`)
})
