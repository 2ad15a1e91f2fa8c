// Imports accounts with the hashes of their passwords: each is checked by itself, and inserted in batches.
import { randomUUID } from 'node:crypto'
import { FormatRegistry, type Static, type TString, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isMailbox, isUuid, normalizeEmail } from '../../formats.ts'
import { analyzeImportedTables, type ImportedUser, insertUsers } from '../../repositories/operators/users.ts'
import { circumstances } from '../audit/audit.ts'
import type { Context, Services } from '../context.ts'

const orNull = (schema: TString, description: string) =>
  Type.Optional(Type.Union([schema, Type.Null()], { description: `${description}, or null` }))
const name = orNull(Type.String({ maxLength: 255 }), 'must be text of at most 255 characters')
const instant = orNull(Type.String({ format: 'import-instant' }), 'must be an instant in ISO 8601')
const phc = 'must be a PHC string of argon2id such as $argon2id$v=19$m=19456,t=2,p=1$…'
const language = { pattern: '^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$', maxLength: 35 }

/** The fields of a user in a file, named as in the canonical user; a description is the sentence that refuses one. */
const userSchema = Type.Object(
  {
    email: Type.String({ format: 'import-address', description: 'must be an e-mail address' }),
    password_hash: orNull(Type.String({ format: 'import-phc' }), phc),
    email_verified_at: instant,
    display_name: name,
    first_name: name,
    last_name: name,
    role: Type.Optional(
      Type.Union([Type.Literal('user'), Type.Literal('admin')], { description: 'must be user or admin' }),
    ),
    locale: orNull(Type.String(language), 'must be a language such as de or pt-BR'),
    metadata: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'must be an object of at most 16 KiB' }),
    ),
    uuid: Type.Optional(Type.String({ format: 'import-uuid', description: 'must be a UUID' })),
    created_at: instant,
  },
  { additionalProperties: false },
)

type GivenUser = Static<typeof userSchema>

/** Upper bounds of an imported hash's cost, which each sign-in pays until the hash is renewed. */
const maxCost = { memoryKib: 262_144, passes: 16, lanes: 16 }

/** Whether a text is an argon2id PHC string (RFC 9106) whose cost is within bounds. */
export function isCheckableHash(phc: string): boolean {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{16,88}$/.exec(
      phc,
    )
  if (!match) return false
  const [, memoryKib = 0, passes = 0, lanes = 0] = match.map(Number)
  const fits = memoryKib <= maxCost.memoryKib && passes <= maxCost.passes && lanes <= maxCost.lanes
  return fits && passes >= 1 && lanes >= 1 && memoryKib >= 8 * lanes
}

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i

FormatRegistry.Set('import-address', isMailbox)
FormatRegistry.Set('import-phc', isCheckableHash)
FormatRegistry.Set('import-uuid', isUuid)
FormatRegistry.Set('import-instant', (text) => instantPattern.test(text) && !Number.isNaN(Date.parse(text)))

/** NUL and lone surrogates, as JSON writes them: PostgreSQL's JSON holds neither. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

const inUtc = (text: string | null | undefined) => (text ? new Date(text).toISOString() : null)

/** Reads one user of a file. @returns the account to insert, or a sentence that says what is wrong, without a hash */
export function readUser(value: unknown): ImportedUser | string {
  const [wrong] = Value.Errors(userSchema, value)
  if (wrong) {
    const field = wrong.path.split('/')[1]
    if (!field) return 'It must be an object with an email.'
    return Object.hasOwn(userSchema.properties, field)
      ? `${field} ${userSchema.properties[field as keyof GivenUser].description}.`
      : `${JSON.stringify(field.slice(0, 40))} is no field of a person.`
  }
  const given = value as GivenUser
  if (Buffer.byteLength(JSON.stringify(given.metadata ?? {})) > 16_384)
    return `metadata ${userSchema.properties.metadata.description}.`
  if (unstorable.test(JSON.stringify(given))) return 'It holds a character that cannot be stored.'
  return {
    uuid: given.uuid?.toLowerCase() ?? randomUUID(),
    email: normalizeEmail(given.email),
    passwordHash: given.password_hash ?? null,
    emailVerifiedAt: inUtc(given.email_verified_at),
    displayName: given.display_name ?? null,
    firstName: given.first_name ?? null,
    lastName: given.last_name ?? null,
    role: given.role ?? 'user',
    locale: given.locale ?? null,
    metadata: given.metadata ?? {},
    createdAt: inUtc(given.created_at),
  }
}

/** Imports users whose address is free; existing accounts stay as they are. @returns how many were inserted */
export function importUsers(ctx: Context, users: readonly ImportedUser[]): Promise<number> {
  return insertUsers(ctx.store, users, circumstances(ctx, false))
}

/** Inserted users from which on the planner's statistics are too far off to be used. */
const manyUsers = 10_000

/** Renews the planner's statistics after an import that created many users. @returns whether it was large enough */
export async function refreshStatistics(
  { stores }: Pick<Services, 'stores'>,
  created: number,
): Promise<boolean> {
  if (created < manyUsers) return false
  await analyzeImportedTables(stores.unscoped)
  return true
}
