// Promises one log for all that PostgreSQL says, kept small, and its last lines for whoever reports a failure.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** An open `<dataDir>/postgres.log`; `from` is its length in bytes when it was opened. */
export interface Log {
  readonly fd: number
  readonly path: string
  readonly from: number
  close(): void
}

/** Opens the log to append to it, emptied first when it is over 10 MB. */
export function openLog(dataDir: string): Log {
  const path = join(dataDir, 'postgres.log')
  const fd = openSync(path, 'a+', 0o600)
  if (fstatSync(fd).size > 10_000_000) ftruncateSync(fd)
  return { fd, path, from: fstatSync(fd).size, close: () => closeSync(fd) }
}

/** The last lines written since the log was opened, made to follow a sentence. */
export function lastLines(log: Log): string {
  const size = fstatSync(log.fd).size
  const from = Math.max(log.from, size - 4000)
  const text = Buffer.alloc(Math.max(0, size - from))
  readSync(log.fd, text, 0, text.length, from)
  const lines = text.toString('utf8').trim().split('\n').slice(-8)
  return ` It said, in ${log.path}:\n${lines.join('\n')}`
}
