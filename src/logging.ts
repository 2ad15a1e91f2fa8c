// One logger for the process: JSON lines, secrets redacted by the schemas' own marks, errors without their data.
import type { FastifyBaseLogger } from 'fastify'
import pino from 'pino'
import * as passwords from '../schemas/passwords.ts'
import { secretNames } from '../schemas/primitives.ts'
import * as sessions from '../schemas/sessions.ts'
import * as signUp from '../schemas/sign-up.ts'
import * as verification from '../schemas/verification.ts'

const headers = ['authorization', 'cookie', 'set-cookie']

/** Every property name whose value is censored, wherever in a line's first two levels it stands. */
export const redactedNames: readonly string[] = [
  ...new Set([...secretNames([passwords, sessions, signUp, verification]), ...headers]),
].sort()

interface LoggedError {
  type: string
  code?: string
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
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    ...(quotesData ? {} : { message: error.message }),
    stack: frames.slice(0, 12).join('\n'),
    ...(error.cause instanceof Error ? { cause: loggedError(error.cause) } : {}),
  }
}

/** Makes the logger. `destination` is for tests; by default standard output. */
export function createLogger(level: string, destination?: { write(line: string): void }): FastifyBaseLogger {
  const quoted = redactedNames.map((name) => (/^\w+$/.test(name) ? name : `["${name}"]`))
  const paths = quoted.flatMap((name) => [name, name.startsWith('[') ? `*${name}` : `*.${name}`])
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths, censor: '[secret]' },
    serializers: { err: loggedError },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return destination ? pino(options, destination) : pino(options)
}
