// Texts for the operator: the addresses after a start, and a sentence for each failure that is known, a stack for any other.
import { WorkerError } from './cluster/primary.ts'
import { type Config, ConfigError, exitConfig } from './config/config.ts'
import { EmbeddedDatabaseError } from './database/embedded/embedded.ts'
import { DatabaseError } from './database/migrations.ts'
import { AuthError, type AuthErrorCode } from './domain/errors.ts'
import { UserFactsError } from './domain/operators/users.ts'
import { PolicyError } from './domain/projects/policy.ts'
import { SealedKeyError } from './domain/signing-keys/signing-keys.ts'
import { innermostCause, isUnavailable } from './repositories/availability.ts'

/** Errors whose message is a sentence for the operator. */
const sentences = [EmbeddedDatabaseError, DatabaseError, SealedKeyError, WorkerError]

/**
 * The exit code of the process after an error: 78 where only another configuration helps, so that nothing starts it again and
 * again; that of a worker's own; else 1.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof WorkerError) return error.code
  const isConfiguration =
    error instanceof ConfigError ||
    error instanceof DatabaseError ||
    (error instanceof EmbeddedDatabaseError && error.isConfiguration)
  return isConfiguration ? exitConfig : 1
}

/** The line above the problems of an error that has several. */
const headings = [
  [ConfigError, 'The configuration needs a change:'],
  [PolicyError, 'The policy needs a change; nothing was stored:'],
  [UserFactsError, 'The account cannot be made:'],
] as const

/** Refusals of the domain that several commands can meet. A command has sentences of its own for what it alone meets. */
const refusals: Partial<Record<AuthErrorCode, string>> = {
  project_unknown: 'There is no project with this id. See: npx . projects list',
  project_reserved:
    'This is the built-in project of the operators, which has no secret. See the others: npx . projects list',
  overloaded: 'Too many passwords are being hashed at this moment. Try again.',
}

/** The text for standard error. It holds no value of a variable. */
export function operatorMessage(error: unknown): string {
  for (const [kind, heading] of headings)
    if (error instanceof kind) return [heading, ...error.problems.map((line) => `  - ${line}`)].join('\n')
  if (error instanceof AuthError)
    return refusals[error.code] ?? `It was refused: ${error.code.replaceAll('_', ' ')}.`
  if (sentences.some((kind) => error instanceof kind)) return (error as Error).message
  if ((error as NodeJS.ErrnoException)?.code === 'EADDRINUSE')
    return 'HOST and PORT are in use by another process. Stop it, or set PORT to a free one.'
  if (isUnavailable(error) || isRefusedLogin(error))
    return `The database of DATABASE_URL cannot be used: ${innermostCause(error).message}. Check that it runs and that the URL is right.`
  return `Unexpected error: ${error instanceof Error ? stackOf(error) : String(error)}`
}

/** The stack. Of a failed statement only SQLSTATE and frames: its text holds the values that were to be stored. */
function stackOf(error: Error): string | undefined {
  if (!('query' in error)) return error.stack
  const { code, constraint_name } = innermostCause(error) as { code?: unknown; constraint_name?: unknown }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  const sentence = `the database refused a statement: SQLSTATE ${code}${constraint_name ? `, ${constraint_name}` : ''}`
  return [sentence, ...frames].join('\n')
}

/** SQLSTATE class 28 (wrong role or password) and 3D (no such database). */
function isRefusedLogin(error: unknown): boolean {
  const { code } = innermostCause(error) as { code?: unknown }
  return typeof code === 'string' && /^(?:28|3D)/.test(code)
}

/** The text after a start at a terminal. */
export function welcome(config: Config): string {
  const captured = config.inbox ? `${config.publicUrl}/inbox` : `captured in ${config.dataDir}/outbox`
  const mail = config.isLocal
    ? `${captured}${config.inbox ? '  (captured, not sent)' : '; links are logged here'}`
    : `not sent: SMTP_URL is not set; ${captured}`
  const url = new URL(config.publicUrl)
  // A passkey belongs to a domain: browsers refuse to make one at an IP address (WebAuthn Level 3 §5.1.3).
  const isAddress = config.isLocal && url.hostname !== 'localhost'
  url.hostname = 'localhost'
  const passkeys = isAddress
    ? `\n    Passkeys   ${url.href.replace(/\/$/, '')}  (browsers have none at an IP address)`
    : ''
  return `
  Sallyport is ready.

    Try it     ${config.publicUrl}/${config.playground ? 'playground' : 'docs'}
    Read it    ${config.publicUrl}/docs
    Run it     ${config.publicUrl}/console
    API        ${config.publicUrl}/api/auth
    Mail       ${config.smtpUrl ? 'by SMTP' : mail}${passkeys}
    Stop       Ctrl-C
`
}
