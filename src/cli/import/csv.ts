// A plain table: columns by the names of our fields, or by names that are as good.
import { CommandError } from '../errors.ts'
import {
  disabledAt,
  instantOf,
  jsonOf,
  languageOf,
  metadataOf,
  nameOf,
  personOf,
  textOf,
  truthOf,
  verifiedAt,
} from './fields.ts'
import type { Reader } from './reader.ts'
import { type Row, rowsOf } from './table.ts'

/** Names of columns, without underscores and blanks, for each field. */
const names = {
  email: ['email', 'emailaddress', 'mail', 'useremail'],
  password_hash: ['passwordhash', 'hash', 'passworddigest', 'encryptedpassword', 'userpass', 'password'],
  password_hasher: ['passwordhasher', 'hasher'],
  verified: ['emailverified', 'verified', 'isverified'],
  email_verified_at: ['emailverifiedat', 'emailconfirmedat', 'confirmedat'],
  display_name: ['displayname', 'name', 'fullname'],
  first_name: ['firstname', 'givenname'],
  last_name: ['lastname', 'familyname', 'surname'],
  locale: ['locale', 'language'],
  role: ['role'],
  uuid: ['uuid'],
  created_at: ['createdat', 'created', 'userregistered', 'datejoined'],
  disabled: ['disabled', 'blocked', 'banned'],
  metadata: ['metadata'],
} as const

const bare = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '')
const known: ReadonlySet<string> = new Set(Object.values(names).flat())

export const csv: Reader = async function* (bytes, { hasher, note }) {
  let isFirst = true
  for await (const entry of rowsOf(bytes)) {
    const row: Row = entry.value ?? {}
    const columns = new Map(Object.entries(row).map(([name, value]) => [bare(name), value]))
    const find = (field: keyof typeof names) => {
      const name = names[field].find((one) => columns.has(one))
      return name === undefined ? undefined : textOf(columns.get(name))
    }
    if (isFirst && entry.value) {
      if (!names.email.some((name) => columns.has(name)))
        throw new CommandError(
          `The first line of the file must name its columns, and one of them email (or ${names.email.slice(1).join(', ')}).`,
        )
      for (const name of Object.keys(row)) if (!known.has(bare(name))) note(`The column ${name} is not read.`)
    }
    isFirst = false
    const [createdAt, hash, metadata] = [
      instantOf(find('created_at')),
      find('password_hash'),
      find('metadata'),
    ]
    yield entry.value
      ? {
          line: entry.line,
          value: personOf({
            email: find('email') ?? '',
            password_hash: hash,
            password_hasher: hash ? (find('password_hasher') ?? hasher) : undefined,
            email_verified_at:
              instantOf(find('email_verified_at')) ?? verifiedAt(truthOf(find('verified')), createdAt),
            display_name: nameOf(find('display_name')),
            first_name: nameOf(find('first_name')),
            last_name: nameOf(find('last_name')),
            locale: languageOf(find('locale')),
            role: find('role'),
            uuid: find('uuid'),
            created_at: createdAt,
            disabled_at: disabledAt(find('disabled')),
            metadata: metadata === undefined ? undefined : (jsonOf(metadata) ?? metadataOf({ metadata })),
          }),
        }
      : entry
  }
}
