// Instants of a query or a body (RFC 3339). The format lets leap seconds pass, which no clock here has, and the year 0, which
// PostgreSQL has not.
import { RequestProblem } from '../refusal.ts'

/** @returns undefined where there is none @throws RequestProblem validation_failed, naming the field */
export function instantOf<T extends string | undefined>(
  text: T,
  field: string,
): T extends string ? Date : undefined {
  if (text === undefined) return undefined as never
  const at = new Date(text)
  const year = at.getUTCFullYear()
  if (!Number.isNaN(at.getTime()) && year >= 1 && year < 10_000) return at as never
  throw new RequestProblem('validation_failed', { errors: { [field]: ['Must be an instant.'] } })
}
