// Products that export either a table or JSON.
import { type Entry, peek } from './entries.ts'
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
  const { first, all } = await peek(bytes)
  const isTable = first !== '[' && first !== '{'
  const entries = isTable ? readTable(all) : readJson(all)
  for await (const entry of entries) yield { ...entry, isTable }
}
