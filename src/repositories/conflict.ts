// A write that lost a race for something unique: an address that another account took in the same moment.

/** SQLSTATE unique_violation (PostgreSQL appendix A). */
const uniqueViolation = '23505'

/** Whether the error, or what caused it, is a unique constraint that would have been broken. */
export function isConflict(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ((at as { code?: unknown }).code === uniqueViolation) return true
  return false
}
