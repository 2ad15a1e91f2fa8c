// Codes that people type: full-width digits and spaces are accepted.
import { invalidField } from './refusal.ts'

/** A typed code in its usual spelling. */
export const readCode = (text: string): string => text.normalize('NFKC').replace(/\s/g, '')

/**
 * The six digits of an authenticator's code.
 * @throws RequestProblem validation_failed for any other text, which does not count as an attempt
 */
export function readDigits(text: string): string {
  const code = readCode(text)
  if (!/^\d{6}$/.test(code)) throw invalidField('code', 'Must be six digits.')
  return code
}
