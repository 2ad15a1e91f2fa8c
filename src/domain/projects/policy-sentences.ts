// Problems of a policy as sentences: an unknown key with the nearest known one, a value with those that are allowed.
import { KindGuard, type TSchema } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/value'
import { ValueErrorType } from '@sinclair/typebox/value'

/** Edits (Levenshtein 1966) from one word to another, regardless of case. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [at, letter] of [...from.toLowerCase()].entries()) {
    const next = [at + 1]
    for (const [column, other] of [...to.toLowerCase()].entries())
      next.push(
        Math.min(
          (row[column + 1] ?? 0) + 1,
          (next[column] ?? 0) + 1,
          (row[column] ?? 0) + Number(letter !== other),
        ),
      )
    row = next
  }
  return row.at(-1) ?? 0
}

/** The schema at a path; undefined where there is none. */
function schemaAt(schema: TSchema, path: readonly string[]): TSchema | undefined {
  const [step, ...rest] = path
  if (step === undefined) return schema
  const { properties, patternProperties, items } = schema
  const child =
    (properties && Object.hasOwn(properties, step) ? properties[step] : undefined) ??
    Object.values(patternProperties ?? {})[0] ??
    items
  return child && schemaAt(child as TSchema, rest)
}

/** Every key of a schema, as its path in a policy. */
function keysOf(schema: TSchema, before: readonly string[] = []): string[] {
  return Object.entries((schema.properties ?? {}) as Record<string, TSchema>).flatMap(([key, child]) => [
    [...before, key].join('.'),
    ...keysOf(child, [...before, key]),
  ])
}

/** " The nearest one is …", or nothing where no known key is like it. */
function nearest(schema: TSchema, path: readonly string[]): string {
  const typed = path.join('.')
  const last = path.at(-1) ?? ''
  const siblings = Object.keys(schemaAt(schema, path.slice(0, -1))?.properties ?? {})
  const candidates = [
    ...siblings.map((key) => [[...path.slice(0, -1), key].join('.'), distance(last, key)] as const),
    // The right key in another section.
    ...keysOf(schema).map((key) => [key, distance(last, key.split('.').at(-1) ?? '') + 1] as const),
  ]
  const [best] = candidates.filter(([key]) => key !== typed).sort(([, one], [, other]) => one - other)
  return best && best[1] <= Math.max(2, last.length / 2) ? ` Did you mean ${best[0]}?` : ''
}

/** The values that a union allows, such as "off", "lenient" or null. */
function allowedValues(schema: TSchema): string | null {
  if (!KindGuard.IsUnion(schema)) return null
  const words = schema.anyOf.map((one: TSchema) =>
    KindGuard.IsLiteral(one) ? JSON.stringify(one.const) : KindGuard.IsNull(one) ? 'null' : null,
  )
  return words.includes(null) ? null : words.join(', ').replace(/, ([^,]*)$/, ' or $1')
}

/** What a schema that is no list of values wants, in words. */
function wanted(schema: TSchema, fallback: string): string {
  const { minimum, maximum } = schema
  if (KindGuard.IsInteger(schema)) return `must be a whole number from ${minimum} to ${maximum}`
  if (KindGuard.IsBoolean(schema)) return 'must be true or false'
  const one = KindGuard.IsUnion(schema) && schema.anyOf.find((each: TSchema) => !KindGuard.IsNull(each))
  if (one) return `${wanted(one, fallback)}, or null`
  if (schema.format === 'web-url') return 'must be an http or https URL without user information'
  if (schema.format === 'instant') return 'must be an instant such as 2027-03-31T00:00:00Z'
  if (schema.format === 'domain') return 'must be a domain in lower case, such as example.com'
  if (schema.format === 'hash-cost')
    return 'must be what a kind of hash takes within the bounds of imports, such as "bcrypt:12"'
  if (schema.format === 'css-color') return 'must be a colour such as "#1f5fbf"'
  return fallback
}

/** @param schema the whole policy's @returns the problem as a line that names the key, without repeating a secret */
export function problemLine(
  schema: TSchema,
  { path, type, message, value, schema: own }: ValueError,
): string {
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const key = steps.join('.')
  if (type === ValueErrorType.ObjectAdditionalProperties)
    return `${key}: is not a key of a policy.${nearest(schema, steps)}`
  // A secret that was written where none belongs is not repeated on a screen.
  const found = /secret/i.test(key) ? '' : ` (found ${JSON.stringify(value) ?? 'nothing'})`
  const allowed = allowedValues(own)
  const words = allowed ? `must be ${allowed}` : wanted(own, message.replace(/\.$/, ''))
  return `${key}: ${words}${found}.`
}
