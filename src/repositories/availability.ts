// Tells an error that says "the database is away" from one that says "the query is wrong".

/** postgres.js and Node: no connection (also for want of a file descriptor), or it ended under the query. */
const connection = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETUNREACH',
  'ENFILE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
])

/**
 * SQLSTATEs and classes (PostgreSQL appendix A): connection exceptions, out of resources, operator intervention,
 * system errors, read-only, serialization and deadlock, a server that refuses our role for now.
 */
const states = /^(?:08|28|53|57|58|25006|40001|40P01)/

/** Whether the error, or what caused it, is that another transaction stood against this one: a deadlock, a snapshot. */
export function isOvertaken(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (code === '40001' || code === '40P01') return true
  }
  return false
}

/** Whether the error, or what caused it, means that the database cannot serve this now. */
export function isUnavailable(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string' && (connection.has(code) || states.test(code))) return true
    if (at instanceof AggregateError && at.errors.some(isUnavailable)) return true
  }
  return false
}
