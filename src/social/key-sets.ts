// The public keys of providers (RFC 7517), read through their discovery documents and cached by jose.
import { createRemoteJWKSet, customFetch, errors, type JWK, type JWTVerifyGetKey } from 'jose'
import { CallFailed, fetchJson } from '../outgoing/guarded-fetch.ts'
import { ProofRefused, type Provider } from './profile.ts'

export interface KeySetOptions {
  /** Milliseconds after a successful fetch in which an unknown key causes no other fetch; only tests change it. */
  readonly cooldownMs?: number
  /** Milliseconds after a failed fetch in which no other is tried; only tests change it. */
  readonly retryMs?: number
}

/** How long keys are cached, and so how long a withdrawn key still verifies. */
const cacheMaxAgeMs = 6 * 3_600_000
const maxProviders = 500
const maxKeys = 100

type KeySet = ReturnType<typeof createRemoteJWKSet>
/** Microsoft states in each key the issuer that it signs for. */
type PublishedKey = JWK & { readonly issuer?: unknown }

/** Reads the keys that a provider's discovery document points to. @throws CallFailed */
async function readKeys(discovery: string, { issuer, allowPrivateNetwork }: Provider): Promise<Response> {
  const call = { allowPrivateNetwork }
  const document = await fetchJson(discovery, call)
  if (document.issuer !== issuer)
    throw new CallFailed(`The document at ${new URL(discovery).host} is of another issuer.`)
  const address = String(document.jwks_uri)
  if (!URL.canParse(address)) throw new CallFailed(`${issuer} names no keys.`)
  const { keys } = await fetchJson(address, call)
  if (!Array.isArray(keys) || keys.length > maxKeys)
    throw new CallFailed(`${issuer} has no keys, or too many.`)
  return Response.json({ keys })
}

/** Creates the cache of key sets. Nothing is fetched before the first `find`. */
export function createKeySets({ cooldownMs = 30_000, retryMs = 5000 }: KeySetOptions = {}) {
  const keySets = new Map<string, KeySet>()

  /** jose fetches the URL of the discovery document and is given the keys, so that both are always fetched together. */
  function createKeySet(provider: Provider): KeySet {
    let failedAtMs = -Infinity
    const discovery = `${provider.discovery.replace(/\/$/, '')}/.well-known/openid-configuration`
    return createRemoteJWKSet(new URL(discovery), {
      cacheMaxAge: cacheMaxAgeMs,
      cooldownDuration: cooldownMs,
      [customFetch]: async (url) => {
        // jose has no cooldown after a failure.
        if (performance.now() - failedAtMs < retryMs)
          throw new CallFailed(`${provider.issuer} failed a moment ago.`)
        return readKeys(url, provider).catch((error: unknown) => {
          failedAtMs = performance.now()
          throw error
        })
      },
    })
  }

  function keySetOf(provider: Provider): KeySet {
    const { discovery, issuer, allowPrivateNetwork } = provider
    const name = JSON.stringify([discovery, issuer, allowPrivateNetwork])
    const known = keySets.get(name)
    if (known) return known
    if (keySets.size >= maxProviders) keySets.delete(keySets.keys().next().value ?? '')
    const made = createKeySet(provider)
    keySets.set(name, made)
    return made
  }

  return {
    /**
     * Finds the key that a token's header names.
     * @returns the key, and its JWK in the provider's set if the header has a `kid`
     * @throws ProofRefused if the provider has no such key; CallFailed if its keys cannot be fetched
     */
    async find(provider: Provider, ...[header, token]: Parameters<JWTVerifyGetKey>) {
      const keySet = keySetOf(provider)
      try {
        const key = await keySet(header, token)
        const published: readonly PublishedKey[] = keySet.jwks()?.keys ?? []
        return { key, jwk: published.find(({ kid }) => kid !== undefined && kid === header.kid) }
      } catch (cause) {
        if (cause instanceof CallFailed) throw cause
        if (cause instanceof errors.JWKSInvalid)
          throw new CallFailed(`The keys of ${provider.issuer} cannot be read.`, { cause })
        // No key matches, several match without a `kid`, or the key is unusable.
        throw new ProofRefused('No such key.', { cause })
      }
    },
  }
}

export type KeySets = ReturnType<typeof createKeySets>
