// Validation messages of a product: its own sentences for fields that break their schema, in its own order.
import type { FastifySchemaValidationError } from 'fastify'
import { type FieldErrors, RequestProblem } from '../refusal.ts'

/**
 * A field, the JSON Schema keywords that it may break (separated by spaces), and the sentence for them. The items of a list
 * are named by the list and `[]`.
 */
export type Rule = readonly [field: string, keywords: string, sentence: string]

function fieldOf({ instancePath, keyword, params }: FastifySchemaValidationError): string {
  const missing = keyword === 'required' ? `/${String(params.missingProperty)}` : ''
  const [, field = '', item] = `${instancePath}${missing}`.split('/')
  return item === undefined ? field : `${field}[]`
}

/** Builds a schemaErrorFormatter that turns the validator's errors into a refusal with the sentences of `rules`. */
export function validationMessages(
  rules: readonly Rule[],
): (errors: readonly FastifySchemaValidationError[]) => RequestProblem {
  return (errors) => new RequestProblem('validation_failed', { errors: messagesOf(rules, errors) })
}

/** The sentences of the rules that were broken, by field, in the order of the rules. */
function messagesOf(rules: readonly Rule[], errors: readonly FastifySchemaValidationError[]): FieldErrors {
  const broken = new Set(errors.map((error) => `${fieldOf(error)} ${error.keyword}`))
  // A blank text, where that is forbidden, is not also called too short.
  for (const error of errors) if (error.keyword === 'pattern') broken.delete(`${fieldOf(error)} minLength`)
  const found: FieldErrors = {}
  for (const [field, keywords, sentence] of rules)
    if (keywords.split(' ').some((keyword) => broken.has(`${field} ${keyword}`))) {
      found[field] ??= []
      if (!found[field].includes(sentence)) found[field].push(sentence)
    }
  return found
}
