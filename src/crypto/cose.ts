// COSE keys (RFC 9052 §7) of the algorithms that are offered for passkeys.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** Parameters of a COSE key, by their labels (RFC 9053 §7, RFC 8230 §4). */
const label = { type: 1, algorithm: 3, x: -2, y: -3, modulus: -1, exponent: -2 } as const

/**
 * Reads a COSE key of an algorithm that is offered.
 * @returns the key, and the name of its signatures' hash; null: the algorithm implies it
 * @throws Error for another algorithm, a weak RSA key, and parameters that are no key
 */
export function readCoseKey(cose: unknown): { readonly publicKey: KeyObject; readonly hash: string | null } {
  const fields = cose as ReadonlyMap<number, unknown>
  const bytes = (at: number) => Buffer.from(fields.get(at) as Uint8Array).toString('base64url')
  const read = (jwk: JsonWebKey) => createPublicKey({ key: jwk, format: 'jwk' })
  const kind = `${fields.get(label.type)} ${fields.get(label.algorithm)}`
  if (kind === '2 -7')
    return {
      publicKey: read({ kty: 'EC', crv: 'P-256', x: bytes(label.x), y: bytes(label.y) }),
      hash: 'sha256',
    }
  if (kind === '1 -8')
    return { publicKey: read({ kty: 'OKP', crv: 'Ed25519', x: bytes(label.x) }), hash: null }
  if (kind !== '3 -257') throw new Error('The algorithm of this key is not offered.')
  const publicKey = read({ kty: 'RSA', n: bytes(label.modulus), e: bytes(label.exponent) })
  const { modulusLength = 0, publicExponent = 0n } = publicKey.asymmetricKeyDetails ?? {}
  if (modulusLength < 2048 || publicExponent < 65_537n) throw new Error('This RSA key is too weak.')
  return { publicKey, hash: 'sha256' }
}
