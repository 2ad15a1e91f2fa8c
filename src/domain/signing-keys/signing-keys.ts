// Signing keys: sealed in the database, opened at start, rotated so that no token is ever refused for it.
//
// A key is published before it signs and verifies until its last token has expired: next → current → previous → deleted. There
// are keys of the default algorithm and of those that policies name; keys of another algorithm stay as they are.
import { seal, unseal } from '../../crypto/seal.ts'
import {
  generateSigningKey,
  type PublicJwk,
  type SigningAlgorithm,
  signingAlgorithms,
} from '../../crypto/signing-key.ts'

import * as rows from '../../repositories/signing-keys/signing-keys.ts'
import type { ServiceKeys, Services } from '../context.ts'

export interface OpenedKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly state: 'next' | 'current' | 'previous'
  readonly publicJwk: PublicJwk
  /** PKCS #8, DER. */
  readonly privateKey: Buffer
}

/** Thrown when a key cannot be opened: the master secret is another than the one it was sealed under. */
export class SealedKeyError extends Error {
  override name = 'SealedKeyError'
}

/** Seconds that a key is published before it may sign: every instance and every cache of the JWKS has it by then. */
export const publishedSeconds = 600
/**
 * The same for the first key of the default algorithm beside keys of another: instances of the version before know that one alone, and
 * may still serve, or serve again. A rolling upgrade and a way back within a day refuse no token.
 */
export const introducedSeconds = 86_400
/** Seconds that a key verifies after it signed last: longer than any access token lives. */
const previousSeconds = 8 * 86_400

export interface SigningKeyServices {
  readonly stores: Pick<Services['stores'], 'unscoped'>
  readonly keys: Pick<ServiceKeys, 'sealing'>
}

const sealContext = (kid: string) => `signing-key/${kid}`

async function generate(
  { keys }: SigningKeyServices,
  algorithm: SigningAlgorithm,
  state: OpenedKey['state'],
): Promise<rows.NewSigningKey> {
  const { kid, publicJwk, privateKey } = await generateSigningKey(algorithm)
  return {
    kid,
    algorithm,
    state,
    publicJwk,
    sealedPrivateKey: seal(keys.sealing[0], privateKey, sealContext(kid)),
  }
}

function unsealed({ keys }: SigningKeyServices, kid: string, sealed: Buffer): Buffer {
  const privateKey = unseal(keys.sealing, sealed, sealContext(kid))
  if (privateKey) return privateKey
  throw new SealedKeyError(
    'SECRET_KEY is not the secret that this database was first started with, so its signing keys stay closed. Set the old one as SECRET_KEY, or as SECRET_KEY_PREVIOUS beside the new one.',
  )
}

/** The algorithm of projects whose policy names none. */
const [defaultAlgorithm] = signingAlgorithms

/** The default algorithm, and those that policies of projects name. */
async function algorithmsInUse({ stores }: Pick<SigningKeyServices, 'stores'>): Promise<SigningAlgorithm[]> {
  const named = await rows.listAlgorithmsInPolicies(stores.unscoped)
  return signingAlgorithms.filter((it) => it === defaultAlgorithm || named.includes(it))
}

/**
 * The states in which an algorithm has no key yet. Where keys of other algorithms have signed before, the first key of the
 * default algorithm is published before it signs, as every later one.
 */
function missingStates(found: readonly rows.NewSigningKey[], algorithm: SigningAlgorithm) {
  const own = found.filter((row) => row.algorithm === algorithm)
  const has = (state: OpenedKey['state']) => own.some((row) => row.state === state)
  const isIntroduced = algorithm === defaultAlgorithm && found.length > own.length
  const states = has('current') || isIntroduced ? (['next'] as const) : (['current', 'next'] as const)
  return states.filter((state) => !has(state))
}

/** Opens every key; creates those that are missing of the algorithms in use. @throws SealedKeyError */
export async function openSigningKeys(services: SigningKeyServices): Promise<OpenedKey[]> {
  const { unscoped } = services.stores
  const [inUse, before] = await Promise.all([algorithmsInUse(services), rows.listSigningKeys(unscoped)])
  const missing = inUse.flatMap((algorithm) =>
    missingStates(before, algorithm).map((state) => ({ algorithm, state })),
  )
  // The keys that are there must open before another is added to them.
  if (missing.length > 0) for (const row of before) unsealed(services, row.kid, row.sealedPrivateKey)
  const made = await Promise.all(missing.map(({ algorithm, state }) => generate(services, algorithm, state)))
  for (const key of made) await rows.insertSigningKey(unscoped, key)
  const found = made.length > 0 ? await rows.listSigningKeys(unscoped) : before
  return found.map(({ kid, algorithm, state, publicJwk, sealedPrivateKey }) => ({
    kid,
    algorithm,
    state,
    publicJwk,
    privateKey: unsealed(services, kid, sealedPrivateKey),
  }))
}

/**
 * Lets the next key of each algorithm sign and creates another, where both are old enough; a key of an algorithm that has
 * no current one waits for its own age alone.
 * @returns whether a key was changed
 */
export async function rotateSigningKeys(
  services: SigningKeyServices,
  ages: rows.RotationAges,
): Promise<boolean> {
  const { unscoped } = services.stores
  const found = await rows.listSigningKeys(unscoped)
  const due = signingAlgorithms.filter((algorithm) => isDue(found, algorithm, ages))
  let rotated = false
  for (const algorithm of due) {
    const next = await generate(services, algorithm, 'next')
    const promoted = await unscoped.transaction(async (tx) => {
      if (!(await rows.promoteNextKey(tx, algorithm, ages))) return false
      await rows.insertSigningKey(tx, next)
      return true
    })
    rotated ||= promoted
  }
  return rotated
}

/** Whether a rotation would change the keys of an algorithm, as far as they were read. */
function isDue(
  found: Awaited<ReturnType<typeof rows.listSigningKeys>>,
  algorithm: SigningAlgorithm,
  { currentSeconds, nextSeconds, firstSeconds = nextSeconds }: rows.RotationAges,
): boolean {
  const own = found.filter((row) => row.algorithm === algorithm)
  const current = own.find(({ state }) => state === 'current')
  const next = own.find(({ state }) => state === 'next')
  return (
    next !== undefined &&
    next.secondsInState >= (current ? nextSeconds : firstSeconds) &&
    (current === undefined || current.secondsInState >= currentSeconds)
  )
}

/**
 * Revokes a key that may be in other hands: it verifies nothing from now on and leaves the key set. Where it signed, the next
 * one signs at once, published or not; running instances follow by the change feed.
 * @returns the state that the key had; null: there is no such key
 * @throws SealedKeyError where the other keys are not sealed under this secret; nothing is changed then
 */
export async function revokeSigningKey(
  services: SigningKeyServices,
  kid: string,
): Promise<OpenedKey['state'] | null> {
  // The keys that are there must open before another is added to them.
  const known = (await openSigningKeys(services)).find((key) => key.kid === kid)
  if (!known) return null
  const made = await Promise.all(
    (['current', 'next'] as const).map((state) => generate(services, known.algorithm, state)),
  )
  return services.stores.unscoped.transaction(async (tx) => {
    const removed = await rows.removeKey(tx, kid)
    // Where the next one signs now, there is a current one already, and it alone is missed.
    for (const key of made)
      if (removed === 'current' || removed === key.state) await rows.insertSigningKey(tx, key)
    return removed
  })
}

/** Deletes previous keys whose last token has expired. @returns how many */
export function retireSigningKeys({ stores }: SigningKeyServices): Promise<number> {
  return rows.deletePreviousKeys(stores.unscoped, previousSeconds)
}

export async function listSigningKeys({ stores }: Pick<SigningKeyServices, 'stores'>) {
  const found = await rows.listSigningKeys(stores.unscoped)
  return found.map(({ kid, algorithm, state, createdAt, secondsInState }) => ({
    kid,
    algorithm,
    state,
    createdAt,
    secondsInState,
  }))
}

/** Which secret opens each key; creates and changes none. */
export async function inspectSigningKeys({
  stores,
  keys: { sealing },
}: SigningKeyServices): Promise<
  { state: OpenedKey['state']; secondsInState: number; opens: 'newest' | 'previous' | 'never' }[]
> {
  const found = await rows.listSigningKeys(stores.unscoped)
  return found.map(({ kid, state, sealedPrivateKey, secondsInState }) => {
    const opensWith = (keys: readonly Buffer[]) => unseal(keys, sealedPrivateKey, sealContext(kid)) !== null
    const opens = opensWith([sealing[0]]) ? 'newest' : opensWith(sealing) ? 'previous' : 'never'
    return { state, secondsInState, opens }
  })
}

/** Seals under the newest secret the keys that an older one sealed. @returns how many @throws SealedKeyError */
export async function resealSigningKeys(services: SigningKeyServices): Promise<number> {
  const { unscoped } = services.stores
  const [newest] = services.keys.sealing
  let resealed = 0
  for (const { kid, sealedPrivateKey } of await rows.listSigningKeys(unscoped)) {
    if (unseal([newest], sealedPrivateKey, sealContext(kid))) continue
    const sealedAnew = seal(newest, unsealed(services, kid, sealedPrivateKey), sealContext(kid))
    if (await rows.updateSealedKey(unscoped, kid, sealedPrivateKey, sealedAnew)) resealed++
  }
  return resealed
}
