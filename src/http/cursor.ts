// Cursors of lists: the id of the last row of a page, opaque to clients.
import { invalidField } from './refusal.ts'

/** @param id of the last row of a page; null where no page follows */
export function printCursor(id: number | null): string | null {
  return id === null ? null : Buffer.from(String(id)).toString('base64url')
}

/** The id in a cursor; null for the first page. @throws RequestProblem validation_failed for any other text */
export function readCursor(cursor: string | undefined): number | null {
  if (cursor === undefined) return null
  const id = Number(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (Number.isSafeInteger(id) && id > 0 && printCursor(id) === cursor) return id
  throw invalidField('cursor', 'Must be the cursor of a page.')
}
