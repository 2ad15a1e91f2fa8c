// Types and encodings shared by the families of foreign password hashes, which other products stored.

/** A hash in the form that is stored, and the cost of verifying it, such as `bcrypt:12`. */
export interface ForeignHash {
  readonly stored: string
  readonly cost: string
}

/** The reason to refuse a hash of the family; the sentence follows the name of the field. */
export interface HashRefusal {
  readonly refusal: string
}

/** A password hashing scheme in all its encodings. */
export interface HashFamily {
  /** Reads a hash, or the `stored` text of an earlier result. @returns null if it is not of this family */
  read(text: string): ForeignHash | HashRefusal | null
  /** Whether a stored hash is that of a password; computed off the event loop or in small pieces. */
  verify(stored: string, password: Buffer): Promise<boolean>
  /** A stored hash of this cost that no password fits; null for a cost of another family. */
  decoy(cost: string): string | null
}

/** The text to store of a hash that was made here; null where it was refused. */
export const storedText = (made: ForeignHash | HashRefusal): string | null =>
  'stored' in made ? made.stored : null

export const tooCostly = (what: string): HashRefusal => ({ refusal: `is too costly to check: ${what}` })

/** Base64 in the standard alphabet without padding, as in PHC strings. */
export const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

/**
 * Decodes base64, padded or not, in the standard alphabet, base64url, or passlib's with a dot for the plus.
 * @returns null if it is not base64
 */
export function anyBase64(text: string): Buffer | null {
  const bare = text.replace(/=+$/, '').replaceAll('.', '+').replaceAll('-', '+').replaceAll('_', '/')
  if (bare === '' || !/^[A-Za-z0-9+/]+$/.test(bare) || bare.length % 4 === 1) return null
  return Buffer.from(bare, 'base64')
}

/** Parses `a=1,b=2`. @returns null for another form, or if a name occurs twice */
export function parameters(text: string): Map<string, string> | null {
  const found = new Map<string, string>()
  for (const pair of text.split(',')) {
    const [name = '', value] = pair.split('=')
    if (value === undefined || found.has(name)) return null
    found.set(name, value)
  }
  return found
}

/** Parses up to ten digits. @returns NaN for any other text */
export const whole = (text: string | undefined): number =>
  text && /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
