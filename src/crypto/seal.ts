// Authenticated encryption (AES-256-GCM, NIST SP 800-38D) of secrets that are stored and read again.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const ivBytes = 12
const tagBytes = 16

/**
 * Encrypts `plain`.
 * @param key 32 bytes
 * @param context additional authenticated data: decryption needs the same
 */
export function seal(key: Buffer, plain: Buffer, context: string): Buffer {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context, 'utf8'))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), sealed])
}

/** Decrypts the result of `seal` with one of `keys`; null if no key fits, or text or context was changed. */
export function unseal(keys: readonly Buffer[], sealed: Buffer, context: string): Buffer | null {
  if (sealed.length < ivBytes + tagBytes) return null
  const iv = sealed.subarray(0, ivBytes)
  const tag = sealed.subarray(ivBytes, ivBytes + tagBytes)
  for (const key of keys) {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
        .setAAD(Buffer.from(context, 'utf8'))
        .setAuthTag(tag)
      return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()])
    } catch {
      // The next key may fit.
    }
  }
  return null
}
