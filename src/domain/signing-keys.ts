// The ring of signing keys: sealed in the database, opened at start, rotated so that no token is ever refused for it.
//
// A key is published before it signs and verifies until its last token is gone: next → current → previous → removed.
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

/** How long a key is published before it may sign: every instance has it by then, and so has every cache of the JWKS. */
export const publishedSeconds = 600
/** How long a key verifies after it signed last: longer than any access token lives. */
const retiredSeconds = 8 * 86_400

const context = (kid: string) => `signing-key/${kid}`

export interface SigningKeys {
  /** Every key, opened; the first two are made where there are none. @throws SealedKeyError */
  open(): Promise<OpenedKey[]>
  /**
   * Lets the next key sign from now on and makes the one after it. In: seconds that the two keys must have been what
   * they are. Out: whether it was done.
   */
  rotate(ages: { currentSeconds: number; nextSeconds: number }): Promise<boolean>
  /** Removes what no living token was signed with; returns how many. */
  retire(): Promise<number>
  /** The keys as an operator sees them, oldest first. */
  list(): Promise<{ kid: string; state: OpenedKey['state']; createdAt: Date; secondsInState: number }[]>
  /** Which secret opens each key, without making or changing any. */
  inspect(): Promise<
    { state: OpenedKey['state']; secondsInState: number; opens: 'newest' | 'previous' | 'never' }[]
  >
  /** Seals under the newest secret what an older one sealed; returns how many. @throws SealedKeyError */
  reseal(): Promise<number>
}

/** In: the sealing keys, newest first; the first one seals, all of them open. */
export function createSigningKeys(store: Store, sealingKeys: readonly [Buffer, ...Buffer[]]): SigningKeys {
  const [newest] = sealingKeys
  function fresh(state: OpenedKey['state']) {
    const { kid, publicJwk, privateKey } = generateSigningKey()
    return { kid, state, publicJwk, sealedPrivateKey: seal(newest, privateKey, context(kid)) }
  }

  function unsealed(kid: string, sealed: Buffer): Buffer {
    const privateKey = unseal(sealingKeys, sealed, context(kid))
    if (privateKey) return privateKey
    throw new SealedKeyError(
      'SECRET_KEY is not the secret that this database was first started with, so its signing keys stay closed. Set the old one as SECRET_KEY, or as SECRET_KEY_PREVIOUS beside the new one.',
    )
  }

  return {
    async open() {
      let rows = await store.everywhere.signingKeys.list()
      for (const state of ['current', 'next'] as const)
        if (!rows.some((row) => row.state === state)) {
          // What is there must open before anything is added to it.
          for (const row of rows) unsealed(row.kid, row.sealedPrivateKey)
          await store.everywhere.signingKeys.add(fresh(state))
          rows = await store.everywhere.signingKeys.list()
        }
      return rows.map(({ kid, state, publicJwk, sealedPrivateKey }) => ({
        kid,
        state,
        publicJwk,
        privateKey: unsealed(kid, sealedPrivateKey),
      }))
    },

    rotate: ({ currentSeconds, nextSeconds }) =>
      store.everywhere.transaction(async (tx) => {
        if (!(await tx.signingKeys.promote(currentSeconds, nextSeconds))) return false
        await tx.signingKeys.add(fresh('next'))
        return true
      }),

    retire: () => store.everywhere.signingKeys.retire(retiredSeconds),

    async list() {
      const rows = await store.everywhere.signingKeys.list()
      return rows.map(({ kid, state, createdAt, secondsInState }) => ({
        kid,
        state,
        createdAt,
        secondsInState,
      }))
    },

    async inspect() {
      const rows = await store.everywhere.signingKeys.list()
      return rows.map(({ kid, state, sealedPrivateKey, secondsInState }) => {
        const opensWith = (keys: readonly Buffer[]) => unseal(keys, sealedPrivateKey, context(kid)) !== null
        const opens = opensWith([newest]) ? 'newest' : opensWith(sealingKeys) ? 'previous' : 'never'
        return { state, secondsInState, opens } as const
      })
    },

    async reseal() {
      let resealed = 0
      for (const { kid, sealedPrivateKey } of await store.everywhere.signingKeys.list()) {
        if (unseal([newest], sealedPrivateKey, context(kid))) continue
        const sealedAnew = seal(newest, unsealed(kid, sealedPrivateKey), context(kid))
        if (await store.everywhere.signingKeys.reseal(kid, sealedPrivateKey, sealedAnew)) resealed++
      }
      return resealed
    },
  }
}
