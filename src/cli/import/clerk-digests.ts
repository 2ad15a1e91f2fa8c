// Password digests as Clerk keeps them: each kind of `password_hasher` has a form of its own, which says how its parts are encoded.
// clerk.com/docs/reference/backend/user/create-user, "passwordHasher"
import { readFirebase } from '../../crypto/foreign/scrypt.ts'

/** Kinds whose digests name their algorithm. */
const plain: ReadonlySet<string> = new Set([
  ...['bcrypt', 'bcrypt_sha256_django', 'argon2i', 'argon2id', 'pbkdf2_sha256_django', 'phpass', 'ldap_ssha'],
])
/** Kinds that are one digest in hexadecimal, which are weak. */
const bare: ReadonlySet<string> = new Set(['md5', 'sha256'])

const hex = (text: string) => Buffer.from(text, 'hex')
const base64 = (text: string) => Buffer.from(text, 'base64')
const utf8 = (text: string) => Buffer.from(text, 'utf8')

/** How the salt and the key are encoded in the kinds of PBKDF2. */
const pbkdf2: Readonly<Record<string, readonly [digest: string, salt: typeof hex, key: typeof hex]>> = {
  pbkdf2_sha1: ['sha1', (text) => (/^(?:[0-9a-f]{2})+$/i.test(text) ? hex(text) : utf8(text)), hex],
  pbkdf2_sha256: ['sha256', base64, base64],
  pbkdf2_sha512: ['sha512', utf8, hex],
  pbkdf2_sha512_hex: ['sha512', hex, hex],
}

function firebaseOf(digest: string): string | null {
  const [hash = '', salt = '', signerKey = '', separator = '', rounds, memCost] = digest.split('$')
  const found = readFirebase(hash, salt, {
    signerKey: base64(signerKey),
    saltSeparator: base64(separator),
    rounds: Number(rounds),
    memCost: Number(memCost),
  })
  return found && 'stored' in found ? found.stored : null
}

/**
 * Converts a digest.
 * @param kind the `password_hasher` of Clerk
 * @returns the hash in a form that the import reads, and its hasher where the text does not name it; for an unknown kind its name,
 * which the import refuses
 */
export function clerkDigest(
  digest: string,
  kind = 'bcrypt',
): { readonly hash: string; readonly hasher?: string } {
  if (plain.has(kind)) return { hash: digest }
  if (bare.has(kind)) return { hash: digest, hasher: kind }
  const [, rounds = '', salt = '', key = ''] = digest.split('$')
  const [name, saltBytes, keyBytes] = pbkdf2[kind] ?? []
  if (name && saltBytes && keyBytes)
    return {
      hash: `$pbkdf2-${name}$i=${rounds}$${saltBytes(salt).toString('base64')}$${keyBytes(key).toString('base64')}`,
    }
  if (kind === 'scrypt_werkzeug') return { hash: digest.replace(/^\$/, '') }
  return { hash: (kind === 'scrypt_firebase' && firebaseOf(digest)) || `${kind}$` }
}
