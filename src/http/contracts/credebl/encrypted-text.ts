// Texts that CREDEBL's own front end encrypts with a passphrase that it shares with its server: JSON, encrypted by CryptoJS' AES,
// which is OpenSSL's `enc -aes-256-cbc -md md5` in base64.
import { createDecipheriv, createHash, randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isUuid } from '../../../formats.ts'
import { invalidField } from '../../refusal.ts'

/** Base64 of OpenSSL's "Salted__". */
const mark = 'U2FsdGVkX1'

const isEncrypted = (text: unknown): text is string => typeof text === 'string' && text.startsWith(mark)

/** EVP_BytesToKey with MD5 and one iteration: 32 bytes of key and 16 of vector. */
function keyAndVector(passphrase: string, salt: Buffer): { key: Buffer; iv: Buffer } {
  let block = Buffer.alloc(0)
  let derived = Buffer.alloc(0)
  while (derived.length < 48) {
    block = createHash('md5').update(block).update(passphrase, 'utf8').update(salt).digest()
    derived = Buffer.concat([derived, block])
  }
  return { key: derived.subarray(0, 32), iv: derived.subarray(32, 48) }
}

/**
 * Decrypts a text. The front end encrypts JSON, so a JSON string is unwrapped.
 * @returns null for a text that was not encrypted with this passphrase
 */
export function decryptText(passphrase: string, text: string): string | null {
  const bytes = Buffer.from(text, 'base64')
  const encrypted = bytes.subarray(16)
  if (encrypted.length === 0 || encrypted.length % 16 !== 0) return null
  const { key, iv } = keyAndVector(passphrase, bytes.subarray(8, 16))
  let plain: string
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, iv)
    const decrypted = Buffer.concat([decipher.update(encrypted), decipher.final()])
    plain = new TextDecoder('utf-8', { fatal: true }).decode(decrypted)
  } catch {
    // Wrong padding, or no text: another passphrase.
    return null
  }
  try {
    const value: unknown = JSON.parse(plain)
    return typeof value === 'string' ? value : plain
  } catch {
    // Not JSON: the text itself was encrypted.
    return plain
  }
}

const passwordFields = ['password', 'oldPassword', 'newPassword'] as const

const noKey = (field: string) => `${field} must not be encrypted: this server has no key for it.`

/**
 * Replaces the encrypted passwords of a body, before it is validated.
 * @param passphrase null: none is configured
 * @param checked fields that are compared with a stored password. A value that cannot be decrypted is replaced by a random one
 *   and refused as a wrong password, so that the answer is no oracle for captured texts
 * @throws RequestProblem for a password that cannot be decrypted: it must be neither stored nor compared
 */
export function decryptPasswords(
  { body }: Pick<FastifyRequest, 'body'>,
  passphrase: string | null,
  checked: readonly string[],
): void {
  if (typeof body !== 'object' || body === null) return
  const fields = body as Record<string, unknown>
  for (const field of passwordFields) {
    const text = fields[field]
    if (!isEncrypted(text)) continue
    if (passphrase === null) throw invalidField(field, noKey(field))
    const plain = decryptText(passphrase, text)
    if (plain === null && !checked.includes(field)) throw invalidField(field, `${field} cannot be decrypted.`)
    fields[field] = plain ?? randomUUID()
  }
}

/**
 * Reads the id of a session that the front end encrypted, which proves that it has the key.
 * @returns null for any other text, also for an id that is not encrypted
 * @throws RequestProblem where there is no key
 */
export function decryptId(text: string, passphrase: string | null): string | null {
  if (!isEncrypted(text)) return null
  if (passphrase === null) throw invalidField('sessionId', noKey('sessionId'))
  const id = decryptText(passphrase, text)?.toLowerCase() ?? null
  return id !== null && isUuid(id) ? id : null
}
