// Cursors of the admin API: the end of a page, signed together with the search, so that another search refuses them.
import { timingSafeEqual } from 'node:crypto'
import { keyedHash } from '../../crypto/secrets.ts'
import { invalidField } from '../refusal.ts'

/** The end of a page: the sort key of its last row, and its id. */
type Position = readonly [key: string, id: number]

const macOf = (key: Buffer, asked: unknown, text: string): Buffer =>
  keyedHash(key, 'admin cursor', JSON.stringify(asked), text).subarray(0, 12)

/** @param asked the project and every condition of the search */
export function printPosition(key: Buffer, asked: unknown, position: Position | null): string | null {
  if (position === null) return null
  const text = JSON.stringify(position)
  return Buffer.concat([macOf(key, asked, text), Buffer.from(text)]).toString('base64url')
}

/** @returns null for the first page @throws RequestProblem validation_failed for a cursor of another search, or of none */
export function readPosition(key: Buffer, asked: unknown, cursor: string | undefined): Position | null {
  if (cursor === undefined) return null
  const bytes = Buffer.from(cursor, 'base64url')
  const text = bytes.subarray(12).toString('utf8')
  if (bytes.length > 12 && timingSafeEqual(bytes.subarray(0, 12), macOf(key, asked, text)))
    return JSON.parse(text) as Position
  throw invalidField('cursor', 'Must be the cursor of a page of this search.')
}
