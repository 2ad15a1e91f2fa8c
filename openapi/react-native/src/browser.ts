// Sign-in by a provider in the system's browser, which comes back by a deep link. The proof key (RFC 7636) is made with the
// platform's random numbers and hash, which Hermes has no WebCrypto for.
import { createProofKey, type SallyportClient, type Session } from '@sallyport/client'

/** The part of `expo-web-browser` that is used. */
export interface WebBrowserModule {
  openAuthSessionAsync(url: string, redirectUrl: string): Promise<{ type: string; url?: string }>
}

/** The part of `expo-crypto` that is used. */
export interface CryptoModule {
  getRandomBytes(count: number): Uint8Array
  digestStringAsync(algorithm: never, text: string, options: { encoding: never }): Promise<string>
}

export interface BrowserSignIn {
  /** A provider of the policy that signs in by redirect, such as `google`. */
  provider: string
  /** A deep link of the app, such as `com.example.app://in`; listed in `redirect_urls` of the policy. */
  redirectUrl: string
  /** The module `expo-web-browser`. */
  browser: WebBrowserModule
  /** The module `expo-crypto`. Default: the WebCrypto of the platform. */
  crypto?: CryptoModule
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** 43 characters of 64, each from six random bits: 258 bits (RFC 7636 §4.1). */
const verifierFrom = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => alphabet.charAt(byte & 63)).join('')

async function proofKey(crypto: CryptoModule | undefined) {
  if (!crypto) return createProofKey()
  const code_verifier = verifierFrom(crypto.getRandomBytes(43))
  // The constants of expo-crypto are these strings.
  const hash = await crypto.digestStringAsync('SHA-256' as never, code_verifier, {
    encoding: 'base64' as never,
  })
  return { code_verifier, code_challenge: hash.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '') }
}

/** The parameters of a deep link; URLSearchParams of React Native is not complete. */
function parametersOf(url: string): Record<string, string> {
  const pairs = url.replace(/^[^?#]*[?#]?/, '').split(/[&#?]/)
  return Object.fromEntries(
    pairs.filter(Boolean).map((pair) => {
      const [name = '', value = ''] = pair.split('=')
      return [name, decodeURIComponent(value.replace(/\+/g, ' '))]
    }),
  )
}

/** The provider or the service refused the sign-in; `code` is the service's reason. */
export class BrowserSignInError extends Error {
  override name = 'BrowserSignInError'
  readonly code: string
  constructor(code: string) {
    super(`The sign-in did not succeed: ${code}.`)
    this.code = code
  }
}

/**
 * Signs in with a provider in the system's browser.
 *
 * @returns the session; null where the person closed the browser
 * @throws BrowserSignInError where provider or service refused; SecondFactorRequiredError and the other errors of the client
 */
export async function signInWithBrowser(
  client: SallyportClient,
  { provider, redirectUrl, browser, crypto }: BrowserSignIn,
): Promise<Session | null> {
  const { code_verifier, code_challenge } = await proofKey(crypto)
  const begin = client.socialLoginUrl(provider, { redirect_to: redirectUrl, code_challenge })
  const ended = await browser.openAuthSessionAsync(begin, redirectUrl)
  if (ended.type !== 'success' || !ended.url) return null
  const { code, error } = parametersOf(ended.url)
  if (!code) throw new BrowserSignInError(error ?? 'invalid_social_login')
  return client.exchangeSocialLogin({ code, code_verifier })
}
