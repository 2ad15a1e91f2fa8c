// The ring of signing keys: sealed in the database, opened at start, the first one made at the first start.
import { seal, unseal } from '../crypto/seal.ts'
import { generateSigningKey, type PublicJwk } from '../crypto/signing-key.ts'
import type { Store } from '../repositories/store.ts'

export interface OpenedKey {
  readonly kid: string
  readonly state: 'next' | 'current' | 'previous'
  readonly publicJwk: PublicJwk
  /** PKCS #8, DER. */
  readonly privateKey: Buffer
}

/** Thrown when a key cannot be opened: the master secret is another than the one it was sealed under. */
export class SealedKeyError extends Error {
  override name = 'SealedKeyError'
}

const context = (kid: string) => `signing-key/${kid}`

/**
 * Opens every key, making the first. In: the sealing keys, newest first; the first one seals.
 * @throws SealedKeyError
 */
export async function openSigningKeys(
  store: Store,
  sealingKeys: readonly [Buffer, ...Buffer[]],
): Promise<OpenedKey[]> {
  let rows = await store.signingKeys.list()
  if (!rows.some((row) => row.state === 'current')) {
    const { kid, publicJwk, privateKey } = generateSigningKey()
    const sealedPrivateKey = seal(sealingKeys[0], privateKey, context(kid))
    await store.signingKeys.add({ kid, state: 'current', publicJwk, sealedPrivateKey })
    rows = await store.signingKeys.list()
  }
  return rows.map(({ kid, state, publicJwk, sealedPrivateKey }) => {
    const privateKey = unseal(sealingKeys, sealedPrivateKey, context(kid))
    if (!privateKey)
      throw new SealedKeyError(
        'SECRET_KEY is not the secret that this database was first started with, so its signing keys stay closed. Set the old one as SECRET_KEY, or as SECRET_KEY_PREVIOUS beside the new one.',
      )
    return { kid, state, publicJwk, privateKey }
  })
}
