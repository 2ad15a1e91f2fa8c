// Validation from the published schemas: bodies strictly, the rest with coercion, and sentences instead of jargon.
import { Ajv, type ValidateFunction } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { FastifySchemaValidationError } from 'fastify'
import { formats } from '../../../schemas/primitives.ts'
import { type FieldErrors, RequestProblem } from '../refusal.ts'
import { plugin } from './plugin.ts'

/** Nesting of free-form JSON beyond which it is refused: the database and every reader walk it. */
const maxDepth = 32

function depthWithin(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return left > 0 && Object.values(value).every((entry) => depthWithin(entry, left - 1))
}

function newAjv(coerceTypes: boolean): Ajv {
  const ajv = new Ajv({
    coerceTypes,
    removeAdditional: false,
    useDefaults: false,
    allErrors: true,
    strict: true,
  })
  ajvFormats.default(ajv, ['uuid', 'date-time', 'uri'])
  ajv.addFormat('email', formats.email)
  ajv.addVocabulary(['x-secret'])
  ajv.addKeyword({
    keyword: 'x-max-json-bytes',
    type: 'object',
    schemaType: 'number',
    validate: (max: number, value: object) =>
      depthWithin(value, maxDepth) && Buffer.byteLength(JSON.stringify(value)) <= max,
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

/** One rule that a field broke, as a sentence; null for what other sentences already say. */
function sentence({ keyword, params }: FastifySchemaValidationError): string | null {
  switch (keyword) {
    case 'required':
      return 'Is required.'
    case 'minLength':
      return params.limit === 1 ? 'Must not be empty.' : `Must have at least ${params.limit} characters.`
    case 'maxLength':
      return `Must have at most ${params.limit} characters.`
    case 'maxItems':
      return `Must have at most ${params.limit} entries.`
    case 'pattern':
      return `Must match ${params.pattern}.`
    case 'minimum':
      return `Must be at least ${params.limit}.`
    case 'maximum':
      return `Must be at most ${params.limit}.`
    case 'format':
      return params.format === 'email' ? 'Must be an e-mail address.' : `Must be a valid ${params.format}.`
    case 'x-max-json-bytes':
      return `Must be at most 16 KiB of JSON, nested at most ${maxDepth} deep.`
    default:
      return null
  }
}

/** Sentences for each field. A field that breaks a rule of its own is not also blamed for not being null. */
function fieldErrors(errors: readonly FastifySchemaValidationError[], part: string): FieldErrors {
  const sentences: FieldErrors = {}
  const types = new Map<string, Set<string>>()
  const literals = new Map<string, Set<string>>()
  const note = (map: Map<string, Set<string>>, field: string, word: string) =>
    map.set(field, (map.get(field) ?? new Set()).add(word))
  for (const error of errors) {
    const missing = error.keyword === 'required' ? `/${String(error.params.missingProperty)}` : ''
    const field = `${error.instancePath}${missing}`.slice(1).split('/')[0]?.replaceAll('~1', '/') || part
    const said = sentence(error)
    if (said) sentences[field] = [...new Set([...(sentences[field] ?? []), said])]
    else if (error.keyword === 'type')
      note(types, field, typeNames[String(error.params.type)] ?? 'another type')
    else if (error.keyword === 'const') note(literals, field, `"${String(error.params.allowedValue)}"`)
    else if (error.keyword === 'enum')
      for (const value of error.params.allowedValues as unknown[]) note(literals, field, `"${String(value)}"`)
  }
  for (const [field, words] of types) sentences[field] ??= [`Must be ${[...words].join(' or ')}.`]
  for (const [field, words] of literals) sentences[field] ??= [`Must be ${[...words].join(' or ')}.`]
  return sentences
}

/**
 * A NUL or a lone surrogate: no text that a database or a person could give back unchanged (RFC 8259 §8.2).
 * Walks with a list of its own: a body may nest deeper than the call stack bears.
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
  const said = ['Must be text without NUL and without lone surrogates.']
  const errors = Object.fromEntries(broken.map(([key]) => [isBroken(key) ? 'body' : key, said]))
  throw new RequestProblem('broken_text', { errors })
}

/** A validator that is compiled by its first request, so that a start waits for none. */
function whenFirstUsed(ajv: Ajv, schema: object) {
  let compiled: ValidateFunction | undefined
  const validate = (data: unknown) => {
    compiled ??= ajv.compile(schema)
    const valid = compiled(data)
    validate.errors = compiled.errors ?? null
    return valid
  }
  validate.errors = null as ValidateFunction['errors'] | null
  return validate as ValidateFunction
}

export const validation = plugin('validation', async (api) => {
  const strict = newAjv(false)
  const coercing = newAjv(true)
  api.setValidatorCompiler(({ schema, httpPart }) =>
    whenFirstUsed(httpPart === 'body' ? strict : coercing, schema as object),
  )
  api.setSchemaErrorFormatter(
    (errors, part) => new RequestProblem('validation_failed', { errors: fieldErrors(errors, part) }),
  )

  const parse = api.getDefaultJsonParser('error', 'error')
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  api.removeAllContentTypeParsers()
  // Empty counts as absent: clients send Content-Type: application/json with nothing behind it.
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
        done(null, value)
      } catch (problem) {
        done(problem as Error)
      }
    })
  })
  // An absent body is an empty one: then every required field is named instead of "body must be object".
  api.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined || request.body === null) request.body = {}
    done()
  })
})
