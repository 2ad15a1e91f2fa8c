// A write that lost a race for something unique: an address that another account took in the same moment.
import { codesOf } from './availability.ts'

/** Whether the error is unique_violation (SQLSTATE 23505, PostgreSQL appendix A). */
export const isConflict = (error: unknown): boolean => codesOf(error).includes('23505')
