// A sign-in that leaves the page and comes back to it: by a provider, or by the link of a mail.
import {
  ApiError,
  createProofKey,
  type ErrorCode,
  type SallyportClient,
  SecondFactorRequiredError,
} from '@sallyport/client'

const key = 'sallyport_social'

/** Thrown where the browser stores nothing, so that a sign-in could not be finished. */
export class StorageBlockedError extends Error {
  override name = 'StorageBlockedError'
  readonly code = 'storage_blocked'
}

/** Thrown for the link of a mail: another person may have sent it, so the person here says whether to sign in by it. */
export class MailedLink extends Error {
  override name = 'MailedLink'
  readonly token: string
  constructor(token: string) {
    super('A link of a mail asks whether to sign in.')
    this.token = token
  }
}

/** Leaves the page for a provider; `redirectTo` must be listed in `redirect_urls` of the policy. */
export async function leaveForProvider(
  client: SallyportClient,
  provider: string,
  redirectTo: string,
): Promise<void> {
  const { code_verifier, code_challenge } = await createProofKey()
  try {
    sessionStorage.setItem(key, code_verifier)
  } catch {
    throw new StorageBlockedError()
  }
  location.assign(client.socialLoginUrl(provider, { redirect_to: redirectTo, code_challenge }))
}

/** Takes the verifier out of the storage, so that it counts once; null where this page did not leave for a provider. */
function takeVerifier(): string | null {
  try {
    const verifier = sessionStorage.getItem(key)
    sessionStorage.removeItem(key)
    return verifier
  } catch {
    return null
  }
}

/** The error that the query and fragment of a refused sign-in describe. */
function refusal(code: string, fragment: URLSearchParams): ApiError {
  const options = fragment.get('passkey_options')
  const described = {
    code: code as ErrorCode,
    message: 'The sign-in did not succeed.',
    requestId: null,
    retryAfter: null,
  }
  if (code !== 'second_factor_required') return new ApiError({ ...described, status: 401, problem: {} })
  return new SecondFactorRequiredError({
    ...described,
    status: 403,
    problem: {
      challenge: fragment.get('challenge') ?? '',
      factors: (fragment.get('factors') ?? '').split(' ') as never,
      ...(options && { passkey_options: JSON.parse(options) }),
    },
  })
}

/**
 * Finishes the sign-in that this page came back from, if it did, and takes its parts out of the address.
 *
 * @throws the refusal, also a SecondFactorRequiredError; a MailedLink, which signs in only when it is confirmed
 */
export async function arrive(client: SallyportClient): Promise<void> {
  if (typeof location === 'undefined') return
  const url = new URL(location.href)
  const query = url.searchParams
  const [code, error, token] = ['code', 'error', 'token'].map((name) => query.get(name))
  const isLink = query.get('type') === 'sign_in' && token
  const verifier = code || error ? takeVerifier() : null
  if (!isLink && !verifier) return
  const fragment = new URLSearchParams(url.hash.slice(1))
  for (const name of isLink ? ['type', 'token'] : ['code', 'error']) query.delete(name)
  if (fragment.has('challenge')) url.hash = ''
  history.replaceState(history.state, '', url)
  if (isLink) throw new MailedLink(token)
  if (error) throw refusal(error, fragment)
  if (code && verifier) await client.exchangeSocialLogin({ code, code_verifier: verifier, ...deviceToken() })
}

const deviceKey = 'sallyport_device'

/** What spares the second factor on this device, for the body of a sign-in; empty with cookies, which hold it themselves. */
export function deviceToken(): { device_token?: string } {
  try {
    const device_token = localStorage.getItem(deviceKey)
    return device_token ? { device_token } : {}
  } catch {
    return {}
  }
}

/** Keeps it where the browser allows that; else the next sign-in asks again. */
export function keepDeviceToken(token: string | undefined): void {
  try {
    if (token) localStorage.setItem(deviceKey, token)
  } catch {}
}
