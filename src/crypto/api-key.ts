// API keys of users and of operators: recognised by their form without a query, found by their prefix; only their hash is stored.
//
// uak_ or, of an operator, sok_ + name · 12 + _ + random · 43 (256 bits) + checksum · 6, each character one of 0-9 A-Z a-z
// The checksum is the CRC-32 (IEEE 802.3, as in zlib) of everything before it, in base 62, the highest digit first: a
// scanner of leaked secrets can tell a key from a coincidence, and a mistyped one is refused without a query.
import { randomInt } from 'node:crypto'
import { hashSecret, type MintedSecret } from './secrets.ts'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const shape = /^(?:uak|sok)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/
const prefixLength = 16
const checksumLength = 6

export const apiKeyMark = 'uak_'
export const operatorKeyMark = 'sok_'

/** A key as it was presented: where to look for it, and what must be found there. */
export interface PresentedApiKey {
  readonly prefix: string
  readonly hash: Buffer
}

/** CRC-32 of an ASCII text, unsigned. By hand: zlib has it from Node 20.15 on. */
export function crc32(text: string): number {
  let rest = 0xffffffff
  for (const byte of Buffer.from(text, 'latin1')) {
    rest ^= byte
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  }
  return (rest ^ 0xffffffff) >>> 0
}

function checksum(text: string): string {
  let printed = ''
  for (let left = crc32(text); printed.length < checksumLength; left = Math.floor(left / 62))
    printed = digits.charAt(left % 62) + printed
  return printed
}

function randomDigits(length: number): string {
  return Array.from({ length }, () => digits.charAt(randomInt(62))).join('')
}

/** Mints a key: `plain` is handed out once, `prefix` and `hash` are stored. */
export const mintApiKey = (): MintedSecret & PresentedApiKey => mint(apiKeyMark)

/** The same for a key of an operator. */
export const mintOperatorKey = (): MintedSecret & PresentedApiKey => mint(operatorKeyMark)

function mint(mark: string): MintedSecret & PresentedApiKey {
  const prefix = mark + randomDigits(12)
  const body = `${prefix}_${randomDigits(43)}`
  const plain = body + checksum(body)
  return { plain, prefix, hash: hashSecret(plain) }
}

/** Reads a text that has the form and the checksum of a key; null for anything else. Costs no query. */
export const readApiKey = (text: string): PresentedApiKey | null => read(apiKeyMark, text)

/** The same for a key of an operator. */
export const readOperatorKey = (text: string): PresentedApiKey | null => read(operatorKeyMark, text)

function read(mark: string, text: string): PresentedApiKey | null {
  if (!text.startsWith(mark) || !shape.test(text)) return null
  const body = text.slice(0, -checksumLength)
  if (checksum(body) !== text.slice(-checksumLength)) return null
  return { prefix: text.slice(0, prefixLength), hash: hashSecret(text) }
}
