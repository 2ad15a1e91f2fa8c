// The code flow with PKCE (RFC 6749 §4.1, RFC 7636, RFC 9700): where a browser is sent, and what its code is good for.
import * as openid from 'openid-client'
import { callProvider } from './outbound.ts'
import { ProofRefused, type Provider, ProviderUnavailable } from './profile.ts'

/** What binds the two halves of a flow; rests nowhere but in the browser that began it, sealed. */
export interface FlowSecrets {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** What a code was exchanged for. */
export interface FlowTokens {
  readonly idToken: string | null
  readonly accessToken: string
}

const lifetimeMs = 6 * 3_600_000
const capacity = 500

/** Random values for a new flow: 256 bits each. */
export function newFlowSecrets(): FlowSecrets {
  return {
    state: openid.randomState(),
    nonce: openid.randomNonce(),
    verifier: openid.randomPKCECodeVerifier(),
  }
}

/** The guarded call in the shape that openid-client wants. */
function fetchFor({ allowPrivateNetwork }: Provider): openid.CustomFetch {
  return async (url, { method, headers, body }) => {
    const response = await callProvider(url, {
      method,
      headers,
      allowPrivateNetwork,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
    })
    if (response.status >= 500) throw new ProviderUnavailable(`The provider answered ${response.status}.`)
    return response
  }
}

async function configure(provider: Provider, secret: string | null): Promise<openid.Configuration> {
  const [clientId = ''] = provider.clientIds
  const customFetch = fetchFor(provider)
  const insecure = new URL(provider.discovery).protocol === 'http:'
  if (provider.kind === 'github') {
    const at = (path: string) => `${provider.issuer}/login/oauth/${path}`
    const server = {
      issuer: provider.issuer,
      authorization_endpoint: at('authorize'),
      token_endpoint: at('access_token'),
    }
    const auth = secret === null ? openid.None() : openid.ClientSecretPost(secret)
    const made = new openid.Configuration(server, clientId, {}, auth)
    made[openid.customFetch] = customFetch
    if (insecure) openid.allowInsecureRequests(made)
    return made
  }
  const options: openid.DiscoveryRequestOptions = {
    [openid.customFetch]: customFetch,
    timeout: 5,
    execute: insecure ? [openid.allowInsecureRequests] : [],
  }
  const auth = secret === null ? openid.None() : undefined
  const metadata = { ...(secret === null ? {} : { client_secret: secret }), [openid.clockTolerance]: 60 }
  return openid.discovery(new URL(provider.discovery), clientId, metadata, auth, options)
}

/** Whether this error, or what caused it, is a provider that could not be asked. */
function isUnavailable(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ProviderUnavailable) return true
    if ((at as { code?: unknown }).code === 'OAUTH_TIMEOUT') return true
  }
  return false
}

export function createCodeFlow() {
  const configurations = new Map<string, { made: Promise<openid.Configuration>; at: number }>()

  function configurationOf(provider: Provider, secret: string | null): Promise<openid.Configuration> {
    const key = JSON.stringify([provider, secret])
    const known = configurations.get(key)
    if (known && performance.now() - known.at < lifetimeMs) return known.made
    if (configurations.size >= capacity) configurations.delete(configurations.keys().next().value ?? '')
    const made = configure(provider, secret).catch((cause: unknown) => {
      configurations.delete(key)
      throw cause instanceof ProviderUnavailable
        ? cause
        : new ProviderUnavailable(`${provider.issuer} does not describe itself.`, { cause })
    })
    configurations.set(key, { made, at: performance.now() })
    return made
  }

  return {
    /** Where to send the browser. @throws ProviderUnavailable */
    async begin(
      provider: Provider,
      secret: string | null,
      redirectUri: string,
      flow: FlowSecrets,
    ): Promise<URL> {
      const configuration = await configurationOf(provider, secret)
      return openid.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: provider.scopes.join(' '),
        state: flow.state,
        code_challenge: await openid.calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
        ...(provider.kind === 'openid' ? { nonce: flow.nonce } : {}),
      })
    },

    /**
     * Exchanges the code that came back at `callback`, the whole address with its query.
     * @throws ProofRefused, ProviderUnavailable
     */
    async redeem(
      provider: Provider,
      secret: string | null,
      callback: URL,
      flow: FlowSecrets,
    ): Promise<FlowTokens> {
      const configuration = await configurationOf(provider, secret)
      const isOpenid = provider.kind === 'openid'
      try {
        const tokens = await openid.authorizationCodeGrant(configuration, callback, {
          expectedState: flow.state,
          pkceCodeVerifier: flow.verifier,
          ...(isOpenid ? { expectedNonce: flow.nonce, idTokenExpected: true } : {}),
        })
        return { idToken: tokens.id_token ?? null, accessToken: tokens.access_token }
      } catch (error) {
        if (isUnavailable(error))
          throw new ProviderUnavailable('The code could not be exchanged.', { cause: error })
        throw new ProofRefused('The code was not accepted.', { cause: error })
      }
    },

    /**
     * What the userinfo endpoint says of the subject: a provider to the letter tells addresses there and not in the
     * id_token (OpenID Connect Core §5.4). @throws ProofRefused, ProviderUnavailable
     */
    async userInfo(provider: Provider, secret: string | null, accessToken: string, subject: string) {
      const configuration = await configurationOf(provider, secret)
      if (!configuration.serverMetadata().userinfo_endpoint) return {}
      try {
        return await openid.fetchUserInfo(configuration, accessToken, subject)
      } catch (error) {
        if (isUnavailable(error)) throw new ProviderUnavailable('No userinfo came.', { cause: error })
        throw new ProofRefused('The userinfo is of somebody else.', { cause: error })
      }
    },
  }
}
