// The portable hashes of phpass (Openwall), which repeat MD5: `$P$` in WordPress before 6.8, `$H$` in phpBB.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type HashFamily, tooCostly } from './hash.ts'
import { inPieces } from './in-pieces.ts'

/** The alphabet of crypt(3), six bits a character. */
const itoa64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Maximum, as log2 of the rounds. */
const maxRounds = 18

const form = /^\$[PH]\$([./0-9A-Za-z])([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})$/

/** Encodes as crypt(3): groups of three bytes, the first byte and the lowest six bits first. */
export function encode64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3)
    let bits = group.reduce((sum, byte, place) => sum | (byte << (8 * place)), 0)
    for (let left = group.length + 1; left > 0; left--, bits >>= 6) text += itoa64[bits & 63]
  }
  return text
}

export const phpass: HashFamily = {
  read(text) {
    const [, setting] = form.exec(text) ?? []
    if (!setting) return null
    const rounds = itoa64.indexOf(setting)
    if (rounds < 7) return { refusal: 'has fewer rounds than phpass makes' }
    if (rounds > maxRounds) return tooCostly(`phpass with 2^${rounds} rounds, more than 2^${maxRounds}`)
    return { stored: text, cost: `phpass:${rounds}` }
  },
  async verify(stored, password) {
    const [, setting = '', salt = '', digest = ''] = form.exec(stored) ?? []
    let state = hash('md5', Buffer.concat([Buffer.from(salt, 'latin1'), password]), 'buffer')
    const input = Buffer.concat([state, password])
    await inPieces(2 ** itoa64.indexOf(setting), () => {
      state.copy(input)
      state = hash('md5', input, 'buffer')
    })
    return timingSafeEqual(Buffer.from(encode64(state), 'latin1'), Buffer.from(digest, 'latin1'))
  },
  decoy(cost) {
    const [, rounds] = /^phpass:(\d{1,2})$/.exec(cost) ?? []
    if (!rounds || Number(rounds) < 7 || Number(rounds) > maxRounds) return null
    return `$P$${itoa64[Number(rounds)]}${randomBytes(4).toString('hex')}${encode64(randomBytes(16))}`
  },
}
