// `npm test`: one embedded PostgreSQL for all test files, a migrated template to clone, tap, and nothing left behind.
// Arguments are handed to tap, so `npm test -- test/http/sign-in.test.ts` runs one file.
import { execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { startEmbedded } from '../../src/database/embedded/embedded.ts'
import { migrateDatabase } from '../../src/database/migrations.ts'
import { packageRoot } from '../../src/package.ts'
import { compilePrograms, compileTests } from './compile.ts'
import { templateDatabase } from './database.ts'

/** Whether the files for browsers are younger than all that they are made of. */
function isBuilt(): boolean {
  // The last file of the build.
  const built = join(packageRoot, 'dist/console/console.css')
  const sources = [
    'openapi/client/src',
    'openapi/testing/src',
    'openapi/react/src',
    'openapi/react-native/src',
    'openapi/server/src',
    'src/http/pages/playground',
    'src/http/pages/inbox',
    'src/http/pages/console',
  ].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(packageRoot, folder, name),
    ),
  )
  // The playground bundles it.
  sources.push(join(packageRoot, 'openapi/react/styles.css'))
  return existsSync(built) && sources.every((file) => statSync(file).mtimeMs < statSync(built).mtimeMs)
}

const fromTap = createRequire(createRequire(import.meta.url).resolve('tap/package.json'))
const tap = join(fromTap.resolve('tap/package.json'), '..', 'dist', 'esm', 'run.mjs')

/** Whether tap is built without the plugins that package.json excludes: each slows every file down. */
function isTapBuilt(): boolean {
  const built = join(
    fromTap.resolve('@tapjs/test/package.json'),
    '..',
    'test-built',
    'dist',
    'esm',
    'index.js',
  )
  const signature = /^export const signature = `([^`]*)`/m.exec(readFileSync(built, 'utf8'))?.[1] ?? ''
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const unwanted = (manifest.tap.plugin as string[]).map((name) => name.replace('!', ''))
  return !signature.split('\n').some((name) => unwanted.includes(name))
}

/** Here and not by `tap run`, which would begin the tests of this very run as if it had not been built. */
const buildTap = () => promisify(execFile)(process.execPath, [tap, 'build'], { cwd: packageRoot })

const tapFolder = join(packageRoot, '.tap')
const hadTapFolder = existsSync(tapFolder)

/** Runs tap with arguments until it ends; a signal to this process is handed on. Returns its exit code. */
async function runTap(args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, [tap, ...args], {
    cwd: packageRoot,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return await new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)))
}

/** The test files that arguments name, by file or folder; all of them where none does. Options are left to tap. */
function testFiles(named: readonly string[]): string[] {
  const files = readdirSync(join(packageRoot, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('test', name))
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  const paths = named.map((name) => relative(packageRoot, join(process.cwd(), name)))
  const unknown = paths.filter((path) => !files.some((file) => `${file}/`.startsWith(`${path}/`)))
  if (unknown.length > 0) throw new Error(`No test file is, or lies in, ${unknown.join(' or ')}`)
  return paths.length === 0
    ? files
    : files.filter((file) => paths.some((path) => `${file}/`.startsWith(`${path}/`)))
}

const [options, named] = [true, false].map((isOption) =>
  process.argv.slice(2).filter((word) => word.startsWith('-') === isOption),
) as [string[], string[]]
const compiled = join(packageRoot, 'dist/test')
await rm(compiled, { recursive: true, force: true })
const args = [...options, ...(await compileTests(testFiles(named), compiled, { mapped: named.length > 0 }))]

// An earlier run's results would be told as this one's.
await rm(join(tapFolder, 'test-results'), { recursive: true, force: true })
const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'))
// Tests ask whether statements do what they promise, not whether this disk does: durability has tests of its own.
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  max_wal_size: '4GB',
}
const [database] = await Promise.all([
  startEmbedded({ dataDir: folder, settings }),
  // What browsers are served, and what `npm pack` packs.
  isBuilt() || promisify(execFile)('npm', ['run', '--silent', 'build:browser'], { cwd: packageRoot }),
  isTapBuilt() || buildTap(),
  compilePrograms(),
])
let code = 1
try {
  const admin = postgres(database.url, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${templateDatabase}`)
  const template = new URL(database.url)
  template.pathname = `/${templateDatabase}`
  await migrateDatabase(template.href)
  await admin.end()

  code = await runTap(['run', ...args], { TEST_DATABASE_URL: database.url })
  // In a log, what failed stands above tens of thousands of lines that passed: it is said again at the end, alone.
  if (code !== 0 && !process.stdout.isTTY) await runTap(['replay', ...args, '--reporter=min'], { CI: 'true' })
} finally {
  await database.stop()
  await rm(folder, { recursive: true, force: true })
  await rm(compiled, { recursive: true, force: true })
  if (!hadTapFolder) await rm(tapFolder, { recursive: true, force: true })
}
process.exitCode = code
