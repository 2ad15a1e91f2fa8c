// Parts that the schemas share: e-mail address, password, instant, and the mark of values that must never be logged.
import { type SchemaOptions, type Static, type TSchema, Type } from '@sinclair/typebox'
import { mailboxPattern, maxEmailLength, passwordLength } from '../src/formats.ts'

/** Formats that we add to the validator's standard ones. */
export const formats = { email: mailboxPattern }

/** Marks a property whose value must never be logged; the logger's redaction list is read from these marks. */
export function Secret<T extends TSchema>(schema: T): T {
  return { ...schema, 'x-secret': true }
}

/** Marks an operation that accepts a request without a body; the document gets `requestBody.required: false`. */
export const optionalBody = { 'x-optional-body': true } as const

/** An object with no other members than those that its schema names. */
export const closed = { additionalProperties: false } as const

/** One of some texts. An enum and not a union of literals, because Swagger UI shows choices for enums only. */
export function OneOf<const Value extends string>(values: readonly Value[], options: SchemaOptions = {}) {
  return Type.Unsafe<Value>({ type: 'string', enum: [...values], ...options })
}

/** Null or a value, in the form that OpenAPI 3.1 generators handle best. */
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
  maxLength: maxEmailLength,
  description:
    'ASCII address with a dotted domain; trimmed, compared without regard to case. Internationalised domains in their xn-- form.',
  examples: ['ada@example.com'],
})

export const NewPassword = Secret(
  Type.String({
    minLength: passwordLength.min,
    maxLength: passwordLength.max,
    description: `${passwordLength.min} to ${passwordLength.max} characters of any kind; never trimmed; hashed in its NFKC form. The project may demand more, and by default refuses common passwords, the address and the names.`,
    examples: ['correct horse battery staple'],
  }),
)

/** A password to be compared. Older rules may have allowed any text, so only extreme lengths are refused. */
export const Password = Secret(
  Type.String({ minLength: 1, maxLength: 1024, examples: ['correct horse battery staple'] }),
)

/** The token that the link of a mail carries. */
export const Token = Secret(
  Type.String({
    minLength: 1,
    maxLength: 1024,
    examples: ['svt_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
  }),
)

/** The short code of a mail, which a person types. */
export const ShortCode = Secret(Type.String({ minLength: 1, maxLength: 32, examples: ['123456'] }))

/** The token of a trusted device. */
export const DeviceToken = Secret(
  Type.String({
    minLength: 1,
    maxLength: 128,
    description:
      'From a sign-in with `trust_device`: spares the second factor in the browser or app that got it. In cookie mode it is in a cookie.',
    examples: ['std_Q2hIYlZ0cGx1c2VkLW9uY2UtYW5kLW5ldmVyLWFnYWk'],
  }),
)

/** The proof from a mail: the token, or the address with the short code. */
export const mailedProof = {
  token: Type.Optional(Token),
  email: Type.Optional(Email),
  code: Type.Optional(ShortCode),
}

/** The token or code of a mail, for a back end that sends the mail itself. */
export const HandedToken = Secret(
  Type.String({
    description: 'Only where the application delivers mail, for a caller that sent the project secret.',
  }),
)

/** The target of the link in a mail, one of the `redirect_urls` of the policy. */
export const LinkTarget = Type.String({
  minLength: 1,
  maxLength: 2048,
  examples: ['https://app.example.com/welcome'],
})

const exampleId = '7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d'

export const Id = Type.String({ format: 'uuid', examples: [exampleId] })

export const exampleProjectId = '5e9f2e54-0000-4000-8000-000000000001'

/** A UUID in a path. Without a format: any other text is a 404, like an unknown id. */
export const PathId = (description: string) => Type.String({ description, examples: [exampleId] })

export const ProjectId = Type.String({ description: 'UUID of the project.', examples: [exampleProjectId] })

export const Instant = Type.String({
  format: 'date-time',
  description: 'ISO 8601 in UTC with milliseconds.',
  examples: ['2026-11-20T12:00:00.000Z'],
})

export const Name = Type.String({ maxLength: 255, examples: ['Ada'] })

/** Names of the properties below `schema` that carry the secret mark. */
export function secretNames(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return found
  const properties = (schema as { properties?: Record<string, unknown> }).properties ?? {}
  for (const [name, property] of Object.entries(properties))
    if ((property as Record<string, unknown>)['x-secret'] === true) found.add(name)
  for (const value of Object.values(schema)) secretNames(value, found)
  return found
}

/** The methods of a second factor. */
export const factorMethods = ['totp', 'passkey', 'recovery_code', 'email_code'] as const
