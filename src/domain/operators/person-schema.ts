// The schema of a person in an import file, and the sentences that refuse its fields.
import { FormatRegistry, type Static, type TString, Type } from '@sinclair/typebox'
import { hasherNames } from '../../crypto/foreign/foreign-hashes.ts'
import { isMailbox, isUuid } from '../../formats.ts'
import { teamRoles } from '../teams/teams.ts'

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

export const identity = Type.Object(
  {
    provider: Type.String({ pattern: '^[a-z][a-z0-9_-]{0,31}$' }),
    /** Default: the issuer of that provider in the policy, or of the preset. */
    issuer: optional(Type.String({ minLength: 1, maxLength: 255 })),
    subject: Type.String({ minLength: 1, maxLength: 255 }),
    email: optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    email_verified: optional(Type.Boolean()),
    created_at: moment,
  },
  closed,
)

export const passkey = Type.Object(
  {
    credential_id: bytes(1023),
    public_key: bytes(2048),
    name: optional(Type.String({ minLength: 1, maxLength: 100 })),
    aaguid: optional(uuid),
    transports: optional(Type.Array(Type.String({ pattern: '^[a-z-]{1,20}$' }), { maxItems: 8 })),
    /** The user handle of the account in its authenticator (WebAuthn §4); default: unknown. */
    user_handle: optional(Type.Union([bytes(64), Type.Null()])),
    backup_eligible: optional(Type.Boolean()),
    backed_up: optional(Type.Boolean()),
    sign_count: optional(Type.Integer({ minimum: 0, maximum: 4_294_967_295 })),
    created_at: moment,
    last_used_at: moment,
  },
  closed,
)

export const membership = Type.Object(
  {
    id: uuid,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    role: Type.Union(teamRoles.map((role) => Type.Literal(role))),
    created_at: moment,
    joined_at: moment,
  },
  closed,
)

/** A person, with the field names of the canonical user. The description of a field ends the sentence that refuses it. */
export const personSchema = Type.Object(
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
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'must be an object of at most 16 KiB, nested at most 32 deep',
      }),
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

export type Person = Static<typeof personSchema>
export type PersonField = keyof Person

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i

FormatRegistry.Set('import-address', isMailbox)
FormatRegistry.Set('import-uuid', isUuid)
FormatRegistry.Set('import-instant', (text) => instantPattern.test(text) && !Number.isNaN(Date.parse(text)))

/** A team in a line of its own. */
export const teamSchema = Type.Object(
  { id: uuid, name: Type.String({ minLength: 1, maxLength: 100 }), created_at: moment },
  closed,
)
