// Codes as people type them: digits of any width, and spaces anywhere.
import { invalidField } from './refusal.ts'

/** A typed code in its usual spelling. */
export const readCode = (text: string): string => text.normalize('NFKC').replace(/\s/g, '')

/**
 * A typed code of digits, as an authenticator shows it.
 * @throws RequestProblem validation_failed for anything but six digits: it is no code, so none is tried
 */
export function readDigits(text: string): string {
  const code = readCode(text)
  if (!/^\d{6}$/.test(code)) throw invalidField('code', 'Must be six digits.')
  return code
}
