// Secrets that are shown once and recognisable by their prefix. Only their hash is stored.
import { createHmac, hash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/** Prefixes by the use of a secret, by which people and scanners recognise it. */
const prefixes = {
  project: 'sps_',
  verification: 'svt_',
  invitation: 'sti_',
  social: 'ssc_',
  exchange: 'sec_',
  challenge: 'sfc_',
  device: 'std_',
  setup: 'sos_',
}

type SecretKind = keyof typeof prefixes

export interface MintedSecret {
  readonly plain: string
  readonly hash: Buffer
}

/** Mints a secret of 256 random bits in base64url behind its prefix. */
export function mintSecret(kind: SecretKind): MintedSecret {
  const plain = prefixes[kind] + randomBytes(32).toString('base64url')
  return { plain, hash: hashSecret(plain) }
}

/** Whether a text has the form of a secret of this kind. */
export const isSecret = (kind: SecretKind, text: string): boolean => text.startsWith(prefixes[kind])

/**
 * Derives a secret and a short code from a seed. The same key and seed give the same result, so that a mail which is sent
 * twice has the same link. They cannot be guessed without the key. Only their hashes are stored.
 * @returns `code` has six digits
 */
export function deriveSecret(
  kind: SecretKind,
  key: Buffer,
  ...seed: readonly string[]
): MintedSecret & { code: string } {
  const plain = prefixes[kind] + keyedHash(key, 'secret', ...seed).toString('base64url')
  const number = keyedHash(key, 'code', ...seed).readUIntBE(0, 6) % 1_000_000
  return { plain, hash: hashSecret(plain), code: number.toString().padStart(6, '0') }
}

/** SHA-256 of a secret. It is enough for 256 random bits, and not for text that a person chose. */
export function hashSecret(plain: string): Buffer {
  return hash('sha256', plain, 'buffer')
}

/** Whether `secretHash` is the hash of `plain`, in constant time. */
export function matchesSecret(plain: string, secretHash: Buffer): boolean {
  return timingSafeEqual(hashSecret(plain), secretHash)
}

/** Derives a 32-byte key for one use from a master secret (HKDF-SHA256, RFC 5869). */
export function deriveKey(master: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), `sallyport/${use}`, 32))
}

/** HMAC-SHA256 (RFC 2104) of `parts`, each preceded by its length so that different lists never hash the same text. */
export function keyedHash(key: Buffer, ...parts: readonly (string | Buffer)[]): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part)
  return hmac.digest()
}

/** A UUID in the form of version 4 (RFC 9562) that is derived from key and parts. */
export function keyedUuid(key: Buffer, ...parts: readonly string[]): string {
  const bytes = keyedHash(key, 'uuid', ...parts).subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
