// scrypt (RFC 7914): PHC strings, passlib's and Werkzeug's forms, the `salt:key` of Node programs and better-auth, and Firebase's
// variant, which encrypts a signer key under the derived key.
import { createCipheriv, scrypt as derive, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import {
  anyBase64,
  type ForeignHash,
  type HashFamily,
  type HashRefusal,
  parameters,
  storedText,
  tooCostly,
  unpadded,
  whole,
} from './hash.ts'

const scryptAsync = promisify<Buffer, Buffer, number, object, Buffer>(derive)

const mebibyte = 1_048_576
const maxMemory = 256 * mebibyte
/** Maximum of N · r · p: twice OWASP's recommendation. */
const maxWork = 2 ** 21

interface Cost {
  /** log2 of N. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

const words = ({ ln, r, p }: Cost) => `ln=${ln},r=${r},p=${p}`

function refusalOf({ ln, r, p }: Cost): HashRefusal | null {
  if (!(ln >= 1 && r >= 1 && p >= 1)) return { refusal: 'has no valid parameters of scrypt' }
  const memory = 2 ** ln * r * 128
  if (memory > maxMemory) return tooCostly(`scrypt with ${Math.round(memory / mebibyte)} MiB, more than 256`)
  if (2 ** ln * r * p > maxWork) return tooCostly(`scrypt with ${words({ ln, r, p })}`)
  return null
}

const deriveKey = ({ ln, r, p }: Cost, password: Buffer, salt: Buffer, length: number): Promise<Buffer> =>
  scryptAsync(password, salt, length, { N: 2 ** ln, r, p, maxmem: 2 * maxMemory })

function make(scheme: string, cost: Cost, salt: Buffer, key: Buffer): ForeignHash | HashRefusal {
  if (key.length < 16 || key.length > 128 || salt.length > 128)
    return { refusal: 'has a salt or key of an unusual length' }
  const stored = `$${scheme}$${words(cost)}$${unpadded(salt)}$${unpadded(key)}`
  return refusalOf(cost) ?? { stored, cost: `${scheme}:${words(cost)},${key.length}` }
}

function costOf(text: string): Cost | null {
  const given = parameters(text)
  return given && { ln: whole(given.get('ln')), r: whole(given.get('r')), p: whole(given.get('p')) }
}

/** Node's defaults: N = 2^14, r = 8, p = 1. */
const nodeCost: Cost = { ln: 14, r: 8, p: 1 }
const betterAuthCost: Cost = { ln: 14, r: 16, p: 1 }

/** Reads `salt:key`: the salt is the bytes of the text, the key is in hexadecimal. @returns null for another form */
function readPair(text: string, cost: Cost): ForeignHash | HashRefusal | null {
  const [, salt, key] = /^([0-9A-Za-z+/=_-]{8,128}):([0-9a-fA-F]{32,256})$/.exec(text) ?? []
  if (!salt || !key) return null
  return make('scrypt', cost, Buffer.from(salt, 'utf8'), Buffer.from(key, 'hex'))
}

/** `salt:key` as programs on Node store it: crypto.scryptSync(password, salt, 64) with its defaults. */
export const readNodeScrypt = (text: string) => readPair(text, nodeCost)
/** `salt:key` as better-auth stores it. */
export const readBetterAuth = (text: string) => readPair(text, betterAuthCost)

/** The hash parameters of a Firebase project, as its console shows them. */
export interface FirebaseParameters {
  readonly signerKey: Buffer
  readonly saltSeparator: Buffer
  readonly rounds: number
  /** log2 of N. */
  readonly memCost: number
}

/**
 * Reads a Firebase hash. Firebase stores the signer key, encrypted in counter mode under the derived key. The key stream is
 * stored here instead, so that the signer key is not needed and stays out of the database.
 */
export function readFirebase(
  passwordHash: string,
  salt: string,
  { signerKey, saltSeparator, rounds, memCost }: FirebaseParameters,
): ForeignHash | HashRefusal | null {
  const encrypted = anyBase64(passwordHash)
  const salted = anyBase64(salt)
  if (!encrypted || !salted) return null
  if (encrypted.length !== signerKey.length)
    return { refusal: 'is not as long as the signer key, so it was made with another' }
  const stream = Buffer.from(encrypted.map((byte, at) => byte ^ (signerKey[at] ?? 0)))
  return make(
    'firebase-scrypt',
    { ln: memCost, r: rounds, p: 1 },
    Buffer.concat([salted, saltSeparator]),
    stream,
  )
}

/** The key stream of counter mode (NIST SP 800-38A §6.5): zeros, encrypted with a counter that begins at zero. */
const keyStream = (key: Buffer, length: number) =>
  createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))

export const scrypt: HashFamily = {
  read(text) {
    const werkzeug = /^scrypt:(\d{1,8}):(\d{1,4}):(\d{1,4})\$([^$]{1,128})\$([0-9a-f]{32,256})$/.exec(text)
    if (werkzeug) {
      const [, n, r, p, salt = '', key = ''] = werkzeug
      const cost = { ln: Math.log2(Number(n)), r: Number(r), p: Number(p) }
      if (!Number.isInteger(cost.ln)) return { refusal: 'has no valid parameters of scrypt' }
      return make('scrypt', cost, Buffer.from(salt, 'utf8'), Buffer.from(key, 'hex'))
    }
    const [empty, scheme = '', written = '', salt = '', key = '', ...more] = text.split('$')
    if (empty !== '' || !['scrypt', 'firebase-scrypt'].includes(scheme) || more.length > 0) return null
    const [cost, saltBytes, keyBytes] = [costOf(written), anyBase64(salt), anyBase64(key)]
    if (!cost || !saltBytes || !keyBytes) return null
    return make(scheme, cost, saltBytes, keyBytes)
  },
  async verify(stored, password) {
    const [, scheme, written = '', salt = '', key = ''] = stored.split('$')
    const [cost, expected] = [costOf(written), Buffer.from(key, 'base64')]
    if (!cost) return false
    const isFirebase = scheme === 'firebase-scrypt'
    const derived = await deriveKey(
      cost,
      password,
      Buffer.from(salt, 'base64'),
      isFirebase ? 64 : expected.length,
    )
    const found = isFirebase ? keyStream(derived.subarray(0, 32), expected.length) : derived
    return timingSafeEqual(found, expected)
  },
  decoy(cost) {
    const [, scheme, written, length] =
      /^((?:firebase-)?scrypt):(ln=\d+,r=\d+,p=\d+),(\d{1,3})$/.exec(cost) ?? []
    const given = written ? costOf(written) : null
    if (!scheme || !given) return null
    return storedText(make(scheme, given, randomBytes(16), randomBytes(Number(length))))
  },
}
