// The public keys of providers: read once, kept for hours, read again for a key that is not among them, and then not
// again for half a minute, whatever strangers send.
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose'
import { readJson } from './outbound.ts'
import { ProofRefused, type Provider, ProviderUnavailable } from './profile.ts'

export interface KeySetOptions {
  /** Milliseconds between two reads of one provider, and after a failed one; the default is for everything but tests. */
  readonly floorMs?: number
  readonly failureFloorMs?: number
}

/** How long keys are believed without being read again: as long as a key that its provider withdrew still works. */
const lifetimeMs = 6 * 3_600_000
/** Providers remembered, and keys of each. */
const capacity = 500
const maxKeys = 100

type Header = Parameters<JWTVerifyGetKey>[0]
type Token = Parameters<JWTVerifyGetKey>[1]

/** Microsoft says of each key for which issuer it signs. */
type PublishedKey = JWK & { readonly issuer?: unknown }

interface KeySet {
  readonly find: JWTVerifyGetKey
  readonly keys: readonly PublishedKey[]
}

interface Entry {
  set: KeySet | null
  readAt: number
  failedAt: number
  reading: Promise<KeySet> | null
}

async function readKeySet({ discovery, issuer, allowPrivateNetwork }: Provider): Promise<KeySet> {
  const call = { allowPrivateNetwork }
  const document = await readJson(`${discovery.replace(/\/$/, '')}/.well-known/openid-configuration`, call)
  if (document.issuer !== issuer)
    throw new ProviderUnavailable(
      `The provider at ${new URL(discovery).host} says that it is another issuer.`,
    )
  const address = String(document.jwks_uri)
  if (!URL.canParse(address)) throw new ProviderUnavailable(`${issuer} names no keys.`)
  const { keys } = await readJson(address, call)
  if (!Array.isArray(keys) || keys.length > maxKeys)
    throw new ProviderUnavailable(`${issuer} has no keys, or too many.`)
  try {
    return { find: createLocalJWKSet({ keys }), keys }
  } catch (cause) {
    throw new ProviderUnavailable(`The keys of ${issuer} cannot be read.`, { cause })
  }
}

export function createKeySets({ floorMs = 30_000, failureFloorMs = 5000 }: KeySetOptions = {}) {
  const entries = new Map<string, Entry>()

  function entryOf(provider: Provider): Entry {
    const key = `${provider.discovery} ${provider.issuer} ${provider.allowPrivateNetwork}`
    const known = entries.get(key)
    if (known) return known
    if (entries.size >= capacity) entries.delete(entries.keys().next().value ?? '')
    const entry = { set: null, readAt: -Infinity, failedAt: -Infinity, reading: null }
    entries.set(key, entry)
    return entry
  }

  /** Reads the keys, once for all who ask at the same time. @throws ProviderUnavailable */
  function read(provider: Provider, entry: Entry): Promise<KeySet> {
    if (performance.now() - entry.failedAt < failureFloorMs)
      throw new ProviderUnavailable(`${provider.issuer} failed a moment ago.`)
    entry.reading ??= readKeySet(provider)
      .then((set) => {
        entry.set = set
        entry.readAt = performance.now()
        return set
      })
      .catch((error: unknown) => {
        entry.failedAt = performance.now()
        throw error
      })
      .finally(() => {
        entry.reading = null
      })
    return entry.reading
  }

  return {
    /**
     * The key that a token's header names, and the set's own record of it.
     * @throws ProofRefused where the provider has no such key, ProviderUnavailable
     */
    async find(provider: Provider, header: Header, token: Token) {
      const entry = entryOf(provider)
      const age = performance.now() - entry.readAt
      let set = entry.set && age < lifetimeMs ? entry.set : await read(provider, entry)
      for (;;) {
        try {
          const key = await set.find(header, token)
          return { key, jwk: set.keys.find(({ kid }) => kid !== undefined && kid === header.kid) }
        } catch (error) {
          const unknown = error instanceof errors.JWKSNoMatchingKey
          // Two keys that fit and no kid to tell them apart, or a key that is none.
          if (!unknown || performance.now() - entry.readAt < floorMs) throw new ProofRefused('No such key.')
          set = await read(provider, entry)
        }
      }
    },
  }
}

export type KeySets = ReturnType<typeof createKeySets>
