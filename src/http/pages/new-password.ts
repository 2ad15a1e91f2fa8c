// A new password that is typed into a page: the bounds of its field, and sentences about one that is refused.
import type { AuthErrorDetails } from '../../domain/errors.ts'
import { fill, passwordLength } from '../../formats.ts'
import type { Texts } from './texts.ts'

const { min, max } = passwordLength

/** Attributes of the field, as HTML. */
export const newPasswordBounds = `autocomplete="new-password" minlength="${min}" maxlength="${max}"`

/** A sentence about a new password that the API's own bounds refuse; null: they accept it. */
export function wrongNewPassword({ refused, reset }: Texts, password: string): string | null {
  const length = [...password].length
  if (length < min) return fill(refused.too_short, { min: String(min) })
  if (length > max) return fill(reset.tooLong, { max: String(max) })
  return password.includes('\0') || !password.isWellFormed() ? reset.untypable : null
}

/** A sentence about a new password that the project's policy refuses; null: the refusal is about something else. */
export function refusedNewPassword({ refused }: Texts, { password }: AuthErrorDetails): string | null {
  return password ? fill(refused[password.reason], { min: String(password.minLength) }) : null
}
