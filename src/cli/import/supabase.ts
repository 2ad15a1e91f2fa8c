// Supabase: rows of auth.users as JSON or CSV, with identities and factors as docs/migrate.md selects them.
import { readFirebase } from '../../crypto/foreign/scrypt.ts'
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
      const subject = textOf(identity.provider_id) ?? textOf(data.sub)
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

/** Secrets and hashes that Supabase encrypted are JSON objects (supabase/auth, internal/crypto/crypto.go). */
const isEncrypted = (text: string) => text.startsWith('{')

function totpOf(user: Json, note: (sentence: string) => void) {
  const factors = listOf(jsonOf(user.mfa_factors)).filter(({ status }) => status === 'verified')
  const factor = factors.find(({ factor_type }) => factor_type === 'totp')
  const secret = textOf(factor?.secret)
  if (factors.some(({ factor_type }) => factor_type !== 'totp'))
    note('Second factors that are not authenticators are left out. Their owners enrol again.')
  if (secret && isEncrypted(secret)) {
    note('Authenticators are left out: Supabase has encrypted their secrets. Their owners enrol again.')
    return undefined
  }
  return secret ? { secret, confirmed_at: instantOf(factor?.updated_at) ?? null } : undefined
}

const isFuture = (instant: string | undefined) => instant !== undefined && Date.parse(instant) > Date.now()

const firebase =
  /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,3})(?:,p=1)?(?:,ss=([^,$]*))?,sk=([^,$]+)\$([^$]+)\$([^$]+)$/

/** The hash of a user; one that came from Firebase is in a form of Supabase's own (supabase/auth, internal/crypto/password.go). */
function hashOf(user: Json): string | undefined {
  const stored = textOf(user.encrypted_password)
  const [, memCost, rounds, separator = '', signerKey = '', salt = '', hash = ''] =
    firebase.exec(stored ?? '') ?? []
  if (!memCost) return stored
  const found = readFirebase(hash, salt, {
    signerKey: Buffer.from(signerKey, 'base64'),
    saltSeparator: Buffer.from(separator, 'base64'),
    rounds: Number(rounds),
    memCost: Number(memCost),
  })
  return found && 'stored' in found ? found.stored : '$fbscrypt$'
}

/** Metadata that Supabase writes itself, from the profile at a provider. */
const ofSupabase: ReadonlySet<string> = new Set([
  ...['avatar_url', 'picture', 'sub', 'iss', 'provider_id', 'email'],
  ...['email_verified', 'phone_verified'],
])

function read(user: Json, note: (sentence: string) => void): Person {
  const { full_name, name, ...given } = objectOf(jsonOf(user.raw_user_meta_data))
  const own: Json = Object.fromEntries(Object.entries(given).filter(([key]) => !ofSupabase.has(key)))
  const bannedUntil = instantOf(user.banned_until)
  return personOf({
    uuid: textOf(user.id),
    email: textOf(user.email) ?? '',
    password_hash: hashOf(user),
    // confirmed_at may be when the phone was.
    email_verified_at: instantOf(user.email_confirmed_at),
    display_name: nameOf(full_name ?? name),
    locale: languageOf(own.locale),
    created_at: instantOf(user.created_at),
    disabled_at: isFuture(bannedUntil) ? new Date().toISOString() : undefined,
    metadata: metadataOf({ ...own, phone: textOf(user.phone) }),
    identities: identitiesOf(user),
    totp: totpOf(user, note),
  })
}

export const supabase: Reader = async function* (bytes, { note }) {
  for await (const entry of eitherForm(bytes, entriesOf)) {
    const user = objectOf(entry.value)
    if (instantOf(user.deleted_at) !== undefined || truthOf(user.is_anonymous)) {
      note('Deleted and anonymous users are passed over.')
      continue
    }
    if (entry.refused) yield entry
    else if (isEncrypted(textOf(user.encrypted_password) ?? ''))
      yield {
        line: entry.line,
        refused: 'password_hash is encrypted by Supabase, with a key that is not in the file.',
      }
    else yield { line: entry.line, value: read(user, note) }
  }
}
