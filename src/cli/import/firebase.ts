// Firebase: `firebase auth:export` as JSON ({ "users": […] }), with the parameters of the project's hashes, which its console shows.
// Its CSV is refused: it does not escape names and addresses of pictures, so that a person could write other fields of their row, and
// rows of other persons.
import { type FirebaseParameters, readFirebase } from '../../crypto/foreign/scrypt.ts'
import { CommandError } from '../errors.ts'
import { type Entry, namedEntriesOf } from './entries.ts'
import {
  disabledAt,
  instantOf,
  type Json,
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
import type { Reader, ReaderOptions } from './reader.ts'
import { eitherForm } from './table-or-json.ts'

/** @throws CommandError */
function refuseTable(): never {
  throw new CommandError(
    'The CSV of firebase auth:export cannot be read safely, because a person can write its fields. Export JSON: firebase auth:export users.json',
  )
}

/** @throws CommandError where one is missing or is none */
function parametersOf({
  signerKey,
  saltSeparator = 'Bw==',
  rounds = 8,
  memCost = 14,
}: ReaderOptions): FirebaseParameters {
  const key = Buffer.from(signerKey ?? '', 'base64')
  if (key.length < 16)
    throw new CommandError(
      'The hashes need the parameters of the project, which the Firebase console shows under Authentication, Users, Password hash parameters: --signer-key, --salt-separator, --rounds, --mem-cost.',
    )
  return { signerKey: key, saltSeparator: Buffer.from(saltSeparator, 'base64'), rounds, memCost }
}

/** @returns the hash as it is stored here, or a sentence */
function hashOf(user: Json, options: ReaderOptions): { hash?: string } | { refused: string } {
  const [hash, salt] = [textOf(user.passwordHash), textOf(user.salt)]
  if (!hash) return {}
  const found = readFirebase(hash, salt ?? '', parametersOf(options))
  if (!found) return { refused: 'password_hash is not base64.' }
  return 'stored' in found ? { hash: found.stored } : { refused: `password_hash ${found.refusal}.` }
}

const identitiesOf = (user: Json) =>
  listOf(user.providerUserInfo)
    .filter(({ providerId }) => providerId !== 'password' && providerId !== 'phone')
    .flatMap(({ providerId, rawId, email: given }) => {
      const [subject, email] = [textOf(rawId), textOf(given)]
      return subject ? [{ provider: providerOf(providerId), subject, ...(email && { email }) }] : []
    })

function read(user: Json, hash: string | undefined): Person {
  return personOf({
    email: textOf(user.email) ?? '',
    password_hash: hash,
    email_verified_at: verifiedAt(user.emailVerified, user.createdAt),
    display_name: nameOf(user.displayName),
    created_at: instantOf(user.createdAt),
    disabled_at: disabledAt(user.disabled),
    metadata: metadataOf({ firebase_uid: textOf(user.localId), phone: textOf(user.phoneNumber) }),
    identities: identitiesOf(user),
  })
}

export const firebase: Reader = async function* (bytes, options): AsyncGenerator<Entry> {
  for await (const entry of eitherForm(bytes, (json) => namedEntriesOf(json, 'users'), refuseTable)) {
    const user = objectOf(entry.value)
    if (user.customAttributes)
      options.note('Custom claims are left out: users may change their metadata here.')
    const found = hashOf(user, options)
    if (entry.refused) yield entry
    else
      yield 'refused' in found
        ? { line: entry.line, refused: found.refused }
        : { line: entry.line, value: read(user, found.hash) }
  }
}
