// What a product says of a field that breaks its schema: its own sentences, in its own order.
import type { FastifySchemaValidationError } from 'fastify'
import { type FieldErrors, RequestProblem } from '../refusal.ts'

/**
 * A field, the JSON Schema keywords that it may break (separated by spaces), and what is then said. The items of a list
 * are called by the name of the list and `[]`.
 */
export type Rule = readonly [field: string, keywords: string, sentence: string]

function placeOf({ instancePath, keyword, params }: FastifySchemaValidationError): string {
  const missing = keyword === 'required' ? `/${String(params.missingProperty)}` : ''
  const [, field = '', item] = `${instancePath}${missing}`.split('/')
  return item === undefined ? field : `${field}[]`
}

/** Turns what the validator found into a refusal with the sentences of `rules`. */
export const speaking =
  (rules: readonly Rule[]) =>
  (errors: readonly FastifySchemaValidationError[]): RequestProblem =>
    new RequestProblem('validation_failed', { errors: sentencesOf(rules, errors) })

/** The sentences whose rules were broken, by field, in the order of the rules. */
export function sentencesOf(
  rules: readonly Rule[],
  errors: readonly FastifySchemaValidationError[],
): FieldErrors {
  const broken = new Set(errors.map((error) => `${placeOf(error)} ${error.keyword}`))
  // What is blank, where that is forbidden, is not also told to be short.
  for (const error of errors) if (error.keyword === 'pattern') broken.delete(`${placeOf(error)} minLength`)
  const found: FieldErrors = {}
  for (const [field, keywords, sentence] of rules)
    if (keywords.split(' ').some((keyword) => broken.has(`${field} ${keyword}`))) {
      found[field] ??= []
      if (!found[field].includes(sentence)) found[field].push(sentence)
    }
  return found
}
