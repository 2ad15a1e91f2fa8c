// The hashes of other products, by their families: what is taken, how it is checked, and what a decoy of the same cost is.
import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { digest, readHexDigest } from './digest.ts'
import type { ForeignHash, HashFamily, HashRefusal } from './hash.ts'
import { pbkdf2 } from './pbkdf2.ts'
import { phpass } from './phpass.ts'
import { readBetterAuth, readNodeScrypt, scrypt } from './scrypt.ts'
import { shaCrypt } from './sha-crypt.ts'

const families: readonly HashFamily[] = [bcrypt, argon2, scrypt, pbkdf2, phpass, shaCrypt, digest]

/** Texts that do not say how they were made, by the name that says it. */
const hashers: Readonly<Record<string, (text: string) => ForeignHash | HashRefusal | null>> = {
  node_scrypt: readNodeScrypt,
  better_auth: readBetterAuth,
  md5: (text) => readHexDigest(text, 'md5', 'after'),
  md5_salt_first: (text) => readHexDigest(text, 'md5', 'before'),
  sha1: (text) => readHexDigest(text, 'sha1', 'after'),
  sha1_salt_first: (text) => readHexDigest(text, 'sha1', 'before'),
  sha256: (text) => readHexDigest(text, 'sha256', 'after'),
  sha256_salt_first: (text) => readHexDigest(text, 'sha256', 'before'),
  sha512: (text) => readHexDigest(text, 'sha512', 'after'),
  sha512_salt_first: (text) => readHexDigest(text, 'sha512', 'before'),
}
export const hasherNames = Object.keys(hashers)

const weak = /^digest-/

/** What a text of no known family calls itself, for the sentence that refuses it; never a part of a secret. */
function nameOf(text: string): string {
  const [, scheme] =
    /^\$([A-Za-z][A-Za-z0-9-]{0,19}|\d[a-z]?)\$/.exec(text) ?? /^([a-z][a-z0-9_-]{1,24})[$:]/.exec(text) ?? []
  return scheme ? ` ("${scheme}")` : ''
}

/**
 * Reads a hash as another product stored it, within the bounds of what may be checked here.
 * @param options.hasher how it was made, where the text does not say it; one of `hasherNames`
 * @param options.acceptsWeak whether single digests are taken; default: no
 * @returns a sentence that follows the name of the field, where it is refused
 */
export function readForeignHash(
  text: string,
  {
    hasher,
    acceptsWeak = false,
  }: { readonly hasher?: string | undefined; readonly acceptsWeak?: boolean } = {},
): ForeignHash | string {
  if (text.length > 1000) return 'is longer than any hash.'
  const named = hasher && Object.hasOwn(hashers, hasher) ? hashers[hasher] : undefined
  let found: ForeignHash | HashRefusal | null = named?.(text) ?? null
  for (const family of families) found ??= family.read(text)
  if (!found) return `is of a kind that is not known here${nameOf(text)}.`
  if ('refusal' in found) return `${found.refusal}.`
  if (weak.test(found.cost) && !acceptsWeak)
    return `is a single ${found.cost.slice(7)}, which is weak: such hashes are taken with --accept-weak alone.`
  return found
}

function familyOf(stored: string): HashFamily | undefined {
  return families.find((family) => family.read(stored) !== null)
}

/** The name of the work that checking a stored hash takes; null for none that is known. */
export function costOfHash(stored: string): string | null {
  const found = familyOf(stored)?.read(stored)
  return found && 'cost' in found ? found.cost : null
}

/** Whether a password is behind a stored hash; false for one that is none. */
export async function verifyForeignHash(stored: string, password: Buffer): Promise<boolean> {
  const family = familyOf(stored)
  const found = family?.read(stored)
  return family && found && 'stored' in found ? family.verify(found.stored, password) : false
}

/** A stored hash whose check takes the work of `cost`, and that no password fits; null for an unknown cost. */
export function decoyHash(cost: string): string | null {
  for (const family of families) {
    const stored = family.decoy(cost)
    if (stored) return stored
  }
  return null
}
