// API keys of users and of operators: recognised by their form without a query, and found by their prefix. Only their hash is
// stored.
//
// Form: uak_ (user) or sok_ (operator), name of 12 characters, _, 43 random characters (256 bits), checksum of 6; all of 0-9
// A-Z a-z. The checksum is the CRC-32 (IEEE 802.3) of everything before it in base 62, highest digit first. With it a scanner
// for leaked secrets can recognise a key, and a mistyped one is refused without a query.
import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { hashSecret, type MintedSecret } from './secrets.ts'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const shape = /^(?:uak|sok)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/
const prefixLength = 16
const checksumLength = 6

export const apiKeyMark = 'uak_'
export const operatorKeyMark = 'sok_'

/** A presented key: the prefix by which its row is found, and the hash that the row must have. */
export interface PresentedApiKey {
  readonly prefix: string
  readonly hash: Buffer
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

/** Mints a key of a user: `plain` is shown once, `prefix` and `hash` are stored. */
export const mintApiKey = (): MintedSecret & PresentedApiKey => mint(apiKeyMark)

/** Mints a key of an operator, as `mintApiKey`. */
export const mintOperatorKey = (): MintedSecret & PresentedApiKey => mint(operatorKeyMark)

function mint(mark: string): MintedSecret & PresentedApiKey {
  const prefix = mark + randomDigits(12)
  const body = `${prefix}_${randomDigits(43)}`
  const plain = body + checksum(body)
  return { plain, prefix, hash: hashSecret(plain) }
}

/** Reads a key of a user without a query; null for a text without its form and checksum. */
export const readApiKey = (text: string): PresentedApiKey | null => read(apiKeyMark, text)

/** Reads a key of an operator, as `readApiKey`. */
export const readOperatorKey = (text: string): PresentedApiKey | null => read(operatorKeyMark, text)

function read(mark: string, text: string): PresentedApiKey | null {
  if (!text.startsWith(mark) || !shape.test(text)) return null
  const body = text.slice(0, -checksumLength)
  if (checksum(body) !== text.slice(-checksumLength)) return null
  return { prefix: text.slice(0, prefixLength), hash: hashSecret(text) }
}
