// `npm test`: starts one embedded PostgreSQL for all test files, migrates a template to clone, runs tap, and removes everything.
// Arguments are passed to tap, so `npm test -- test/http/sign-in.test.ts` runs one file.
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

/** Whether the files for browsers are newer than all of their sources. */
function isBuilt(): boolean {
  // The build writes this file last.
  const built = join(packageRoot, 'dist/pages/pages.js')
  const sources = [
    'openapi/client/src',
    'openapi/testing/src',
    'openapi/react/src',
    'openapi/react-native/src',
    'openapi/server/src',
    'src/http/pages/playground',
    'src/http/pages/inbox',
    'src/http/pages/console',
    'src/http/pages/hosted/browser',
  ].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(packageRoot, folder, name),
    ),
  )
  // The playground bundles the React package.
  sources.push(join(packageRoot, 'openapi/react/styles.css'))
  return existsSync(built) && sources.every((file) => statSync(file).mtimeMs < statSync(built).mtimeMs)
}

const fromTap = createRequire(createRequire(import.meta.url).resolve('tap/package.json'))
const tap = join(fromTap.resolve('tap/package.json'), '..', 'dist', 'esm', 'run.mjs')

/** Whether tap is built without the plugins that package.json excludes, which slow down every file. */
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

/** Builds tap before the run, because `tap run` would build it but still run without the result. */
const buildTap = () => promisify(execFile)(process.execPath, [tap, 'build'], { cwd: packageRoot })

const tapFolder = join(packageRoot, '.tap')
const hadTapFolder = existsSync(tapFolder)

/** Runs tap and forwards signals to it. @returns its exit code */
async function runTap(args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, [tap, ...args], {
    cwd: packageRoot,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return await new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)))
}

/** The test files that the arguments name, as files or folders; without any, all. Options are passed to tap. */
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

// Results of an earlier run would be reported as results of this one.
await rm(join(tapFolder, 'test-results'), { recursive: true, force: true })
const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'))
// Without durability, which has tests of its own.
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  max_wal_size: '4GB',
}
const [database] = await Promise.all([
  startEmbedded({ dataDir: folder, settings }),
  // The files for browsers, which `npm pack` packs too.
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
  // Repeats the failures at the end of a log, which has tens of thousands of lines.
  if (code !== 0 && !process.stdout.isTTY) await runTap(['replay', ...args, '--reporter=min'], { CI: 'true' })
} finally {
  await database.stop()
  await rm(folder, { recursive: true, force: true })
  await rm(compiled, { recursive: true, force: true })
  if (!hadTapFolder) await rm(tapFolder, { recursive: true, force: true })
}
process.exitCode = code
