// The authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636, RFC 9700), by openid-client.
import * as openid from 'openid-client'
import { CallFailed, guardedFetch } from '../outgoing/guarded-fetch.ts'
import { ProofRefused, type Provider } from './profile.ts'

const lifetimeMs = 6 * 3_600_000
const capacity = 500

/** Random values of 256 bits that bind the callback to the start of a flow. Only the browser that began it stores them, sealed. */
export const newFlowSecrets = () => ({
  state: openid.randomState(),
  nonce: openid.randomNonce(),
  verifier: openid.randomPKCECodeVerifier(),
})

export type FlowSecrets = Readonly<ReturnType<typeof newFlowSecrets>>

/** The guarded fetch as openid-client's `customFetch`. */
function fetchFor({ allowPrivateNetwork }: Provider): openid.CustomFetch {
  return async (url, { method, headers, body }) => {
    const response = await guardedFetch(url, {
      method,
      headers,
      allowPrivateNetwork,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
    })
    if (response.status >= 500) throw new CallFailed(`The provider answered ${response.status}.`)
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

/** Whether this error, or its cause, says that the provider did not answer. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const timedOut = 'code' in error && error.code === 'OAUTH_TIMEOUT'
  return error instanceof CallFailed || timedOut || isUnavailable(error.cause)
}

/** Runs a call of openid-client and translates its errors. @throws ProofRefused, CallFailed */
async function translated<T>(call: Promise<T>, unavailable: string, refused: string): Promise<T> {
  try {
    return await call
  } catch (cause) {
    throw isUnavailable(cause) ? new CallFailed(unavailable, { cause }) : new ProofRefused(refused, { cause })
  }
}

/** Creates the flow. @param secretOf returns the secret of a provider's first client; null: a public client */
export function createCodeFlow(secretOf: (provider: Provider) => string | null) {
  const configurations = new Map<string, { made: Promise<openid.Configuration>; at: number }>()

  async function configurationOf(provider: Provider): Promise<openid.Configuration> {
    const secret = secretOf(provider)
    const key = JSON.stringify([provider, secret])
    const known = configurations.get(key)
    if (known && performance.now() - known.at < lifetimeMs) return known.made
    if (configurations.size >= capacity) configurations.delete(configurations.keys().next().value ?? '')
    const made = configure(provider, secret).catch((cause: unknown) => {
      configurations.delete(key)
      throw cause instanceof CallFailed
        ? cause
        : new CallFailed(`${provider.issuer} does not describe itself.`, { cause })
    })
    configurations.set(key, { made, at: performance.now() })
    return made
  }

  return {
    /** Builds the authorization URL to which the browser is sent. @throws CallFailed */
    async begin(provider: Provider, redirectUri: string, flow: FlowSecrets): Promise<URL> {
      return openid.buildAuthorizationUrl(await configurationOf(provider), {
        redirect_uri: redirectUri,
        scope: provider.scopes.join(' '),
        state: flow.state,
        code_challenge: await openid.calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
        ...(provider.kind === 'openid' ? { nonce: flow.nonce } : {}),
      })
    },

    /**
     * Exchanges the code for tokens.
     * @param callback the URL to which the provider redirected, with its query
     * @throws ProofRefused, CallFailed
     */
    async exchange(provider: Provider, callback: URL, flow: FlowSecrets) {
      const configuration = await configurationOf(provider)
      const grant = openid.authorizationCodeGrant(configuration, callback, {
        expectedState: flow.state,
        pkceCodeVerifier: flow.verifier,
        ...(provider.kind === 'openid' ? { expectedNonce: flow.nonce, idTokenExpected: true } : {}),
      })
      const tokens = await translated(
        grant,
        'The code could not be exchanged.',
        'The provider did not accept the code, or its answer fits no flow. Check client_ids, the secret and the redirect URI there.',
      )
      return { idToken: tokens.id_token ?? '', accessToken: tokens.access_token }
    },

    /**
     * Reads the claims of the userinfo endpoint. A provider may return the address there and not in the id_token
     * (OpenID Connect Core §5.4).
     * @returns empty where the provider has no such endpoint
     * @throws ProofRefused, CallFailed
     */
    async userInfo(provider: Provider, accessToken: string, subject: string) {
      const configuration = await configurationOf(provider)
      if (!configuration.serverMetadata().userinfo_endpoint) return {}
      const userInfo = openid.fetchUserInfo(configuration, accessToken, subject)
      return translated(
        userInfo,
        'No userinfo came.',
        'The userinfo is of another subject. Check the discovery of this provider.',
      )
    },
  }
}
