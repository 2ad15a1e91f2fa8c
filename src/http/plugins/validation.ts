// Validates requests by the published schemas, after converting the numbers and booleans of queries; errors are sentences. Fields
// of a body that its schema does not declare are ignored.
import { _, Ajv, type ValidateFunction } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { FastifySchemaValidationError } from 'fastify'
import { formats } from '../../../schemas/primitives.ts'
import { isNestedWithin, maxJsonDepth } from '../../formats.ts'
import { type FieldErrors, RequestProblem } from '../refusal.ts'
import { changedNumbers } from './json-numbers.ts'
import { plugin } from './plugin.ts'

function newAjv(): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: true })
  ajvFormats.default(ajv, ['uuid', 'date-time', 'uri'])
  ajv.addFormat('email', formats.email)
  ajv.addVocabulary(['x-secret'])
  ajv.addKeyword({
    keyword: 'x-max-json-bytes',
    type: 'object',
    schemaType: 'number',
    error: { message: 'is too large', params: ({ schemaCode }) => _`{limit: ${schemaCode}}` },
    validate: (max: number, value: object) =>
      isNestedWithin(value, maxJsonDepth) && Buffer.byteLength(JSON.stringify(value)) <= max,
  })
  return ajv
}

const typeNames: Record<string, string> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const brokenText = 'Must be text without NUL and without lone surrogates.'

/** Validation messages by keyword; those of `type`, `const` and `enum` are built from all allowed values. */
const sentences: Readonly<Record<string, (params: Record<string, unknown>) => string>> = {
  required: () => 'Is required.',
  minLength: ({ limit }) => (limit === 1 ? 'Must not be empty.' : `Must have at least ${limit} characters.`),
  maxLength: ({ limit }) => `Must have at most ${limit} characters.`,
  maxItems: ({ limit }) => `Must have at most ${limit} entries.`,
  pattern: ({ pattern }) => `Must match ${pattern}.`,
  minimum: ({ limit }) => `Must be at least ${limit}.`,
  maximum: ({ limit }) => `Must be at most ${limit}.`,
  format: ({ format }) => (format === 'email' ? 'Must be an e-mail address.' : `Must be a valid ${format}.`),
  'broken-text': () => brokenText,
  'x-max-json-bytes': ({ limit }) =>
    `Must be at most ${Number(limit) / 1024} KiB of JSON, nested at most ${maxJsonDepth} deep.`,
}

/** Validation messages by field. A nullable field that breaks a rule gets the rule's message and not "Must be null". */
function fieldErrors(errors: readonly FastifySchemaValidationError[], part: string): FieldErrors {
  const messages: FieldErrors = Object.create(null)
  const types = new Map<string, Set<string>>()
  const literals = new Map<string, Set<string>>()
  const note = (map: Map<string, Set<string>>, field: string, word: string) =>
    map.set(field, (map.get(field) ?? new Set()).add(word))
  for (const { keyword, params, instancePath } of errors) {
    const missing = keyword === 'required' ? `/${String(params.missingProperty)}` : ''
    const field = `${instancePath}${missing}`.slice(1).split('/')[0]?.replaceAll('~1', '/') || part
    const message = sentences[keyword]?.(params)
    if (message) messages[field] = [...new Set([...(messages[field] ?? []), message])]
    else if (keyword === 'type') note(types, field, typeNames[String(params.type)] ?? 'another type')
    else if (keyword === 'const') note(literals, field, `"${String(params.allowedValue)}"`)
    else if (keyword === 'enum')
      for (const value of params.allowedValues as unknown[]) note(literals, field, `"${String(value)}"`)
  }
  for (const [field, words] of [...types, ...literals])
    messages[field] ??= [`Must be ${[...words].join(' or ')}.`]
  return messages
}

/**
 * Whether a value holds a NUL or a lone surrogate, which PostgreSQL cannot store (RFC 8259 §8.2). Iterates, because a body
 * may nest deeper than the call stack.
 */
function isBroken(value: unknown): boolean {
  const left = [value]
  while (left.length > 0) {
    const at = left.pop()
    if (typeof at === 'string') {
      if (at.includes('\0') || !at.isWellFormed()) return true
    } else if (typeof at === 'object' && at !== null)
      for (const [key, entry] of Object.entries(at)) left.push(key, entry)
  }
  return false
}

function refuseBrokenText(body: unknown): void {
  if (typeof body !== 'object' || body === null) return
  const broken = Object.entries(body).filter(([key, value]) => isBroken(key) || isBroken(value))
  if (broken.length === 0) return
  const messages = [brokenText]
  const errors = Object.fromEntries(broken.map(([key]) => [isBroken(key) ? 'body' : key, messages]))
  throw new RequestProblem('broken_text', { errors })
}

/** @throws RequestProblem broken_text for numbers that parsing changes */
function refuseChangedNumbers(text: string): void {
  const fields = changedNumbers(text)
  if (fields.length === 0) return
  const messages = ['Must have only numbers that a double holds: write longer ones as text.']
  throw new RequestProblem('broken_text', {
    errors: Object.fromEntries(fields.map((field) => [isBroken(field) ? 'body' : field, messages])),
  })
}

/** A whole number as it is written in a query: without sign, fraction, exponent, base or leading zeros. */
const wholeNumber = /^(?:0|[1-9]\d{0,14})$/

/** Converts the texts of a query to the types of its schema, where they have the one accepted form. */
function readTexts(schema: object, data: unknown): void {
  const { properties = {} } = schema as { properties?: Record<string, { type?: unknown }> }
  const values = data as Record<string, unknown>
  for (const [name, { type }] of Object.entries(properties)) {
    const text = values[name]
    if (typeof text !== 'string') continue
    if (type === 'integer' && wholeNumber.test(text)) values[name] = Number(text)
    if (type === 'boolean' && (text === 'true' || text === 'false')) values[name] = text === 'true'
  }
}

/** The errors of query fields with text that PostgreSQL cannot store; for bodies the parser checks that. */
function brokenTexts(schema: object, data: unknown): FastifySchemaValidationError[] {
  const { properties = {} } = schema as { properties?: object }
  return Object.entries((data ?? {}) as object)
    .filter(([name, value]) => Object.hasOwn(properties, name) && isBroken(value))
    .map(([name]) => ({
      keyword: 'broken-text',
      params: {},
      schemaPath: '',
      message: brokenText,
      instancePath: `/${name}`,
    }))
}

/**
 * A valid body without the fields that its schema does not declare. A handler may then pass on the rest of a body: no field
 * that was not validated reaches it (OWASP API3:2023, mass assignment).
 */
function declaredFields(schema: object, body: unknown): unknown {
  const { properties, additionalProperties } = schema as {
    properties?: object
    additionalProperties?: unknown
  }
  if (!properties || additionalProperties !== undefined || typeof body !== 'object' || body === null)
    return body
  const fields = Object.entries(body)
  const declared = fields.filter(([name]) => Object.hasOwn(properties, name))
  return declared.length === fields.length ? body : Object.fromEntries(declared)
}

/** Builds a validator that is compiled at its first request, which makes the start faster. */
function whenFirstUsed(ajv: Ajv, schema: object, part: string | undefined) {
  let validate: ValidateFunction | undefined
  return (data: unknown) => {
    if (part !== 'body') readTexts(schema, data)
    const broken = part === 'querystring' ? brokenTexts(schema, data) : []
    if (broken.length > 0) return { error: broken }
    validate ??= ajv.compile(schema)
    if (!validate(data)) return { error: validate.errors ?? [] }
    return part === 'body' ? { value: declaredFields(schema, data) } : true
  }
}

/** The beginning of a media type (RFC 9110 §8.3.1). */
const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:$|[\s;])/

export const validation = plugin('validation', async (api) => {
  const ajv = newAjv()
  api.setValidatorCompiler(({ schema, httpPart }) => whenFirstUsed(ajv, schema as object, httpPart))
  api.setSchemaErrorFormatter(
    (errors, part) => new RequestProblem('validation_failed', { errors: fieldErrors(errors, part) }),
  )

  const parse = api.getDefaultJsonParser('error', 'error')
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  api.removeAllContentTypeParsers()
  // An empty body counts as absent: some clients send Content-Type: application/json without a body.
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined)
    let text: string
    try {
      text = utf8.decode(body)
    } catch {
      return done(new RequestProblem('malformed_request'))
    }
    parse(request, text, (error: Error | null, value?: unknown) => {
      if (error) return done(new RequestProblem('malformed_request'))
      try {
        if (text.includes('\\u')) refuseBrokenText(value)
        refuseChangedNumbers(text)
        done(null, value)
      } catch (problem) {
        done(problem as Error)
      }
    })
  })
  // An empty body of any type is accepted: `curl -d ''` sends the type of a form.
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const isNone = body.length === 0 || request.is404
    done(isNone ? null : new RequestProblem('unsupported_media_type'), undefined)
  })
  api.addHook('onRequest', ({ raw, headers }, _reply, done) => {
    // Fastify refuses an invalid type before the parser can see that the body is empty.
    const type = headers['content-type']
    const isEmpty =
      headers['transfer-encoding'] === undefined && !(Number(headers['content-length'] ?? 0) > 0)
    if (type !== undefined && isEmpty && !mediaType.test(type)) delete raw.headers['content-type']
    done()
  })
  // An absent body becomes an empty object: then the errors name every required field instead of "body must be object".
  api.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined || request.body === null) request.body = {}
    done()
  })
})
