// Keys that sign access tokens (RFC 7518 §3.3 and §3.4, RFC 8037), named by their JWK thumbprint (RFC 7638).
import { createPrivateKey, createPublicKey, generateKeyPair, hash, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

/** Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1); the first is the default. */
export const signingAlgorithms = ['ES256', 'EdDSA', 'RS256'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** A public key with only the members that its type requires. */
export type PublicJwk = Readonly<Record<string, string>> & { readonly kty: string }

/** The required members of each type of key, in lexicographic order (RFC 7638 §3.2, RFC 8037 §2). */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

const requiredMembers = (jwk: Readonly<Record<string, unknown>>) =>
  Object.fromEntries((members[String(jwk.kty)] ?? []).map((name) => [name, String(jwk[name])]))

/** JWK thumbprint (RFC 7638): SHA-256 of the required members in lexicographic order, base64url. */
export function thumbprint(jwk: PublicJwk): string {
  return hash('sha256', JSON.stringify(requiredMembers(jwk)), 'base64url')
}

const generate = promisify(generateKeyPair)

/** Generated off the event loop: an RSA key takes some hundred milliseconds. */
const pairs: Record<SigningAlgorithm, () => Promise<{ publicKey: KeyObject; privateKey: KeyObject }>> = {
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generate('ed25519'),
  RS256: () => generate('rsa', { modulusLength: 2048 }),
}

/** Generates a key pair; the private key is PKCS #8, DER. */
export async function generateSigningKey(algorithm: SigningAlgorithm = 'ES256') {
  const { publicKey, privateKey } = await pairs[algorithm]()
  const publicJwk = requiredMembers(publicKey.export({ format: 'jwk' })) as PublicJwk
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  return { kid: thumbprint(publicJwk), algorithm, publicJwk, privateKey: der }
}

/** PEM of a public JWK (SPKI). */
export function publicPem(jwk: PublicJwk): string {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
    .export({ format: 'pem', type: 'spki' })
    .toString()
}

/** PEM of a private key (PKCS #8). @param der PKCS #8, DER */
export function privatePem(der: Buffer): string {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString()
}
