// The rows of a CSV file (RFC 4180), as records by the names of their columns.
import { Readable } from 'node:stream'
import { CommandError } from '../errors.ts'
import type { Entry } from './entries.ts'
import type { Bytes } from './source.ts'

export type Row = Readonly<Record<string, string>>

/** Characters that one row may have. */
const maxRowCharacters = 1_048_576

/**
 * @param options.takesQuotes whether quotation marks inside of a field that does not begin with one are taken as they are
 * @throws CommandError where the file is no CSV, from the loop
 */
export async function* rowsOf(
  bytes: Bytes,
  { takesQuotes = false }: { readonly takesQuotes?: boolean } = {},
): AsyncGenerator<Entry & { readonly value?: Row }> {
  const { parse } = await import('csv-parse')
  const parser = parse({
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRowCharacters,
    relax_quotes: takesQuotes,
    columns: (header: string[]) => header.map((name) => name.trim()),
  })
  const source = Readable.from(bytes)
  let uneven = 0
  // An error of the file does not pass through a pipe.
  source.once('error', (error) => parser.destroy(error))
  try {
    for await (const { record, info } of source.pipe(parser) as AsyncIterable<{
      record: Row
      info: { lines: number; invalid_field_length: number }
    }>) {
      // Where quotation marks are taken as they are, one at the beginning of a value would swallow those that follow.
      const isUneven = takesQuotes && info.invalid_field_length > uneven
      uneven = info.invalid_field_length
      if (isUneven) {
        yield { line: info.lines, refused: 'It has another number of fields than the first line.' }
        continue
      }
      const isText = !Object.values(record).some((field) => field.includes('\uFFFD'))
      yield isText
        ? { line: info.lines, value: record }
        : { line: info.lines, refused: 'It is not valid UTF-8.' }
    }
  } catch (error) {
    if (error instanceof CommandError) throw error
    const { code = '', lines } = error as Error & { code?: string; lines?: number }
    const why =
      code === 'CSV_QUOTE_NOT_CLOSED' ? 'it ends inside of a quoted field' : (error as Error).message
    throw new CommandError(
      `The file is not valid CSV${lines ? ` in line ${lines}` : ''}: ${why}. What came before was read.`.replace(
        '..',
        '.',
      ),
    )
  } finally {
    source.destroy()
  }
}
