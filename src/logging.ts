// One logger for the process: JSON lines, secrets redacted by the schemas' own marks, errors without their data.
import cluster from 'node:cluster'
import type { FastifyBaseLogger } from 'fastify'
import pino from 'pino'
import * as apiKeys from '../schemas/api-keys.ts'
import * as identities from '../schemas/identities.ts'
import * as passwords from '../schemas/passwords.ts'
import { secretNames } from '../schemas/primitives.ts'
import * as sessions from '../schemas/sessions.ts'
import * as signUp from '../schemas/sign-up.ts'
import * as social from '../schemas/social.ts'
import * as verification from '../schemas/verification.ts'
import { prettyLine } from './pretty-lines.ts'

const headers = ['authorization', 'cookie', 'set-cookie', 'x-api-key']

/** How other products spell theirs; written down, so that a contract which is not mounted need not be loaded. */
const elsewhere = [
  'currentPassword',
  'newPassword',
  'oldPassword',
  'refreshToken',
  'oauthIdToken',
  'oauthAccessToken',
  'verificationCode',
]

/** Every property name whose value is censored, wherever in a line's first two levels it stands. */
export const redactedNames: readonly string[] = [
  ...new Set([
    ...secretNames([apiKeys, passwords, sessions, signUp, identities, social, verification]),
    ...headers,
    ...elsewhere,
  ]),
].sort()

interface LoggedError {
  type: string
  /** The error's code. Not called "code": that is the name of what a person types from a mail, and censored. */
  errorCode?: string
  constraint?: string
  message?: string
  stack?: string
  cause?: LoggedError
}

/** Property names that only a PostgreSQL error has: its message and detail may quote the row. */
const fromServer = (error: Error) => 'severity' in error && 'routine' in error

/**
 * An error as it may be logged. What a database driver says can hold values of the query, so of its errors only the
 * code, the constraint and the places in our code are kept; Drizzle's wrapper, whose message is the query, is dropped.
 */
export function loggedError(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint_name: constraint } = error as { code?: unknown; constraint_name?: unknown }
  const quotesData = fromServer(error) || 'query' in error
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    type: error.name,
    ...(typeof code === 'string' ? { errorCode: code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    ...(quotesData ? {} : { message: error.message }),
    stack: frames.slice(0, 12).join('\n'),
    ...(error.cause instanceof Error ? { cause: loggedError(error.cause) } : {}),
  }
}

/** Where lines go: whole ones, each with its line break. */
export interface Destination {
  write(line: string): void
}

let spelled = { ms: 0, text: '' }

/** The time of a line (ISO 8601), spelled once for all lines of one millisecond. */
function isoTime(): string {
  const ms = Date.now()
  if (ms !== spelled.ms) spelled = { ms, text: `,"time":"${new Date(ms).toISOString()}"` }
  return spelled.text
}

/** Makes the logger. `destination`: by default standard output, for machines. */
export function createLogger(level: string, destination: Destination = standardOutput()): FastifyBaseLogger {
  const quoted = redactedNames.map((name) => (/^\w+$/.test(name) ? name : `["${name}"]`))
  const paths = quoted.flatMap((name) => [name, name.startsWith('[') ? `*${name}` : `*.${name}`])
  const options = {
    level,
    base: cluster.isWorker ? { worker: process.pid } : null,
    timestamp: isoTime,
    redact: { paths, censor: '[secret]' },
    serializers: { err: loggedError },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, destination)
}

/** Characters of lines that wait to be written together. */
const portionLength = 12_000

/**
 * Standard output, written a few lines at a time: one system call for each line is the dearest part of a line. A
 * process that exits writes its last ones first, and none waits longer than a tenth of a second. `format`: as JSON for
 * machines, or for people.
 */
export function standardOutput(format: 'json' | 'pretty' = 'json'): Destination {
  // Synchronous: the asynchronous kind would queue behind the password hashes in libuv's thread pool.
  // Workers share it: what is written at once stays small enough for a pipe to take it whole (PIPE_BUF).
  const portion = cluster.isWorker ? { minLength: 2048, maxWrite: 4096 } : {}
  const output = pino.destination({ dest: 1, sync: true, periodicFlush: 100, ...portion })
  let waiting = ''
  const flush = () => {
    const lines = waiting
    waiting = ''
    if (lines) output.write(lines)
  }
  if (!cluster.isWorker) setInterval(flush, 100).unref()
  process.on('exit', () => {
    try {
      flush()
      output.flushSync()
    } catch {
      // Nobody reads any more.
    }
  })
  if (format === 'pretty') return { write: (line) => output.write(prettyLine(line, process.stdout.isTTY)) }
  if (cluster.isWorker) return output
  // Put together here: the destination would measure each line by itself, which takes as long as writing it does.
  return {
    write(line) {
      waiting += line
      if (waiting.length >= portionLength) flush()
    },
  }
}
