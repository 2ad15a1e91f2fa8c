// What an operator reads: where to click after a start; when a command or the start fails, sentences where we know what
// is wrong and a stack where not.
import { type Config, ConfigError } from './config.ts'
import { EmbeddedDatabaseError } from './database/embedded.ts'
import { DatabaseError } from './database/migrations.ts'
import { AuthError } from './domain/errors.ts'
import { PersonError } from './domain/people.ts'
import { PolicyError } from './domain/policy.ts'
import { SealedKeyError } from './domain/signing-keys.ts'
import { isUnavailable } from './repositories/availability.ts'
import { WorkerError } from './workers/primary.ts'

/** Wraps a sentence of a command that cannot do what it was asked. */
export class OperatorError extends Error {
  override name = 'OperatorError'
}

const spoken = [OperatorError, EmbeddedDatabaseError, DatabaseError, SealedKeyError, WorkerError]

/** The text for standard error; never a value of a secret variable. */
export function operatorMessage(error: unknown): string {
  if (error instanceof ConfigError)
    return ['The configuration needs a change:', ...error.problems.map((problem) => `  - ${problem}`)].join(
      '\n',
    )
  if (error instanceof PolicyError)
    return [
      'The policy needs a change; nothing was stored:',
      ...error.problems.map((line) => `  - ${line}`),
    ].join('\n')
  if (error instanceof PersonError)
    return ['The account cannot be made:', ...error.problems.map((line) => `  - ${line}`)].join('\n')
  if (error instanceof AuthError && error.code === 'project_unknown')
    return 'There is no project with this id.'
  if (spoken.some((kind) => error instanceof kind)) return (error as Error).message
  if ((error as NodeJS.ErrnoException)?.code === 'EADDRINUSE')
    return 'HOST and PORT are in use by another process. Stop it, or set PORT to a free one.'
  if (isUnavailable(error) || isRefusedLogin(error))
    return `The database of DATABASE_URL cannot be used: ${innermost(error).message}. Check that it runs and that the URL is right.`
  return `Unexpected error: ${error instanceof Error ? stackOf(error) : String(error)}`
}

/** The stack; of a statement that failed its SQLSTATE and the frames alone, because its text holds what was to be stored. */
function stackOf(error: Error): string | undefined {
  if (!('query' in error)) return error.stack
  const { code, constraint_name } = innermost(error) as { code?: unknown; constraint_name?: unknown }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  const said = `the database refused a statement: SQLSTATE ${code}${constraint_name ? `, ${constraint_name}` : ''}`
  return [said, ...frames].join('\n')
}

/** SQLSTATE class 28 (wrong role or password) and 3D (no such database). */
function isRefusedLogin(error: unknown): boolean {
  const { code } = innermost(error) as { code?: unknown }
  return typeof code === 'string' && /^(?:28|3D)/.test(code)
}

function innermost(error: unknown): Error {
  let at = error instanceof Error ? error : new Error(String(error))
  while (at.cause instanceof Error) at = at.cause
  return at
}

/** For whoever started the service by hand. */
export function welcome(config: Config): string {
  return `
  Sallyport is ready.

    Try it     ${config.publicUrl}/${config.playground ? 'playground' : 'docs'}
    Read it    ${config.publicUrl}/docs
    API        ${config.publicUrl}/api/auth
    Mail       ${config.smtpUrl ? 'by SMTP' : `captured in ${config.dataDir}/outbox; links are logged here`}
    Stop       Ctrl-C
`
}
