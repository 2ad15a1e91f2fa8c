// Gets a verified profile from a provider. These functions are the interface of this folder: they return a verdict for any input
// of a provider or a client, and do not throw.
import { CallFailed } from '../outgoing/guarded-fetch.ts'
import { createCodeFlow, type FlowSecrets, newFlowSecrets } from './code-flow.ts'
import { askGithub } from './github.ts'
import { personOf, verifyIdToken } from './id-token.ts'
import { createKeySets, type KeySetOptions } from './key-sets.ts'
import { ProofRefused, type Provider, type Verdict } from './profile.ts'

interface ProvidersOptions {
  /** Secrets of clients, by the name of their environment variable. */
  readonly secrets: Readonly<Record<string, string>>
  /** Called when a provider does not answer; the error holds no secret. */
  readonly onTrouble?: (provider: string, error: Error) => void
  /** Called for each refused proof, with a sentence that says why and what to do. */
  readonly onRefused?: (provider: Provider, reason: string) => void
  readonly keySets?: KeySetOptions
}

/** Creates the clients of all providers. Nothing is called before the first use. */
export function createProviders({ secrets, onTrouble, onRefused, keySets: keySetOptions }: ProvidersOptions) {
  const keySets = createKeySets(keySetOptions)

  /** @throws CallFailed if the policy names a secret that is not set */
  function secretOf({ clientSecretEnv }: Provider): string | null {
    if (clientSecretEnv === null) return null
    const secret = Object.hasOwn(secrets, clientSecretEnv) ? secrets[clientSecretEnv] : undefined
    if (!secret) throw new CallFailed(`The environment variable ${clientSecretEnv} is not set.`)
    return secret
  }

  const codeFlow = createCodeFlow(secretOf)

  async function verdictOf<T>(provider: Provider, work: () => Promise<T>) {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ProofRefused) {
        onRefused?.(provider, error.message)
        return { kind: 'refused', reason: error.message } as const
      }
      if (!(error instanceof CallFailed)) throw error
      onTrouble?.(provider.name, error)
      return { kind: 'unavailable' } as const
    }
  }

  async function fromIdToken(provider: Provider, token: string, nonce: string | null): Promise<Verdict> {
    if (provider.kind !== 'openid')
      throw new ProofRefused('GitHub has no id_tokens. The application must send the access_token.')
    return { kind: 'profile', ...(await verifyIdToken(keySets, provider, token, nonce)) }
  }

  async function fromAccessToken(provider: Provider, token: string): Promise<Verdict> {
    const secret = secretOf(provider)
    // An access token does not show the application to which it was issued; only GitHub's API tells it.
    if (provider.kind !== 'github' || secret === null)
      throw new ProofRefused('An access token proves nothing here. The application must send the id_token.')
    return { kind: 'profile', profile: await askGithub(provider, token, secret), singleUse: null }
  }

  return {
    newFlowSecrets,

    /** Verifies an id_token that carries this nonce; null: none. */
    verifyIdToken: (provider: Provider, token: string, nonce: string | null): Promise<Verdict> =>
      verdictOf(provider, () => fromIdToken(provider, token, nonce)),

    /** Verifies an access token that was issued to our application; for GitHub alone. */
    verifyAccessToken: (provider: Provider, token: string): Promise<Verdict> =>
      verdictOf(provider, () => fromAccessToken(provider, token)),

    /** Begins a flow: returns the URL to which the browser is sent. */
    begin: (provider: Provider, redirectUri: string, flow: FlowSecrets) =>
      verdictOf(provider, async () => {
        const url = await codeFlow.begin(provider, redirectUri, flow)
        return { kind: 'location', location: url.href } as const
      }),

    /** Ends a flow. @param callback the URL to which the provider redirected, with its query */
    finish: (provider: Provider, callback: string, flow: FlowSecrets): Promise<Verdict> =>
      verdictOf(provider, async () => {
        const tokens = await codeFlow.exchange(provider, new URL(callback), flow)
        if (provider.kind === 'github') return fromAccessToken(provider, tokens.accessToken)
        const { profile, singleUse } = await verifyIdToken(keySets, provider, tokens.idToken, flow.nonce)
        if (profile.email !== null) return { kind: 'profile', profile, singleUse }
        const claims = await codeFlow.userInfo(provider, tokens.accessToken, profile.subject)
        const person = personOf(provider, { ...claims })
        return { kind: 'profile', profile: { ...profile, ...person }, singleUse }
      }),
  }
}

export type Providers = ReturnType<typeof createProviders>
