// Reads one person of an import file, which readers of other products' files produce as well. Every field is checked.
import { randomUUID } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { hasherNames, readForeignHash } from '../../crypto/foreign/foreign-hashes.ts'
import { readTotpSecret } from '../../crypto/totp.ts'
import { isNestedWithin, maxJsonDepth, normalizeEmail } from '../../formats.ts'
import { profileByColumn } from '../../repositories/accounts/users.ts'
import type {
  ImportedMembership,
  ImportedPasskey,
  ImportedTeam,
  ImportedUser,
} from '../../repositories/operators/imported-users.ts'
import {
  type membership,
  type Person,
  type PersonField,
  type passkey,
  personSchema,
  teamSchema,
} from './person-schema.ts'

/** NUL and lone surrogates in the notation of JSON, which PostgreSQL's JSON types do not accept. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

const inUtc = (text: string | null | undefined) => (text ? new Date(text).toISOString() : null)
const hex = (text: string) => Buffer.from(text, 'base64url').toString('hex')

/** A read account, before issuers are resolved by the policy and the TOTP secret is sealed with a key of the installation. */
export interface ReadUser extends Omit<ImportedUser, 'identities' | 'totp'> {
  /** Kind and cost of the hash, such as `bcrypt:12`; null: there is no hash. */
  readonly passwordCost: string | null
  readonly totp:
    | (Omit<NonNullable<ImportedUser['totp']>, 'sealedSecret'> & { readonly secret: Buffer })
    | null
  readonly identities: readonly (Omit<ImportedUser['identities'][number], 'issuer'> & {
    readonly issuer: string | null
  })[]
}

export interface ReadingOptions {
  /** Whether plain digests, such as one round of SHA-256, are accepted as password hashes. */
  readonly acceptsWeak?: boolean
}

/** Bytes of a value as JSON; infinite if it is nested too deeply to be written. */
function jsonBytes(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** Reads one person of a file. @returns the account, or a sentence with the problem, which never repeats a hash */
export function readUser(value: unknown, { acceptsWeak = false }: ReadingOptions = {}): ReadUser | string {
  const [wrong] = Value.Errors(personSchema, value)
  if (wrong) {
    const field = wrong.path.split('/')[1]
    if (!field) return 'It must be an object with an email.'
    return Object.hasOwn(personSchema.properties, field)
      ? `${field} ${personSchema.properties[field as PersonField].description}.`
      : `${JSON.stringify(field.slice(0, 40))} is no field of a person.`
  }
  const given = value as Person
  const { password_hash: hash, password_hasher: hasher, totp } = given
  if (hasher !== undefined && !hasherNames.includes(hasher))
    return `password_hasher ${personSchema.properties.password_hasher.description}.`
  const found = hash ? readForeignHash(hash, { hasher, acceptsWeak }) : null
  if (typeof found === 'string') return `password_hash ${found}`
  const secret = totp ? readTotpSecret(totp.secret) : null
  if (totp && !secret) return `totp ${personSchema.properties.totp.description}.`
  if (given.recovery_codes?.length && !given.uuid)
    return `recovery_codes ${personSchema.properties.recovery_codes.description}.`
  if (!isNestedWithin(given.metadata, maxJsonDepth) || jsonBytes(given.metadata ?? {}) > 16_384)
    return `metadata ${personSchema.properties.metadata.description}.`
  if (unstorable.test(JSON.stringify(given))) return 'It holds a character that cannot be stored.'
  return {
    ...profileOf(given),
    passwordHash: found?.stored ?? null,
    passwordCost: found?.cost ?? null,
    totp:
      totp && secret
        ? {
            secret,
            lastStep: totp.last_step ?? 0,
            createdAt: inUtc(totp.created_at),
            confirmedAt: inUtc(totp.confirmed_at),
          }
        : null,
    identities: (given.identities ?? []).map((one) => ({
      provider: one.provider,
      issuer: one.issuer ?? null,
      subject: one.subject,
      email: one.email ? normalizeEmail(one.email) : null,
      emailVerified: one.email_verified ?? false,
      createdAt: inUtc(one.created_at),
    })),
    // A passkey of an account with an unproven address may belong to another person than the owner of the address.
    passkeys: given.email_verified_at ? (given.passkeys ?? []).map(passkeyOf) : [],
    recoveryCodes: (given.recovery_codes ?? []).map((one) => ({
      codeHash: hex(one.hash),
      createdAt: inUtc(one.created_at),
      usedAt: inUtc(one.used_at),
    })),
    teams: (given.teams ?? []).map(membershipOf),
  }
}

function profileOf(given: Person) {
  const emailVerifiedAt = inUtc(given.email_verified_at)
  return {
    uuid: given.uuid?.toLowerCase() ?? randomUUID(),
    email: normalizeEmail(given.email),
    emailVerifiedAt,
    emailProof: emailVerifiedAt ? (given.email_proof === undefined ? 'holder' : given.email_proof) : null,
    ...profileByColumn(given),
    role: given.role ?? 'user',
    provider: given.provider ?? null,
    disabledAt: inUtc(given.disabled_at),
    deletionDueAt: inUtc(given.deletion_due_at),
    createdAt: inUtc(given.created_at),
  } as const
}

const nilUuid = '00000000-0000-0000-0000-000000000000'

const passkeyOf = (one: Static<typeof passkey>): ImportedPasskey => ({
  credentialId: hex(one.credential_id),
  publicKey: hex(one.public_key),
  name: one.name ?? 'Passkey',
  aaguid: one.aaguid ?? nilUuid,
  transports: (one.transports ?? []).join(' '),
  backupEligible: one.backup_eligible ?? one.backed_up ?? false,
  backedUp: one.backed_up ?? false,
  signCount: one.sign_count ?? 0,
  createdAt: inUtc(one.created_at),
  lastUsedAt: inUtc(one.last_used_at),
  userHandle: hex(one.user_handle ?? ''),
})

const membershipOf = (one: Static<typeof membership>): ImportedMembership => ({
  id: one.id.toLowerCase(),
  name: one.name,
  role: one.role,
  createdAt: inUtc(one.created_at),
  joinedAt: inUtc(one.joined_at),
})

/** Reads a line with a team: `{ "team": … }`. @returns null: it is no such line; a sentence: the problem */
export function readTeam(value: unknown): ImportedTeam | string | null {
  if (typeof value !== 'object' || value === null || !('team' in value)) return null
  if (Object.keys(value).length > 1 || !Value.Check(teamSchema, value.team))
    return 'team must be an object with id and name.'
  const { id, name: called, created_at } = value.team
  return { id: id.toLowerCase(), name: called, createdAt: inUtc(created_at) }
}
