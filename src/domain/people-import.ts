// Accounts brought in from elsewhere, with the hashes of their passwords: each checked by itself, added in batches.
import { randomUUID } from 'node:crypto'
import { FormatRegistry, type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { ImportedUser } from '../repositories/people.ts'
import type { Store } from '../repositories/store.ts'
import { isAddress } from './addresses.ts'
import type { Project } from './projects.ts'
import { normalizeEmail } from './users.ts'
import { isUuid } from './uuid.ts'

/** What an operator may bring of a person; the names are those of the canonical user. */
const personSchema = Type.Object(
  {
    email: Type.String({ format: 'import-address' }),
    password_hash: orNull(Type.String({ format: 'import-phc' })),
    email_verified_at: orNull(Type.String({ format: 'import-instant' })),
    display_name: orNull(Type.String({ maxLength: 255 })),
    first_name: orNull(Type.String({ maxLength: 255 })),
    last_name: orNull(Type.String({ maxLength: 255 })),
    role: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('admin')])),
    locale: orNull(Type.String({ pattern: '^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$', maxLength: 35 })),
    metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    uuid: Type.Optional(Type.String({ format: 'import-uuid' })),
    created_at: orNull(Type.String({ format: 'import-instant' })),
  },
  { additionalProperties: false },
)

type Person = Static<typeof personSchema>

function orNull<T extends ReturnType<typeof Type.String>>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]))
}

/** The most that a hash may ask of this machine at each sign-in until it is renewed. */
const most = { memoryKib: 262_144, passes: 16, lanes: 16 }

/** Whether it is an argon2id PHC string that can be checked here at a bearable cost. */
export function isCheckableHash(phc: string): boolean {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{16,88}$/.exec(
      phc,
    )
  if (!match) return false
  const [, memoryKib = 0, passes = 0, lanes = 0] = match.map(Number)
  const fits = memoryKib <= most.memoryKib && passes <= most.passes && lanes <= most.lanes
  return fits && passes >= 1 && lanes >= 1 && memoryKib >= 8 * lanes
}

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i

FormatRegistry.Set('import-address', isAddress)
FormatRegistry.Set('import-phc', isCheckableHash)
FormatRegistry.Set('import-uuid', isUuid)
FormatRegistry.Set('import-instant', (text) => instant.test(text) && !Number.isNaN(Date.parse(text)))

/** What each field must be, for the sentence about one that is not. */
const wanted: Record<keyof Person, string> = {
  email: 'must be an e-mail address',
  password_hash: 'must be a PHC string of argon2id such as $argon2id$v=19$m=19456,t=2,p=1$…, or null',
  email_verified_at: 'must be an instant in ISO 8601, or null',
  display_name: 'must be text of at most 255 characters, or null',
  first_name: 'must be text of at most 255 characters, or null',
  last_name: 'must be text of at most 255 characters, or null',
  role: 'must be user or admin',
  locale: 'must be a language such as de or pt-BR, or null',
  metadata: 'must be an object of at most 16 KiB',
  uuid: 'must be a UUID',
  created_at: 'must be an instant in ISO 8601, or null',
}

/** NUL and halves of characters, as JSON writes them: PostgreSQL's JSON holds neither. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

const inUtc = (text: string | null | undefined) => (text ? new Date(text).toISOString() : null)

/** Reads what stands for one person. Out: the account to be, or a sentence that says what is wrong; it repeats no hash. */
export function readPerson(value: unknown): ImportedUser | string {
  const errors = [...Value.Errors(personSchema, value)]
  const [wrong] = errors
  if (wrong) {
    const field = wrong.path.split('/')[1]
    if (!field) return 'It must be an object with an email.'
    return Object.hasOwn(wanted, field)
      ? `${field} ${wanted[field as keyof Person]}.`
      : `${JSON.stringify(field.slice(0, 40))} is no field of a person.`
  }
  const person = value as Person
  if (Buffer.byteLength(JSON.stringify(person.metadata ?? {})) > 16_384) return `metadata ${wanted.metadata}.`
  if (unstorable.test(JSON.stringify(person))) return 'It holds a character that cannot be stored.'
  return {
    uuid: person.uuid?.toLowerCase() ?? randomUUID(),
    email: normalizeEmail(person.email),
    passwordHash: person.password_hash ?? null,
    emailVerifiedAt: inUtc(person.email_verified_at),
    displayName: person.display_name ?? null,
    firstName: person.first_name ?? null,
    lastName: person.last_name ?? null,
    role: person.role ?? 'user',
    locale: person.locale ?? null,
    metadata: person.metadata ?? {},
    createdAt: inUtc(person.created_at),
  }
}

/** Adds people whose address is free in the project; the others stay as they are. Returns how many were added. */
export function importPeople(
  store: Store,
  project: Project,
  people: readonly ImportedUser[],
): Promise<number> {
  return store.people.addMany(project.id, people)
}

/** People after whom what the planner knew of the tables is worth nothing any more. */
const many = 10_000

/** To be called after an import, with how many it added. Out: whether they were many, and the statistics were renewed. */
export async function renewStatistics(store: Store, created: number): Promise<boolean> {
  if (created < many) return false
  await store.everywhere.statistics.renewAfterImport()
  return true
}
