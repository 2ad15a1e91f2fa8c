// Distinguishes errors of an unavailable database from errors of a query.

/** Error codes of postgres.js and Node for a connection that cannot be opened, or was closed during a query. */
const connection =
  /^(?:CONNECT(?:ION)?_\w+|EAI_AGAIN|ECONN(?:REFUSED|RESET)|E(?:HOST|NET)UNREACH|E[MN]FILE|ENOTFOUND|EPIPE|ETIMEDOUT)$/

/**
 * SQLSTATEs and classes (PostgreSQL appendix A): connection exceptions, out of resources, operator intervention,
 * system errors, read-only, serialization and deadlock, a server that refuses our role for now.
 */
const states = /^(?:08|28|53|57|58|25006|40001|40P01)/

/** Lists the codes of an error and of its causes. */
export function codesOf(error: unknown): unknown[] {
  return error instanceof Error ? [(error as { code?: unknown }).code, ...codesOf(error.cause)] : []
}

/** The innermost cause of an error; a value that is no error as the message of one. */
export function innermostCause(error: unknown): Error {
  let at = error instanceof Error ? error : new Error(String(error))
  while (at.cause instanceof Error) at = at.cause
  return at
}

/** Whether a transaction failed by a conflict with another one: a serialization failure or a deadlock. */
export function isTransactionConflict(error: unknown): boolean {
  return codesOf(error).some((code) => code === '40001' || code === '40P01')
}

/** Whether an error, or one of its causes, means that the database is unavailable. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && (connection.test(code) || states.test(code))) return true
  return isUnavailable(error.cause) || (error instanceof AggregateError && error.errors.some(isUnavailable))
}
