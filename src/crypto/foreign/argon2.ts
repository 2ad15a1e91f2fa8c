// argon2 (RFC 9106) with other parameters, variants and encodings than ours: parameters in any order, padded base64 or
// base64url, and version 16, whose strings contain no version.
import { randomBytes } from 'node:crypto'
import { loadArgon2 } from '../passwords.ts'
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

const maxMemoryKib = 262_144
const maxPasses = 16
const maxLanes = 16

interface Cost {
  readonly variant: string
  readonly version: number
  readonly m: number
  readonly t: number
  readonly p: number
}

/** @returns the hash to store, or the reason of its refusal */
function makeArgon2(cost: Cost, salt: Buffer, key: Buffer): ForeignHash | HashRefusal {
  const { variant, version, m, t, p } = cost
  const valid = (version === 16 || version === 19) && t >= 1 && p >= 1 && m >= 8 * p
  if (!valid || salt.length < 8 || salt.length > 64 || key.length < 12 || key.length > 128)
    return { refusal: 'has no valid parameters of argon2' }
  if (m > maxMemoryKib) return tooCostly(`argon2 with ${Math.round(m / 1024)} MiB, more than 256`)
  if (t > maxPasses || p > maxLanes) return tooCostly(`argon2 with ${t} passes and ${p} lanes`)
  return {
    stored: `$${variant}$v=${version}$m=${m},t=${t},p=${p}$${unpadded(salt)}$${unpadded(key)}`,
    cost: `${variant}:v=${version},m=${m},t=${t},p=${p},${key.length}`,
  }
}

const costPattern = /^(argon2(?:id|i|d)):v=(\d+),m=(\d+),t=(\d+),p=(\d+),(\d{1,3})$/

export const argon2: HashFamily = {
  read(text) {
    const [, variant, rest = ''] = /^(?:argon2)?\$(argon2(?:id|i|d))\$([^\s]{1,400})$/.exec(text) ?? []
    if (!variant) return null
    const parts = rest.split('$')
    const version = /^v=\d+$/.test(parts[0] ?? '') ? whole(parts.shift()?.slice(2)) : 16
    const [written = '', salt = '', key = '', ...more] = parts
    const [given, saltBytes, keyBytes] = [parameters(written), anyBase64(salt), anyBase64(key)]
    if (!given || !saltBytes || !keyBytes || more.length > 0) return null
    if (given.has('keyid') || given.has('data')) return { refusal: 'is keyed, and the key is not known here' }
    const [m, t, p] = ['m', 't', 'p'].map((name) => whole(given.get(name)))
    return makeArgon2({ variant, version, m: m ?? 0, t: t ?? 0, p: p ?? 0 }, saltBytes, keyBytes)
  },
  async verify(stored, password) {
    return (await loadArgon2()).verify(stored, password)
  },
  decoy(cost) {
    const [, variant, version, m, t, p, length] = costPattern.exec(cost) ?? []
    if (!variant) return null
    const given = { variant, version: whole(version), m: whole(m), t: whole(t), p: whole(p) }
    return storedText(makeArgon2(given, randomBytes(16), randomBytes(Number(length))))
  },
}
