// The logger of the process: JSON lines or lines for people, secrets redacted by the marks of the schemas, errors without
// the data that they quote.
import cluster from 'node:cluster'
import type { FastifyBaseLogger } from 'fastify'
import pino from 'pino'
import * as operatorKeys from '../../schemas/admin/operator-keys.ts'
import * as operators from '../../schemas/admin/operators.ts'
import * as adminProjects from '../../schemas/admin/projects.ts'
import * as userDetails from '../../schemas/admin/user-details.ts'
import * as adminUsers from '../../schemas/admin/users.ts'
import * as apiKeys from '../../schemas/api-keys.ts'
import * as factors from '../../schemas/factors.ts'
import * as identities from '../../schemas/identities.ts'
import * as introspection from '../../schemas/introspection.ts'
import * as passwords from '../../schemas/passwords.ts'
import { secretNames } from '../../schemas/primitives.ts'
import * as sessions from '../../schemas/sessions.ts'
import * as signUp from '../../schemas/sign-up.ts'
import * as social from '../../schemas/social.ts'
import * as verification from '../../schemas/verification.ts'

const headers = ['authorization', 'cookie', 'set-cookie', 'x-api-key']

/** Secret properties of the product contracts; listed here, so that a contract that is not mounted is not loaded. */
const contractSecrets = [
  'currentPassword',
  'sessionToken',
  'newPassword',
  'oldPassword',
  'refreshToken',
  'oauthIdToken',
  'oauthAccessToken',
  'verificationCode',
]

/** Names of properties whose values are redacted in the first two levels of a line. */
export const redactedNames: readonly string[] = [
  ...new Set([
    ...secretNames([
      ...[operatorKeys, operators, adminProjects, userDetails, adminUsers],
      apiKeys,
      factors,
      introspection,
      passwords,
      sessions,
      signUp,
      identities,
      social,
      verification,
    ]),
    ...headers,
    ...contractSecrets,
  ]),
].sort()

interface LoggedError {
  type: string
  /** The code of the error. Not named `code`, which is the property of an e-mailed code and redacted. */
  errorCode?: string
  constraint?: string
  message?: string
  stack?: string
  cause?: LoggedError
}

/** True for an error of PostgreSQL: its message and detail may quote the row. */
const fromServer = (error: Error) => 'severity' in error && 'routine' in error

/**
 * An error as it is logged. The message of a database driver can hold values of the query, and that of Drizzle's wrapper
 * is the query; of both only the code, the constraint and the stack frames are kept.
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

/** Takes whole lines, each with its line break. */
export interface Destination {
  write(line: string): void
}

let lastTime = { ms: 0, text: '' }

/** The time of a line (ISO 8601), formatted once for all lines of one millisecond. */
function isoTime(): string {
  const ms = Date.now()
  if (ms !== lastTime.ms) lastTime = { ms, text: `,"time":"${new Date(ms).toISOString()}"` }
  return lastTime.text
}

/** Creates the logger. `level`: a level of pino. `destination`: by default standard output, as JSON. */
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

/** Characters of waiting lines that are written in one call. */
const chunkLength = 12_000
const flushMs = 100

/** Standard output, written synchronously and at the latest when the process exits. */
function openStandardOutput(flush: () => void = () => {}) {
  // Synchronous: the asynchronous kind would queue behind the password hashes in libuv's thread pool.
  // Workers share it: each write stays small enough for a pipe to take it whole (PIPE_BUF).
  const chunk = cluster.isWorker ? { minLength: 2048, maxWrite: 4096 } : {}
  const output = pino.destination({ dest: 1, sync: true, periodicFlush: flushMs, ...chunk })
  process.on('exit', () => {
    try {
      flush()
      output.flushSync()
    } catch {
      // The reader of standard output is gone.
    }
  })
  return output
}

/**
 * Standard output for JSON lines. Lines are collected and written several at a time, since the system call is the most
 * expensive part of a line; none waits longer than 100 ms.
 */
export function standardOutput(): Destination {
  if (cluster.isWorker) return openStandardOutput()
  // Collected here: pino's destination measures each line again, which takes as long as writing it.
  let waiting = ''
  const flush = () => {
    const lines = waiting
    waiting = ''
    if (lines) output.write(lines)
  }
  const output = openStandardOutput(flush)
  setInterval(flush, flushMs).unref()
  return {
    write(line) {
      waiting += line
      if (waiting.length >= chunkLength) flush()
    },
  }
}

/** Characters that pino-pretty leaves, and a line break that starts a line of its own instead of an indented one. */
const unsafe = /[\t\u007f-\u009f\u2028\u2029]|\n(?! {4}|$)/g

/** A character as a JSON escape. */
const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The line of a request as its message, such as "GET /api/auth/me 200 1.2 ms"; every other line as it is. */
function readable(line: Record<string, unknown>): Record<string, unknown> {
  if (line.msg !== 'answered') return line
  const { method, route, status, ms, ...others } = line
  return { ...others, msg: `${method} ${route ?? '(no route)'} ${status} ${ms} ms` }
}

/**
 * Loads pino-pretty.
 * @returns a function from a finished JSON line, whose secrets are redacted already, to one for people. No value can
 * move the cursor or forge another line.
 */
export async function prettyPrinter(colorize: boolean): Promise<(json: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  const print = prettyFactory({ colorize, singleLine: true, translateTime: 'SYS:HH:MM:ss' })
  return (json) => print(readable(JSON.parse(json))).replace(unsafe, escaped)
}

/** Standard output for people, with colours at a terminal. */
export async function prettyOutput(): Promise<Destination> {
  const print = await prettyPrinter(process.stdout.isTTY)
  const output = openStandardOutput()
  return { write: (line) => output.write(print(line)) }
}
