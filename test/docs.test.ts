// The documents as a reader uses them: every shell block of each is pasted into one shell, in order, beside a running
// service; and every link leads to a file, every anchor to a heading.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/package.ts'
import { startService, temporaryDataDir } from './support/service.ts'

const documents = [
  'README.md',
  'CHANGELOG.md',
  'openapi/client/README.md',
  'openapi/testing/README.md',
  'openapi/react/README.md',
  'openapi/react-native/README.md',
  'openapi/server/README.md',
  ...readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const textOf = (file: string) => readFileSync(join(packageRoot, file), 'utf8')
const scripts = Object.keys(JSON.parse(textOf('package.json')).scripts)

/** The blocks of a document that a reader pastes into a shell. */
const shellBlocks = (text: string) =>
  [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block)

/** Whether a block only runs npm: installing, starting and testing are done around this test. */
const isNpmAlone = (block: string) =>
  block.split('\n').every((line) => line.trim() === '' || /^(?:#|npm )/.test(line.trim()))

interface Pasted {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The program that `npx .` runs. npm takes two seconds to find it, so that only the README's blocks ask npm. */
const shortcut = `npx() {
  if [ "$1" != . ]; then command npx "$@"; return; fi
  shift
  node dist/src/cli/sallyport.js "$@"
}`

/** Runs a script in bash, as if it were pasted; the status of each request is a line of standard error. */
function paste(script: string, cwd: string, asksNpm: boolean): Promise<Pasted> {
  const traced = `set -eo pipefail
curl() { command curl -w '%{stderr}HTTP %{http_code}\\n' "$@"; }
${asksNpm ? '' : shortcut}
${script}`
  // What @sallyport/testing keeps for later starts goes with the folder.
  const env = { PATH: process.env.PATH, HOME: process.env.HOME ?? cwd, TMPDIR: cwd }
  return new Promise((resolve) =>
    execFile('bash', ['-c', traced], { cwd, env, timeout: 300_000 }, (error, out, err) =>
      resolve({ code: error ? 1 : 0, out, err }),
    ),
  )
}

for (const file of documents) {
  const blocks = shellBlocks(textOf(file))

  for (const block of blocks.filter(isNpmAlone))
    t.test(`${file}: the scripts that npm is asked to run exist`, async (t) => {
      for (const [, script = ''] of block.matchAll(/npm (?:run )?([a-z:]+)/g))
        t.ok(['ci', 'pack', ...scripts].includes(script), script)
    })

  const pasted = blocks.filter((block) => !isNpmAlone(block)).join('\n')
  if (pasted === '') continue
  t.test(`${file}: its shell blocks run in order, as pasted`, async (t) => {
    const folder = await temporaryDataDir(t)
    for (const name of ['package.json', 'dist', 'node_modules', 'openapi', 'drizzle'])
      await symlink(join(packageRoot, name), join(folder, name))
    const service = await startService(t, { dataDir: join(folder, '.data') })
    const { code, out, err } = await paste(
      pasted.replaceAll('127.0.0.1:3000', `127.0.0.1:${service.port}`),
      folder,
      file === 'README.md',
    )
    t.equal(code, 0, 'every command succeeds', { out, err })
    const refused = [...err.matchAll(/^HTTP ([45]\d\d)$/gm)].map(([, status]) => status)
    const announced = [...pasted.matchAll(/# (4\d\d): /g)].map(([, status]) => status)
    t.same(refused, announced, 'only what the document announces is refused', { out, err })
    await service.stop()
  })
}

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const anchorsOf = (text: string) =>
  [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    anchorOf(heading),
  )

t.test('every link of a document leads to a file, and every anchor to a heading', async (t) => {
  for (const file of documents)
    for (const [, target = ''] of textOf(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const leads = path === '' ? file : join(dirname(file), path)
      t.ok(existsSync(join(packageRoot, leads)), `${file}: ${target}`)
      if (anchor !== undefined) t.ok(anchorsOf(textOf(leads)).includes(anchor), `${file}: ${target}`)
    }
})
