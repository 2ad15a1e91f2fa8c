// A single MD5, SHA-1 or SHA-2 of the password, with or without a salt, as old systems stored. Billions of passwords a second
// can be tried on a stolen table of them, so they are accepted only if the operator allows it.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type ForeignHash, type HashFamily, type HashRefusal, storedText, unpadded } from './hash.ts'

const lengths = { md5: 16, sha1: 20, sha256: 32, sha512: 64 } as const
type Digest = keyof typeof lengths
type Order = 'after' | 'before'

const make = (name: Digest, order: Order, salt: Buffer, digest: Buffer): ForeignHash | HashRefusal =>
  salt.length > 128 || digest.length !== lengths[name]
    ? { refusal: `is no ${name} of a password` }
    : {
        stored: `$digest-${name}$salt=${order}$${unpadded(salt)}$${unpadded(digest)}`,
        cost: `digest-${name}`,
      }

const own = /^\$digest-(md5|sha1|sha256|sha512)\$salt=(after|before)\$([A-Za-z0-9+/]*)\$([A-Za-z0-9+/]+)$/
/** LDAP (RFC 2307 and its salted forms): base64 of the digest, then the salt. */
const ldap = /^\{(S?MD5|S?SHA|S?SHA256|S?SHA512)\}([A-Za-z0-9+/]{20,300}={0,2})$/
/** Django's salted hashers: the salt is hashed first. */
const django = /^(md5|sha1)\$([^$]{0,128})\$([0-9a-f]{32,40})$/

const ldapDigests: Readonly<Record<string, Digest>> = {
  MD5: 'md5',
  SHA: 'sha1',
  SHA256: 'sha256',
  SHA512: 'sha512',
}

export const digest: HashFamily = {
  read(text) {
    const [, name, order, salt = '', bytes = ''] = own.exec(text) ?? []
    if (name)
      return make(name as Digest, order as Order, Buffer.from(salt, 'base64'), Buffer.from(bytes, 'base64'))
    const [, scheme, encoded = ''] = ldap.exec(text) ?? []
    if (scheme) {
      const kind = ldapDigests[scheme] ?? ldapDigests[scheme.slice(1)] ?? 'md5'
      const whole = Buffer.from(encoded, 'base64')
      return make(kind, 'after', whole.subarray(lengths[kind]), whole.subarray(0, lengths[kind]))
    }
    const [, kind, saltText = '', hex = ''] = django.exec(text) ?? []
    return kind
      ? make(kind as Digest, 'before', Buffer.from(saltText, 'utf8'), Buffer.from(hex, 'hex'))
      : null
  },
  async verify(stored, password) {
    const [, name = '', order, salt = '', bytes = ''] = own.exec(stored) ?? []
    const salted = Buffer.from(salt, 'base64')
    const input = order === 'before' ? [salted, password] : [password, salted]
    return timingSafeEqual(hash(name, Buffer.concat(input), 'buffer'), Buffer.from(bytes, 'base64'))
  },
  decoy(cost) {
    const [, name] = /^digest-(md5|sha1|sha256|sha512)$/.exec(cost) ?? []
    if (!name) return null
    return storedText(make(name as Digest, 'after', randomBytes(16), randomBytes(lengths[name as Digest])))
  },
}

/**
 * A digest in hexadecimal, alone or with its salt as `digest:salt`.
 * @param order whether the salt, as text, is hashed after or before the password
 */
export function readHexDigest(text: string, name: Digest, order: Order): ForeignHash | HashRefusal | null {
  const [, hex = '', salt = ''] = /^([0-9a-fA-F]{32,128})(?::(.{0,128}))?$/.exec(text) ?? []
  return hex === '' ? null : make(name, order, Buffer.from(salt, 'utf8'), Buffer.from(hex, 'hex'))
}
