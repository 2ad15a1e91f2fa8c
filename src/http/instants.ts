// Instants of a query or a body (RFC 3339), after their format was validated.
import { invalidField } from './refusal.ts'

/** @returns null for leap seconds, which JavaScript does not know, and for years that PostgreSQL or ISO 8601 do not have */
export function readInstant(text: string): Date | null {
  const at = new Date(text)
  const year = at.getUTCFullYear()
  return year >= 1 && year <= 9999 ? at : null
}

/** @returns undefined where the field is absent @throws RequestProblem validation_failed, naming the field */
export function instantOf<T extends string | undefined>(
  text: T,
  field: string,
): T extends string ? Date : undefined {
  if (text === undefined) return undefined as never
  const at = readInstant(text)
  if (!at) throw invalidField(field, 'Must be an instant.')
  return at as never
}
