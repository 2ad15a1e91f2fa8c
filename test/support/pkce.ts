// A proof key for an exchange code (RFC 7636 §4.1, §4.2).
import { createHash, randomBytes } from 'node:crypto'

export const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')

export function newProofKey(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: challengeOf(verifier) }
}
