// Refresh tokens as JWTs, for clients of a product contract that read their expiry.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RefreshKey } from '../crypto/refresh-secret.ts'
import { deriveKey } from '../crypto/secrets.ts'
import type { Grant, PresentedRefresh } from '../domain/sessions/grants.ts'
import type { AccessClaims } from './tokens.ts'

export type RefreshJwts = ReturnType<typeof createRefreshJwts>

/** HS256 and a type of its own: it cannot be mistaken for an access token, which a public key verifies. */
const refreshHeader = Buffer.from('{"alg":"HS256","typ":"rt+jwt"}').toString('base64url')

/**
 * Builds the printer and reader of refresh tokens as JWTs under HMAC-SHA256 (RFC 7518 §3.2).
 * @param refreshKeys the newest first; the keys of the JWTs are derived from them
 * @param party the claim `azp`: the client that may use them
 */
export function createRefreshJwts(refreshKeys: readonly RefreshKey[], party: string) {
  const keys = refreshKeys.map(({ key }) => deriveKey(key, 'refresh-jwt'))
  const [newest] = keys
  if (!newest) throw new Error('There is no key for refresh tokens.')
  const signed = (key: Buffer, text: string) =>
    `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
  return {
    /** Prints the refresh token of a grant; the same generation and expiry give the same token. */
    print(projectId: string, { user, sessionId, generation, refreshExpiresAt }: Grant): string {
      const exp = Math.floor(refreshExpiresAt.getTime() / 1000)
      const claims = { sub: user.uuid, aud: projectId, azp: party, sid: sessionId, gen: generation, exp }
      return signed(newest, `${refreshHeader}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`)
    },
    /** Reads a token printed here; null for anything else. The session's row decides if it is valid. */
    read(token: string): PresentedRefresh | null {
      if (!token.startsWith(`${refreshHeader}.`)) return null
      const text = token.slice(0, token.lastIndexOf('.'))
      const given = Buffer.from(token)
      // The whole text is compared, so that one token has one spelling.
      const printed = keys.map((key) => Buffer.from(signed(key, text)))
      if (!printed.some((own) => own.length === given.length && timingSafeEqual(own, given))) return null
      const [, claims = ''] = text.split('.')
      const { sid, gen } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as AccessClaims
      return { sessionId: sid, generation: gen, isOfThisApi: true }
    },
  }
}
