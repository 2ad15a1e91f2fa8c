// Cursors: the end of a page of a list, opaque to clients.
import { invalidField } from './refusal.ts'

/** Prints the id of the last row of a page; null where there is no other page. */
export function printCursor(id: number | null): string | null {
  return id === null ? null : Buffer.from(String(id)).toString('base64url')
}

/** The id in a cursor; null for the first page. @throws RequestProblem validation_failed for a cursor of no page */
export function readCursor(cursor: string | undefined): number | null {
  if (cursor === undefined) return null
  const id = Number(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (Number.isSafeInteger(id) && id > 0 && printCursor(id) === cursor) return id
  throw invalidField('cursor', 'Must be the cursor of a page.')
}
