// What the families of foreign password hashes have in common: hashes that other products stored.

/** A hash as it is stored here, and the name of the work that checking it takes, such as `bcrypt:12`. */
export interface ForeignHash {
  readonly stored: string
  readonly cost: string
}

/** Why a hash of the family is not taken; the sentence follows the name of the field. */
export interface HashRefusal {
  readonly refusal: string
}

/** One way of hashing passwords, with every spelling that it has. */
export interface HashFamily {
  /** Reads a hash. @returns null: it is not of this family. A text that `read` has made is read as itself */
  read(text: string): ForeignHash | HashRefusal | null
  /** Whether a password is behind a stored hash, computed off the event loop or in small pieces. */
  verify(stored: string, password: Buffer): Promise<boolean>
  /** A stored hash of that cost that no password fits; null for a cost that is none of this family's. */
  decoy(cost: string): string | null
}

export const tooCostly = (what: string): HashRefusal => ({ refusal: `is too costly to check: ${what}` })

/** Base64 in its standard alphabet without padding, as PHC strings have it. */
export const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

/**
 * Decodes base64 in any of its spellings: padded or not, the web's alphabet, or passlib's with a dot for the plus.
 * @returns null where it is not base64
 */
export function anyBase64(text: string): Buffer | null {
  const bare = text.replace(/=+$/, '').replaceAll('.', '+').replaceAll('-', '+').replaceAll('_', '/')
  if (bare === '' || !/^[A-Za-z0-9+/]+$/.test(bare) || bare.length % 4 === 1) return null
  return Buffer.from(bare, 'base64')
}

/** Splits `a=1,b=2`. @returns null where it is not of that form, or a name comes twice */
export function parameters(text: string): Map<string, string> | null {
  const found = new Map<string, string>()
  for (const pair of text.split(',')) {
    const [name = '', value] = pair.split('=')
    if (value === undefined || found.has(name)) return null
    found.set(name, value)
  }
  return found
}

/** A whole number in digits. @returns NaN for any other text */
export const whole = (text: string | undefined): number =>
  text && /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
