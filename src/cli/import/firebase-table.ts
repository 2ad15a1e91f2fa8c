// The CSV of `firebase auth:export`, which has no first line with names, and is not that of RFC 4180: a display name with a comma
// stands between quotation marks, and those inside of it are not doubled (firebase/firebase-tools, src/accountExporter.ts).
import { type Entry, linesIn } from './entries.ts'
import type { Json } from './fields.ts'
import { type Bytes, textOf } from './source.ts'

export const providersInTable = ['google.com', 'facebook.com', 'twitter.com', 'github.com']

const columns = [
  ...['localId', 'email', 'emailVerified', 'passwordHash', 'salt', 'displayName', 'photoUrl'],
  ...providersInTable.flatMap((name) =>
    ['rawId', 'email', 'displayName', 'photoUrl'].map((field) => `${name} ${field}`),
  ),
  ...['createdAt', 'lastSignedInAt', 'phoneNumber', 'disabled', 'customAttributes'],
]

/** Where the mark is that closes the field which begins at `from`: the first before a comma that is not one of a pair; -1: none is. */
function closingMark(line: string, from: number): number {
  for (let at = line.indexOf('",', from + 1); at >= 0; at = line.indexOf('",', at + 1)) {
    let first = at
    while (first > from + 1 && line[first - 1] === '"') first--
    if ((at - first) % 2 === 0) return at
  }
  return -1
}

/** @param plain the position of a field whose quotation mark is its own */
function cut(line: string, plain: number): string[] {
  const fields: string[] = []
  for (let at = 0; at <= line.length; ) {
    const closing = line[at] === '"' && fields.length !== plain ? closingMark(line, at) : -1
    const comma = line.indexOf(',', at)
    const end = closing >= 0 ? closing + 1 : comma >= 0 ? comma : line.length
    const field = line.slice(at, end)
    fields.push(closing >= 0 ? field.slice(1, -1).replaceAll('""', '"') : field)
    at = end + 1
  }
  return fields
}

const hasAll = (fields: readonly string[]) =>
  (fields.length === columns.length || fields.length === columns.length + 1) && fields.at(-1) === ''

/** The fields of a line. A name that begins with a quotation mark is told by the number of columns from one that stands between two. */
function fieldsOf(line: string): string[] {
  const whole = cut(line, -1)
  if (hasAll(whole)) return whole
  const names = columns.flatMap((name, at) => (/displayName$/.test(name) ? [cut(line, at)] : []))
  return names.find(hasAll) ?? whole
}

/** The rows, by the names of the JSON. Each line ends with a comma; that of older versions has no custom claims. */
export async function* firebaseRowsOf(bytes: Bytes): AsyncGenerator<Entry & { readonly value?: Json }> {
  for await (const { line, content } of linesIn(bytes)) {
    const text = textOf(content)?.replace(/\r$/, '')
    if (text === undefined) {
      yield { line, refused: 'It is not valid UTF-8.' }
      continue
    }
    const fields = fieldsOf(text)
    yield hasAll(fields)
      ? { line, value: Object.fromEntries(columns.map((name, at) => [name, fields[at] ?? ''])) }
      : {
          line,
          refused: `It has ${fields.length - 1} columns, not ${columns.length}: a name in it holds quotation marks or an end of line. Export it as JSON.`,
        }
  }
}
