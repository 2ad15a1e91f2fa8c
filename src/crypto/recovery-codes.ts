// Recovery codes, which a user writes down and enters if a second factor is lost. Only hashes are stored.
import { hash, randomBytes } from 'node:crypto'

/** Crockford's base 32, which omits the letters i, l, o and u because they are easily confused. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
/** 80 bits: too many to guess, or to search for the code of a hash. */
const codeCharacters = 16
const groupCharacters = 4

/** Mints a code, such as `4k2m-9xq7-t0bd-w6fa`. */
export function mintRecoveryCode(): string {
  const characters = [...randomBytes(codeCharacters)].map((byte) => alphabet[byte % alphabet.length])
  return characters.join('').replace(new RegExp(`(.{${groupCharacters}})(?=.)`, 'g'), '$1-')
}

/** Normalizes a typed code to the form that is hashed; null if it is no code. */
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

/** @param account UUID of the account, so that one search does not cover the codes of all accounts */
export function hashRecoveryCode(account: string, code: string): Buffer {
  return hash('sha256', `${account} ${readRecoveryCode(code) ?? ''}`, 'buffer')
}
