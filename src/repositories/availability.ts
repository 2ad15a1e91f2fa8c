// Tells an error that says "the database is away" from one that says "the query is wrong".

/** postgres.js and Node: no connection (also for want of a file descriptor), or it ended under the query. */
const connection =
  /^(?:CONNECT(?:ION)?_\w+|EAI_AGAIN|ECONN(?:REFUSED|RESET)|E(?:HOST|NET)UNREACH|E[MN]FILE|ENOTFOUND|EPIPE|ETIMEDOUT)$/

/**
 * SQLSTATEs and classes (PostgreSQL appendix A): connection exceptions, out of resources, operator intervention,
 * system errors, read-only, serialization and deadlock, a server that refuses our role for now.
 */
const states = /^(?:08|28|53|57|58|25006|40001|40P01)/

/** The codes of the error and of its causes. */
export function codesOf(error: unknown): unknown[] {
  return error instanceof Error ? [(error as { code?: unknown }).code, ...codesOf(error.cause)] : []
}

/** The innermost cause of an error; a value that is no error as the message of one. */
export function innermostCause(error: unknown): Error {
  let at = error instanceof Error ? error : new Error(String(error))
  while (at.cause instanceof Error) at = at.cause
  return at
}

/** Whether another transaction stood against this one: a deadlock, a snapshot. */
export function isOvertaken(error: unknown): boolean {
  return codesOf(error).some((code) => code === '40001' || code === '40P01')
}

/** Whether the error, or its cause, means that the database cannot serve this now. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && (connection.test(code) || states.test(code))) return true
  return isUnavailable(error.cause) || (error instanceof AggregateError && error.errors.some(isUnavailable))
}
