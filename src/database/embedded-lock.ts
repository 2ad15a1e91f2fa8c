// Promises that at most one live process owns a data directory, and that a dead owner never keeps the next one out.
import { randomBytes } from 'node:crypto'
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedDatabaseError } from './embedded-error.ts'
import { readText } from './embedded-files.ts'
import { isAlive, startOf } from './embedded-process.ts'

interface Owner {
  pid: number
  /** Tells a process from a later one with the same id: in a container the id is always 1. */
  started: string
}

/**
 * Takes `<dataDir>/lock` and returns the function that gives it back.
 * Throws EmbeddedDatabaseError, naming the process id, while another live process holds it.
 */
export async function lockDirectory(dataDir: string): Promise<() => void> {
  const path = join(dataDir, 'lock')
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Owner)
  for (;;) {
    if (create(path, mine)) return () => remove(path, mine)
    const found = readText(path)
    if (found === null) continue
    const owner = parse(found)
    if (owner && isOwner(owner)) {
      throw new EmbeddedDatabaseError(
        `The data directory ${dataDir} is in use by process ${owner.pid}. ` +
          'Stop that process first, or give this one a directory of its own with DATA_DIR.',
      )
    }
    // An unreadable lock may be one that is being written this very moment.
    if (!owner) await sleep(200)
    remove(path, found)
  }
}

/** The live process that holds `<dataDir>/lock`, or null. */
export function lockOwner(dataDir: string): Owner | null {
  const owner = parse(readText(join(dataDir, 'lock')) ?? '')
  return owner && isOwner(owner) ? owner : null
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
    return true
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new EmbeddedDatabaseError(
      `The data directory cannot be used (${message}). ` +
        'Let this user write to it, or choose another with DATA_DIR.',
    )
  }
}

/** Removes the lock only if it still says `text`: two who find the same dead owner must not remove each other's. */
function remove(path: string, text: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(path, aside)
    if (readText(aside) !== text) linkSync(aside, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function isOwner(owner: Owner): boolean {
  return isAlive(owner.pid) && startOf(owner.pid) === owner.started
}

function parse(text: string): Owner | null {
  try {
    const { pid, started } = JSON.parse(text)
    return Number.isInteger(pid) && pid > 0 && typeof started === 'string' ? { pid, started } : null
  } catch {
    return null
  }
}
