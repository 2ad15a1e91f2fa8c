// A provider → a verified profile: the one door of this folder. Nothing behind it throws for what a provider or a
// stranger sent.
import { createCodeFlow, type FlowSecrets, newFlowSecrets } from './code-flow.ts'
import { askGithub } from './github.ts'
import { personOf, verifyIdToken } from './id-token.ts'
import { createKeySets, type KeySetOptions } from './key-sets.ts'
import { ProofRefused, type Provider, ProviderUnavailable, type Verdict } from './profile.ts'

export interface ProvidersOptions {
  /** Secrets of clients, by the name of their environment variable. */
  readonly secrets: Readonly<Record<string, string>>
  /** Told when a provider cannot be asked; nothing in it is secret. */
  readonly onTrouble?: (provider: string, error: Error) => void
  readonly keySets?: KeySetOptions
}

/** Builds the providers' side; it calls nobody before it is asked to. */
export function createProviders({ secrets, onTrouble, keySets: keySetOptions }: ProvidersOptions) {
  const keySets = createKeySets(keySetOptions)
  const codeFlow = createCodeFlow()

  /** @throws ProviderUnavailable where the operator named a secret and did not set it */
  function secretOf({ clientSecretEnv }: Provider): string | null {
    if (clientSecretEnv === null) return null
    const secret = Object.hasOwn(secrets, clientSecretEnv) ? secrets[clientSecretEnv] : undefined
    if (!secret) throw new ProviderUnavailable(`The environment variable ${clientSecretEnv} is not set.`)
    return secret
  }

  async function settled<T>(provider: Provider, work: () => Promise<T>) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ProofRefused) return { kind: 'refused' } as const
      if (!(error instanceof ProviderUnavailable)) throw error
      onTrouble?.(provider.name, error)
      return { kind: 'unavailable' } as const
    }
  }

  async function fromIdToken(provider: Provider, token: string, nonce: string | null): Promise<Verdict> {
    if (provider.kind !== 'openid') throw new ProofRefused('No id_tokens here.')
    return { kind: 'profile', ...(await verifyIdToken(keySets, provider, token, nonce)) }
  }

  async function fromAccessToken(provider: Provider, token: string): Promise<Verdict> {
    const secret = secretOf(provider)
    // An access token says nothing of whom it was issued to; only a provider that tells us is believed.
    if (provider.kind !== 'github' || secret === null) throw new ProofRefused('No access tokens here.')
    return { kind: 'profile', profile: await askGithub(provider, token, secret), singleUse: null }
  }

  return {
    newFlowSecrets,

    /** The person behind an id_token that carries this nonce (null: none). */
    verifyIdToken: (provider: Provider, token: string, nonce: string | null): Promise<Verdict> =>
      settled(provider, () => fromIdToken(provider, token, nonce)),

    /** The person behind an access token that was issued to us; for GitHub alone. */
    verifyAccessToken: (provider: Provider, token: string): Promise<Verdict> =>
      settled(provider, () => fromAccessToken(provider, token)),

    /** Where to send a browser. */
    begin: (provider: Provider, redirectUri: string, flow: FlowSecrets) =>
      settled(provider, async () => {
        const url = await codeFlow.begin(provider, secretOf(provider), redirectUri, flow)
        return { kind: 'location', location: url.href } as const
      }),

    /** The person whose browser came back to `callback`, the whole address with its query. */
    finish: (provider: Provider, callback: string, flow: FlowSecrets): Promise<Verdict> =>
      settled(provider, async () => {
        const secret = secretOf(provider)
        const tokens = await codeFlow.redeem(provider, secret, new URL(callback), flow)
        if (provider.kind === 'github') return fromAccessToken(provider, tokens.accessToken)
        const { profile, singleUse } = await verifyIdToken(
          keySets,
          provider,
          tokens.idToken ?? '',
          flow.nonce,
        )
        if (profile.email !== null) return { kind: 'profile', profile, singleUse }
        const claims = await codeFlow.userInfo(provider, secret, tokens.accessToken, profile.subject)
        const person = personOf(provider, { ...claims })
        return { kind: 'profile', profile: { ...profile, ...person }, singleUse }
      }),
  }
}

export type Providers = ReturnType<typeof createProviders>
