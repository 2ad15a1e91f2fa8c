// Keycloak: a realm export (kc.sh export), one object with `users`, each with its credentials and federated identities.
import { namedEntriesOf } from './entries.ts'
import {
  base64UrlOf,
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
  truthOf,
  verifiedAt,
} from './fields.ts'
import type { Reader } from './reader.ts'

const first = (value: unknown) => (Array.isArray(value) ? textOf(value[0]) : textOf(value))

/** Keycloak's names of digests. */
const digests: Readonly<Record<string, string>> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

/** The hash of a credential as a PHC string; a kind that we do not know keeps its name, by which it is refused. */
function hashOf(credential: Json): string | undefined {
  const secret = objectOf(jsonOf(credential.secretData))
  const data = objectOf(jsonOf(credential.credentialData))
  // Exports before version 9 have the fields in the credential itself.
  const [value, salt] = [
    textOf(secret.value ?? credential.hashedSaltedValue),
    textOf(secret.salt ?? credential.salt),
  ]
  const algorithm = textOf(data.algorithm ?? credential.algorithm) ?? 'unknown'
  const rounds = textOf(data.hashIterations ?? credential.hashIterations)
  if (!value) return undefined
  if (algorithm === 'argon2') {
    const of = (name: string) => first(objectOf(data.additionalParameters)[name])
    return `$argon2${of('type') ?? 'id'}$v=${of('version') === '1.0' ? 16 : 19}$m=${of('memory')},t=${rounds},p=${of('parallelism')}$${salt}$${value}`
  }
  const digest = digests[algorithm]
  return digest ? `$pbkdf2-${digest}$i=${rounds}$${salt}$${value}` : `$${algorithm}$`
}

/** A secret of a one-time password is base32 in newer versions, and text whose bytes are the key in older ones. */
function totpOf(credentials: readonly Json[], note: (sentence: string) => void) {
  for (const { secretData, credentialData, createdDate, type } of credentials) {
    if (type !== 'otp') continue
    const data = objectOf(jsonOf(credentialData))
    const secret = textOf(objectOf(jsonOf(secretData)).value)
    const isOurs =
      (data.subType ?? 'totp') === 'totp' &&
      data.digits === 6 &&
      data.period === 30 &&
      /sha-?1$/i.test(String(data.algorithm ?? 'HmacSHA1'))
    if (!secret || !isOurs) {
      note('One-time passwords that are not TOTP with SHA-1, six digits and 30 seconds are left out.')
      continue
    }
    const encoded = data.secretEncoding === 'BASE32' ? secret : base32(Buffer.from(secret, 'utf8'))
    return { secret: encoded, confirmed_at: instantOf(createdDate) ?? null }
  }
  return undefined
}

/** RFC 4648 §6, without padding. */
function base32(bytes: Buffer): string {
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  return (bits.match(/.{1,5}/g) ?? [])
    .map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(group.padEnd(5, '0'), 2)])
    .join('')
}

/** What authenticators were told: the id of the user as text (WebAuthnRegister.java). */
const userHandleOf = (user: Json) => Buffer.from(textOf(user.id) ?? '', 'utf8').toString('base64url')

const passkeysOf = (credentials: readonly Json[], user: Json) =>
  credentials
    .filter(({ type }) => type === 'webauthn-passwordless' || type === 'webauthn')
    .flatMap((credential) => {
      const data = objectOf(jsonOf(credential.credentialData))
      const [credentialId, publicKey] = [
        base64UrlOf(data.credentialId),
        base64UrlOf(data.credentialPublicKey),
      ]
      if (!credentialId || !publicKey) return []
      const transports = Array.isArray(data.transports)
        ? data.transports.map((one) => String(one).toLowerCase())
        : []
      return [
        {
          credential_id: credentialId,
          public_key: publicKey,
          ...(textOf(credential.userLabel) && { name: textOf(credential.userLabel)?.slice(0, 100) }),
          ...(textOf(data.aaguid) && { aaguid: textOf(data.aaguid) }),
          transports,
          ...(user.id !== undefined && { user_handle: userHandleOf(user) }),
          sign_count: typeof data.counter === 'number' ? data.counter : 0,
          created_at: instantOf(credential.createdDate) ?? null,
        },
      ]
    })

const identitiesOf = (user: Json) =>
  listOf(user.federatedIdentities).flatMap(({ identityProvider, userId, userName }) => {
    const [subject, email] = [textOf(userId), textOf(userName)]
    return subject
      ? [{ provider: providerOf(identityProvider), subject, ...(email?.includes('@') && { email }) }]
      : []
  })

function read(user: Json, note: (sentence: string) => void): Person {
  const credentials = listOf(user.credentials)
  const { locale, ...attributes } = objectOf(user.attributes)
  const password = credentials.find(({ type }) => type === 'password')
  return personOf({
    uuid: textOf(user.id),
    email: textOf(user.email) ?? (textOf(user.username)?.includes('@') ? textOf(user.username) : ''),
    password_hash: password ? hashOf(password) : undefined,
    email_verified_at: verifiedAt(user.emailVerified, user.createdTimestamp),
    first_name: nameOf(user.firstName),
    last_name: nameOf(user.lastName),
    locale: languageOf(first(locale)),
    created_at: instantOf(user.createdTimestamp),
    disabled_at: disabledAt(user.enabled === false),
    metadata: metadataOf({
      username: textOf(user.username),
      ...Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [
          name,
          Array.isArray(value) && value.length === 1 ? value[0] : value,
        ]),
      ),
    }),
    identities: identitiesOf(user),
    totp: totpOf(credentials, note),
    passkeys: passkeysOf(credentials, user),
  })
}

export const keycloak: Reader = async function* (bytes, { note }) {
  for await (const entry of namedEntriesOf(bytes, 'users')) {
    const user = objectOf(entry.value)
    if (textOf(user.serviceAccountClientId)) continue
    if (truthOf((user.groups as unknown[] | undefined)?.length))
      note('Groups and roles of the realm are left out.')
    yield entry.refused ? entry : { line: entry.line, value: read(user, note) }
  }
}
