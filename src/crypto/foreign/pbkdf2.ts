// PBKDF2 (RFC 8018 §5.2): PHC strings and passlib's, Django's, Werkzeug's, ASP.NET Identity's versions 2 and 3, and Keycloak's
// credentials.
import { pbkdf2 as derive, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import {
  anyBase64,
  type ForeignHash,
  type HashFamily,
  type HashRefusal,
  storedText,
  tooCostly,
  unpadded,
  whole,
} from './hash.ts'

const pbkdf2Async = promisify(derive)

const digestBytes = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const
type Digest = keyof typeof digestBytes
const isDigest = (text: string): text is Digest => Object.hasOwn(digestBytes, text)

/** Maximum of rounds over all blocks of the key: more than three times OWASP's recommendation. */
const maxRounds = 4_000_000

/** @returns the hash to store, or the reason of its refusal */
function makePbkdf2(digest: string, rounds: number, salt: Buffer, key: Buffer): ForeignHash | HashRefusal {
  if (!isDigest(digest)) return { refusal: `is PBKDF2 with ${digest.slice(0, 20)}, which is not known here` }
  if (!(rounds >= 1) || key.length < 16 || key.length > 128 || salt.length > 128)
    return { refusal: 'has no valid parameters of PBKDF2' }
  if (rounds * Math.ceil(key.length / digestBytes[digest]) > maxRounds)
    return tooCostly(`PBKDF2 with ${rounds} rounds`)
  return {
    stored: `$pbkdf2-${digest}$i=${rounds}$${unpadded(salt)}$${unpadded(key)}`,
    cost: `pbkdf2-${digest}:${rounds},${key.length}`,
  }
}

/** `$pbkdf2-sha256$i=1000$salt$key`, and passlib's form, which has the rounds without a name and omits the name of SHA-1. */
const phc =
  /^\$pbkdf2(?:-(sha1|sha256|sha384|sha512))?\$(?:i=)?(\d{1,10})(?:,l=\d+)?\$([^$]{1,200})\$([^$]{1,200})$/
/** Django: the salt is the bytes of the text. */
const django = /^pbkdf2_(sha1|sha256)\$(\d{1,10})\$([^$]{1,128})\$([^$]{1,200})$/
/** Werkzeug: the salt is the bytes of the text, and the key is in hexadecimal. */
const werkzeug = /^pbkdf2:(sha1|sha256|sha512):(\d{1,10})\$([^$]{1,128})\$([0-9a-f]{32,256})$/

function readText(text: string): ForeignHash | HashRefusal | null {
  const [, digest = 'sha1', rounds, salt = '', key = ''] = phc.exec(text) ?? []
  if (rounds) {
    const [saltBytes, keyBytes] = [anyBase64(salt), anyBase64(key)]
    return saltBytes && keyBytes && makePbkdf2(digest, whole(rounds), saltBytes, keyBytes)
  }
  const byText = django.exec(text) ?? werkzeug.exec(text)
  if (!byText) return null
  const [, name = '', count, saltText = '', keyText = ''] = byText
  const bytes = text.startsWith('pbkdf2:') ? Buffer.from(keyText, 'hex') : anyBase64(keyText)
  return bytes && makePbkdf2(name, whole(count), Buffer.from(saltText, 'utf8'), bytes)
}

/** KeyDerivationPrf of ASP.NET Core. */
const aspNetDigests: readonly Digest[] = ['sha1', 'sha256', 'sha512']

/**
 * ASP.NET Identity: base64 of 0x00, 16 bytes of salt and 32 of key (version 2), or of 0x01, three big-endian numbers of 32 bits
 * (PRF, rounds, bytes of the salt), salt and key (version 3).
 */
function readAspNet(text: string): ForeignHash | HashRefusal | null {
  if (!/^A[AQ][A-Za-z0-9+/]{40,250}={0,2}$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64')
  if (bytes[0] === 0 && bytes.length === 49)
    return makePbkdf2('sha1', 1000, bytes.subarray(1, 17), bytes.subarray(17))
  if (bytes[0] !== 1 || bytes.length < 13 + 16 + 16) return null
  const digest = aspNetDigests[bytes.readUInt32BE(1)]
  const end = 13 + bytes.readUInt32BE(9)
  if (!digest || end > bytes.length) return null
  return makePbkdf2(digest, bytes.readUInt32BE(5), bytes.subarray(13, end), bytes.subarray(end))
}

export const pbkdf2: HashFamily = {
  read: (text) => readText(text) ?? readAspNet(text),
  async verify(stored, password) {
    const [, digest = '', rounds, salt = '', key = ''] = phc.exec(stored) ?? []
    const expected = Buffer.from(key, 'base64')
    const found = await pbkdf2Async(
      password,
      Buffer.from(salt, 'base64'),
      whole(rounds),
      expected.length,
      digest,
    )
    return timingSafeEqual(found, expected)
  },
  decoy(cost) {
    const [, digest, rounds, length] = /^pbkdf2-(sha\d+):(\d{1,10}),(\d{1,3})$/.exec(cost) ?? []
    if (!digest) return null
    return storedText(makePbkdf2(digest, whole(rounds), randomBytes(16), randomBytes(Number(length))))
  },
}
