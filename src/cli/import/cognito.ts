// Amazon Cognito: a CSV of users with the columns that its own import takes (get-csv-header). Cognito exports no hashes, so
// these accounts have no password; their first failed sign-in sends the mail that sets one.
import { CommandError } from '../errors.ts'
import { instantOf, languageOf, metadataOf, nameOf, personOf, textOf, truthOf, verifiedAt } from './fields.ts'
import type { Reader } from './reader.ts'
import type { Bytes } from './source.ts'
import { type Row, rowsOf } from './table.ts'

/** Attributes that an application has defined. */
const customOf = (row: Row) =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([name]) => name.startsWith('custom:'))
      .map(([name, value]) => [name.slice(7), value]),
  )

const [backslash, comma, separator] = [0x5c, 0x2c, 0x1f]

/** Cognito's CSV has a backslash before a comma inside of a value; it becomes a sign that CSV passes through. */
async function* withoutEscapes(bytes: Bytes): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of bytes) {
    const whole = Buffer.concat([rest, piece])
    const end = whole.at(-1) === backslash ? whole.length - 1 : whole.length
    rest = whole.subarray(end)
    const kept = whole.subarray(0, end)
    yield kept.includes(backslash) ? unescaped(kept) : kept
  }
  if (rest.length > 0) yield rest
}

function unescaped(piece: Buffer): Buffer {
  const made = Buffer.alloc(piece.length)
  let length = 0
  for (let at = 0; at < piece.length; at++) {
    const isEscape = piece[at] === backslash && piece[at + 1] === comma
    made[length++] = isEscape ? separator : (piece[at] ?? 0)
    if (isEscape) at++
  }
  return made.subarray(0, length)
}

const withCommas = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value.replaceAll('\u001f', ',')]))

export const cognito: Reader = async function* (bytes, { note }) {
  for await (const entry of rowsOf(withoutEscapes(bytes), { takesQuotes: true })) {
    const row = entry.value && withCommas(entry.value)
    if (!row) {
      yield entry
      continue
    }
    if (!('email' in row) || !('cognito:username' in row))
      throw new CommandError(
        'The first line of the file must be the header that aws cognito-idp get-csv-header prints.',
      )
    if (truthOf(row['cognito:mfa_enabled']))
      note('Second factors are left out: Cognito does not give their secrets away.')
    const full = nameOf(row.name)
    yield {
      line: entry.line,
      value: personOf({
        email: textOf(row.email) ?? '',
        email_verified_at: verifiedAt(row.email_verified, row.updated_at),
        display_name: full ?? nameOf(row.nickname),
        first_name: nameOf(row.given_name),
        last_name: nameOf(row.family_name),
        locale: languageOf(row.locale),
        created_at: instantOf(row.updated_at),
        metadata: metadataOf({
          cognito_username: textOf(row['cognito:username']),
          phone: textOf(row.phone_number),
          ...customOf(row),
        }),
      }),
    }
  }
}
