// bcrypt (Provos and Mazières 1999) by the `bcrypt` binding, in all its versions, and with the hashes that other products compute
// first so that a password may be longer than 72 bytes.
import { createHmac, hash, randomBytes } from 'node:crypto'
import { type HashFamily, parameters, tooCostly, whole } from './hash.ts'

const maxCost = 15
const alphabet = './A-Za-z0-9'
const modular = new RegExp(`^\\$2([abxy])\\$(\\d\\d)\\$([${alphabet}]{22})([${alphabet}]{31})$`)

/** The characters that PHP's `trim` removes. */
const phpBlanks = /^[ \t\n\r\0\v]+|[ \t\n\r\0\v]+$/g

/** The input of bcrypt for each prefix of a stored hash. */
const preparations = {
  /** Django's BCryptPasswordHasher: the password itself. */
  bcrypt$: (password: Buffer) => password.toString('latin1'),
  /** Django's BCryptSHA256PasswordHasher: the digest in hexadecimal. */
  bcrypt_sha256$: (password: Buffer) => hash('sha256', password, 'hex'),
  /** Dropbox's published scheme: SHA-512 in base64. */
  bcrypt_sha512$: (password: Buffer) => hash('sha512', password, 'base64'),
  /** WordPress 6.8: HMAC-SHA-384 under a fixed key, in base64, of the password without spaces at its ends. */
  $wp: (password: Buffer) =>
    createHmac('sha384', 'wp-sha384')
      .update(password.toString('latin1').replace(phpBlanks, ''), 'latin1')
      .digest('base64'),
} as const
type Preparation = keyof typeof preparations
const prefixes = Object.keys(preparations) as Preparation[]

/**
 * The 72 bytes for which a correct bcrypt computes the result of `$2x$`: crypt_blowfish before 1.1 sign-extended bytes, so
 * that each byte from 0x80 on set all bits before it in its word of the key.
 */
function signExtendedKey(password: Buffer): Buffer {
  const key = Buffer.concat([password, Buffer.of(0)])
  const words = Buffer.alloc(72)
  for (let at = 0, from = 0; at < words.length; at += 4) {
    let word = 0
    for (let byte = 0; byte < 4; byte++, from++) word = (word << 8) | key.readInt8(from % key.length)
    words.writeInt32BE(word, at)
  }
  return words
}

/** passlib's bcrypt_sha256, version 2: HMAC-SHA-256 under bcrypt's own salt. */
function readPasslib(text: string): string | null {
  const [, scheme, written, salt, digest] = text.split('$')
  const given = scheme === 'bcrypt-sha256' ? parameters(written ?? '') : null
  if (given?.get('v') !== '2' || given.get('t') !== '2b') return null
  return `$2b$${String(whole(given.get('r'))).padStart(2, '0')}$${salt}${digest}`
}

/** Parses the bcrypt hash in a text, and returns how to prepare the password for it; null if there is none. */
function take(text: string): { inner: RegExpExecArray; prepare: (password: Buffer) => Buffer } | null {
  const passlib = readPasslib(text)
  const prefix = prefixes.find((name) => text.startsWith(name))
  const inner = modular.exec(passlib ?? (prefix ? text.slice(prefix.length).replace(/^\$(?=\$)/, '') : text))
  if (!inner) return null
  const [, version, , salt = ''] = inner
  if (passlib)
    return {
      inner,
      prepare: (password) =>
        Buffer.from(createHmac('sha256', salt).update(password).digest('base64'), 'latin1'),
    }
  if (prefix) return { inner, prepare: (password) => Buffer.from(preparations[prefix](password), 'latin1') }
  return { inner, prepare: version === 'x' ? signExtendedKey : (password) => password }
}

export const bcrypt: HashFamily = {
  read(text) {
    const taken = take(text)
    if (!taken) return null
    const rounds = Number(taken.inner[2])
    if (rounds < 4) return { refusal: 'has a cost below the least of bcrypt, which is 4' }
    if (rounds > maxCost) return tooCostly(`bcrypt of cost ${rounds}, more than ${maxCost}`)
    return { stored: text, cost: `bcrypt:${rounds}` }
  },
  async verify(stored, password) {
    const taken = take(stored)
    if (!taken) return false
    const { default: binding } = await import('bcrypt')
    // The binding supports the versions a and b. Version x is b with another key, and y equals b.
    const [, , rounds, salt, digest] = taken.inner
    return binding.compare(taken.prepare(password), `$2b$${rounds}$${salt}${digest}`)
  },
  decoy(cost) {
    const [, rounds] = /^bcrypt:(\d{1,2})$/.exec(cost) ?? []
    if (!rounds || Number(rounds) < 4 || Number(rounds) > maxCost) return null
    const letters = randomBytes(52).toString('hex')
    // In the last characters of salt and digest, only four and two bits are used.
    return `$2b$${rounds.padStart(2, '0')}$${letters.slice(0, 21)}.${letters.slice(22, 52)}.`
  },
}
