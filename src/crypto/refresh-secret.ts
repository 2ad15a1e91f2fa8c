// The refresh token: derived from session and generation under a server key, so that nothing in the database can be used as a
// token, and the current token can be issued again.
//
// srt_ + base64url( key id · 1 byte | session id · 16 | generation · 4, big endian | HMAC-SHA256 of the rest · 32 )
import { createHmac, hash, timingSafeEqual } from 'node:crypto'

const prefix = 'srt_'
const bodyBytes = 1 + 16 + 4
const totalBytes = bodyBytes + 32

/** A server key for refresh tokens; `id` is a byte derived from the key. */
export interface RefreshKey {
  readonly id: number
  readonly key: Buffer
}

export interface RefreshClaims {
  readonly sessionId: string
  readonly generation: number
}

/** Makes a server key of 32 bytes. Tokens contain its id. */
export function refreshKey(key: Buffer): RefreshKey {
  return { id: hash('sha256', key, 'buffer')[0] ?? 0, key }
}

function seal(key: RefreshKey, body: Buffer): Buffer {
  return createHmac('sha256', key.key).update(body).digest()
}

/** Prints the refresh token of a generation; the same input gives the same token. */
export function printRefreshToken(key: RefreshKey, claims: RefreshClaims): string {
  const body = Buffer.alloc(bodyBytes)
  body.writeUInt8(key.id, 0)
  body.write(claims.sessionId.replaceAll('-', ''), 1, 16, 'hex')
  body.writeUInt32BE(claims.generation, 17)
  return prefix + Buffer.concat([body, seal(key, body)]).toString('base64url')
}

/** Reads a token that was printed under one of `keys`, without a query; null for any other text. */
export function readRefreshToken(keys: readonly RefreshKey[], token: string): RefreshClaims | null {
  if (!token.startsWith(prefix)) return null
  const text = token.slice(prefix.length)
  const bytes = Buffer.from(text, 'base64url')
  // Each token has one spelling: another text that decodes to the same bytes is refused.
  if (bytes.length !== totalBytes || bytes.toString('base64url') !== text) return null
  const body = bytes.subarray(0, bodyBytes)
  for (const key of keys) {
    if (key.id !== body[0] || !timingSafeEqual(seal(key, body), bytes.subarray(bodyBytes))) continue
    const hex = body.toString('hex', 1, 17)
    const sessionId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    return { sessionId, generation: body.readUInt32BE(17) }
  }
  return null
}
