// One person of a file, in the one form that every reader of a product makes: checked field by field, refused in a sentence.
import { randomUUID } from 'node:crypto'
import { FormatRegistry, type Static, type TString, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { hasherNames, readForeignHash } from '../../crypto/foreign/foreign-hashes.ts'
import { readTotpSecret } from '../../crypto/totp.ts'
import { isMailbox, isUuid, normalizeEmail } from '../../formats.ts'
import type {
  ImportedMembership,
  ImportedPasskey,
  ImportedUser,
} from '../../repositories/operators/imported-users.ts'

const optional = Type.Optional
const orNull = (schema: TString, description: string) =>
  optional(Type.Union([schema, Type.Null()], { description: `${description}, or null` }))
const name = orNull(Type.String({ maxLength: 255 }), 'must be text of at most 255 characters')
const instant = orNull(Type.String({ format: 'import-instant' }), 'must be an instant in ISO 8601')
const language = { pattern: '^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$', maxLength: 35 }
const closed = { additionalProperties: false } as const
const bytes = (most: number) =>
  Type.String({ pattern: '^[A-Za-z0-9_-]+$', minLength: 2, maxLength: Math.ceil((most * 4) / 3) })
const moment = optional(Type.Union([Type.String({ format: 'import-instant' }), Type.Null()]))
const uuid = Type.String({ format: 'import-uuid' })

const identity = Type.Object(
  {
    provider: Type.String({ pattern: '^[a-z][a-z0-9_-]{0,31}$' }),
    /** Default: the issuer of the policy's provider of that name, or of ours. */
    issuer: optional(Type.String({ minLength: 1, maxLength: 255 })),
    subject: Type.String({ minLength: 1, maxLength: 255 }),
    email: optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    email_verified: optional(Type.Boolean()),
    created_at: moment,
  },
  closed,
)

const passkey = Type.Object(
  {
    credential_id: bytes(1023),
    public_key: bytes(2048),
    name: optional(Type.String({ minLength: 1, maxLength: 100 })),
    aaguid: optional(uuid),
    transports: optional(Type.Array(Type.String({ pattern: '^[a-z-]{1,20}$' }), { maxItems: 8 })),
    backup_eligible: optional(Type.Boolean()),
    backed_up: optional(Type.Boolean()),
    sign_count: optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
    created_at: moment,
    last_used_at: moment,
  },
  closed,
)

const membership = Type.Object(
  {
    id: uuid,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    role: Type.Union([
      Type.Literal('ADMIN'),
      Type.Literal('BUILDER'),
      Type.Literal('OPERATOR'),
      Type.Literal('VIEWER'),
    ]),
    created_at: moment,
    joined_at: moment,
  },
  closed,
)

/** The fields of a person in a file, named as in the canonical user; a description is the sentence that refuses one. */
const personSchema = Type.Object(
  {
    email: Type.String({ format: 'import-address', description: 'must be an e-mail address' }),
    password_hash: orNull(Type.String({ maxLength: 1000 }), 'must be the hash of a password'),
    password_hasher: optional(
      Type.String({ enum: hasherNames, description: `must be one of ${hasherNames.join(', ')}` }),
    ),
    email_verified_at: instant,
    email_proof: optional(
      Type.Union([Type.Literal('holder'), Type.Literal('claim'), Type.Literal('mailbox'), Type.Null()], {
        description: 'must be holder, claim or mailbox',
      }),
    ),
    display_name: name,
    first_name: name,
    last_name: name,
    role: optional(
      Type.Union([Type.Literal('user'), Type.Literal('admin')], { description: 'must be user or admin' }),
    ),
    provider: orNull(Type.String({ maxLength: 32 }), 'must be the name of a provider'),
    locale: orNull(Type.String(language), 'must be a language such as de or pt-BR'),
    metadata: optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'must be an object of at most 16 KiB' }),
    ),
    uuid: optional(Type.String({ format: 'import-uuid', description: 'must be a UUID' })),
    created_at: instant,
    disabled_at: instant,
    deletion_due_at: instant,
    identities: optional(
      Type.Array(identity, {
        maxItems: 50,
        description: 'must be a list of at most 50 objects with provider and subject',
      }),
    ),
    totp: optional(
      Type.Union(
        [
          Type.Object(
            {
              secret: Type.String({ maxLength: 200 }),
              last_step: optional(Type.Integer({ minimum: 0 })),
              created_at: moment,
              confirmed_at: moment,
            },
            closed,
          ),
          Type.Null(),
        ],
        { description: 'must be an object with a secret of 10 to 64 bytes in base32' },
      ),
    ),
    passkeys: optional(
      Type.Array(passkey, {
        maxItems: 100,
        description: 'must be a list of at most 100 objects with credential_id and public_key in base64url',
      }),
    ),
    recovery_codes: optional(
      Type.Array(Type.Object({ hash: bytes(32), created_at: moment, used_at: moment }, closed), {
        maxItems: 100,
        description:
          'must be a list of at most 100 objects with the hash of a code, beside the uuid they were made for',
      }),
    ),
    teams: optional(
      Type.Array(membership, {
        maxItems: 1000,
        description: 'must be a list of objects with id, name and role (ADMIN, BUILDER, OPERATOR, VIEWER)',
      }),
    ),
  },
  closed,
)

type Person = Static<typeof personSchema>
export type PersonField = keyof Person

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i

FormatRegistry.Set('import-address', isMailbox)
FormatRegistry.Set('import-uuid', isUuid)
FormatRegistry.Set('import-instant', (text) => instantPattern.test(text) && !Number.isNaN(Date.parse(text)))

/** NUL and lone surrogates, as JSON writes them: PostgreSQL's JSON holds neither. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

const inUtc = (text: string | null | undefined) => (text ? new Date(text).toISOString() : null)
const hex = (text: string) => Buffer.from(text, 'base64url').toString('hex')

/** An account that was read, before what belongs to the installation is known: issuers, and what the secret is sealed with. */
export interface ReadUser extends Omit<ImportedUser, 'identities' | 'totp'> {
  /** What checking the hash takes; null: there is none. */
  readonly passwordCost: string | null
  readonly totp:
    | (Omit<NonNullable<ImportedUser['totp']>, 'sealedSecret'> & { readonly secret: Buffer })
    | null
  readonly identities: readonly (Omit<ImportedUser['identities'][number], 'issuer'> & {
    readonly issuer: string | null
  })[]
}

export interface ReadingOptions {
  /** Whether single digests are taken as hashes. */
  readonly acceptsWeak?: boolean
}

/** Reads one person of a file. @returns the account, or a sentence that says what is wrong, without a hash */
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
  if (Buffer.byteLength(JSON.stringify(given.metadata ?? {})) > 16_384)
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
    // Only the holder of a proven address adds one; of an unproven one, another person may have.
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
    displayName: given.display_name ?? null,
    firstName: given.first_name ?? null,
    lastName: given.last_name ?? null,
    role: given.role ?? 'user',
    provider: given.provider ?? null,
    locale: given.locale ?? null,
    metadata: given.metadata ?? {},
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
})

const membershipOf = (one: Static<typeof membership>): ImportedMembership => ({
  id: one.id.toLowerCase(),
  name: one.name,
  role: one.role,
  createdAt: inUtc(one.created_at),
  joinedAt: inUtc(one.joined_at),
})

const teamSchema = Type.Object(
  { id: uuid, name: Type.String({ minLength: 1, maxLength: 100 }), created_at: moment },
  closed,
)

/** Reads a line that is a team alone: `{ "team": … }`. @returns null where it is none, or a sentence */
export function readTeam(
  value: unknown,
): Pick<ImportedMembership, 'id' | 'name' | 'createdAt'> | string | null {
  if (typeof value !== 'object' || value === null || !('team' in value)) return null
  if (Object.keys(value).length > 1 || !Value.Check(teamSchema, value.team))
    return 'team must be an object with id and name.'
  const { id, name: called, created_at } = value.team
  return { id: id.toLowerCase(), name: called, createdAt: inUtc(created_at) }
}
