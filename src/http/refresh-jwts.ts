// Refresh tokens as JWTs, for clients of another product that read when theirs expires.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { type RefreshClaims, type RefreshKey, readRefreshToken } from '../crypto/refresh-secret.ts'
import { deriveKey } from '../crypto/secrets.ts'
import type { Grant } from '../domain/grants.ts'
import type { AccessClaims } from './tokens.ts'

/** Refresh tokens in a form that tells a client when it expires. */
export interface RefreshJwts {
  /** The same generation of a session gives the same token, as long as the session ends at the same instant. */
  print(projectId: string, grant: Grant): string
  /** What a token says, printed here or as `printRefresh` does; null for anything else. Whether it lives is the row's. */
  read(token: string): RefreshClaims | null
}

/** Neither an access token nor anything that a public key verifies: nobody can take one for the other. */
const refreshHeader = Buffer.from('{"alg":"HS256","typ":"rt+jwt"}').toString('base64url')

/** Refresh tokens as JWTs under HMAC-SHA256 (RFC 7518 §3.2), with keys of their own that follow from `refreshKeys`. */
export function createRefreshJwts(refreshKeys: readonly RefreshKey[]): RefreshJwts {
  const keys = refreshKeys.map(({ key }) => deriveKey(key, 'refresh-jwt'))
  const [newest] = keys
  if (!newest) throw new Error('There is no key for refresh tokens.')
  const signed = (key: Buffer, text: string) =>
    `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
  return {
    print(projectId, { user, sessionId, generation, refreshExpiresAt }) {
      const exp = Math.floor(refreshExpiresAt.getTime() / 1000)
      const claims = { sub: user.uuid, aud: projectId, sid: sessionId, gen: generation, exp }
      return signed(newest, `${refreshHeader}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`)
    },
    read(token) {
      if (!token.startsWith(`${refreshHeader}.`)) return readRefreshToken(refreshKeys, token)
      const text = token.slice(0, token.lastIndexOf('.'))
      const given = Buffer.from(token)
      // Compared as it is spelled, so that one token has one string.
      const known = keys.map((key) => Buffer.from(signed(key, text)))
      if (!known.some((own) => own.length === given.length && timingSafeEqual(own, given))) return null
      const [, claims = ''] = text.split('.')
      const { sid, gen } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as AccessClaims
      return { sessionId: sid, generation: gen }
    },
  }
}
