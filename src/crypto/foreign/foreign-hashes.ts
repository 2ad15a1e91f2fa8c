// Password hashes of other products: reads and verifies them, and makes decoys of the same cost.
import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { digest, readHexDigest } from './digest.ts'
import type { ForeignHash, HashFamily, HashRefusal } from './hash.ts'
import { pbkdf2 } from './pbkdf2.ts'
import { phpass } from './phpass.ts'
import { readBetterAuth, readNodeScrypt, scrypt } from './scrypt.ts'
import { shaCrypt } from './sha-crypt.ts'

const families: readonly HashFamily[] = [bcrypt, argon2, scrypt, pbkdf2, phpass, shaCrypt, digest]

/** Readers of texts that do not contain their scheme, by the name that the operator gives. */
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

/** The scheme named in an unknown hash, for the sentence of its refusal; never part of a secret. */
function nameOf(text: string): string {
  const [, scheme] =
    /^\$([A-Za-z][A-Za-z0-9-]{0,19}|\d[a-z]?)\$/.exec(text) ?? /^([a-z][a-z0-9_-]{1,24})[$:]/.exec(text) ?? []
  return scheme ? ` ("${scheme}")` : ''
}

/**
 * Reads a hash as another product stored it, if verifying it is not too costly.
 * @param options.hasher the scheme of a text that does not contain it; one of `hasherNames`
 * @param options.acceptsWeak whether single digests are accepted; default: no
 * @returns the hash; or, if it is refused, a sentence that follows the name of the field
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

/** The family of a stored hash, and the hash as that family reads it; null for text that is no hash or one that is refused. */
function readStored(stored: string): { readonly family: HashFamily; readonly hash: ForeignHash } | null {
  for (const family of families) {
    const hash = family.read(stored)
    if (hash) return 'stored' in hash ? { family, hash } : null
  }
  return null
}

/** The cost of checking a stored hash, such as `bcrypt:12`; null for a text that is no hash. */
export const costOfHash = (stored: string): string | null => readStored(stored)?.hash.cost ?? null

/** Whether a stored hash is that of a password; false for a text that is no hash. */
export async function verifyForeignHash(stored: string, password: Buffer): Promise<boolean> {
  const found = readStored(stored)
  return found ? found.family.verify(found.hash.stored, password) : false
}

/** A hash of the given cost that no password fits; null for an unknown cost. */
export function decoyHash(cost: string): string | null {
  for (const family of families) {
    const stored = family.decoy(cost)
    if (stored) return stored
  }
  return null
}
