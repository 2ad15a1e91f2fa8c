// The public keys of the service, cached, and the time of the service, by which tokens expire.
import { ServiceUnavailableError } from './errors.js'
import type { Wire } from './wire.js'

/** Milliseconds that a key set is used before it is fetched again; the service allows five minutes. */
const freshMs = 300_000

/** Milliseconds between two requests for the key set, whatever the tokens name. */
const pauseMs = 3000

/** The algorithms that a project may sign with, as WebCrypto names them. */
const algorithms = {
  ES256: {
    kty: 'EC',
    import: { name: 'ECDSA', namedCurve: 'P-256' },
    verify: { name: 'ECDSA', hash: 'SHA-256' },
  },
  EdDSA: { kty: 'OKP', import: { name: 'Ed25519' }, verify: { name: 'Ed25519' } },
  RS256: {
    kty: 'RSA',
    import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    verify: { name: 'RSASSA-PKCS1-v1_5' },
  },
} as const

type Algorithm = keyof typeof algorithms
type PublicKey = JsonWebKey & { kid?: string }

/** True for an algorithm that tokens may be signed with. */
export const isAlgorithm = (name: unknown): name is Algorithm =>
  typeof name === 'string' && Object.hasOwn(algorithms, name)

/** The time of the service when it answered, on two clocks of this machine. */
interface Reading {
  readonly serviceMs: number
  readonly steadyMs: number
  readonly wallMs: number
}

export interface KeySet {
  /**
   * Verifies a signature with the key of this name.
   *
   * @returns false where the service has no such key of this algorithm, too
   * @throws ServiceUnavailableError where the key is unknown and the service cannot be asked
   */
  verify(kid: string, algorithm: Algorithm, signature: Uint8Array, signed: Uint8Array): Promise<boolean>
  /** Seconds since 1970 on the service's clock; on this machine's before its first answer. */
  now(): number
}

/** Creates the key set. Nothing is fetched before the first token. */
export function createKeySet(wire: Wire): KeySet {
  let keys: Map<string, PublicKey> | undefined
  let imported = new Map<string, Promise<CryptoKey>>()
  let reading: Reading | undefined
  let flight: Promise<void> | undefined
  let attemptedAt = Number.NEGATIVE_INFINITY
  let failure: unknown

  /** Milliseconds since `reading`: the monotonic clock may stand still while a machine sleeps, the other may be set. */
  const steadyAge = ({ steadyMs }: Reading) => performance.now() - steadyMs
  const isFresh = () =>
    reading !== undefined && Math.max(steadyAge(reading), Date.now() - reading.wallMs) < freshMs

  async function fetchKeys(): Promise<void> {
    attemptedAt = performance.now()
    const { body, headers } = await wire.get('/.well-known/jwks.json', 3000)
    const list = (body as { keys?: PublicKey[] } | undefined)?.keys
    if (!Array.isArray(list)) throw new Error('The answer is no key set.')
    keys = new Map(list.flatMap((key) => (key.kid === undefined ? [] : [[key.kid, key]])))
    imported = new Map()
    failure = undefined
    // What a cache has held for `age` seconds was answered so much earlier.
    const answered = Date.parse(headers.get('date') ?? '') + Number(headers.get('age') ?? 0) * 1000
    const wallMs = Date.now()
    reading = {
      serviceMs: Number.isFinite(answered) ? answered : wallMs,
      steadyMs: performance.now(),
      wallMs,
    }
  }

  /** Fetches the keys, at most once in `pauseMs`; the last good ones are kept where that fails. */
  async function refetch(): Promise<void> {
    if (!flight && performance.now() - attemptedAt < pauseMs) return
    flight ??= fetchKeys()
      .catch((error: unknown) => {
        failure = error
      })
      .finally(() => {
        flight = undefined
      })
    await flight
  }

  async function find(kid: string): Promise<PublicKey | undefined> {
    if (!isFresh()) await refetch()
    if (!keys?.has(kid)) await refetch()
    const key = keys?.get(kid)
    if (!key && failure) throw new ServiceUnavailableError(failure)
    return key
  }

  return {
    async verify(kid, algorithm, signature, signed) {
      const jwk = await find(kid)
      const { kty, import: imports, verify } = algorithms[algorithm]
      if (!jwk || jwk.kty !== kty || (jwk.alg ?? algorithm) !== algorithm) return false
      const { key_ops: _, ...bare } = jwk
      const key = imported.get(kid) ?? crypto.subtle.importKey('jwk', bare, imports, false, ['verify'])
      imported.set(kid, key)
      return crypto.subtle.verify(verify, await key, signature as BufferSource, signed as BufferSource)
    },
    now: () => Math.floor((reading ? reading.serviceMs + steadyAge(reading) : Date.now()) / 1000),
  }
}
