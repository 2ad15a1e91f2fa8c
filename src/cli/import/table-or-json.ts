// Products that export either a table or JSON.
import type { Entry } from './entries.ts'
import type { Bytes } from './source.ts'
import { rowsOf } from './table.ts'

/**
 * The entries of a file in either form; a file that begins with a bracket is JSON.
 * @param readJson reads the entries of the JSON
 * @param readTable reads the rows of the table
 */
export async function* eitherForm(
  bytes: Bytes,
  readJson: (bytes: Bytes) => AsyncIterable<Entry>,
  readTable: (bytes: Bytes) => AsyncIterable<Entry> = rowsOf,
): AsyncGenerator<Entry & { readonly isTable: boolean }> {
  const iterator = bytes[Symbol.asyncIterator]()
  const { value: first } = await iterator.next()
  async function* all(): AsyncGenerator<Buffer> {
    if (first) yield first
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  const isTable = !/^\s*[[{]/.test(first ? first.toString('latin1', 0, 1024) : '')
  const entries = isTable ? readTable(all()) : readJson(all())
  for await (const entry of entries) yield { ...entry, isTable }
}
