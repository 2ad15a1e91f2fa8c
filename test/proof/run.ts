// `npm run proof`: runs what docs/proof.md shows, and writes the page and docs/proof.json. `--quick` (the default) or `--long`;
// `--render` writes the page anew from the results that are there. `--only=<text>,…` runs the files whose paths have
// one of these and keeps what is there of the others.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'
import type { Counts } from '../support/proof.ts'
import { renderProof } from './render.ts'
import { type Results, readBench, readTap } from './results.ts'
import { forms, sections } from './sections.ts'

const target = join(packageRoot, 'docs/proof.json')
const options = process.argv.slice(2)
const form = options.includes('--long') ? 'long' : 'quick'
const only = options
  .find((option) => option.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',')

/** Seconds that a file may take: in the long form one of them kills for ten minutes, and one signs 80 000 people in. */
const patience = { quick: 600, long: 4 * 3600 }

/** Runs test files as `npm test` does, and shows what they say. */
function runTests(files: readonly string[], folder: string): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      ...['--import=tsx', join(packageRoot, 'test/support/run.ts'), '--reporter=tap'],
      ...[`--timeout=${patience[form]}`, ...files],
    ],
    {
      cwd: packageRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...forms[form], PROOF_DIR: folder },
    },
  )
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
    process.stdout.write(chunk)
  })
  return new Promise((resolve) => child.once('close', () => resolve(text)))
}

async function measure(before: Results | null): Promise<Results> {
  const all = [...new Set(sections.flatMap(({ rows }) => rows.map(({ file }) => file)))]
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-proof-'))
  try {
    const tap = await runTests(
      all.filter((file) => !only || only.some((part) => file.includes(part))),
      folder,
    )
    const counts = readdirSync(folder).map((name): { name: string; counts: Counts } =>
      JSON.parse(readFileSync(join(folder, name), 'utf8')),
    )
    const git = (...args: string[]) => execFileSync('git', args, { cwd: packageRoot }).toString().trim()
    return {
      date: new Date().toISOString().slice(0, 10),
      commit: git('rev-parse', '--short', 'HEAD'),
      machine: `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
      form,
      files: { ...(only ? before?.files : {}), ...readTap(tap) },
      counts: {
        ...(only ? before?.counts : {}),
        ...Object.fromEntries(counts.map(({ name, counts: values }) => [name, values])),
      },
      bench: readBench(readFileSync(join(packageRoot, 'test/bench/RESULTS.md'), 'utf8')),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const before: Results | null = existsSync(target) ? JSON.parse(readFileSync(target, 'utf8')) : null
const measured = options.includes('--render') && before ? before : await measure(before)
const failed = Object.entries(measured.files).filter(([, file]) => file.failed > 0)
const isGood = (file: string) => !failed.some(([name]) => name === file)
const goodCounts = new Set(
  sections.flatMap(({ rows }) => rows.flatMap(({ file, counts = [] }) => (isGood(file) ? counts : []))),
)
// The page shows what passed. What failed has no result on it, and this command ends with 1.
const results: Results = {
  ...measured,
  files: Object.fromEntries(Object.entries(measured.files).filter(([file]) => isGood(file))),
  counts: Object.fromEntries(Object.entries(measured.counts).filter(([name]) => goodCounts.has(name))),
}
writeFileSync(target, `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(join(packageRoot, 'docs/proof.md'), renderProof(results))
for (const [file] of failed) console.error(`Failed: ${file}`)
process.exitCode = failed.length > 0 ? 1 : 0
