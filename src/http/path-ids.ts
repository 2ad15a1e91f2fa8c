// UUIDs in paths. Any other text gets the same refusal as an unknown id.
import { AuthError, type AuthErrorCode } from '../domain/errors.ts'
import { isUuid } from '../formats.ts'

/** Reads a UUID, in lower case. @throws AuthError `unknown` for any other text */
export function uuidOf(text: string, unknown: AuthErrorCode): string {
  if (!isUuid(text)) throw new AuthError(unknown)
  return text.toLowerCase()
}

export const teamIdOf = (text: string): string => uuidOf(text, 'team_unknown')

export const memberIdOf = (text: string): string => uuidOf(text, 'team_member_unknown')
