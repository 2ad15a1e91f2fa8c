// Clerk: the CSV of its dashboard's user export, which has the digests of passwords; and JSON: a list of users as the Backend API
// shows them, as `clerk migrate export clerk` writes them, or as its support has sent them.
import { clerkDigest } from './clerk-digests.ts'
import { entriesOf } from './entries.ts'
import {
  disabledAt,
  instantOf,
  type Json,
  jsonOf,
  languageOf,
  listOf,
  metadataOf,
  nameOf,
  objectOf,
  type Person,
  personOf,
  providerOf,
  textOf,
  verifiedAt,
} from './fields.ts'
import type { Reader } from './reader.ts'
import { eitherForm } from './table-or-json.ts'

/** Texts of a list, which in CSV and in the support's JSON is one text. The CSV puts a tab before what a spreadsheet may run. */
const textsOf = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.flatMap((one) => textOf(one) ?? [])
    : (textOf(value) ?? '').split(/[|,;\s]+/).filter(Boolean)

const isVerified = ({ verification }: Json) => objectOf(verification).status === 'verified'

interface Address {
  readonly email: string
  readonly verified: boolean
}

/** The addresses of a user of the Backend API, the primary one first. */
function addressesOf({ email_addresses: list, primary_email_address_id: primary }: Json): Address[] {
  const rows = listOf(list).flatMap((row) => {
    const email = textOf(row.email_address)
    return email ? [{ email, verified: isVerified(row), isPrimary: row.id === primary }] : []
  })
  return rows.sort((a, b) => Number(b.isPrimary) - Number(a.isPrimary))
}

/** The address of a user in the other forms. */
function addressOf(user: Json, isTable: boolean): Address {
  const primary = textOf(user.primary_email_address)
  const [all, verified] = [textsOf(user.email_addresses), textsOf(user.verified_email_addresses)]
  const email = primary ?? verified[0] ?? all[0] ?? textsOf(user.unverified_email_addresses)[0] ?? ''
  // The command names a primary address only where it is verified, and beside it the others that are.
  const isOfCommand =
    !isTable &&
    primary !== undefined &&
    user.email_addresses === undefined &&
    [user.verified_email_addresses, user.unverified_email_addresses].every(
      (list) => list === undefined || Array.isArray(list),
    )
  const isAmong = (list: readonly string[]) => list.some((one) => one.toLowerCase() === email.toLowerCase())
  const isUnverified = isAmong(textsOf(user.unverified_email_addresses))
  return { email, verified: (isOfCommand && !isUnverified) || isAmong(verified) }
}

/** External accounts that the user has proven to own. */
const identitiesOf = (user: Json, addresses: readonly Address[]) =>
  listOf(user.external_accounts)
    .filter(isVerified)
    .flatMap((account) => {
      const [subject, email] = [textOf(account.provider_user_id), textOf(account.email_address)]
      const email_verified = addresses.some((one) => one.verified && one.email === email)
      return subject
        ? [{ provider: providerOf(account.provider), subject, ...(email && { email }), email_verified }]
        : []
    })

function phoneOf(user: Json): string | undefined {
  const primary = listOf(user.phone_numbers).find(({ id }) => id === user.primary_phone_number_id)
  return (
    textOf(user.primary_phone_number) ??
    textsOf(user.verified_phone_numbers)[0] ??
    textOf(primary?.phone_number)
  )
}

function read(user: Json, isTable: boolean): Person {
  const addresses = addressesOf(user)
  const { email, verified } = addresses[0] ?? addressOf(user, isTable)
  const [digest, secret] = [textOf(user.password_digest), textOf(user.totp_secret)]
  const password = digest ? clerkDigest(digest, textOf(user.password_hasher)) : null
  return personOf({
    email,
    password_hash: password?.hash,
    password_hasher: password?.hasher,
    email_verified_at: verifiedAt(verified, user.created_at),
    first_name: nameOf(user.first_name),
    last_name: nameOf(user.last_name),
    locale: languageOf(user.locale),
    created_at: instantOf(user.created_at),
    disabled_at: disabledAt(user.banned),
    metadata: metadataOf({
      ...objectOf(jsonOf(user.unsafe_metadata)),
      clerk_user_id: textOf(user.id),
      username: textOf(user.username),
      phone: phoneOf(user),
    }),
    identities: identitiesOf(user, addresses),
    totp: secret ? { secret } : undefined,
  })
}

const holdsSomething = (value: unknown) => Object.keys(objectOf(jsonOf(value))).length > 0

export const clerk: Reader = async function* (bytes, { note }) {
  for await (const { isTable, ...entry } of eitherForm(bytes, entriesOf)) {
    const user = objectOf(entry.value)
    if (holdsSomething(user.public_metadata) || holdsSomething(user.private_metadata))
      note('public_metadata and private_metadata are not taken: users may change their metadata here.')
    if (!isTable && user.password_digest === undefined)
      note('The file has no passwords: only the CSV of the dashboard (Settings, User exports) has them.')
    if (textsOf(user.email_addresses).length > 0)
      note('The file does not say which addresses are verified, so none is.')
    yield entry.refused ? entry : { line: entry.line, value: read(user, isTable) }
  }
}
