// Auth0: the NDJSON of a bulk user export (POST /api/v2/jobs/users-exports), and the NDJSON of password hashes that its support
// sends, which names users by `_id` and `alt_id`. Either may come alone.
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
import type { Bytes } from './source.ts'

/** The id of a user inside the connection, as user_id has it after the bar. */
const ownId = (hashes: Json) => textOf(hashes.alt_id) ?? textOf(objectOf(hashes._id).$oid)

/** The hashes of the second file, by the user's id. */
async function hashesById(bytes: Bytes, note: (sentence: string) => void): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  let unread = 0
  for await (const { value, refused } of entriesOf(bytes)) {
    if (refused) unread++
    const user = objectOf(value)
    const [id, hash] = [ownId(user), textOf(user.passwordHash)]
    if (id && hash) found.set(id, hash)
  }
  if (unread > 0)
    note(`${unread} lines of the file of hashes could not be read; their owners have no password.`)
  return found
}

/** The address of an entry of hashes, which may stand among its identifiers alone. */
function addressOf(user: Json): { email: unknown; verified: unknown } {
  if (textOf(user.email)) return { email: user.email, verified: user.email_verified }
  const identifier = listOf(user.identifiers).find(({ type }) => type === 'email')
  return { email: identifier?.value, verified: identifier?.verified }
}

const identitiesOf = (user: Json) =>
  listOf(user.identities)
    .filter(
      ({ isSocial, provider }) =>
        isSocial === true || (provider !== 'auth0' && provider !== 'email' && provider !== 'sms'),
    )
    .flatMap(({ provider, user_id, profileData }) => {
      const subject = textOf(user_id)
      const profile = objectOf(profileData)
      const [email, email_verified] = profileData
        ? [textOf(profile.email), profile.email_verified === true]
        : [textOf(user.email), user.email_verified === true]
      return subject
        ? [{ provider: providerOf(provider), subject, ...(email && { email }), email_verified }]
        : []
    })

/** The secret of an authenticator, in the form of Auth0's own import. */
function totpOf(user: Json) {
  const secret = listOf(user.mfa_factors)
    .map(({ totp }) => textOf(objectOf(totp).secret))
    .find(Boolean)
  return secret ? { secret } : undefined
}

function read(user: Json, hashes: ReadonlyMap<string, string>): Person {
  const own = ownId(user)
  const id = textOf(user.user_id) ?? (own && `auth0|${own}`)
  const { email, verified } = addressOf(user)
  const createdAt = instantOf(user.created_at) ?? instantOf(objectOf(user.password_set_date).$date)
  const name = textOf(user.name) === textOf(user.email) ? undefined : user.name
  return personOf({
    email: textOf(email) ?? '',
    password_hash: textOf(user.passwordHash) ?? (id ? hashes.get(id.replace(/^auth0\|/, '')) : undefined),
    email_verified_at: verifiedAt(verified, createdAt),
    display_name: nameOf(name ?? user.nickname),
    first_name: nameOf(user.given_name),
    last_name: nameOf(user.family_name),
    locale: languageOf(user.locale),
    created_at: instantOf(user.created_at),
    disabled_at: disabledAt(user.blocked),
    metadata: metadataOf({
      ...objectOf(user.user_metadata),
      auth0_user_id: id,
      username: textOf(user.username),
      phone: textOf(user.phone_number),
    }),
    identities: identitiesOf(user),
    totp: totpOf(user),
  })
}

export const auth0: Reader = async function* (bytes, { openHashes, note }) {
  const hashes = openHashes ? await hashesById(await openHashes(), note) : new Map<string, string>()
  for await (const entry of entriesOf(bytes)) {
    const user = objectOf(entry.value)
    if (user.app_metadata) note('app_metadata is not taken: users may change their metadata here.')
    yield entry.refused ? entry : { line: entry.line, value: read(user, hashes) }
  }
}
