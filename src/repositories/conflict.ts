// Recognizes a violation of a unique constraint, such as a concurrent sign-up with the same address.
import { codesOf } from './availability.ts'

/** Whether the error is unique_violation (SQLSTATE 23505, PostgreSQL appendix A). */
export const isConflict = (error: unknown): boolean => codesOf(error).includes('23505')
