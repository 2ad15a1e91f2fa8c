// SHA-crypt (Drepper, "Unix crypt using SHA-256 and SHA-512", version 0.6): `$5$` and `$6$`.
import { createHash, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type HashFamily, tooCostly } from './hash.ts'
import { inPieces } from './in-pieces.ts'
import { encode64 } from './phpass.ts'

const minRounds = 1000
const maxRounds = 1_000_000
const defaultRounds = 5000
const form = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$\s]{0,16})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})$/

const variants = {
  5: { digest: 'sha256', bytes: 32, characters: 43 },
  6: { digest: 'sha512', bytes: 64, characters: 86 },
} as const

/** The rounds that are computed: the specification raises fewer to a thousand. */
const roundsOf = (written: string | undefined) => Math.max(minRounds, Number(written ?? defaultRounds))

/** Repeats a digest up to `length` bytes. */
function stretch(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest)
}

/** Reorders the bytes of the digest for encoding, in rotating triples (step 22 of the specification). */
function shuffle(digest: Buffer): Buffer {
  const third = Math.floor(digest.length / 3)
  const out: number[] = []
  // SHA-256: (0,10,20) (21,1,11) …, SHA-512: (0,21,42) (22,43,1) …; each triple is written with its last byte lowest.
  let triple: [number, number, number] = [0, third, 2 * third]
  for (let count = 0; count < third; count++) {
    out.push(triple[2], triple[1], triple[0])
    const [a, b, c] = triple
    triple = digest.length === 32 ? [c + 1, a + 1, b + 1] : [b + 1, c + 1, a + 1]
  }
  const rest = digest.length === 32 ? [30, 31] : [63]
  return Buffer.from([...out, ...rest].map((at) => digest[at] ?? 0))
}

async function compute(
  name: 'sha256' | 'sha512',
  password: Buffer,
  salt: Buffer,
  rounds: number,
): Promise<string> {
  const { length } = password
  const b = hash(name, Buffer.concat([password, salt, password]), 'buffer')
  const a = createHash(name).update(password).update(salt).update(stretch(b, length))
  for (let bits = length; bits > 0; bits >>= 1) a.update(bits & 1 ? b : password)
  let state = a.digest()
  const repeated = (bytes: Buffer, times: number) => {
    const digest = createHash(name)
    for (let count = 0; count < times; count++) digest.update(bytes)
    return digest.digest()
  }
  const p = stretch(repeated(password, length), length)
  const s = stretch(repeated(salt, 16 + (state[0] ?? 0)), salt.length)
  await inPieces(rounds, (round) => {
    const isOdd = round % 2 === 1
    const parts = [isOdd ? p : state]
    if (round % 3 !== 0) parts.push(s)
    if (round % 7 !== 0) parts.push(p)
    parts.push(isOdd ? state : p)
    state = hash(name, Buffer.concat(parts), 'buffer')
  })
  return encode64(shuffle(state))
}

export const shaCrypt: HashFamily = {
  read(text) {
    const [, variant, written, , digest = ''] = form.exec(text) ?? []
    if (variant !== '5' && variant !== '6') return null
    if (digest.length !== variants[variant].characters) return null
    const rounds = roundsOf(written)
    if (rounds > maxRounds) return tooCostly(`SHA-crypt with ${rounds} rounds, more than ${maxRounds}`)
    return { stored: text, cost: `sha${variant === '5' ? 256 : 512}-crypt:${rounds}` }
  },
  async verify(stored, password) {
    const [, variant, written, salt = '', digest = ''] = form.exec(stored) ?? []
    const name = variant === '5' ? 'sha256' : 'sha512'
    const found = await compute(name, password, Buffer.from(salt, 'utf8'), roundsOf(written))
    return timingSafeEqual(Buffer.from(found, 'latin1'), Buffer.from(digest, 'latin1'))
  },
  decoy(cost) {
    const [, bits, rounds] = /^sha(256|512)-crypt:(\d{1,9})$/.exec(cost) ?? []
    if (!bits || Number(rounds) > maxRounds) return null
    const { bytes } = variants[bits === '256' ? 5 : 6]
    const salt = randomBytes(8).toString('hex')
    return `$${bits === '256' ? 5 : 6}$rounds=${rounds}$${salt}$${encode64(shuffle(randomBytes(bytes)))}`
  },
}
