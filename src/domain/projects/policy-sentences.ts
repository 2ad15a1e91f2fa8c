// Sentences for the problems of a policy: an unknown key with the most similar known key, a wrong value with the allowed values.
import { KindGuard, type TSchema } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/value'
import { ValueErrorType } from '@sinclair/typebox/value'

/** Edit distance (Levenshtein) between two words, ignoring case. */
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

/** Finds the schema at a path; undefined if there is none. */
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

/** Lists every key of a schema, as a path separated by dots. */
function keysOf(schema: TSchema, before: readonly string[] = []): string[] {
  return Object.entries((schema.properties ?? {}) as Record<string, TSchema>).flatMap(([key, child]) => [
    [...before, key].join('.'),
    ...keysOf(child, [...before, key]),
  ])
}

/** " Did you mean …?" with the most similar known key; empty if no key is similar. */
function suggestion(schema: TSchema, path: readonly string[]): string {
  const typed = path.join('.')
  const last = path.at(-1) ?? ''
  const siblings = Object.keys(schemaAt(schema, path.slice(0, -1))?.properties ?? {})
  const candidates = [
    ...siblings.map((key) => [[...path.slice(0, -1), key].join('.'), distance(last, key)] as const),
    // A key of the same name in another section is a little less likely.
    ...keysOf(schema).map((key) => [key, distance(last, key.split('.').at(-1) ?? '') + 1] as const),
  ]
  const [best] = candidates.filter(([key]) => key !== typed).sort(([, one], [, other]) => one - other)
  return best && best[1] <= Math.max(2, last.length / 2) ? ` Did you mean ${best[0]}?` : ''
}

/** Prints the values of a union of literals, such as `"off", "lenient" or "strict"`; null: it is another schema. */
function allowedValues(schema: TSchema): string | null {
  if (!KindGuard.IsUnion(schema)) return null
  const words = schema.anyOf.map((one: TSchema) =>
    KindGuard.IsLiteral(one) ? JSON.stringify(one.const) : KindGuard.IsNull(one) ? 'null' : null,
  )
  return words.includes(null) ? null : words.join(', ').replace(/, ([^,]*)$/, ' or $1')
}

/** Says which values a schema accepts that is not a union of literals. */
function requirement(schema: TSchema, fallback: string): string {
  const { minimum, maximum } = schema
  if (KindGuard.IsInteger(schema)) return `must be a whole number from ${minimum} to ${maximum}`
  if (KindGuard.IsBoolean(schema)) return 'must be true or false'
  const one = KindGuard.IsUnion(schema) && schema.anyOf.find((each: TSchema) => !KindGuard.IsNull(each))
  if (one) return `${requirement(one, fallback)}, or null`
  if (schema.format === 'web-url') return 'must be an http or https URL without user information'
  if (schema.format === 'instant') return 'must be an instant such as 2027-03-31T00:00:00Z'
  if (schema.format === 'domain') return 'must be a domain in lower case, such as example.com'
  if (schema.format === 'hash-cost')
    return 'must be what a kind of hash takes within the bounds of imports, such as "bcrypt:12"'
  if (schema.format === 'css-color') return 'must be a colour such as "#1f5fbf"'
  return fallback
}

/** @param schema the schema of a whole policy @returns the problem as a line that names the key and repeats no secret */
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
    return `${key}: is not a key of a policy.${suggestion(schema, steps)}`
  // An operator may have written a secret into the policy by mistake; it is not repeated on the screen.
  const found = /secret/i.test(key) ? '' : ` (found ${JSON.stringify(value) ?? 'nothing'})`
  const allowed = allowedValues(own)
  const words = allowed ? `must be ${allowed}` : requirement(own, message.replace(/\.$/, ''))
  return `${key}: ${words}${found}.`
}
