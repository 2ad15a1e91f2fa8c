// The data directory of the embedded PostgreSQL: one owner at a time, files that are written whole, one log.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { requireFolder } from '../../folders.ts'

/** Its message explains a fault of the embedded database and its remedy in one or two sentences. */
export class EmbeddedDatabaseError extends Error {
  override name = 'EmbeddedDatabaseError'
  /** Whether only another configuration can help: neither waiting nor another start does. */
  readonly isConfiguration: boolean
  constructor(message: string, { isConfiguration = false } = {}) {
    super(message)
    this.isConfiguration = isConfiguration
  }
}

/** Bytes that a new cluster takes, its first log included. */
const newClusterBytes = 80 * 2 ** 20

/**
 * Makes the directory (mode 700) if it is missing, and looks whether it can be written to and has room.
 * @returns its real path
 * @throws EmbeddedDatabaseError
 */
export function makeDirectory(path: string): string {
  try {
    requireFolder(path, existsSync(join(path, 'postgres')) ? 0 : newClusterBytes)
    return realpathSync(path)
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `The data directory ${path} cannot be used (${(error as Error).message}). ` +
        'Make room, let this user write to it, choose another with DATA_DIR, or set DATABASE_URL to a PostgreSQL of your own.',
      { isConfiguration: true },
    )
  }
}

/** Whether an error of the file system says that there is no such file: also where the folder above it is a file. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException)?.code ?? '')

/**
 * The text of a file of the data directory, or null where there is none.
 * @throws EmbeddedDatabaseError where this user may not read it
 */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw unusable(path, error)
  }
}

/** What says that the data directory, or a file in it, cannot be used. */
export const unusable = (path: string, error: unknown): EmbeddedDatabaseError =>
  new EmbeddedDatabaseError(
    `${path} cannot be used (${(error as Error).message}). ` +
      'Run this as the user that the service runs as, or choose another data directory with DATA_DIR.',
    { isConfiguration: true },
  )

/** Writes a file (mode 600) in one step; a process killed in between leaves `<path>.<12 hex digits>`. */
export function writeWhole(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true })
  renameDurably(draft, path)
}

/** Renames within a directory; it survives a power failure once this has returned. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to)
  const directory = openSync(dirname(to), 'r')
  fsyncSync(directory)
  closeSync(directory)
}

/** A live process: its command line, and a text that tells it from every other process that has had this id. */
interface FoundProcess {
  readonly command: string
  readonly started: string
}

/** The process with this id; null where there is none or it has ended and its parent has not noticed yet. */
export function findProcess(pid: number): FoundProcess | null {
  try {
    if (process.platform !== 'linux') {
      const words = ['-ww', '-o', 'lstart=', '-o', 'command=', '-p', String(pid)]
      const line = execFileSync('ps', words, { encoding: 'utf8' }).trim()
      return { started: line.slice(0, 24), command: line.slice(24).trim() }
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before these fields may hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (/^[ZX]/.test(fields[0] ?? '')) return null
    // The start is counted from the boot of the machine, so it may repeat after the next one.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return { started: `${boot}/${fields[19]}`, command }
  } catch {
    // It has ended, perhaps while we were reading.
    return null
  }
}

/**
 * Makes this process the owner of the directory: `<dataDir>/lock` says its id. A dead owner is replaced at once.
 * `proper-lockfile` keeps two starts from doing that at the same time; it is not held while the database runs, because its
 * lock would pass to another process when this one is stopped for some seconds.
 * @returns a function that releases the directory
 * @throws EmbeddedDatabaseError with the id of the live process that owns it
 */
export async function lockDirectory(dataDir: string): Promise<() => void> {
  const file = join(dataDir, 'lock')
  // By its default: a bundle in chunks gives a CommonJS module no names.
  const { default: lockfile } = await import('proper-lockfile')
  // A start that was killed within leaves a lock that is stale after five seconds.
  const retries = { retries: 70, factor: 1, minTimeout: 100 }
  const release = await lockfile
    .lock(file, { realpath: false, stale: 5000, retries, onCompromised: () => {} })
    .catch(({ message }: Error) => {
      throw new EmbeddedDatabaseError(
        `The data directory cannot be used (${message}). ` +
          'Let this user write to it, or choose another with DATA_DIR.',
      )
    })
  try {
    const owner = lockOwner(dataDir)
    if (owner !== null)
      throw new EmbeddedDatabaseError(
        `The data directory ${dataDir} is in use by process ${owner}. ` +
          'Stop that process first, or give this one a directory of its own with DATA_DIR.',
      )
    writeWhole(file, JSON.stringify({ pid: process.pid, started: findProcess(process.pid)?.started ?? '' }))
  } finally {
    // Fails where it was compromised, which takes a stop of five seconds here: postmaster.pid is the second guard.
    await release().catch(() => {})
  }
  return () => rmSync(file, { force: true })
}

/** The id of the live process that owns the directory, or null. */
export function lockOwner(dataDir: string): number | null {
  try {
    const { pid, started } = JSON.parse(readText(join(dataDir, 'lock')) ?? '{}')
    return Number.isInteger(pid) && pid > 0 && findProcess(pid)?.started === started ? pid : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Opens `<dataDir>/postgres.log` to append to it, emptied first when it is over 10 MB. */
export function openLog(dataDir: string) {
  const path = join(dataDir, 'postgres.log')
  const fd = openSync(path, 'a+', 0o600)
  if (fstatSync(fd).size > 10_000_000) ftruncateSync(fd)
  const opened = fstatSync(fd).size
  return {
    fd,
    /** The last lines since it was opened, to follow a sentence. */
    lastLines(): string {
      const text = readFileSync(path).subarray(opened).toString('utf8')
      return ` It said, in ${path}:\n${text.trim().split('\n').slice(-8).join('\n')}`
    },
    close: () => closeSync(fd),
  }
}
