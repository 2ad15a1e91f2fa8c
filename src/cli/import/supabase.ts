// Supabase: rows of auth.users as JSON or CSV, with identities and factors as docs/migrate.md selects them.
import { entriesOf } from './entries.ts'
import {
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
  truthOf,
} from './fields.ts'
import type { Reader } from './reader.ts'
import { eitherForm } from './table-or-json.ts'

const identitiesOf = (user: Json) =>
  listOf(jsonOf(user.identities))
    .filter(({ provider }) => provider !== 'email' && provider !== 'phone')
    .flatMap((identity) => {
      const data = objectOf(jsonOf(identity.identity_data))
      const subject = textOf(data.sub) ?? textOf(identity.provider_id)
      const email = textOf(data.email) ?? textOf(identity.email)
      return subject
        ? [
            {
              provider: providerOf(identity.provider),
              subject,
              ...(email && { email }),
              email_verified: data.email_verified === true,
              created_at: instantOf(identity.created_at) ?? null,
            },
          ]
        : []
    })

function totpOf(user: Json) {
  const factor = listOf(jsonOf(user.mfa_factors)).find(
    ({ factor_type, status }) => factor_type === 'totp' && status === 'verified',
  )
  const secret = textOf(factor?.secret)
  return secret ? { secret, confirmed_at: instantOf(factor?.updated_at) ?? null } : undefined
}

const isFuture = (instant: string | undefined) => instant !== undefined && Date.parse(instant) > Date.now()

function read(user: Json): Person {
  const given = objectOf(jsonOf(user.raw_user_meta_data))
  const bannedUntil = instantOf(user.banned_until)
  const {
    full_name,
    name,
    avatar_url: _,
    picture: __,
    sub: ___,
    email_verified: ____,
    phone_verified: _____,
    iss: ______,
    provider_id: _______,
    email: ________,
    ...own
  } = given
  return personOf({
    uuid: textOf(user.id),
    email: textOf(user.email) ?? '',
    password_hash: textOf(user.encrypted_password),
    email_verified_at: instantOf(user.email_confirmed_at) ?? instantOf(user.confirmed_at),
    display_name: nameOf(full_name ?? name),
    locale: languageOf(own.locale),
    created_at: instantOf(user.created_at),
    disabled_at: isFuture(bannedUntil) ? new Date().toISOString() : undefined,
    metadata: metadataOf({ ...own, phone: textOf(user.phone) }),
    identities: identitiesOf(user),
    totp: totpOf(user),
  })
}

export const supabase: Reader = async function* (bytes, { note }) {
  for await (const entry of eitherForm(bytes, entriesOf)) {
    const user = objectOf(entry.value)
    if (instantOf(user.deleted_at) !== undefined || truthOf(user.is_anonymous)) {
      note('Deleted and anonymous users are passed over.')
      continue
    }
    yield entry.refused ? entry : { line: entry.line, value: read(user) }
  }
}
