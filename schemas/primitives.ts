// The wire's small words: e-mail address, password, instant, and the mark of what must never be logged.
import { type SchemaOptions, type Static, type TSchema, Type } from '@sinclair/typebox'

/** The published formats behind our own names; the validator is taught the same two. */
export const formats = {
  /** RFC 5321 mailbox in ASCII with a dotted domain; white space around it is allowed and trimmed away. */
  email:
    /^\s*(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\s*$/i,
}

/** Marks a property whose value must never be logged; the logger's redaction list is read from these marks. */
export function Secret<T extends TSchema>(schema: T): T {
  return { ...schema, 'x-secret': true }
}

/** Null or a value, in the form that OpenAPI 3.1 and its generators read best. */
export function Nullable<T extends TSchema>(schema: T, options: SchemaOptions = {}) {
  return Type.Union([schema, Type.Null()], options)
}

/** Points at a shared schema by its name, so that the document has one definition and SDKs one type. */
export function Shared<T extends TSchema>(schema: T) {
  if (!schema.$id) throw new Error('A shared schema needs an $id.')
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` })
}

export const Email = Type.String({
  format: 'email',
  maxLength: 255,
  description:
    'ASCII address with a dotted domain; trimmed, compared without regard to case. Internationalised domains in their xn-- form.',
  examples: ['ada@example.com'],
})

export const NewPassword = Secret(
  Type.String({
    minLength: 8,
    maxLength: 255,
    description: '8 to 255 characters of any kind; never trimmed; hashed in its NFKC form.',
    examples: ['correct horse battery staple'],
  }),
)

/** A password to be checked: anything may have been set once, so only absurd lengths are refused. */
export const Password = Secret(
  Type.String({ minLength: 1, maxLength: 1024, examples: ['correct horse battery staple'] }),
)

/** What the link of a mail carried. */
export const Token = Secret(
  Type.String({
    minLength: 1,
    maxLength: 1024,
    examples: ['svt_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
  }),
)

/** What a person typed from a mail. */
export const ShortCode = Secret(Type.String({ minLength: 1, maxLength: 32, examples: ['123456'] }))

/** Where the link of a mail leads; its origin is checked against the project's list. */
export const LinkTarget = Type.String({
  minLength: 1,
  maxLength: 2048,
  examples: ['https://app.example.com/welcome'],
})

export const Id = Type.String({ format: 'uuid', examples: ['7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'] })

export const Instant = Type.String({
  format: 'date-time',
  description: 'ISO 8601 in UTC with milliseconds.',
  examples: ['2026-11-20T12:00:00.000Z'],
})

export const Name = Type.String({ maxLength: 255, examples: ['Ada'] })

/** Every schema property below `schema` that carries the secret mark. */
export function secretNames(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return found
  const properties = (schema as { properties?: Record<string, unknown> }).properties ?? {}
  for (const [name, property] of Object.entries(properties))
    if ((property as Record<string, unknown>)['x-secret'] === true) found.add(name)
  for (const value of Object.values(schema)) secretNames(value, found)
  return found
}
