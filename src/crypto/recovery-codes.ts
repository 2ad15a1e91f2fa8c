// Recovery codes: what a person writes down and types where a second factor is lost. Only hashes are stored.
import { createHash, randomBytes } from 'node:crypto'

/** Without letters and digits that people take for one another (i, l, o, u; Crockford's base 32). */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
/** 80 bits: too many to be guessed, and to be found from a hash. */
const codeCharacters = 16
const groupCharacters = 4

/** Mints a code, such as `4k2m-9xq7-t0bd-w6fa`. */
export function mintRecoveryCode(): string {
  const characters = [...randomBytes(codeCharacters)].map((byte) => alphabet[byte % alphabet.length])
  return characters.join('').replace(new RegExp(`(.{${groupCharacters}})(?=.)`, 'g'), '$1-')
}

/** What a person typed, in the one spelling that is hashed; null where it is no code. */
export function readRecoveryCode(text: string): string | null {
  const bare = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replace(/[il]/g, '1')
    .replace(/o/g, '0')
  return bare.length === codeCharacters && [...bare].every((letter) => alphabet.includes(letter))
    ? bare
    : null
}

/** @param account UUID of the account, so that no code is found in the codes of all accounts at once */
export function hashRecoveryCode(account: string, code: string): Buffer {
  return createHash('sha256')
    .update(`${account} ${readRecoveryCode(code) ?? ''}`, 'utf8')
    .digest()
}
