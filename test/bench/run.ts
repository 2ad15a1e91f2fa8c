// `npm run bench [-- <workload>… --quick --against FOLDER]`: builds, starts one PostgreSQL with its normal durability, runs the workloads one
// after another and prints a table. Ends with 1 when a figure misses its goal.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildSync } from 'esbuild'
import postgres from 'postgres'
import { startEmbedded } from '../../src/database/embedded/embedded.ts'
import { packageRoot } from '../../src/package.ts'
import { connections } from './crowd.ts'
import type { Bench } from './figures.ts'
import { endAll } from './processes.ts'
import type { Figure } from './rounds.ts'
import { onDemand, workloads } from './workloads.ts'

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, against: { type: 'string' } },
  allowPositionals: true,
})
const names = positionals.length > 0 ? positionals : Object.keys(workloads)
const known = { ...workloads, ...onDemand }
const unknown = names.filter((name) => !Object.hasOwn(known, name))
if (unknown.length > 0) {
  console.error(`There is no workload ${unknown.join(', ')}. There are: ${Object.keys(known).join(', ')}.`)
  process.exit(2)
}

/** Builds the service, and the processes of the bench as JavaScript, so that no loader is measured. */
function build(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot, stdio: 'inherit' })
  const names = ['limit-server', 'load', 'hash-limit', 'peer-server']
  buildSync({
    entryPoints: names.map((name) => join(packageRoot, 'test', 'bench', `${name}.ts`)),
    outdir: join(packageRoot, 'dist', 'test', 'bench'),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.9',
    logLevel: 'warning',
  })
}

/** The machine and the versions of its programs, in one line. */
async function describeMachine(serverUrl: string): Promise<string> {
  const sql = postgres(serverUrl, { max: 1 })
  const [row] = await sql`show server_version`
  await sql.end()
  return (
    `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${(totalmem() / 1e9).toFixed(0)} GB, ` +
    `Node ${process.version}, PostgreSQL ${row?.server_version}, ${connections} connections, LOG_LEVEL=info`
  )
}

console.log('Building…')
build()
const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'))
// PostgreSQL's default durability. pg_stat_statements counts only for workloads that switch it on.
const database = await startEmbedded({
  dataDir: join(folder, 'database'),
  settings: { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': 'none' },
})
let cleaning: Promise<void> | undefined
function cleanUp(): Promise<void> {
  cleaning ??= (async () => {
    await endAll()
    await database.stop()
    await rm(folder, { recursive: true, force: true })
  })()
  return cleaning
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(130)))

/** Minutes and seconds since the start. */
const elapsed = () => {
  const seconds = Math.round(performance.now() / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const bench: Bench = { serverUrl: database.url, folder, quick: values.quick, against: values.against }
const figures: Figure[] = []
let machine = ''
try {
  machine = await describeMachine(database.url)
  console.log(`${machine}\n`)
  for (const name of names) {
    console.log(`${name}  (after ${elapsed()})`)
    figures.push(...((await known[name]?.(bench)) ?? []))
    await endAll()
  }
} finally {
  await cleanUp()
}

const rows = figures.map(
  ({ name, goal, measured, met, detail }) =>
    `| ${name} | ${goal} | ${measured} | ${met === null ? '' : met ? 'met' : 'missed'} | ${detail} |`,
)
const table = ['| | goal | measured | | behind it |', '|---|---|---|---|---|', ...rows].join('\n')
console.log(`\n${table}`)
if (positionals.length === 0 && !values.quick) {
  const heading = `# The last full run\n\n${new Date().toISOString().slice(0, 10)}, ${machine}; ${elapsed()} minutes.\n\n`
  await writeFile(join(packageRoot, 'test', 'bench', 'RESULTS.md'), `${heading}${table}\n`)
}
process.exitCode = figures.some(({ met }) => met === false) ? 1 : 0
