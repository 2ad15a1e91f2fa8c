// How much of a client's the process takes in before it knows who it is: connections, and lines of a header.
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'

/** Files kept for what is no client: the database, mail, Redis, logs, and what is read from disk. */
const filesForOthers = 256

/**
 * Connections that are accepted at a time; null: as many as come. One more is closed at once: a process without a free
 * file could not reach its database either.
 */
export function connectionRoom(): number | null {
  const files = Number(/^Max open files +(\d+)/m.exec(limits())?.[1])
  return files > 0 ? Math.max(files - filesForOthers, Math.floor(files / 2)) : null
}

/** Node raises its own limit as far as the system lets it; only Linux says how far that is. */
function limits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Lines of a header; browsers send about twenty, proxies add a few. */
const headerLines = 200

/**
 * Whether a request has more lines in its header than we read. Node leaves out what comes after two thousand, and the
 * line that is left out may be the one that a proxy has added.
 */
export const hasTooManyHeaders = ({ rawHeaders }: IncomingMessage): boolean =>
  rawHeaders.length > 2 * headerLines
