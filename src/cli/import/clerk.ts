// Clerk: the CSV of its dashboard's user export (id, first_name, …, password_digest, password_hasher), or its JSON, a list of users
// as the Backend API shows them with `password_digest` and `password_hasher`.
import { entriesOf } from './entries.ts'
import {
  disabledAt,
  instantOf,
  type Json,
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

/** Clerk's names of hashers whose digests do not say what they are. */
const hashers: Readonly<Record<string, string>> = {
  md5: 'md5',
  md5_salted: 'md5',
  sha256: 'sha256',
  sha256_salted: 'sha256',
}

/** Addresses in CSV are separated by a bar. */
const addresses = (value: unknown) => (textOf(value) ?? '').split(/[|,;\s]+/).filter(Boolean)

/** The primary address and whether it is verified. */
function addressOf(user: Json): { email: string; verified: boolean } {
  const list = listOf(user.email_addresses)
  if (list.length > 0) {
    const primary = list.find(({ id }) => id === user.primary_email_address_id) ?? list[0] ?? {}
    return {
      email: textOf(primary.email_address) ?? '',
      verified: objectOf(primary.verification).status === 'verified',
    }
  }
  const verified = addresses(user.verified_email_addresses)
  const email =
    textOf(user.primary_email_address) ?? verified[0] ?? addresses(user.unverified_email_addresses)[0] ?? ''
  return { email, verified: verified.includes(email) }
}

const identitiesOf = (user: Json) =>
  listOf(user.external_accounts).flatMap((account) => {
    const subject = textOf(account.provider_user_id)
    const email = textOf(account.email_address)
    const email_verified = objectOf(account.verification).status === 'verified'
    return subject
      ? [{ provider: providerOf(account.provider), subject, ...(email && { email }), email_verified }]
      : []
  })

function read(user: Json): Person {
  const { email, verified } = addressOf(user)
  const hash = textOf(user.password_digest)
  const secret = textOf(user.totp_secret)
  const phones = addresses(user.verified_phone_numbers)
  return personOf({
    email,
    password_hash: hash,
    password_hasher: hash ? hashers[textOf(user.password_hasher) ?? ''] : undefined,
    email_verified_at: verifiedAt(verified, user.created_at),
    first_name: nameOf(user.first_name),
    last_name: nameOf(user.last_name),
    locale: languageOf(user.locale),
    created_at: instantOf(user.created_at),
    disabled_at: disabledAt(user.banned),
    metadata: metadataOf({
      ...objectOf(user.unsafe_metadata),
      clerk_user_id: textOf(user.id),
      username: textOf(user.username),
      phone: textOf(user.primary_phone_number) ?? phones[0],
    }),
    identities: identitiesOf(user),
    totp: secret ? { secret } : undefined,
  })
}

export const clerk: Reader = async function* (bytes, { note }) {
  for await (const entry of eitherForm(bytes, entriesOf)) {
    const user = objectOf(entry.value)
    if (user.public_metadata || user.private_metadata)
      note('public_metadata and private_metadata are not taken: users may change their metadata here.')
    yield entry.refused ? entry : { line: entry.line, value: read(user) }
  }
}
