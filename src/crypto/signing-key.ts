// Ed25519 keys (RFC 8032) for access tokens, named by their JWK thumbprint (RFC 7638, RFC 8037).
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'

export interface PublicJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
}

export interface GeneratedKey {
  readonly kid: string
  readonly publicJwk: PublicJwk
  /** PKCS #8, DER. */
  readonly privateKey: Buffer
}

/** RFC 7638: SHA-256 over the required members in lexicographic order, base64url. */
export function thumbprint(jwk: PublicJwk): string {
  const canonical = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return createHash('sha256').update(canonical).digest('base64url')
}

/** Makes a new key pair. */
export function generateSigningKey(): GeneratedKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' })
  const publicJwk = { kty: jwk.kty ?? '', crv: jwk.crv ?? '', x: jwk.x ?? '' }
  return {
    kid: thumbprint(publicJwk),
    publicJwk,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
  }
}

/** PEM of a public JWK (SPKI). */
export function publicPem(jwk: PublicJwk): string {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
    .export({ format: 'pem', type: 'spki' })
    .toString()
}

/** PEM of a private key in PKCS #8, DER. */
export function privatePem(der: Buffer): string {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString()
}
