// Limits that hold before a client is known: open connections, and header lines of a request.
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'

/** File descriptors kept for the database, mail, Redis, logs and files. */
const reservedFiles = 256

/**
 * The maximum of open connections; null where the limit of open files is unknown. Further connections are closed at once,
 * because a process without a free file descriptor could not reach its database either.
 */
export function maxConnections(): number | null {
  const files = Number(/^Max open files +(\d+)/m.exec(processLimits())?.[1])
  return files > 0 ? Math.max(files - reservedFiles, Math.floor(files / 2)) : null
}

/** Node raises its own limit up to the system's, which only Linux publishes. */
function processLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Browsers send about twenty header lines, proxies add a few. */
const maxHeaderLines = 200

/**
 * Whether a request has too many header lines. Node drops the lines after two thousand, and a dropped line may be one that a
 * proxy has added.
 */
export const hasTooManyHeaders = ({ rawHeaders }: IncomingMessage): boolean =>
  rawHeaders.length > 2 * maxHeaderLines
