// Signing keys of access tokens: sealed in the database, opened at start, and rotated without invalidating tokens.
//
// A key is published before it signs, and verifies until its last token has expired: next → current → previous → deleted. There
// are keys of the default algorithm and of those that policies name. Keys of algorithms that are no longer used stay unchanged.
import { seal, unseal } from '../../crypto/seal.ts'
import { generateSigningKey, type SigningAlgorithm, signingAlgorithms } from '../../crypto/signing-key.ts'
import * as rows from '../../repositories/signing-keys/signing-keys.ts'
import type { ServiceKeys, Services } from '../context.ts'

export interface OpenedKey extends Omit<rows.NewSigningKey, 'sealedPrivateKey'> {
  /** PKCS #8, DER. */
  readonly privateKey: Buffer
}

/** Thrown when a key cannot be opened, because it was sealed under another master secret. */
export class SealedKeyError extends Error {
  override name = 'SealedKeyError'
}

/** Seconds for which a key is published before it may sign; by then every instance and every cache of the JWKS has it. */
export const publishedSeconds = 600
/**
 * The same for the first key of the default algorithm, if there are keys of another one: instances of the previous version know only
 * the other algorithm. During a day, a rolling upgrade or downgrade therefore invalidates no token.
 */
export const introducedSeconds = 86_400
/** Seconds for which a key verifies after it has stopped signing: longer than the lifetime of any access token. */
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

/** The algorithm of projects without `tokens.signing_algorithm` in their policy. */
const [defaultAlgorithm] = signingAlgorithms

/** Lists the default algorithm and those in the policies of projects. */
async function algorithmsInUse({ stores }: Pick<SigningKeyServices, 'stores'>): Promise<SigningAlgorithm[]> {
  const named = await rows.listAlgorithmsInPolicies(stores.unscoped)
  return signingAlgorithms.filter((it) => it === defaultAlgorithm || named.includes(it))
}

/**
 * Lists the states in which an algorithm lacks a key. If there are keys of other algorithms, the first key of the default algorithm is
 * published before it signs, like every later one.
 */
function missingStates(found: readonly rows.NewSigningKey[], algorithm: SigningAlgorithm) {
  const own = found.filter((row) => row.algorithm === algorithm)
  const has = (state: OpenedKey['state']) => own.some((row) => row.state === state)
  const isIntroduced = algorithm === defaultAlgorithm && found.length > own.length
  const states = has('current') || isIntroduced ? (['next'] as const) : (['current', 'next'] as const)
  return states.filter((state) => !has(state))
}

/** Opens every key, and creates the missing keys of the algorithms in use. @throws SealedKeyError */
export async function openSigningKeys(services: SigningKeyServices): Promise<OpenedKey[]> {
  const { unscoped } = services.stores
  const [inUse, before] = await Promise.all([algorithmsInUse(services), rows.listSigningKeys(unscoped)])
  const missing = inUse.flatMap((algorithm) =>
    missingStates(before, algorithm).map((state) => ({ algorithm, state })),
  )
  // Under a wrong master secret, no key is added to the existing ones.
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
 * For each algorithm, makes the next key the current one and creates a new next key, if both keys are old enough. Without a current
 * key, only the age of the next one counts.
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

/** Whether a rotation would change the keys of an algorithm. @param found the keys, read without a lock */
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
 * Revokes a compromised key: it verifies no token any more and leaves the key set. If it was the current one, the next key signs
 * immediately, even if it was published recently. Other instances learn of it by the change feed.
 * @returns the state that the key had; null: the key is unknown
 * @throws SealedKeyError, before any change, if the other keys are sealed under another secret
 */
export async function revokeSigningKey(
  services: SigningKeyServices,
  kid: string,
): Promise<OpenedKey['state'] | null> {
  // Under a wrong master secret, no key is added to the existing ones.
  const known = (await openSigningKeys(services)).find((key) => key.kid === kid)
  if (!known) return null
  const made = await Promise.all(
    (['current', 'next'] as const).map((state) => generate(services, known.algorithm, state)),
  )
  return services.stores.unscoped.transaction(async (tx) => {
    const removed = await rows.removeKey(tx, kid)
    // If the next key has become the current one, inserting another current key does nothing, and only the next one is replaced.
    for (const key of made)
      if (removed === 'current' || removed === key.state) await rows.insertSigningKey(tx, key)
    return removed
  })
}

/** Deletes previous keys after their last token has expired. @returns how many */
export function retireSigningKeys({ stores }: SigningKeyServices): Promise<number> {
  return rows.deletePreviousKeys(stores.unscoped, previousSeconds)
}

/** Lists all keys without key material, the oldest first. */
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

/** Finds which master secret opens each key, without changes: the newest, a previous one, or none. */
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

/**
 * Looks whether the master secrets are those of this installation; before its first start, any are.
 * @throws SealedKeyError
 */
export async function mustOpenSigningKeys(services: SigningKeyServices): Promise<void> {
  for (const { kid, sealedPrivateKey } of await rows.listSigningKeys(services.stores.unscoped))
    unsealed(services, kid, sealedPrivateKey)
}

/** Seals keys under the newest master secret that are sealed under an older one. @returns how many @throws SealedKeyError */
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
